"""Limits on the size of functions, files and folders, which keep the package readable."""

import ast
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[1] / "inrr_jax"


def test_no_folder_has_more_than_twelve_modules():
    folders = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]
    assert not [folder.name for folder in folders if len(list(folder.glob("*.py"))) > 12]


def test_the_median_file_is_short():
    assert median(len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")) < 110


def test_functions_are_short():
    functions = [
        (node.end_lineno - node.lineno + 1, f"{path.stem}.{node.name}")
        for folder in ("inrr_jax", "scripts", "benchmarks", "configs")
        for path in (PACKAGE.parent / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) > 300
    assert max(functions)[0] <= 45, max(functions)
