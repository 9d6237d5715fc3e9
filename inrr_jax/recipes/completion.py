"""Completion: a signal on a grid of any number of axes, as a combination of a field with classical completions.

No method is best for all gaps. A low rank bridges clouds over a few bands, interpolation bridges a missing slice, and a
field is best where little is observed. Their combination v = sum_k w_k v_k has weights for several ranges of the
distance to the nearest observed entry, chosen by observed entries that are held out in the shape of the missing ones.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from inrr_jax.baselines.holdout import components, hold_out_fifth
from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.masking import Masking
from inrr_jax.priors import covariance
from inrr_jax.problem import Problem
from inrr_jax.recipes.holdout import calibrate, restrict
from inrr_jax.recipes.stacking import minimal_error_weights

Values = Float[np.ndarray, "*grid C"]
Mask = Bool[np.ndarray, "*grid"]
Solve = Callable[[Problem], Values]
"""Fits a problem and returns the field's values on the grid."""

COMPLETIONS = {
    "linear": 30_000_000,
    "spline": 30_000_000,
    "dct_pls_scaled": 5_000_000,
    "als": 5_000_000,
    "tctv": 1_000_000,
    "tctv_12": 300_000,
    "tctv_20": 300_000,
    "patches": 1_000_000,
}
"""Completions that are combined with the field, by their names in `baselines.tensors`, and the number of entries above
which each would take minutes and is left out."""
MOST_KRIGED = 1_000_000
"""Missing entries above which kriging would take minutes, and is left out."""
RANGES = 4
"""Ranges of the distance, each with the same number of missing entries."""
FEWEST = 30
"""Connected components of held-out entries below which a range takes the weights of all ranges together."""
MOST_DRAWS = 3
"""Hold-outs whose errors are put together while they have fewer than `FEWEST` components: a few pieces of clouds may
all lie where the signal is flat."""
MOST_DRAWN = 300_000
"""Entries above which further hold-outs would take minutes."""
TINY = 1e-6
"""Smallest floor, which keeps the deviation of exact recoveries positive; the signal spans about [0, 1]."""


class Range(NamedTuple):
    """What the held-out entries say of one range of distances."""

    weights: Float[np.ndarray, "K"]
    """Of every recovery, with sum 1."""
    floor: float
    """Root mean squared error of the combination."""
    scale: float
    """Deviation over sqrt(variance of the recoveries + floor²): as `holdout.calibrate` finds it."""


class Study(NamedTuple):
    """What a combination needs besides the field: it is the same for fields that differ in their seed alone."""

    completions: dict[str, Float[np.ndarray, "N C"]]
    """Recoveries of the missing entries, by name."""
    ranges: list[Range]
    """From near to far; the weights are those of the completions, and of the field as the last one."""
    places: Int[np.ndarray, "N"]
    """The number of the range of each missing entry."""


class Blend(NamedTuple):
    """The combination of several recoveries."""

    values: Values
    """The combined recovery; observed entries are those of the measurements."""
    deviation: Values
    """Its standard deviation as calibrated on held-out entries; zero where observed."""
    weights: dict[str, list[float]]
    """Of every recovery, one for each range of distances, from near to far."""


def study(problem: Problem, solve: Solve, log: Callable[[str], None]) -> Study:
    """Compute the completions of a masked signal, and the weights that held-out entries give to them and to a field.

    Args:
        problem: a masked signal.
        solve: fits a field of the same settings to the problem without the held-out entries.
        log: takes a line before each stage that takes long.

    Raises:
        UserError: the problem is no masked signal, or fewer than two entries are observed.
    """
    if not isinstance(problem.operator, Masking):
        raise UserError(
            "correction=blended is for signals on a grid under a mask: the measurements are of another kind"
        )
    measured, mask = np.asarray(problem.measurements), np.asarray(problem.operator.mask)
    far = distance(mask)[~mask]
    edges = np.quantile(far, np.arange(1, RANGES) / RANGES)
    kriged = int((~mask).sum()) <= MOST_KRIGED
    draws: list[_Tried] = []
    while not draws or (_components(draws) < FEWEST and len(draws) < MOST_DRAWS and mask.size <= MOST_DRAWN):
        draws.append(_try(problem, solve, edges, len(draws), kriged, log))
    estimates = np.concatenate([np.stack([*tried.recovered.values()]) for tried in draws], axis=1)
    truth = np.concatenate([measured[tried.held] for tried in draws])
    places = np.concatenate([tried.places for tried in draws])
    # Components of different draws are different observations, although they may overlap.
    before = np.cumsum([0, *(tried.component.max() for tried in draws)])
    component = np.concatenate([tried.component + n for tried, n in zip(draws, before, strict=False)])
    ranges = weigh(estimates, truth, places, component)
    shares = zip(draws[0].recovered, np.mean([r.weights for r in ranges], axis=0), strict=True)
    log("blend: " + ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares))
    completions = _complete(measured, mask, ~mask, kriged=kriged)
    return Study(completions, ranges, np.searchsorted(edges, far))


class _Tried(NamedTuple):
    """Recoveries of one draw of held-out entries."""

    held: Mask
    recovered: dict[str, Float[np.ndarray, "M C"]]
    places: Int[np.ndarray, "M"]
    """The number of the range of each entry."""
    component: Int[np.ndarray, "M"]
    """The number of its connected component, from 1."""


def _try(
    problem: Problem, solve: Solve, edges: Float[np.ndarray, "_"], draw: int, kriged: bool, log: Callable[[str], None]
) -> _Tried:
    """Recover held-out entries from the other observed ones by every method."""
    measured, mask = np.asarray(problem.measurements), np.asarray(problem.operator.mask)
    training, held = hold_out_fifth(mask, draw)
    log(f"blend: {100 * held.sum() / mask.sum():.0f} % of the observed entries are held out ...")
    tried = _complete(measured, training, held, kriged=kriged)
    try:
        tried["field"] = solve(restrict(problem, training))[held]
    except DivergedError:
        tried["field"] = np.full_like(measured[held], np.nan)
    return _Tried(held, tried, np.searchsorted(edges, distance(training)[held]), components(held)[0][held])


def _components(draws: Sequence[_Tried]) -> int:
    return sum(int(tried.component.max()) for tried in draws)


def blend(raw: Values, problem: Problem, found: Study) -> Blend:
    """Combine the values of a fitted field with completions of the same measurements.

    Args:
        raw: the field's values.
        problem: a masked signal.
        found: what `study` returns for it.
    """
    measured, mask = np.asarray(problem.measurements), np.asarray(problem.operator.mask)
    recovered = np.stack([*found.completions.values(), raw[~mask]])
    values, deviation = measured.copy(), np.zeros_like(measured)
    values[~mask], deviation[~mask] = combine(recovered, found.ranges, found.places)
    names = [*found.completions, "field"]
    return Blend(values, deviation, {n: [float(r.weights[k]) for r in found.ranges] for k, n in enumerate(names)})


def weigh(
    estimates: Float[np.ndarray, "K M C"],
    truth: Float[np.ndarray, "M C"],
    places: Int[np.ndarray, "M"],
    component: Int[np.ndarray, "M"],
) -> list[Range]:
    """Return the weights and the calibration of every range of distances, from K recoveries at M held-out entries.

    Args:
        estimates: the recoveries; those that are not finite get no weight.
        truth: the observed values there.
        places: the number of the range of each entry.
        component: the number of the connected component of each entry; errors within one are correlated.
    """
    sound = np.isfinite(estimates).all(axis=(1, 2))
    found = []
    for place in range(RANGES):
        chosen = places == place
        if len(np.unique(component[chosen])) < FEWEST:
            chosen = np.ones_like(chosen)
        count = len(np.unique(component[chosen]))
        own = estimates[sound][:, chosen]
        weights = np.zeros(len(estimates))
        errors = (own - truth[chosen]).astype(np.float64)
        weights[sound] = minimal_error_weights(errors.reshape(len(own), -1).T, count)
        error = np.tensordot(weights[sound], errors, 1)
        floor = np.sqrt(np.mean(np.square(error))) + TINY
        spread = _spread(own, weights[sound], floor)
        found.append(Range(weights, float(floor), calibrate(error, spread)))
    return found


def combine(
    recovered: Float[np.ndarray, "K N C"], ranges: Sequence[Range], places: Int[np.ndarray, "N"]
) -> tuple[Float[np.ndarray, "N C"], Float[np.ndarray, "N C"]]:
    """Return the combination of K recoveries at N missing entries, and its deviation.

    Args:
        recovered: the recoveries.
        ranges: as `weigh` returns them.
        places: the number of the range of each entry.
    """
    values, deviation = (np.zeros(recovered.shape[1:], np.float32) for _ in range(2))
    for place, (weights, floor, scale) in enumerate(ranges):
        chosen, used = places == place, weights > 0
        own = recovered[used][:, chosen]
        values[chosen] = np.tensordot(weights[used], own, 1)
        deviation[chosen] = scale * _spread(own, weights[used], floor)
    return values, deviation


def _spread(recovered: Float[np.ndarray, "K N C"], weights: Float[np.ndarray, "K"], floor: float):
    """Return the root of the weighted variance of the recoveries plus the squared floor."""
    mean = np.tensordot(weights, recovered, 1)
    return np.sqrt(np.tensordot(weights, np.square(recovered - mean), 1) + floor**2)


def _complete(measured: Values, mask: Mask, wanted: Mask, *, kriged: bool) -> dict[str, Float[np.ndarray, "N C"]]:
    """Return the recoveries at the wanted entries by name.

    Args:
        measured: values; those outside the mask are not used.
        mask: True where observed.
        wanted: True where a value is wanted.
        kriged: whether kriging is among the recoveries.
    """
    # Whatever the signal holds at missing entries cannot reach a completion.
    zeroed = np.where(mask[..., None], measured, np.float32(0))
    names = [n for n, largest in COMPLETIONS.items() if TENSORS[n].suits(mask) and mask.size <= largest]
    found = {name: TENSORS[name].complete(zeroed, mask, None)[wanted] for name in names}
    if kriged:
        # In indices, because kriging learns a length for every axis.
        known = np.argwhere(mask).astype(np.float64)
        found["kriging"] = covariance.learn(known, measured[mask]).predict(np.argwhere(wanted).astype(np.float64))[0]
    return found


def distance(mask: Mask) -> Float[np.ndarray, "*grid"]:
    """Return the distance of every entry to the nearest observed one, in nodes."""
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(~mask).astype(np.float32)
