"""The direction of imports: a module imports only what is named before it, and the core knows nothing of the rest."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "inrr_jax"
INSIDE = {
    "operators": "noise acoustics on_grid survey rays.sparse rays.geometry rays.line_integrals rays",
    "data": "units arrays readers sources points pixels images saving scanner masks settings drawing shapes tomography "
    "seismic kinds loading",
    "fields": "parts.layers parts.neighbors base siren finer gauss relu fourier inrz wire parts.factors factorised "
    "tables compound",
    "regularizers": "base laplacian dirichlet",
    "priors": "normal patch_search patch_graph patch_groups low_rank feedback conditional refinement residual "
    "covariance row_features",
    "baselines": "contract linear diffusion total_variation soft_impute opencv holdout wnll patch_fill patches.gsr "
    "patches tensors.contract tensors.nearest tensors.lines tensors.shrinkage tensors.patches tensors matrices "
    "inverse.choice inverse.tv inverse.deep_prior inverse.ct inverse.coils inverse "
    "points.contract points.neighbours points",
    "training": "programs memory objective optimizers fit portable fitted batch sweep ensemble checkpoints",
    "recipes": "holdout stacking completion interpolate inverse.splitting inverse.guides inverse.tuning fills "
    "blending pipeline shared tiles.plan tiles.weights tiles.filling tiles inpaint complete equations "
    "inverse",
    "ntk": "power_law networks empirical infinite blockwise residual regression spectrum convergence theorem study",
    "io": "writers workdir results",
    "experiments": "presets analysis kinds methods tables cases comparison sweep_grid summary runner paper",
    "plots": "images",
    "reports": "base cuts",
    "app": "uploads recovery session server",
}
FOLDERS = """
operators metrics data fields regularizers settings priors baselines training recipes ntk io experiments plots reports
app
"""
TOP = "errors options types numerics devices grids fibers problem"
ORDER = TOP.split()
for folder in FOLDERS.split():
    ORDER += [*(f"{folder}.{name}" for name in INSIDE.get(folder, "").split()), folder]
FORBIDDEN = {
    "": ["configs", "scripts", "tests", "benchmarks"],
    "training": ["inrr_jax.priors", "inrr_jax.recipes", "inrr_jax.data.images", "matplotlib", "PIL"],
}
ALONE = {"orbax": "training.checkpoints", "matplotlib": "plots"}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank(dotted, order=ORDER):
    """Return the position of the first entry that a dotted name is or lies in; beyond the end if there is none."""
    return next((i for i, entry in enumerate(order) if dotted == entry or dotted.startswith(f"{entry}.")), len(order))


def violations(source, names):
    """List the imports of a module that point to a later one, to forbidden parts, or to private parts of a library."""
    forbidden = [*FORBIDDEN[""], *FORBIDDEN.get(source.split(".")[0], [])]
    later = [n for n in names if n.startswith("inrr_jax.") and rank(n.removeprefix("inrr_jax.")) > rank(source)]
    later += [n for n in names if rank(n, forbidden) < len(forbidden) or "._" in n]
    return list(dict.fromkeys(later))


MODULES = {".".join(p.relative_to(PACKAGE).with_suffix("").parts): p for p in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_imports_point_to_earlier_modules(name):
    source = name.removesuffix(".__init__")
    assert rank(source) < len(ORDER), f"{name} has no place in the order"
    assert not violations(source, list(imported(MODULES[name])))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("fibers", "inrr_jax.training.fit"),
        ("training.fit", "inrr_jax.recipes.pipeline"),
        ("training.fit", "inrr_jax.training.sweep"),
        ("training.fit", "inrr_jax.data.images"),
        ("io.results", "configs.base"),
        ("ntk.networks", "jax._src.core"),
    ],
)
def test_a_wrong_import_would_be_found(source, name):
    assert violations(source, ["inrr_jax.errors", name]) == [name]


@pytest.mark.parametrize("library", sorted(ALONE))
def test_a_library_with_one_importer(library):
    importers = {name for name, path in MODULES.items() if any(n.split(".")[0] == library for n in imported(path))}
    assert importers
    assert all(rank(name, [ALONE[library]]) == 0 for name in importers)
