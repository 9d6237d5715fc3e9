"""Measures a step that fits values, gradients or Laplacians, compared with the same with PyTorch's double backward.

python -m benchmarks.derivatives [--workdir=FOLDER] [--rounds=5]

All versions take turns. The network, its optimiser and the number of points of a step are those of the default
settings for 256 x 256 pixels; `recipe` is the whole default step, with fibers and INRR's energy.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from benchmarks import measure
from benchmarks.step import MALLOCS
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.operators.residuals import Constraint, Residuals
from inrr_jax.options import change
from inrr_jax.problem import Domain, Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.programs import static_key

RESIDUALS: dict[str, Callable[..., Any]] = {
    "values": lambda field, points: field(points),
    "gradient": lambda field, points: field.gradient(points)[:, 0],
    "laplacian": lambda field, points: field.laplacian(points),
}
SIDE = 256
"""Of the square domain, in nodes."""
COLUMNS = {
    "version": "{version}",
    "operands": "{precision}",
    "fits": "{residual}",
    "seconds per step": "{median:.4f} ({low:.4f}-{high:.4f})",
    "over the recipe's step": "{over_recipe:.2f}",
    "over its own values": "{over_values:.2f}",
}


def compile_steps(problem: Problem, settings: Settings, length: int) -> Callable[[], float]:
    """Compile a chunk of steps, and return a function that takes them and returns the seconds of one."""
    visible = problem.visible
    state, hyper, key = fit.init(visible, settings)
    static = static_key(settings)
    program = fit.fit_chunk.lower(state, visible, hyper, key, static=static, length=length).compile()

    def chunk():
        nonlocal state
        state, info = program(state, visible, hyper, key)
        return state, info

    return lambda: measure.seconds(chunk) / length


def ours(settings: Settings, side: int, length: int) -> dict[tuple[str, str, str], Callable[[], float]]:
    """Return this package's versions by (version, precision, residual)."""
    calls = {}
    rng = np.random.default_rng(0)
    picture, mask = rng.random((side, side, 1)).astype(np.float32), rng.random((side, side)) > 0.5
    for precision in ("float32", "bfloat16"):
        chosen = change(settings, {"field.precision": precision})
        calls["inrr_jax", precision, "recipe"] = compile_steps(masked(picture, mask), chosen, length)
        points = 2 * chosen.train.fibers * side
        own = change(chosen, {"regularizer.name": "none", "train.measurements": points})
        for name, residual in RESIDUALS.items():
            domain = Domain((side, side), 1, None)
            problem = Problem(domain, Residuals((Constraint(residual),)), ())
            calls["inrr_jax", precision, name] = compile_steps(problem, own, length)
    return calls


def run(settings: Settings, side: int, length: int, rounds: int, *, torch: bool) -> list[dict[str, Any]]:
    """Measure all versions in turn, and return one row for each.

    Args:
        settings: of the plain step; its SIREN and its number of points are those of all versions.
        side: of the domain in nodes.
        length: steps per measurement.
        rounds: measurements of each version.
        torch: whether to measure PyTorch too, in a process whose malloc keeps freed memory.
    """
    calls, worker = ours(settings, side, length), None
    field = settings.field
    assert isinstance(field, siren.Config)
    if torch:
        worker = measure.Worker("benchmarks.torch_derivatives", environment=MALLOCS["tuned malloc"])
        common = {"points": 2 * settings.train.fibers * side, "width": field.width, "depth": field.depth}
        for name in RESIDUALS:
            request = {"residual": name, **common, "omega": 15.0, "steps": length}
            calls["PyTorch", "float32", name] = lambda request=request: worker.ask(request)["seconds"]  # type: ignore[misc]
    times = measure.alternate({"/".join(name): call for name, call in calls.items()}, rounds)
    if worker:
        worker.close()
    rows = []
    for version, precision, name in calls:
        own = measure.quartiles(times[f"{version}/{precision}/{name}"])
        values = measure.quartiles(times[f"{version}/{precision}/values"])["median"]
        recipe = measure.quartiles(times[f"inrr_jax/{precision}/recipe"])["median"]
        ratios = {"over_recipe": own["median"] / recipe, "over_values": own["median"] / values}
        rows.append({"version": version, "precision": precision, "residual": name, **own, **ratios})
    return rows


def main() -> None:
    """Measure all versions, and write the report."""
    parser = measure.arguments("derivatives", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each version")
    flags = parser.parse_args()
    torch = importlib.util.find_spec("torch") is not None
    if not torch:
        print('PyTorch is not installed (pip install -e ".[benchmark]"): only the versions in JAX are measured')
    settings = replace(Settings(), optimizer=replace(Settings().optimizer, schedule="constant"))
    rows = run(settings, SIDE, 5, flags.rounds, torch=torch)
    text = measure.table(rows, COLUMNS) + f"\n\n{jax.default_backend()}, medians of {flags.rounds} (quartiles)."
    measure.write(flags.workdir, "derivatives", {"rows": rows}, text)


if __name__ == "__main__":
    main()
