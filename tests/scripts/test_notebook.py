"""Notebooks: they share one pattern, hold no outputs, and run from their first cell to their last."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = {"picture": 1, "sweep": 1, "volume": 2, "points": 1, "equation": 1, "operator": 1}
"""The notebooks, and the number of pictures that each shows."""


def cells_of(name):
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def code_of(name):
    return ["".join(cell["source"]) for cell in cells_of(name) if cell["cell_type"] == "code"]


def test_all_notebooks_are_listed():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_they_are_short_share_their_first_cells_and_hold_no_outputs(name):
    assert code_of(name)[:2] == code_of("picture")[:2]
    assert len(code_of(name)) <= 5
    assert all(cell.get("outputs", []) == [] for cell in cells_of(name))
    assert all(cell.get("execution_count") is None for cell in cells_of(name))
    assert not [line for code in code_of(name) for line in code.splitlines() if line.startswith(("def ", "class "))]
    assert (ROOT / "notebooks" / f"{name}.ipynb").stat().st_size < 8000


@pytest.mark.slow
@pytest.mark.skipif(
    not (importlib.util.find_spec("nbclient") and importlib.util.find_spec("ipykernel")), reason="is a test extra"
)
@pytest.mark.parametrize("name", PICTURES)
def test_they_run_headless_to_their_end(name, tmp_path, monkeypatch):
    import nbclient
    import nbformat

    if name == "volume":
        pytest.importorskip("nilearn")
    monkeypatch.setenv("INRR_SMOKE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    print(*(line for line in text.splitlines() if line.startswith(("Python ", "flax "))))
    pictures = [output for output in outputs if {"image/png", "image/jpeg"} & {*output.get("data", {})}]
    assert len(pictures) == PICTURES[name]
    if name == "sweep":
        assert "8 fits, 2 programs" in text
    else:
        assert "20 steps" in text
    assert name != "picture" or "the page is http://127.0.0.1:" in text
