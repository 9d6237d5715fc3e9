"""The state of the page: opening, damaging, recovering, watching and cancelling, without HTTP."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from inrr_jax.app import uploads
from inrr_jax.app.recovery import Cancelled, Recovery, Watch, recover
from inrr_jax.app.session import DAMAGES, Session
from inrr_jax.app.uploads import Limits
from inrr_jax.errors import UserError
from inrr_jax.fields import siren
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import RECIPE, OptimizerSettings, Settings, TrainSettings

TINY = Settings(
    field=siren.Config(width=8, depth=1),
    regularizer=RegularizerSettings(name="none"),
    optimizer=OptimizerSettings(name="adam"),
    train=TrainSettings(steps=6, chunk=2, fibers=6),
)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.fixture
def session():
    opened = Session(TINY)
    opened.open_bundled("camera", 24)
    return opened


def test_a_picture_is_damaged_recovered_and_scored(session):
    paint = session.damage("noise", 0.3, 1)
    session.start(paint, "harmonic", whole=True)
    session.recovery.wait(60)
    found = session.progress()
    assert (found["state"], found["error"]) == ("done", "")
    assert 15 < found["scores"]["harmonic"] < 40
    truth, mask, recovered = (pixels(session.png(name)) for name in ("picture", "mask", "recovered"))
    assert truth.shape == mask.shape == recovered.shape == (24, 24)
    np.testing.assert_array_equal(recovered[mask == 255], truth[mask == 255])
    assert 0.1 < (mask == 0).mean() < 0.5
    assert (recovered[mask == 0] != truth[mask == 0]).any()


def test_without_a_truth_nothing_is_scored(session):
    session.start(session.damage("text", 0.1, 0), "harmonic", whole=False)
    session.recovery.wait(60)
    assert session.progress()["scores"] is None


def test_the_recipe_shows_its_progress(session):
    mask = uploads.read_mask(session.damage("noise", 0.3, 1), (24, 24))
    seen = []

    class Recorder(Watch):
        def show(self, step, steps, preview):
            super().show(step, steps, preview)
            seen.append((step, steps, preview.shape))

    watch = Recorder()
    recovered = recover(session.image, mask, "recipe", TINY, watch)
    assert seen == [(step, 6, (24, 24, 1)) for step in (2, 4, 6)]
    assert watch.previews == 3
    np.testing.assert_array_equal(recovered, watch.preview)
    np.testing.assert_array_equal(recovered[mask], session.image[mask])


@pytest.mark.slow
def test_a_large_picture_is_recovered_in_tiles_and_counted(session, monkeypatch):
    monkeypatch.setattr("inrr_jax.recipes.tiles.filling.SIDE", 16)  # the picture is then a large one
    mask = uploads.read_mask(session.damage("noise", 0.2, 1), (24, 24))
    watch = Watch()
    recovered = recover(session.image, mask, "recipe", RECIPE, watch)
    assert (watch.step, watch.steps, watch.previews) == ((~mask).sum(), (~mask).sum(), 0)
    np.testing.assert_array_equal(recovered[mask], session.image[mask])
    assert np.abs(recovered - session.image)[~mask].mean() < 0.1


def test_values_under_the_paint_have_no_effect(session):
    mask = uploads.read_mask(session.damage("noise", 0.2, 1), (24, 24))
    junk = np.where(mask[..., None], session.image, np.float32(0.7))
    both = [recover(image, mask, "harmonic", TINY, Watch()) for image in (session.image, junk)]
    np.testing.assert_array_equal(*both)


def test_a_cancelled_recovery_ends_at_its_next_stage():
    begun = threading.Event()

    def work(watch):
        begun.set()
        while True:
            watch.say("working")

    recovery = Recovery(work)
    assert begun.wait(5)
    assert recovery.state == "running"
    recovery.cancel()
    recovery.wait(5)
    assert recovery.state == "cancelled"
    assert recovery.result is None
    watch = Watch()
    watch.cancelled.set()
    with pytest.raises(Cancelled):
        recover(np.zeros((4, 4, 1), np.float32), np.eye(4, dtype=bool), "harmonic", TINY, watch)


def test_a_mistake_in_a_recovery_is_shown(session):
    session.settings = Settings(train=TrainSettings(fibers=99))
    session.start(session.damage("noise", 0.3, 1), "recipe", whole=False)
    session.recovery.wait(60)
    found = session.progress()
    assert found["state"] == "failed"
    assert "too small for train.fibers=99" in found["error"]


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_damage_has_its_share(session, kind):
    assert abs((pixels(session.damage(kind, 0.25, 3))[..., 3] > 0).mean() - 0.25) < 0.1


def test_wrong_requests_are_refused(session):
    paint = session.damage("noise", 0.3, 1)
    for call, message in (
        (lambda: session.damage("fire", 0.1, 0), "damage fire is unknown"),
        (lambda: session.damage("text", 1.5, 0), "rate=1.5 is out of range"),
        (lambda: session.start(paint, "magic", whole=False), "method magic is unknown"),
        (lambda: session.open_bundled("/etc/passwd", 0), "picture /etc/passwd is unknown"),
        (lambda: session.open_given(0), "no picture is given"),
        (lambda: session.png("recovered"), "there is no recovered yet"),
        (lambda: Session(TINY).damage("text", 0.1, 0), "there is no picture"),
        (lambda: Session(TINY, Limits(megapixels=0.01)).open_bundled("camera", 0), "0.3 megapixels: choose a smaller"),
    ):
        with pytest.raises(UserError, match=message):
            call()


def test_two_recoveries_do_not_run_at_once(session):
    end = threading.Event()
    session.recovery = Recovery(lambda watch: np.zeros((1, 1, 1), np.float32) if end.wait(10) else None)
    with pytest.raises(UserError, match="a recovery is running"):
        session.start(session.damage("noise", 0.3, 1), "harmonic", whole=False)
    end.set()
    session.recovery.wait(5)
    session.start(session.damage("noise", 0.3, 1), "harmonic", whole=False)
    session.recovery.wait(60)
    assert session.progress()["state"] == "done"


def test_another_picture_forgets_the_recovery(session):
    session.start(session.damage("noise", 0.3, 1), "harmonic", whole=False)
    session.recovery.wait(60)
    assert session.open_bundled("cat", 20)["channels"] == 3
    assert session.progress() == {"state": "none"}
