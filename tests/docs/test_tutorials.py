"""The code of the pages: it is valid, what it imports is there, and what it prints is what the page says."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = [f"tutorials/{name}.md" for name in ("picture", "volume", "points", "equation", "operator")] + [
    "extend/operator.md"
]
"""Pages whose blocks of Python are one program, and whose blocks of text are what it prints."""
PARTS = {
    "extend/field.md": ("inrr_jax/fields/__init__.py", "NAMES = (\n", "sinc"),
    "extend/regularizer.md": ("inrr_jax/regularizers/__init__.py", "MODULES = (\n", "wrap"),
}
"""Pages that add a part: the registry, its first line, and the name that is added."""


def blocks(page, language):
    """Return the blocks of a page in a language, in their order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def numbers(text):
    return np.array([float(found) for found in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", text)])


@pytest.mark.parametrize("page", [*RUN, *PARTS])
def test_the_code_is_valid_and_its_imports_are_there(page):
    found = ast.parse("\n".join(blocks(page, "python")))
    imports = [node for node in ast.walk(found) if isinstance(node, ast.ImportFrom) and "inrr_jax" in node.module]
    for node in imports:
        module = importlib.import_module(node.module)
        missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
        assert not [name for name in missing if importlib.util.find_spec(f"{node.module}.{name}") is None]
    called = {node.attr for node in ast.walk(found) if isinstance(node, ast.Attribute) and _is_package(node.value)}
    assert not [name for name in called if not hasattr(importlib.import_module("inrr_jax"), name)]
    assert imports or called


def _is_package(node):
    return isinstance(node, ast.Name) and node.id == "inrr_jax"


def run(command, folder):
    """Run a command with this package and normal optimisation, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_a_program_prints_what_its_page_says(page, tmp_path):
    (tmp_path / "inrr_jax").symlink_to(ROOT / "inrr_jax")
    (tmp_path / "program.py").write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    printed, said = run(["program.py"], tmp_path), "".join(blocks(page, "text"))
    words = [re.sub(r"-?\d+(\.\d+)?", "#", text).split() for text in (printed, said)]
    assert words[0] == words[1]
    # Rounding differs between processors, and a recovery with it.
    np.testing.assert_allclose(numbers(printed), numbers(said), rtol=0.1, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("page", PARTS)
def test_a_part_of_one_file_and_one_name_works_from_the_command_line(page, tmp_path):
    for folder in ("inrr_jax", "configs", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    text = (DOCS / page).read_text(encoding="utf-8")
    path = re.search(r'^```python title="(.*?)"', text, re.MULTILINE)[1]
    (tmp_path / path).write_text(blocks(page, "python")[0], encoding="utf-8")
    registry, line, name = PARTS[page]
    written = (tmp_path / registry).read_text(encoding="utf-8")
    assert line in written
    (tmp_path / registry).write_text(written.replace(line, f'{line}    "{name}",\n', 1), encoding="utf-8")
    command = re.search(r"^    python (-m scripts\.train .*)$", text, re.MULTILINE)[1].split()
    printed = run([part.replace(".py", ".py:smoke") for part in command] + ["--workdir=run"], tmp_path)
    assert name in printed.splitlines()[0]
    assert "20 steps" in printed
