"""Measures the seconds of an optimiser step in several versions, and compares them with the same steps in PyTorch.

python -m benchmarks.step [--workdir=FOLDER] [--rounds=5] [--side=256]

The versions differ in the batch (the whole grid or random fibers), the precision of the matrix products, the sine and
the tiling. All versions take turns, in chunks as long as those of the configs. PyTorch (`pip install -e
".[benchmark]"`) runs in two processes of its own: one with malloc's default settings, with which most of the time is
spent on page faults in newly allocated buffers, and one in which malloc keeps freed memory. On two cores the benchmark
takes ten minutes. It writes step.json, step.md and step.png.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from configs import baboon
from inrr_jax import plots
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change, from_mapping, to_mapping
from inrr_jax.regularizers import inrr
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.programs import static_key

PRECISIONS = ("float32", "bfloat16")
MALLOCS: dict[str, dict[str, str]] = {
    "default malloc": {},
    # Never return memory to the system, so that every buffer causes page faults only once.
    "tuned malloc": {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2**36),
        "MALLOC_TOP_PAD_": str(2**28),
    },
}
"""Environment variables of the PyTorch processes, by the name of their configuration of malloc."""
COLUMNS = {
    "batch": "{batch}",
    "version": "{version}",
    "operands": "{precision}",
    "seconds per step": "{median:.4f} ({low:.4f}-{high:.4f})",
    "over our default": "{ratio:.2f}",
    "GFLOP/s": "{rate:.0f}",
    "of the product's rate": "{share:.0%}",
    "temporary MiB": "{temporary:.0f}",
    "page faults": "{faults:.0f}",
}


def settings_of(batch: str, precision: str, **field: Any) -> Settings:
    """Return the baboon's settings: those of the paper for the batch `full`, the defaults for the batch `fibers`.

    Args:
        batch: `full` or `fibers`.
        precision: of the matrix products, one of `PRECISIONS`.
        field: further options of the field, by name.
    """
    settings = from_mapping(baboon.get_config("paper" if batch == "full" else "").to_dict(), Settings)
    return change(settings, {"field.precision": precision, **{f"field.{name}": value for name, value in field.items()}})


def ours() -> list[dict[str, Any]]:
    """Return this package's versions as rows with `batch`, `version`, `precision` and `settings`.

    The first version of each batch and precision, `default`, is the one that the configs run.
    """
    full: dict[str, dict[str, Any]] = {"default": {}, "XLA's sine": {"sine": "exact"}, "tiles": {"tile": 4096}}
    full["tiles, XLA's sine"] = {"sine": "exact", "tile": 4096}
    # Random fibers of a picture of this size have too few points to be evaluated in tiles.
    fibers = {"default": {}, "XLA's sine": {"sine": "exact"}}
    return [
        {"batch": batch, "version": name, "precision": precision, "settings": settings_of(batch, precision, **field)}
        for batch, versions in (("full", full), ("fibers", fibers))
        for precision in PRECISIONS
        for name, field in versions.items()
    ]


def theirs() -> list[dict[str, Any]]:
    """Return PyTorch's versions in the same form as `ours`; none, with a printed notice, if it is not installed."""
    if not importlib.util.find_spec("torch"):
        print('PyTorch is not installed (pip install -e ".[benchmark]"): only the versions in JAX are measured')
        return []
    return [
        {"batch": batch, "version": f"PyTorch, {malloc}", "precision": p, "settings": settings_of(batch, p)}
        for batch in ("full", "fibers")
        for p in PRECISIONS
        for malloc in MALLOCS
    ]


def operations(settings: Settings, side: int) -> float:
    """Return the number of multiplications and additions in the matrix products of one step.

    Activations that are computed a second time in the backward pass count once, so that versions with and without
    recomputation have the same number of operations.

    Args:
        settings: with a SIREN as field and the regularisation term `inrr`.
        side: of the square picture with one channel, in pixels.
    """
    field, graph, fibers = settings.field, settings.regularizer.terms["inrr"], settings.train.fibers
    assert isinstance(field, siren.Config)
    assert isinstance(graph, inrr.Config)
    points = 2 * fibers * side if fibers else side**2
    network = (field.depth - 1) * field.width**2 + 3 * field.width
    tiny = (graph.depth - 1) * graph.width**2 + graph.width * (1 + graph.rank)
    energies = graph.rank * (points if fibers else 2 * side**2) + 2 * side * tiny
    # Muon takes five Newton-Schulz iterations of three products for every hidden matrix.
    muon = 15 * (field.depth - 1) * field.width**3 if settings.optimizer.name == "muon" else 0
    # A product occurs once in the forward and twice in the backward pass. Newton-Schulz has no backward pass. The
    # factor of 2 counts a multiplication and an addition.
    return 2.0 * (3 * (points * network + energies) + muon)


def compile_steps(settings: Settings, side: int, length: int) -> tuple[Callable[[], float], float]:
    """Compile a chunk of steps on a random square picture with half of its pixels observed.

    Args:
        settings: of the fit.
        side: of the picture in pixels.
        length: steps per call.

    Returns:
        A function that takes `length` steps and returns the seconds of one, and the temporary memory of the compiled
        program in MiB, which is NaN where the backend does not report it.
    """
    keys = jax.random.split(jax.random.key(0))
    mask = np.asarray(jax.random.uniform(keys[0], (side, side)) > 0.5)
    problem = masked(np.asarray(jax.random.uniform(keys[1], (side, side, 1))), mask).visible
    state, hyper, key = fit.init(problem, settings)
    static = static_key(settings)
    program = fit.fit_chunk.lower(state, problem, hyper, key, static=static, length=length).compile()
    memory = program.memory_analysis()

    def chunk():
        # The state is donated to each call, so the next call has to continue from the returned one.
        nonlocal state
        state, info = program(state, problem, hyper, key)
        return state, info

    return lambda: measure.seconds(chunk) / length, memory.temp_size_in_bytes / 2**20 if memory else float("nan")


def product(precision: str, side: int) -> Callable[[], float]:
    """Return a function that multiplies two square matrices, with a float32 result, and returns the seconds.

    Args:
        precision: of the operands, one of `PRECISIONS`.
        side: of the matrices.
    """
    a = jax.random.uniform(jax.random.key(0), (side, side)).astype(precision)
    call = jax.jit(lambda a, b: jnp.dot(a, b, preferred_element_type=jnp.float32))
    return lambda: measure.seconds(lambda: call(a, a))


def run(
    rows: list[dict[str, Any]], rounds: int, side: int, *, lengths: dict[str, int], product_side: int = 2048
) -> dict[str, Any]:
    """Measure versions of the step in turn, and the machine's plain matrix product with them.

    Args:
        rows: the versions, as `ours` and `theirs` return them.
        rounds: measurements of each version.
        side: of the square picture in pixels.
        lengths: steps per measurement, by batch.
        product_side: of the square matrices whose product gives the machine's own rate.

    Returns:
        `rows`, with the quartiles of the seconds, the rate in GFLOP/s, its share of the product's rate, the time
        relative to the default version, and the temporary memory in MiB or the page faults of a step; `product`, the
        rate of the matrix product in GFLOP/s by precision; and `side`.
    """
    present = [malloc for malloc in MALLOCS if any(malloc in row["version"] for row in rows)]
    workers = {name: measure.Worker("benchmarks.torch_step", environment=MALLOCS[name]) for name in present}
    calls: dict[str, Callable[[], float]] = {}
    for precision in PRECISIONS:
        calls[f"XLA {precision}"] = product(precision, product_side)
        if workers:
            request = {"product": product_side, "precision": precision, "steps": 1}
            calls[f"PyTorch {precision}"] = _asking(workers[present[-1]], request, {})
    rows = [dict(row) for row in rows]
    for row in rows:
        malloc = row["version"].removeprefix("PyTorch, ")
        length = lengths[row["batch"]]
        if malloc in workers:
            request = {"side": side, "settings": to_mapping(row["settings"]), "steps": length}
            calls[_name(row)] = _asking(workers[malloc], request, row)
        else:
            calls[_name(row)], row["temporary"] = compile_steps(row["settings"], side, length)
    times = measure.alternate(calls, rounds)
    for worker in workers.values():
        worker.close()
    return _result(rows, times, side, product_side)


def _asking(worker: measure.Worker, request: dict[str, Any], row: dict[str, Any]) -> Callable[[], float]:
    """Return a function that asks a worker for its seconds, and writes its page faults to the row."""

    def call():
        answer = worker.ask(request)
        row["faults"] = answer["faults"]
        return answer["seconds"]

    return call


def _name(row: dict[str, Any]) -> str:
    return " / ".join((row["batch"], row["version"], row["precision"]))


def _result(rows, times, side, product_side) -> dict[str, Any]:
    rates = {}
    for precision in PRECISIONS:
        # The faster of the two libraries is the fairer estimate of what the machine can reach.
        best = min(measure.quartiles(times[name])["median"] for name in times if name.split()[1:] == [precision])
        rates[precision] = 2e-9 * product_side**3 / best
    reference: dict[tuple[str, str], float] = {}
    for row in rows:
        row.update(measure.quartiles(times[_name(row)]))
        row["rate"] = 1e-9 * operations(row.pop("settings"), side) / row["median"]
        row["share"] = row["rate"] / rates[row["precision"]]
        # The first version of a batch and precision is the default one, see `ours`.
        first = reference.setdefault((row["batch"], row["precision"]), row["median"])
        row["ratio"] = row["median"] / first
    return {"rows": rows, "product": rates, "side": side}


def main() -> None:
    """Measure all versions, and write the report."""
    parser = measure.arguments("step", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each version")
    parser.add_argument("--side", type=int, default=256, help="side of the square picture in pixels")
    flags = parser.parse_args()
    result = run(ours() + theirs(), flags.rounds, flags.side, lengths={"full": 10, "fibers": 50})
    rates = ", ".join(f"{rate:.0f} with {name} operands" for name, rate in result["product"].items())
    text = measure.table(result["rows"], COLUMNS)
    text += f"\n\nThe machine multiplies 2048 x 2048 matrices at {rates}, in GFLOP/s."
    text += f" Medians of {flags.rounds} measurements (quartiles)."
    measure.write(flags.workdir, "step", result, text)
    draw(flags.workdir / "step.png", result["rows"])


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw the seconds per step as bars with quartiles, one panel per batch."""
    bars = {
        batch: {f"{r['version']}, {r['precision']}": r for r in rows if r["batch"] == batch}
        for batch in ("full", "fibers")
    }
    plots.bars(path, {f"{batch}: seconds per step": panel for batch, panel in bars.items()})


if __name__ == "__main__":
    main()
