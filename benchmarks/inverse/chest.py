"""The slice of a chest by the protocol of "Grids often outperform INRs" (Kim and Fridovich-Keil, NeurIPS 2025).

Their forward model, which also makes their data: the picture of 326 x 435 pixels is turned about its centre by each of
100 angles from 0 to 180 degrees, both included, with bilinear interpolation and zeros beyond its border, and the rows
are added. There is no noise, and the score is the PSNR of values that are clipped to [0, 1]. The picture is theirs and
has to be given: target_signals/chest.png of github.com/voilalab/INR-benchmark.
"""

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from benchmarks.inverse.jobs import KEYS, Job, recovered
from inrr_jax.baselines.inverse import choice, tv
from inrr_jax.data import images
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.operators.rays import sparse
from inrr_jax.options import change, to_mapping
from inrr_jax.problem import Domain, Problem
from inrr_jax.settings import RECONSTRUCTION, Settings

VIEWS = 100
SCALE = 3.0
"""What a column of ones counts in our measurements; theirs counts its pixels, which changes nothing but the unit."""
SIREN: dict[str, Any] = {
    "field.name": "siren",
    "field.width": 64,
    "field.depth": 4,
    "field.omega": 25.0,
    "field.precision": "float32",
    "optimizer.name": "muon",
    "optimizer.field_rate": 5e-3,
    "train.steps": 150,
    "train.chunk": 50,
}
TV_WEIGHTS, TV_STEPS, TV_FINAL = (1e-4, 1e-5, 1e-6), 100, 300
"""Candidates, the steps of the descent with each, and those with the chosen one and all measurements."""
LOOP: dict[str, Any] = {"prior.weight": 0.005, "prior.noise": 0.03, "tune.axes": ()}
"""Without noise the measurements bind more than those of a scanner; values that another slice suggests."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TurnedSums(GridOperator):
    """y_vc = the sum of column c of the picture turned by angle v, times a factor."""

    matrix: Any
    """The sums as a `sparse.Matrix` of the pixels."""
    layout: tuple[int, int] = field(metadata={"static": True})
    """Views and columns."""

    def apply(self, values: Float[Array, "H W C"]) -> Float[Array, "V W C"]:
        """Return the sums of all views."""
        sums = sparse.product(self.matrix, values.reshape(-1, values.shape[-1]))
        return sums.reshape(*self.layout, -1)


def turned_sums(shape: tuple[int, int], degrees: Float[np.ndarray, "V"], scale: float) -> TurnedSums:
    """Return the operator of pictures of a shape.

    A pixel of the turned picture is the bilinear interpolation at R(-angle) (p - c) + c, with the centre
    c = ((W - 1) / 2, (H - 1) / 2) and angles that turn counter-clockwise as the picture is seen.
    """
    height, width = shape
    row, column = np.mgrid[:height, :width]
    x, y = column - (width - 1) / 2, row - (height - 1) / 2
    entries: list[tuple[np.ndarray, ...]] = []
    for view, angle in enumerate(np.deg2rad(degrees)):
        across = np.cos(angle) * x - np.sin(angle) * y + (width - 1) / 2
        down = np.sin(angle) * x + np.cos(angle) * y + (height - 1) / 2
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            r, c = np.floor(down).astype(int) + i, np.floor(across).astype(int) + j
            weight = (1 - abs(down - r)) * (1 - abs(across - c))
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width) & (weight > 1e-9)
            entries.append((view * width + column[inside], r[inside] * width + c[inside], scale * weight[inside]))
    total = _merged(entries, (len(degrees) * width, height * width))
    return TurnedSums(matrix=total, layout=(len(degrees), width))


def _merged(entries: list[tuple[np.ndarray, ...]], shape: tuple[int, int]) -> sparse.Matrix:
    """Return the matrix; entries at the same place are added view by view, because all of them together take 2 GB."""
    from scipy.sparse import csr_array

    total = csr_array(shape, dtype=np.float32)
    for row, column, weight in entries:
        total = total + csr_array((weight.astype(np.float32), (row, column)), shape=shape)
    found = total.tocoo()
    return sparse.matrix(found.row, found.col, found.data, shape)


@functools.lru_cache(maxsize=1)
def made(path: Path) -> Problem:
    """Return the problem of a picture, which is scaled to [0, 1]."""
    picture = images.load(str(path), grey=True)
    truth = (picture - picture.min()) / (picture.max() - picture.min())
    height, width, _ = truth.shape
    operator = turned_sums((height, width), np.linspace(0, 180, VIEWS), SCALE / height)
    return Problem(Domain((height, width), 1), operator, np.asarray(operator.apply(jnp.asarray(truth))), truth=truth)


def listed(path: Path) -> list[Job]:
    """List the recoveries of the chest, the one that takes longest last."""

    def fitted(name: str, settings: Settings) -> Job:
        return _job(path, name, functools.partial(recovered, settings=settings), to_mapping(settings))

    return [
        fitted("SIREN + INRR", _siren("inrr", 0.003)),
        fitted("SIREN + TV", _siren("tv", 0.0003)),
        _job(path, "grid + TV, ours", _tv, [TV_WEIGHTS, TV_STEPS, TV_FINAL]),
        fitted("our splitting loop", change(RECONSTRUCTION, LOOP)),
    ]


def _tv(problem: Problem) -> tuple[np.ndarray, dict[str, float]]:
    """Return the values with the weight that predicts held-out rays best, each descent from the end of the last one."""
    hidden, error = choice.hold_out(problem)
    values = jnp.full((*problem.domain.shape, 1), 0.5, jnp.float32)
    found = []
    for weight in TV_WEIGHTS:
        values = tv.minimise(hidden, "tv", weight, values, TV_STEPS)
        found.append((error(values), weight, values))
    _, weight, values = min(found, key=lambda each: each[0])
    return np.asarray(tv.minimise(problem, "tv", weight, values, TV_FINAL)), {"weight": weight}


def _siren(term: str, weight: float) -> Settings:
    own = {"regularizer.name": term, f"regularizer.{term}.weight": weight, "tune.axes": ()}
    return change(RECONSTRUCTION, {**SIREN, **own})


def _job(path: Path, name: str, solve: Any, depends: Any) -> Job:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = dict(zip(KEYS, ("chest", f"{VIEWS} views", name, 0, 0), strict=True))
    return Job(key, "ct", functools.partial(made, path), solve, [depends, digest])
