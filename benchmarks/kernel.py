"""Benchmark of the NTK of the paper's SIREN: time and memory of three algorithms, and regression over a whole image.

python -m benchmarks.kernel [--workdir=FOLDER] [--rounds=3] [--steps=100]

The first part evaluates the kernel between 1024 points by three algorithms in turn, each time in a new process. The
second part is the matrix-free regression on the baboon's observed pixels under a text mask. The benchmark writes
kernel.json, kernel.png and residuals.png. It reads the peak memory from /proc and therefore needs Linux.
"""

import argparse
import json
import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from benchmarks import measure
from inrr_jax import grids, metrics, ntk
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.data import images, masks
from inrr_jax.fields import siren
from inrr_jax.io.writers import write_json
from inrr_jax.plots import kernels

PAPER = siren.Config(width=256, depth=5)
OMEGA = 30.0
"""Frequency factor of the first layer, as in the paper."""
POINTS = 1024
"""Number of points between which the three algorithms evaluate the kernel."""
RIDGES = (1e-1, 1e-2, 1e-3)
"""Candidate ridges of the regression, in units of the mean of the kernel's diagonal (see `choose_ridge`)."""
WINDOW = 0.25
"""Half the side of the central window in which pixels are held out to choose the ridge."""
SUBSET = 2048
"""Number of pixels of the Nystrom preconditioner."""
BUDGET = 2**28
"""Memory in bytes for one block of the kernel between the preconditioner's pixels and all observed pixels."""


def vmap_grad(apply, params, x1, x2):
    """Return K = J(x1) J(x2)^T from flat per-point gradients: the straightforward implementation."""

    def gradients(points):
        def gradient(point):
            return ravel_pytree(jax.grad(lambda params: apply(params, point[None, :])[0, 0])(params))[0]

        return jax.vmap(gradient)(points)

    return gradients(x1) @ gradients(x2).T


METHODS = {"vmap_grad": vmap_grad, "contraction": ntk.contraction, "structured": ntk.structured}


def paper_network():
    """Return apply(params, points) of the paper's SIREN before its sigmoid, and its initial parameters."""
    net = ntk.network(PAPER)
    return partial(net.apply, omega=OMEGA), net.init(jax.random.key(0))


def cost(method: str) -> dict[str, Any]:
    """Return the memory of a first and the seconds of a second evaluation of the kernel in this process.

    Args:
        method: a key of `METHODS`.

    Returns:
        seconds; memory in bytes, as the peak and as what the evaluation `added`; and the norm of the kernel.
    """
    apply, params = paper_network()
    points = jax.random.uniform(jax.random.key(1), (POINTS, 2), minval=-1.0, maxval=1.0)
    evaluate = jax.jit(lambda params, points: METHODS[method](apply, params, points, points))
    # Compilation comes before the reset of the peak: it takes more memory than some of the kernels.
    compiled = evaluate.lower(params, points).compile()
    held = measure.reset_peak()
    kernel = compiled(params, points).block_until_ready()
    peak = measure.memory("VmHWM")
    start = time.perf_counter()
    compiled(params, points).block_until_ready()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "added": peak - held, "peak": peak, "norm": float(jnp.linalg.norm(kernel))}


def compare(rounds: int) -> dict[str, dict[str, float]]:
    """Return the medians of `cost` for every method over this many rounds, and print them."""
    turns = {name: [] for name in METHODS}
    # The methods alternate, so that a slow phase of the machine does not fall on one of them only.
    for _ in range(rounds):
        for name in METHODS:
            turns[name].append(measure.in_process("benchmarks.kernel", "--method", name))
    medians = {
        name: {key: float(np.median([row[key] for row in rows])) for key in rows[0]} for name, rows in turns.items()
    }
    best = medians["structured"]
    print(f"kernel between {POINTS} points, medians of {rounds}\n")
    print(f"{'':>12}{'seconds':>10}{'memory / MiB':>14}{'times the seconds and memory of structured':>45}")
    for name, row in medians.items():
        ratios = row["seconds"] / best["seconds"], row["added"] / best["added"]
        print(f"{name:>12}{row['seconds']:10.3f}{row['added'] / 2**20:14.1f}{ratios[0]:24.1f}{ratios[1]:21.1f}")
    return medians


def regress(steps: int) -> dict[str, Any]:
    """Return the result of recovering the baboon under a text mask by kernel regression on its observed pixels.

    The kernel matrix is never formed.

    Args:
        steps: maximum number of steps of conjugate gradients.
    """
    held, start = measure.reset_peak(), time.perf_counter()
    image = images.load("baboon", size=(256, 256), grey=True)
    mask = np.asarray(masks.make(jax.random.key(0), (256, 256), "text", 0.125))
    grid = grids.all_points(tuple(jnp.asarray(axis) for axis in grids.axes((256, 256))))
    points, targets = grid[mask.reshape(-1)], jnp.asarray(image[mask][:, 0])
    share = choose_ridge(points, targets - targets.mean())
    weights, curve = solve(points, targets - targets.mean(), share, steps)
    apply, params = paper_network()
    everywhere = jax.jit(partial(ntk.product, apply))(params, grid, points, weights)
    recovered = (everywhere + targets.mean()).reshape(256, 256, 1)
    return {
        "observed": len(targets),
        "ridge": share,
        "residuals": curve.tolist(),
        "seconds": time.perf_counter() - start,
        "added": measure.memory("VmHWM") - held,
        "peak": measure.memory("VmHWM"),
        **metrics.summarize(recovered, image, mask),
        "harmonic": metrics.summarize(harmonic(image, mask), image, mask),
    }


def choose_ridge(points, targets) -> float:
    """Return the ridge of `RIDGES` with the least error on held-out pixels: one in twenty of a central window.

    Args:
        points: coordinates [N, 2] of the observed pixels.
        targets: their values [N], minus the mean.
    """
    # In a window, the full kernel matrix is small enough for Cholesky, and the density of pixels is that of the image.
    inside = jnp.abs(points).max(axis=1) < WINDOW
    points, targets = points[inside], targets[inside][:, None]
    held = jax.random.uniform(jax.random.key(0), (len(points),)) < 0.05
    apply, params = paper_network()
    kernel = jax.jit(partial(ntk.structured, apply))(params, points, points)
    given, cross = kernel[~held][:, ~held], kernel[held][:, ~held]

    def error(ridge):
        return float(jnp.mean((ntk.regress(given, cross, targets[~held], jitter=ridge) - targets[held]) ** 2))

    return min(RIDGES, key=error)


def solve(points, targets, share, steps):
    """Return the weights of the regression at the points, and the relative residual after each step.

    Args:
        points: coordinates [N, 2] of the observed pixels.
        targets: their values [N], minus the mean.
        share: ridge, in units of the mean of the kernel's diagonal.
        steps: maximum number of steps of conjugate gradients.
    """
    apply, params = paper_network()
    factors = jax.jit(partial(ntk.factors, apply))(params, points)
    # The trace of sum_l (A A^T) * (G G^T) takes only the squared norms of the rows of A and G.
    trace = sum(jnp.sum(jnp.sum(f.inputs**2, axis=1)[None, :] * jnp.sum(f.signals**2, axis=2)) for f in factors)
    ridge = share * float(trace) / len(points)
    some = points[jax.random.permutation(jax.random.key(0), len(points))[:SUBSET]]
    kernel = ntk.blockwise(partial(ntk.structured, apply), BUDGET)
    product = jax.jit(ntk.factored_product)
    return ntk.conjugate_gradient(
        lambda v: product(factors, factors, v),
        targets,
        ridge=ridge,
        steps=steps,
        tolerance=1e-3,
        precondition=ntk.nystrom(kernel(params, points, some), kernel(params, some, some), ridge=ridge),
    )


def main() -> None:
    """Run both parts of the benchmark, or one measurement of them in a process that `measure.in_process` started."""
    parser = measure.arguments("kernel", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="number of processes per method")
    parser.add_argument("--steps", type=int, default=100, help="maximum number of steps of conjugate gradients")
    parser.add_argument("--method", choices=[*METHODS, "regress"], help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.method:
        print(json.dumps(regress(flags.steps) if flags.method == "regress" else cost(flags.method)))
        return
    flags.workdir.mkdir(parents=True, exist_ok=True)
    result = {"methods": compare(flags.rounds)}
    result["regression"] = filled = measure.in_process(
        "benchmarks.kernel", "--method", "regress", "--steps", str(flags.steps)
    )
    print(
        f"\nregression on {filled['observed']} pixels, ridge {filled['ridge']:g}: {len(filled['residuals'])} steps to a"
        f" residual of {filled['residuals'][-1]:.1e}, {filled['seconds']:.0f} s, peak {filled['peak'] / 2**30:.2f} GiB;"
        f" PSNR on missing pixels {filled['psnr_missing']:.2f} dB, NMAE {filled['nmae_missing']:.4f}"
        f" (harmonic fill: {filled['harmonic']['psnr_missing']:.2f} dB, {filled['harmonic']['nmae_missing']:.4f})"
    )
    write_json(flags.workdir / "kernel.json", result)
    kernels.methods(flags.workdir / "kernel.png", result["methods"])
    kernels.residuals(flags.workdir / "residuals.png", filled["residuals"])


if __name__ == "__main__":
    main()
