"""The Dirichlet energy with its gradients, dense and matrix-free: seconds, memory and error.

python -m benchmarks.energy [--workdir=FOLDER] [--rounds=5] [--nodes 256 1024 ...] [--ranks 32 64 ...]

Of 256 fibres along an axis of n nodes, from a factor of r columns, both forms in turns; under four minutes on two
cores. The dense form is left out where its program needs more memory than there is. Leaves energy.json, energy.md and
energy.png.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import psutil

from benchmarks import measure
from inrr_jax import plots
from inrr_jax.regularizers.dirichlet import ENERGIES

FIBERS = 256
COLUMNS = {
    "n": "{nodes}",
    "r": "{rank}",
    "matrix-free / ms": "{matrix_free[median]:.2f} ({matrix_free[low]:.2f}-{matrix_free[high]:.2f})",
    "dense / ms": "{dense[median]:.2f} ({dense[low]:.2f}-{dense[high]:.2f})",
    "dense over matrix-free": "{ratio:.1f}",
    "temporary MiB, matrix-free": "{matrix_free[temporary]:.1f}",
    "temporary MiB, dense": "{dense[temporary]:.1f}",
    "error, matrix-free": "{matrix_free[error]:.0e}",
    "error, dense": "{dense[error]:.0e}",
    "gradient's error, matrix-free": "{matrix_free[gradient_error]:.0e}",
    "gradient's error, dense": "{dense[gradient_error]:.0e}",
}


def compare(nodes: int, rank: int, rounds: int, fibers: int = FIBERS) -> dict[str, Any]:
    """Measure both forms on one random factor and random smooth fibres."""
    keys = jax.random.split(jax.random.key(0))
    # Steps of a random walk, so that neighbours are alike, on a mean that the energy must not see.
    walk = np.cumsum(np.asarray(jax.random.normal(keys[0], (fibers, nodes, 1))), axis=1)
    values = (0.5 + 0.1 * walk / nodes**0.5).astype(np.float32)
    factor = np.asarray(jax.nn.softmax(3.0 * jax.random.normal(keys[1], (nodes, rank)), axis=-1))
    programs = {name: _program(name, values, factor) for name in ENERGIES}
    row: dict[str, Any] = {"nodes": nodes, "rank": rank}
    row |= {name: {"temporary": memory / 2**20} for name, (_, memory) in programs.items()}
    fitting = {name: call for name, (call, memory) in programs.items() if memory < psutil.virtual_memory().available}
    times = measure.alternate({name: _timed(call) for name, call in fitting.items()}, rounds)
    for name, call in fitting.items():
        row[name] |= measure.spread([1e3 * taken for taken in times[name]]) | _errors(call, values, factor)
    if len(fitting) == len(ENERGIES):
        row["ratio"] = row["dense"]["median"] / row["matrix_free"]["median"]
    return row


def _program(name: str, values: np.ndarray, factor: np.ndarray) -> tuple[Callable[[], Any], int]:
    """Return the call for value and gradients of both arguments, and the bytes that it needs beside them."""
    arguments = jax.device_put((values, factor))
    compiled = jax.jit(jax.value_and_grad(ENERGIES[name], argnums=(0, 1))).lower(*arguments).compile()
    return lambda: compiled(*arguments), compiled.memory_analysis().temp_size_in_bytes


def _timed(call: Callable[[], Any]) -> Callable[[], float]:
    return lambda: measure.seconds(call)


def _errors(call: Callable[[], Any], values: np.ndarray, factor: np.ndarray) -> dict[str, float]:
    """Compare with float64: relative error of the value, and of the gradient to the fibres in the 2-norm."""
    energy, (gradient, _) = call()
    columns, factor = values[..., 0].T.astype(np.float64), factor.astype(np.float64)
    nodes, rank = factor.shape
    columns -= columns.mean(axis=0)
    product = (factor @ factor.sum(axis=0))[:, None] * columns - factor @ (factor.T @ columns)  # L X, up to r / n
    scale = rank / nodes / columns.size
    exact, exact_gradient = scale * np.sum(columns * product), 2 * scale * product
    found = np.asarray(gradient, np.float64)[..., 0].T
    return {
        "error": abs(float(energy) - exact) / exact,
        "gradient_error": float(np.linalg.norm(found - exact_gradient) / np.linalg.norm(exact_gradient)),
    }


def main() -> None:
    """Measure every size and rank."""
    parser = measure.arguments("energy", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each")
    parser.add_argument("--nodes", type=int, nargs="+", default=[256, 1024, 4096, 16384])
    parser.add_argument("--ranks", type=int, nargs="+", default=[32, 64, 128, 256])
    flags = parser.parse_args()
    rows = []
    for nodes in flags.nodes:
        for rank in flags.ranks:
            rows.append(compare(nodes, rank, flags.rounds))
            print(f"n = {nodes}, r = {rank}: done", flush=True)
    text = measure.table(rows, COLUMNS)
    text += f"\n\nValue and both gradients for {FIBERS} fibres; medians of {flags.rounds} (quartiles); a dash where the"
    text += " dense form does not fit into memory. Errors are relative, against float64."
    measure.leave(flags.workdir, "energy", {"rows": rows, "fibers": FIBERS}, text)
    panels = {title: _curves(rows, key) for key, title in (("median", "milliseconds"), ("temporary", "temporary MiB"))}
    plots.lines(flags.workdir / "energy.png", panels, "nodes")


def _curves(rows: list[dict[str, Any]], key: str) -> dict[str, tuple[list[float], list[float]]]:
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        for name in ENERGIES:
            if key in row[name]:
                x, y = curves.setdefault(f"{name}, r = {row['rank']}", ([], []))
                x.append(row["nodes"])
                y.append(row[name][key])
    return curves


if __name__ == "__main__":
    main()
