"""Line integrals along rays of any geometry: computed tomography."""

import dataclasses
import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.operators.on_grid import LocalOperator
from inrr_jax.operators.rays import sparse
from inrr_jax.problem import Domain

TILE = 4096
"""Rays whose samples are computed at once."""
LEAST_VIEWS = 5
"""Views of which whole ones are held out; of fewer, single rays are."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LineIntegrals(LocalOperator):
    """y_r = integral of f along ray r, in units of the value times the length that `trace` was given.

    The integral is a sum over the samples where the ray crosses the planes of nodes of its main axis, the one along
    which it crosses most of them per length (Joseph, IEEE Trans. Med. Imaging 1982). Between nodes f is multilinear;
    it is 0 beyond half a node outside of the grid. A step that draws rays evaluates f at their samples alone, so that
    a volume never needs all rays in memory. `assembled` adds a matrix with the same weights for steps that evaluate
    the whole grid.
    """

    starts: Any
    """Sample 0 of every ray, [M, D], as indices of nodes along each axis."""
    steps: Any
    """From one sample to the next, [M, D], in nodes."""
    lengths: Any
    """Length of a step, [M]."""
    grid: tuple[int, ...] = field(metadata={"static": True})
    """Nodes along each axis."""
    layout: tuple[int, ...] = field(metadata={"static": True})
    """Shape of the measurements without channels, such as (views, bins)."""
    matrix: sparse.Matrix | None = None
    """The integrals as a matrix of the values on the grid; None: computed from the samples, several times as slow."""

    def shape(self, domain: Domain) -> tuple[int, ...]:
        """Return the layout.

        Raises:
            UserError: the rays have been traced for another grid.
        """
        if self.grid != domain.shape:
            raise UserError(
                f"rays through a grid of shape {self.grid} for one of shape {domain.shape}: trace them anew"
            )
        return self.layout

    def apply(self, values: Float[Array, "*grid C"]) -> Float[Array, "*m C"]:
        """Return the integrals for values on the nodes of the grid."""
        if self.matrix is not None:
            integrals = sparse.product(self.matrix, values.reshape(-1, values.shape[-1]))
            return integrals.reshape(*self.layout, -1)

        @jax.checkpoint
        def integrate(index):
            places, _ = self._samples(index)
            return self.combine(grids.interpolate(values, places.reshape(-1, len(self.grid))), index)

        count = math.prod(self.layout)
        tile = min(TILE, count)
        # The last tile may reach beyond the last ray; it repeats that one, and the copies are cut off.
        tiles = jnp.minimum(jnp.arange(-(-count // tile) * tile), count - 1).reshape(-1, tile)
        integrals = jax.lax.map(integrate, tiles)
        return integrals.reshape(-1, values.shape[-1])[:count].reshape(*self.layout, -1)

    def blocks(self, shape: tuple[int, ...]) -> Int[np.ndarray, "V ..."]:
        """Return the number of each view, if there are at least `LEAST_VIEWS`, or else that of each ray."""
        views = self.layout[0] if len(self.layout) > 1 else 0
        return np.arange(views).reshape(-1, *(1,) * (len(shape) - 1)) if views >= LEAST_VIEWS else self.units(shape)

    def points(self, index: Int[Array, "B"], domain: Domain) -> Float[Array, "N D"]:
        """Return the samples of the indexed rays, ray by ray; those outside of the grid lie on its border."""
        places, _ = self._samples(index)
        centre = (np.asarray(domain.shape, np.float32) - 1) / 2
        steps = np.asarray(grids.steps(domain.shape, domain.spacing), np.float32)
        return ((places - centre[None, None, :]) * steps[None, None, :]).reshape(-1, len(self.grid))

    def combine(self, values: Float[Array, "N C"], index: Int[Array, "B"]) -> Float[Array, "B C"]:
        """Return the integrals of the indexed rays from the values at their samples."""
        _, weights = self._samples(index)
        return (weights[..., None] * values.reshape(*weights.shape, -1)).sum(axis=1)

    def _samples(self, index: Int[Array, "B"]) -> tuple[Float[Array, "B S D"], Float[Array, "B S"]]:
        """Return the samples of rays as indices along each axis, and their weights: the length of a step, or 0."""
        count = jnp.arange(max(self.grid), dtype=jnp.float32)
        starts, steps = jnp.asarray(self.starts)[index], jnp.asarray(self.steps)[index]
        places = starts[:, None, :] + count[None, :, None] * steps[:, None, :]
        last = np.asarray(self.grid, np.float32)[None, None, :] - 1
        inside = ((places >= -0.5) & (places <= last + 0.5)).all(axis=-1)
        weights = jnp.where(inside, jnp.asarray(self.lengths)[index][:, None], 0.0)
        return jnp.clip(places, 0.0, last), weights


def trace(
    domain: Domain,
    origins: Float[np.ndarray, "*m D"],
    directions: Float[np.ndarray, "*m D"],
    *,
    length: float = 1.0,
) -> LineIntegrals:
    """Return the integrals along the lines o + t d for all real t.

    Args:
        domain: whose grid the rays cross, in any number of dimensions.
        origins: o, one point of every ray, in the domain's coordinates.
        directions: d, of any length.
        length: what a length of 1 in the domain's coordinates counts in the integrals.

    Raises:
        UserError: the rays do not have the domain's dimensions, or a direction is zero.
    """
    dimensions = len(domain.shape)
    if origins.shape != directions.shape or origins.shape[-1] != dimensions:
        raise UserError(
            f"origins of shape {origins.shape} and directions of shape {directions.shape}: give one of each per ray,"
            f" with {dimensions} coordinates"
        )
    steps = np.asarray(grids.steps(domain.shape, domain.spacing))
    start = origins.reshape(-1, dimensions) / steps + (np.asarray(domain.shape) - 1) / 2
    step = directions.reshape(-1, dimensions) / steps
    main = np.abs(step).argmax(axis=1)[:, None]
    along = np.take_along_axis(step, main, axis=1)
    if not along.all():
        raise UserError("a ray with the direction 0: give a direction of any other length")
    step = step / along
    # Sample 0 lies in the first plane of nodes of the main axis.
    start = start - np.take_along_axis(start, main, axis=1) * step
    lengths = length * np.linalg.norm(step * steps, axis=1)
    start, step, lengths = (array.astype(np.float32) for array in (start, step, lengths))
    return LineIntegrals(start, step, lengths, domain.shape, origins.shape[:-1])


def assembled(rays: LineIntegrals) -> LineIntegrals:
    """Return the same integrals with a matrix, of 16 bytes 2^(D-1) times per sample, for steps on the whole grid."""
    places, weights = (np.asarray(x, np.float64) for x in rays._samples(jnp.arange(math.prod(rays.layout))))
    low = np.clip(np.floor(places), 0, np.maximum(np.asarray(rays.grid) - 2, 0))
    share = places - low
    rows, columns, entries = [], [], []
    for corner in itertools.product((0, 1), repeat=len(rays.grid)):
        weight = weights * np.prod(np.where(corner, share, 1 - share), axis=-1)
        # Crossings of a plane of nodes have no share in the nodes beyond it, up to the rounding of float32.
        ray, sample = np.nonzero(weight > 1e-5 * weights)
        node = np.minimum(low[ray, sample].astype(int) + corner, np.asarray(rays.grid) - 1)
        rows.append(ray)
        columns.append(np.ravel_multi_index(tuple(node.T), rays.grid))
        entries.append(weight[ray, sample])
    shape = (len(places), math.prod(rays.grid))
    matrix = sparse.matrix(np.concatenate(rows), np.concatenate(columns), np.concatenate(entries), shape)
    return dataclasses.replace(rays, matrix=matrix)
