"""The flow of the house: a module imports only what stands above it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "inrr_jax"
ORDER = [
    "errors",
    "settings",
    "types",
    "devices",
    "numerics",
    "grids",
    "data.pixels",
    "data.images",
    "data.masks",
    "baselines.contract",
    "priors.patch_graph",
    "priors.low_rank",
    "baselines",
    "data.problem",
    "recipes.holdout",
    "recipes.stacking",
    "priors.residual",
    "metrics",
    "fields",
    "regularizers",
    "fibers",
    "training.objective",
    "training.optimizers",
    "training.fit",
    "training.sweep",
    "training.ensemble",
    "experiments.methods",
    "experiments.tables",
    "experiments.comparison",
    "experiments.analysis",
    "ntk",
    "experiments.paper",
    "io.writers",
    "io.workdir",
    "io.results",
    "experiments.sweep_grid",
    "experiments.summary",
    "training.checkpoints",
    "plots",
    "recipes.inpaint",
]
ALONE = {"orbax": "training.checkpoints", "matplotlib": "plots"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.read_text(encoding="utf-8").count("import "))[1:]


def layer(path):
    return place(".".join(path.relative_to(PACKAGE).with_suffix("").parts))


def place(dotted):
    """Return the entry of the order that a module, without the package's name, is or lies in."""
    return next((entry for entry in ORDER if dotted == entry or dotted.startswith(f"{entry}.")), "")


def violations(source_layer, names):
    """List the imports that point down the house, or out of it to configs and scripts."""
    found = []
    for name in names:
        parts = name.split(".")
        if parts[0] in ("configs", "scripts", "tests", "benchmarks"):
            found.append(name)
        target = place(".".join(parts[1:])) if parts[0] == "inrr_jax" else ""
        if target and ORDER.index(target) > ORDER.index(source_layer):
            found.append(name)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_up_the_house(path):
    assert layer(path) in ORDER, f"{path} has no place in the order"
    assert not violations(layer(path), imported(path))


def test_a_wrong_import_would_be_found():
    assert violations("fibers", ["inrr_jax.training.fit"]) == ["inrr_jax.training.fit"]
    assert violations("training.fit", ["inrr_jax.fibers", "configs.base"]) == ["configs.base"]


@pytest.mark.parametrize("library", sorted(ALONE))
def test_a_library_with_one_importer(library):
    importers = {layer(p) for p in modules() if any(n.split(".")[0] == library for n in imported(p))}
    assert importers == {ALONE[library]}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_module_of_a_library_is_imported(path):
    libraries = ("jax", "flax", "optax", "orbax")
    parts = [name.split(".") for name in imported(path)]
    assert not [p for p in parts if p[0] in libraries and any(part.startswith("_") for part in p)]
