"""Numerical study of the smoothness theorem (docs/theory.md): on a line, over widths and step sizes, and on images.

Every function returns a mapping of plain numbers and lists that JSON can hold. JAX must be in 64-bit mode
(`jax_enable_x64`): at small omega the kernel is nearly singular, and a float32 prediction would show rounding errors.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from inrr_jax import grids
from inrr_jax.data import masks
from inrr_jax.ntk import convergence, theorem
from inrr_jax.ntk.infinite import siren
from inrr_jax.ntk.power_law import power_law
from inrr_jax.ntk.theorem import LARGE, Limits, Line, TheoremSettings

PREDICTED = {"off_diagonal": -1.0, "standard_deviation": -1.0, "slope": 0.5}
"""The exponents of omega that the theorem predicts."""
OMEGA = 30.0
"""The frequency at which the orders of convergence are measured: that of the SIREN paper."""
MASKS = ("random", "density")
"""Modes of the images' masks. The density mask has more observed pixels on the left than on the right."""


def line(settings: TheoremSettings) -> dict[str, Any]:
    """Return the predictions of a line and the theorem's quantities at every omega.

    Returns:
        samples, targets: the line's samples.
        points, predictions: positions, and the infinite-width prediction there for every omega in `shown`.
        infinite: the theorem's quantities of the infinite-width kernel, one list over omega per quantity.
        exponents: the measured exponents of omega for the keys of `PREDICTED`: [exponent, low, high].
        networks: by width, what `infinite` has, as means over networks; and `off_diagonal_draws`, the off-diagonal
            entries of each network at the largest omega.
        noise_exponent: the exponent of the width with which these entries fall: [exponent, low, high].
    """
    sampled = theorem.sampled_line(jax.random.key(settings.seed), settings.samples, points=16_001)
    infinite = _infinite_curves(sampled, settings)
    # A network's kernel costs far more than the closed form: every 16th point is enough for its means.
    coarse = sampled._replace(points=sampled.points[::16])
    networks = {str(width): _network_curves(width, coarse, settings) for width in settings.widths}
    # The samples themselves belong to the plot: at large omega a spike is narrower than the grid's step.
    shown = sampled._replace(points=jnp.sort(jnp.concatenate([sampled.points[::8], sampled.samples]), axis=0))
    return {
        "samples": np.asarray(sampled.samples[:, 0]).tolist(),
        "targets": np.asarray(sampled.targets[:, 0]).tolist(),
        "points": np.asarray(shown.points[:, 0]).tolist(),
        "predictions": {
            str(omega): np.asarray(_infinite(omega, shown, settings).prediction).tolist() for omega in settings.shown
        },
        "infinite": infinite,
        "exponents": _exponents(infinite),
        "networks": networks,
        "noise_exponent": _noise_exponent(networks),
    }


def _infinite_curves(sampled: Line, settings: TheoremSettings) -> dict[str, list[float]]:
    """Return the quantities of the infinite-width kernel, and the limit of the slope, at every omega."""
    curves: dict[str, list[float]] = {}
    for omega in settings.omegas:
        row = {"omega": omega, **_means(_infinite(omega, sampled, settings))}
        row["slope_limit"] = float(theorem.slope_limit(sampled, omega, depth=settings.depth))
        for name, value in row.items():
            curves.setdefault(name, []).append(value)
    return curves


def _infinite(omega: float, sampled: Line, settings: TheoremSettings) -> Limits:
    return theorem.infinite_limits(omega, sampled, settings.jitter, width=settings.widths[-1], depth=settings.depth)


def _means(limits: Limits) -> dict[str, float]:
    """Return every quantity but the prediction as a number, averaged over networks if there are several."""
    return {name: float(jnp.mean(value)) for name, value in limits._asdict().items() if name != "prediction"}


def _network_curves(width: int, sampled: Line, settings: TheoremSettings) -> dict[str, list[float]]:
    """Return the quantities of networks of one width at every omega, averaged over their initialisations."""
    key = jax.random.key(settings.seed + 1)
    measure = partial(theorem.empirical_limits, width=width, depth=settings.depth, draws=settings.draws)
    found = [measure(key, omega, sampled, settings.jitter) for omega in settings.omegas]
    rows = [_means(limits) for limits in found]
    curves = {name: [row[name] for row in rows] for name in rows[0]}
    return {**curves, "off_diagonal_draws": found[-1].off_diagonal.tolist()}


def _exponents(infinite: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the exponents of omega, from `LARGE` on, with their 95 % confidence intervals."""
    omegas = np.array(infinite["omega"])
    large = omegas >= LARGE
    return {name: [*power_law(omegas[large], np.array(infinite[name])[large])] for name in PREDICTED}


def _noise_exponent(networks: dict[str, dict[str, list[float]]]) -> list[float]:
    """Return the exponent of the width for the off-diagonal entries at the largest omega, over all networks."""
    pairs = [(float(width), value) for width, curves in networks.items() for value in curves["off_diagonal_draws"]]
    return [*power_law(*np.array(pairs).T)]


def orders(settings: TheoremSettings) -> dict[str, list[float]]:
    """Return the orders at which the kernel's two approximations converge: [exponent, low, high] each.

    Returns:
        width_weights, width_rest: exponents of the width for the errors of T and B (`convergence.width_errors`).
        step: exponent of the step size for the error of the linearisation (`convergence.step_remainders`).
    """
    key, place = jax.random.split(jax.random.key(settings.seed))
    points = jax.random.uniform(place, (32, 2), minval=-1.0, maxval=1.0)
    # These errors cost less than the curves over omega, and their exponents need more networks.
    draws = 4 * settings.draws
    widths = np.repeat(np.array(settings.widths, float), draws)
    errors = np.concatenate(
        [
            convergence.width_errors(
                key, points.astype(jnp.float32), OMEGA, width=width, depth=settings.depth, draws=draws
            )
            for width in settings.widths
        ]
    )
    rates = np.geomspace(1e-8, 1e-6, 9)
    remainders = convergence.step_remainders(
        key, points, OMEGA, jnp.asarray(rates), width=settings.widths[0], depth=settings.depth
    )
    return {
        "width_weights": [*power_law(widths, errors[:, 0])],
        "width_rest": [*power_law(widths, errors[:, 1])],
        "step": [*power_law(rates, np.asarray(remainders))],
    }


def image(pictures: Mapping[str, Float[np.ndarray, "H W 1"]], settings: TheoremSettings) -> dict[str, Any]:
    """Return how well each half of each image is recovered at every omega, under a random and a density mask.

    Args:
        pictures: grey images in [0, 1] of settings.size x settings.size pixels, by name.
        settings: the study's settings.

    Returns:
        omegas: the frequencies.
        psnr: by mask and image, [left, right, whole] in dB on missing pixels for every omega.
        halves: by mask and image, the best omega of the `left` and of the `right` half; and the `price` of a single
            omega, the loss in dB of the half that loses more, at the omega for which this is least.

    Raises:
        UserError: if a kernel is singular in spite of the ridge.
    """
    shape = (settings.size, settings.size)
    key = jax.random.fold_in(jax.random.key(settings.seed), 1)
    drawn = {mode: np.asarray(masks.make(key, shape, mode, settings.rate)) for mode in MASKS}
    # `grids.axes` is float32; the kernel computes in the dtype of its points, here JAX's default, float64.
    points = grids.all_points(tuple(jnp.asarray(axis) for axis in grids.axes(shape))).astype(float)
    kernel = jax.jit(lambda omega: siren(omega, points, points, width=settings.widths[-1], depth=settings.depth))
    psnr: dict[str, dict[str, list[list[float]]]] = {mode: {name: [] for name in pictures} for mode in MASKS}
    # Omega is the outer loop, so that each kernel matrix is computed once and only one is in memory.
    for omega in settings.image_omegas:
        gram = kernel(omega)
        for mode, mask in drawn.items():
            for name, picture in pictures.items():
                errors = theorem.image_errors(picture, mask, gram, settings.image_jitter)
                psnr[mode][name].append([float(-10 * np.log10(error)) for error in errors])
    halves = {
        mode: {name: _compare_halves(rows, settings.image_omegas) for name, rows in scores.items()}
        for mode, scores in psnr.items()
    }
    return {"omegas": list(settings.image_omegas), "psnr": psnr, "halves": halves}


def _compare_halves(rows: list[list[float]], omegas: tuple) -> dict[str, float]:
    """Return the best omega of each half, and the price of a single omega for both."""
    psnr = np.array(rows)[:, :2]
    left, right = (omegas[i] for i in psnr.argmax(axis=0))
    loss = psnr.max(axis=0)[None, :] - psnr
    return {"left": left, "right": right, "price": float(loss.max(axis=1).min())}
