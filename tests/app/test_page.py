"""The page in a browser: upload, paint, run, compare, save, cancel; at the sizes of a desktop and of a phone."""

import io
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from configs import inpaint
from inrr_jax.app.server import Server
from inrr_jax.app.session import Session
from inrr_jax.app.uploads import Limits
from inrr_jax.data import images
from inrr_jax.options import from_mapping
from inrr_jax.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
SIZES = {"desktop": {"width": 1280, "height": 1000}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=SIZES)
def page(browser, request):
    session = Session(from_mapping(inpaint.get_config("smoke").to_dict(), Settings), Limits(megabytes=0.5))
    server = Server(session)
    server.start()
    opened = browser.new_page(viewport=SIZES[request.param], has_touch=request.param == "phone")
    opened.asked = []
    opened.on("request", lambda each: opened.asked.append(each.url))
    opened.goto(server.url)
    opened.origin = f"http://127.0.0.1:{server.port}/"
    yield opened
    assert all(url.startswith((opened.origin, "blob:")) for url in opened.asked), opened.asked
    opened.close()
    session.cancel()
    server.close()


@pytest.fixture
def photo(tmp_path):
    images.save(tmp_path / "photo.png", images.load("camera", size=48))
    return tmp_path / "photo.png"


def says(page, text, seconds=20):
    page.locator("#message", has_text=text).wait_for(timeout=1000 * seconds)


def opened(page, photo):
    page.set_input_files("#file", str(photo))
    page.wait_for_selector("#stage:not([hidden])")
    says(page, "48 x 48")


def paint(page):
    page.locator("#paint").scroll_into_view_if_needed()
    box = page.locator("#paint").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    page.mouse.up()


def painted(page):
    script = "pen.getImageData(0, 0, canvas.width, canvas.height).data.filter((v, i) => i % 4 == 3 && v > 127).length"
    return page.evaluate(script)


def saved(page, button):
    with page.expect_download() as download:
        page.click(button)
    return np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())))


def test_damage_is_painted_recovered_compared_and_saved(page, photo):
    opened(page, photo)
    paint(page)
    count = painted(page)
    assert 100 < count < 48 * 48 / 2
    page.select_option("#method", "recipe")
    page.click("#recover")
    says(page, "done in", seconds=120)
    truth, recovered, mask = np.asarray(Image.open(photo)), saved(page, "#save"), saved(page, "#savemask")
    assert (mask == 0).sum() == count
    np.testing.assert_array_equal(recovered[mask == 255], truth[mask == 255])
    assert (recovered[mask == 0] != truth[mask == 0]).mean() > 0.5
    page.evaluate("document.querySelector('#compare').value = 80")
    page.locator("#compare").dispatch_event("input")
    assert page.evaluate("getComputedStyle(document.querySelector('#recovered')).clipPath") == "inset(0px 0px 0px 80%)"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_trial_is_scored(page, photo):
    opened(page, photo)
    for kind in ("text", "scratches", "noise"):
        page.select_option("#kind", kind)
        page.click("#damage")
        says(page, "A trial")
        assert page.locator("#whole").is_checked()
        assert 0.03 < painted(page) / 48**2 < 0.3
    page.select_option("#method", "harmonic")
    page.click("#recover")
    says(page, "PSNR", seconds=60)
    assert re.search(r"PSNR on the painted pixels: harmonic [12]\d\.\d\d dB", page.locator("#message").text_content())


def test_a_run_is_watched_and_cancelled(page, photo):
    opened(page, photo)
    paint(page)
    count = painted(page)
    page.click("#recover")
    page.wait_for_selector("#cancel:not([hidden])")
    page.click("#cancel")
    says(page, "cancelled after", seconds=120)
    assert page.locator("#recover").is_enabled()
    assert painted(page) == count


def test_strokes_are_erased_undone_and_cleared(page, photo):
    opened(page, photo)
    paint(page)
    count = painted(page)
    page.check("input[value=erase]")
    paint(page)
    assert painted(page) < 0.05 * count
    page.click("#undo")
    assert painted(page) == count
    page.click("#clear")
    assert painted(page) == 0


def test_a_mask_is_painted(page, photo, tmp_path):
    page.set_input_files("#mask", str(photo))
    says(page, "there is no picture")
    opened(page, photo)
    observed = np.random.default_rng(0).random((48, 48)) < 0.7
    images.save(tmp_path / "mask.png", observed[..., None].astype(np.float32))
    page.set_input_files("#mask", str(tmp_path / "mask.png"))
    says(page, "The mask is painted")
    assert painted(page) == (~observed).sum()
    page.click("#undo")
    assert painted(page) == 0
    images.save(tmp_path / "small.png", np.zeros((9, 8, 1)))
    page.set_input_files("#mask", str(tmp_path / "small.png"))
    says(page, "8 x 9 pixels: choose one of 48 x 48")


@pytest.mark.parametrize(("content", "message"), [(b"hello", "is no picture"), (b"x" * 600_000, "at most 0.5 MB")])
def test_what_is_no_picture_or_too_large_is_refused(page, tmp_path, content, message):
    path = tmp_path / "file.png"
    path.write_bytes(content)
    page.set_input_files("#file", str(path))
    page.wait_for_selector("#message.error")
    assert message in page.locator("#message").text_content()
    assert page.locator("#stage").is_hidden()


def test_nothing_painted_is_said(page, photo):
    opened(page, photo)
    page.click("#recover")
    page.wait_for_selector("#message.error")
    assert "nothing is painted" in page.locator("#message").text_content()
