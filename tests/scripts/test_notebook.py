import importlib.util
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "colab.ipynb"


def test_it_holds_no_outputs_and_no_code_of_the_package_s_kind():
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    source = [line for cell in cells if cell["cell_type"] == "code" for line in cell["source"]]
    assert not [line for line in source if line.startswith(("def ", "class ", "import jax", "from inrr_jax"))]
    assert all(cell.get("outputs", []) == [] for cell in cells)


@pytest.mark.slow
@pytest.mark.skipif(
    not (importlib.util.find_spec("nbclient") and importlib.util.find_spec("ipykernel")), reason="is a test extra"
)
def test_it_runs_headless_to_its_end(tmp_path, monkeypatch):
    import nbclient
    import nbformat

    monkeypatch.setenv("INRR_SMOKE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    print(*(line for line in text.splitlines() if line.startswith(("Python ", "flax "))))
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert "8 fits, 2 programs" in text
    assert (tmp_path / "baboon" / "result.json").exists()
