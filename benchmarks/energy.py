"""Compares the matrix-free Dirichlet energy with the dense one: seconds, memory and rounding errors.

python -m benchmarks.energy [--workdir=FOLDER] [--rounds=5] [--nodes 256 1024 ...] [--ranks 32 64 ...]

The matrix-free form evaluates the energy of A = (R / n) G Gᵀ from the factor G [n, R]; the dense form computes
the n x n matrices A and L. Both are given 256 fibers of n nodes and take turns. The dense form is skipped where its
program needs more memory than is available. On two cores the benchmark takes less than four minutes. It writes
energy.json, energy.md and energy.png.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import psutil

from benchmarks import measure
from inrr_jax import plots
from inrr_jax.regularizers.dirichlet import from_adjacency, from_factor
from inrr_jax.regularizers.laplacian import adjacency

FIBERS = 256
"""Number of fibers whose energy is evaluated."""
COLUMNS = {
    "n": "{nodes}",
    "R": "{rank}",
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


def dense(fibers: jax.Array, factor: jax.Array) -> jax.Array:
    """Return the mean-form energy of A = (R / n) G Gᵀ through the n x n matrices A and L.

    Args:
        fibers: values [F, n, C] at the nodes.
        factor: G [n, R].
    """
    return from_adjacency(fibers, adjacency(factor))


ENERGIES = {"matrix_free": from_factor, "dense": dense}
"""Both forms, as functions of the fibers [F, n, C] and the factor [n, R]."""


def compare(nodes: int, rank: int, rounds: int, fibers: int = FIBERS) -> dict[str, Any]:
    """Measure both forms on one random factor and random smooth fibers.

    Args:
        nodes: n, the nodes of a fiber.
        rank: R, the columns of the factor.
        rounds: number of measurements of each form.
        fibers: number of fibers.

    Returns:
        `nodes`, `rank`, the results of each form by its name, and the `ratio` of the median times. The results of a
        form are its temporary memory in MiB and, unless its program does not fit into memory, the quartiles of its
        milliseconds and its relative errors.
    """
    keys = jax.random.split(jax.random.key(0))
    # The fibers are random walks, so that adjacent nodes have similar values, as in a picture. Their mean of 0.5 adds
    # nothing to the energy, but would spoil its precision if it were not subtracted.
    walk = np.cumsum(np.asarray(jax.random.normal(keys[0], (fibers, nodes, 1))), axis=1)
    values = (0.5 + 0.1 * walk / nodes**0.5).astype(np.float32)
    factor = np.asarray(jax.nn.softmax(3.0 * jax.random.normal(keys[1], (nodes, rank)), axis=-1))
    programs = {name: compile_energy(name, values, factor) for name in ENERGIES}
    row: dict[str, Any] = {"nodes": nodes, "rank": rank}
    row |= {name: {"temporary": memory / 2**20} for name, (_, memory) in programs.items()}
    fitting = {name: call for name, (call, memory) in programs.items() if memory < psutil.virtual_memory().available}
    times = measure.alternate({name: _timed(call) for name, call in fitting.items()}, rounds)
    for name, call in fitting.items():
        row[name] |= measure.quartiles([1e3 * taken for taken in times[name]]) | _errors(call, values, factor)
    if len(fitting) == len(ENERGIES):
        row["ratio"] = row["dense"]["median"] / row["matrix_free"]["median"]
    return row


def compile_energy(name: str, values: np.ndarray, factor: np.ndarray) -> tuple[Callable[[], Any], int]:
    """Compile a form of the energy with its gradients.

    Args:
        name: key of `ENERGIES`.
        values: fibers [F, n, C].
        factor: G [n, R].

    Returns:
        A function without arguments that evaluates the energy and its gradients with respect to both arguments, and
        the bytes of temporary memory that the compiled program needs in addition to its arguments and results.
    """
    arguments = jax.device_put((values, factor))
    compiled = jax.jit(jax.value_and_grad(ENERGIES[name], argnums=(0, 1))).lower(*arguments).compile()
    return lambda: compiled(*arguments), compiled.memory_analysis().temp_size_in_bytes


def _timed(call: Callable[[], Any]) -> Callable[[], float]:
    return lambda: measure.seconds(call)


def _errors(call: Callable[[], Any], values: np.ndarray, factor: np.ndarray) -> dict[str, float]:
    """Return the relative errors against float64: of the energy, and of its gradient with respect to the fibers.

    The error of the gradient is measured in the 2-norm.
    """
    energy, (gradient, _) = call()
    columns, factor = values[..., 0].T.astype(np.float64), factor.astype(np.float64)
    nodes, rank = factor.shape
    columns -= columns.mean(axis=0)
    # The product L X without the factor R / n. The reference is matrix-free too, because dense float64 matrices of
    # the largest size would take gigabytes.
    product = (factor @ factor.sum(axis=0))[:, None] * columns - factor @ (factor.T @ columns)
    scale = rank / nodes / columns.size
    exact, exact_gradient = scale * np.sum(columns * product), 2 * scale * product
    found = np.asarray(gradient, np.float64)[..., 0].T
    return {
        "error": abs(float(energy) - exact) / exact,
        "gradient_error": float(np.linalg.norm(found - exact_gradient) / np.linalg.norm(exact_gradient)),
    }


def main() -> None:
    """Measure every combination of size and rank, and write the report."""
    parser = measure.arguments("energy", __doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each form")
    parser.add_argument("--nodes", type=int, nargs="+", default=[256, 1024, 4096, 16384], help="nodes of a fiber")
    parser.add_argument("--ranks", type=int, nargs="+", default=[32, 64, 128, 256], help="columns of the factor")
    flags = parser.parse_args()
    rows = []
    for nodes in flags.nodes:
        for rank in flags.ranks:
            rows.append(compare(nodes, rank, flags.rounds))
            print(f"n = {nodes}, R = {rank}: measured", flush=True)
    text = measure.table(rows, COLUMNS)
    text += (
        f"\n\nThe energy and both gradients for {FIBERS} fibers; medians of {flags.rounds} measurements (quartiles)."
    )
    text += " A dash marks a dense form that does not fit into memory. Errors are relative to float64."
    measure.write(flags.workdir, "energy", {"rows": rows, "fibers": FIBERS}, text)
    panels = {title: _curves(rows, key) for key, title in (("median", "milliseconds"), ("temporary", "temporary MiB"))}
    plots.lines(flags.workdir / "energy.png", panels, "nodes")


def _curves(rows: list[dict[str, Any]], key: str) -> dict[str, tuple[list[float], list[float]]]:
    """Return one result over the number of nodes, as a curve (x, y) for each form and rank that has it."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        for name in ENERGIES:
            if key in row[name]:
                x, y = curves.setdefault(f"{name}, R = {row['rank']}", ([], []))
                x.append(row["nodes"])
                y.append(row[name][key])
    return curves


if __name__ == "__main__":
    main()
