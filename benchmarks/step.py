"""Seconds per step: full batch and fibres, each precision, sine and tiling, beside the same steps in plain PyTorch.

python -m benchmarks.step [--workdir=FOLDER] [--rounds=5] [--side=256]

All versions take turns in one run of ten minutes on two cores, in chunks as long as those of the configs. PyTorch
(`pip install -e ".[benchmark]"`) runs in processes of its own, one with malloc as it is and one with malloc told to
keep its memory: as it is, most of the time goes into page faults of fresh buffers. Leaves step.json, step.md and
step.png.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import measure
from configs import baboon
from inrr_jax import plots
from inrr_jax.settings import Settings, change, from_mapping, to_mapping
from inrr_jax.training import fit as training
from inrr_jax.types import Signal

PRECISIONS = ("float32", "bfloat16")
TUNED = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**36),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""Never give memory back to the system: buffers are faulted in once."""
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
    """Return the baboon's settings: the paper's recipe for the full batch, the default one for fibres."""
    settings = from_mapping(baboon.get_config("paper" if batch == "full" else "").to_dict())
    return change(settings, {"field.precision": precision, **{f"field.{name}": value for name, value in field.items()}})


def ours() -> list[dict[str, Any]]:
    """List our versions; the first of each batch and precision is what the configs run."""
    full = {"default": {}, "XLA's sine": {"sine": "exact"}, "whole": {"tile": 0}}
    full["whole, XLA's sine"] = {"sine": "exact", "tile": 0}
    # Fibres are too few points to be cut into tiles at this size.
    fibers = {"default": {}, "XLA's sine": {"sine": "exact"}}
    return [
        {"batch": batch, "version": name, "precision": precision, "settings": settings_of(batch, precision, **field)}
        for batch, versions in (("full", full), ("fibres", fibers))
        for precision in PRECISIONS
        for name, field in versions.items()
    ]


def theirs() -> list[dict[str, Any]]:
    """List PyTorch's versions; none, with a notice, where it is not installed."""
    if not importlib.util.find_spec("torch"):
        print('PyTorch is not installed (pip install -e ".[benchmark]"): measuring ours alone')
        return []
    return [
        {"batch": batch, "version": f"PyTorch, {malloc}", "precision": p, "settings": settings_of(batch, p)}
        for batch in ("full", "fibres")
        for p in PRECISIONS
        for malloc in ("default malloc", "tuned malloc")
    ]


def operations(settings: Settings, side: int) -> float:
    """Count the multiplications and additions of one step's matrix products; what is recomputed counts once."""
    field, graph, fibers = settings.field, settings.regularizer, settings.train.fibers
    points = 2 * fibers * side if fibers else side**2
    network = (field.depth - 1) * field.width**2 + 3 * field.width
    tiny = (graph.depth - 1) * graph.width**2 + graph.width * (1 + graph.rank)
    energies = graph.rank * (points if fibers else 2 * side**2) + 2 * side * tiny
    muon = 15 * (field.depth - 1) * field.width**3 if settings.optimizer.name == "muon" else 0
    # Forward once, backward twice; Newton-Schulz has no backward.
    return 2.0 * (3 * (points * network + energies) + muon)


def compiled(settings: Settings, side: int, length: int) -> tuple[Callable[[], float], float]:
    """Return what takes `length` steps and tells the seconds of one, and the program's temporary MiB."""
    keys = jax.random.split(jax.random.key(0))
    mask = jax.random.uniform(keys[0], (side, side)) > 0.5
    signal = Signal(jnp.where(mask[..., None], jax.random.uniform(keys[1], (side, side, 1)), 0.0), mask)
    state, knobs, key = training.start(signal, settings)
    shape = training.program(settings)
    program = training.fit_chunk.lower(state, signal, knobs, key, settings=shape, length=length).compile()
    memory = program.memory_analysis()

    def chunk():
        nonlocal state
        state, info = program(state, signal, knobs, key)
        return state, info

    return lambda: measure.seconds(chunk) / length, memory.temp_size_in_bytes / 2**20 if memory else float("nan")


def product(precision: str, side: int) -> Callable[[], float]:
    """Return what multiplies two square matrices, with a float32 result, and tells its seconds."""
    a = jax.random.uniform(jax.random.key(0), (side, side)).astype(precision)
    call = jax.jit(lambda a, b: jnp.dot(a, b, preferred_element_type=jnp.float32))
    return lambda: measure.seconds(lambda: call(a, a))


def run(
    rows: list[dict[str, Any]], rounds: int, side: int, *, lengths: dict[str, int], product_side: int = 2048
) -> dict[str, Any]:
    """Measure the rows' versions in turns, with the matrix product among them.

    Args:
        rows: from `ours` and `theirs`.
        rounds: measurements of each.
        side: of the square picture.
        lengths: steps per measurement, by batch.
        product_side: of the square matrices whose product is the machine's own rate.

    Returns:
        `rows` with their seconds, rates and memory; `product`: GFLOP/s by precision.
    """
    mallocs: dict[str, dict[str, str]] = {"default malloc": {}, "tuned malloc": TUNED}
    present = [malloc for malloc in mallocs if any(malloc in row["version"] for row in rows)]
    workers = {name: measure.Worker("benchmarks.torch_step", environment=mallocs[name]) for name in present}
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
            calls[_name(row)], row["temporary"] = compiled(row["settings"], side, length)
    times = measure.alternate(calls, rounds)
    for worker in workers.values():
        worker.close()
    return _result(rows, times, side, product_side)


def _asking(worker: measure.Worker, request: dict[str, Any], row: dict[str, Any]) -> Callable[[], float]:
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
        best = min(measure.spread(times[name])["median"] for name in times if name.split()[1:] == [precision])
        rates[precision] = 2e-9 * product_side**3 / best
    reference = {}
    for row in rows:
        row.update(measure.spread(times[_name(row)]))
        row["rate"] = 1e-9 * operations(row.pop("settings"), side) / row["median"]
        row["share"] = row["rate"] / rates[row["precision"]]
        # The default, which is listed first.
        first = reference.setdefault((row["batch"], row["precision"]), row["median"])
        row["ratio"] = row["median"] / first
    return {"rows": rows, "product": rates, "side": side}


def main() -> None:
    """Measure everything."""
    parser = measure.arguments("step", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each version")
    parser.add_argument("--side", type=int, default=256, help="of the square picture")
    flags = parser.parse_args()
    result = run(ours() + theirs(), flags.rounds, flags.side, lengths={"full": 10, "fibres": 50})
    rates = ", ".join(f"{rate:.0f} with {name} operands" for name, rate in result["product"].items())
    text = measure.table(result["rows"], COLUMNS)
    text += (
        f"\n\nThe machine's product of 2048 x 2048 matrices, GFLOP/s: {rates}. Medians of {flags.rounds} (quartiles)."
    )
    measure.leave(flags.workdir, "step", result, text)
    draw(flags.workdir / "step.png", result["rows"])


def draw(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw the seconds per step as bars."""
    bars = {
        batch: {f"{r['version']}, {r['precision']}": r for r in rows if r["batch"] == batch}
        for batch in ("full", "fibres")
    }
    plots.bars(path, {f"{batch}: seconds per step": panel for batch, panel in bars.items()})


if __name__ == "__main__":
    main()
