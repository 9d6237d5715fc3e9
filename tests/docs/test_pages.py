"""The pages: their links, the commands that they name, and the site that is built of them."""

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import inrr_jax

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
INSTALLED = all(map(importlib.util.find_spec, ("mkdocs", "material", "mkdocstrings", "latex2mathml")))


def names(pattern):
    """Return (page, match) for every match of a pattern in the pages."""
    return {(page.name, found) for page in PAGES for found in re.findall(pattern, page.read_text(encoding="utf-8"))}


def test_every_link_to_a_file_leads_to_one():
    pattern = r"\]\(([^)#:\s]+)(?:#[^)]*)?\)"
    links = {(page, link) for page in PAGES for link in re.findall(pattern, page.read_text(encoding="utf-8"))}
    assert len(links) > 100
    assert not [f"{page}: {link}" for page, link in links if not (page.parent / link).exists()]


def test_the_navigation_has_every_page_once():
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md"))


def test_every_config_and_module_of_a_command_is_there():
    configs = names(r"--config=(configs/[a-z_0-9]+\.py)")
    modules = names(r"python -m ((?:scripts|benchmarks)\.[a-z_]+)")
    assert len(configs) > 20
    assert len(modules) > 10
    assert not [named for named in configs if not (ROOT / named[1]).exists()]
    # A module is a file, or a folder that can be run.
    paths = {named: ROOT / named[1].replace(".", "/") for named in modules}
    assert not [n for n, p in paths.items() if not p.with_suffix(".py").exists() and not (p / "__main__.py").exists()]


def test_every_config_has_its_page():
    configs = {path.stem for path in (ROOT / "configs").glob("*.py")} - {"__init__", "base"}
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not [name for name in configs if f"configs/{name}.py" not in text and f"--config={name}" not in text]


def built(test):
    """Mark a test of the built site, which takes seconds and the extra `docs`."""
    return pytest.mark.slow(pytest.mark.skipif(not INSTALLED, reason="needs pip install -e '.[docs]'")(test))


def test_the_signature_of_every_call_fits_on_a_few_lines():
    calls = [call for name in inrr_jax.__all__ if inspect.isfunction(call := getattr(inrr_jax, name))]
    assert {"inpaint", "complete", "interpolate", "reconstruct", "solve"} <= {call.__name__ for call in calls}
    assert max(len(str(inspect.signature(call))) for call in calls) < 300


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of a site that is built with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@built
def test_no_page_loads_anything_from_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    loads = r"<(?:script|img|iframe)[^>]*src=\"?(?:https?:)?//|<link[^>]*stylesheet[^>]*href=\"?(?:https?:)?//"
    assert not [page.name for page in pages if re.search(loads, page.read_text(encoding="utf-8"))]


@built
def test_equations_are_mathml(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    assert start.count("<math") > 5
    assert not [p.name for p in site.rglob("*.html") if 'class="arithmatex"' in p.read_text(encoding="utf-8")]


@built
def test_the_reference_shows_shapes_and_errors(site):
    calls = (site / "reference" / "calls.html").read_text(encoding="utf-8")
    for part in ("inpaint", "complete", "interpolate", "solve", "reconstruct", "[H, W] of bool", "UserError"):
        assert part in calls
