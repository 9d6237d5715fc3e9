"""Computed tomography: a slice from its projections."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from inrr_jax.data import arrays, images, sources
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.tomography import ellipses, projections
from inrr_jax.data.units import Units
from inrr_jax.errors import UserError
from inrr_jax.operators.noise import Gaussian, Noise, Transmission
from inrr_jax.operators.rays import LineIntegrals, assembled, geometry, trace
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

FINER = 2
"""Pixels of a simulated picture per pixel of the recovery, and rays per detector bin, along each axis."""
RADIUS = 0.95
"""Of the circle of a picture that is kept, in half widths: air around the slice."""
FULL = 0.25
"""The mean of an unknown slice in the units of its fit: most of its values are then in [0, 1]."""


class Scan(NamedTuple):
    """What is known of a slice."""

    picture: Float[np.ndarray, "n n"] | None
    """A fine picture; None if it is given by ellipses, or unknown."""
    sinogram: Float[np.ndarray, "V B"] | None
    """Measured line integrals; None: simulated."""
    angles: Float[np.ndarray, "V"]
    """In radians."""


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of a slice that is projected, or of a measured sinogram.

    A line integral is `attenuation` for the value 1 over the whole width of the slice.
    """

    name: str = choice("ct")
    image: str = "shepp_logan"
    """shepp_logan, the bundled name or the path of a picture, or a slice of docs/data.md such as mri_slice (a magnetic
    resonance image: only a stand-in). A circle of it is kept, and the rest is 0."""
    path: str = ""
    """Your own sinogram [views, bins], a .npy file of line integrals; the options of the image and the noise are then
    not used."""
    angles: str = ""
    """A .npy file with the angle of each view in degrees; empty: `views` angles at equal distances in `arc`."""
    size: int = at_least(256, 8)
    """Pixels along each side of the recovery."""
    views: int = at_least(50, 1)
    """Number of projections, if they are simulated."""
    arc: float = at_least(180.0, 0.0, above=True, high=360.0)
    """Degrees that the views cover; the end of the arc has none."""
    beam: str = choice("parallel", "fan")
    """The geometry; the detector of a fan is flat."""
    distance: float = at_least(3.0, 1.5)
    """Distance of the source of a fan from the centre, in half widths of the slice."""
    bins: int = at_least(0, 0)
    """Detector bins, which cover the inscribed circle; 0: as many as pixels along a side."""
    attenuation: float = at_least(3.0, 0.0, above=True)
    """Line integral of the value 1 over the width of the slice."""
    noise: str = choice("poisson", "gaussian")
    """poisson: counted photons; gaussian: of equal deviation in all integrals."""
    photons: float = at_least(1e5, 1.0)
    """Photons of an empty beam in each bin, for Poisson noise."""
    sigma: float = at_least(0.01, 0.0)
    """Deviation of Gaussian noise, as a share of the largest integral."""
    seed: int = at_least(0, 0)
    """Of the noise."""

    @property
    def label(self) -> str:
        """The slice, or the path of the sinogram."""
        return self.path or self.image

    def read(self) -> Scan:
        """Read the sinogram, or the picture in twice the resolution of the recovery.

        Raises:
            UserError: one of them cannot be read.
        """
        if self.path:
            sinogram = _load(self.path, 2, "a sinogram [views, bins]")
            return Scan(None, sinogram, self._angles(len(sinogram)))
        angles = self._angles(self.views)
        return Scan(None if self.image == "shepp_logan" else self._picture(), None, angles)

    def problem(self, content: Scan, mask: MaskSettings) -> Problem:
        """Return the problem of recovering the slice from its projections. The mask is not used."""
        if content.sinogram is not None:
            return self._measured(content.sinogram, content.angles)
        bins = self.bins or self.size
        fine = self._beam(content.angles, bins * FINER)
        if content.picture is None:
            truth = ellipses.draw(ellipses.SHEPP_LOGAN, self.size)
            clean = ellipses.integrate(ellipses.SHEPP_LOGAN, *fine)
        else:
            truth = content.picture.reshape(self.size, FINER, self.size, FINER).mean(axis=(1, 3))
            clean = projections.project(content.picture, *fine)
        # A bin measures the mean over its width.
        clean = self.attenuation / 2 * clean.reshape(len(content.angles), bins, FINER).mean(axis=2)
        noise: Noise = Transmission(self.photons)
        if self.noise == "gaussian":
            noise = Gaussian(self.sigma * float(clean.max()))
        measured = noise.draw(np.random.default_rng(self.seed), clean[..., None])
        operator = replace(self._rays(content.angles, bins), noise=noise)
        domain = Domain((self.size, self.size), 1)
        return Problem(domain, operator, measured, truth=truth[..., None].astype(np.float32) if self.truth else None)

    def _measured(self, sinogram: Float[np.ndarray, "V B"], angles: Float[np.ndarray, "V"]) -> Problem:
        """Return the problem of a slice with unknown units: its mean over the inscribed circle becomes `FULL`."""
        width = 2 / sinogram.shape[1]
        mean = sinogram.sum(axis=1).mean() * width / np.pi
        if not mean > 0:
            raise UserError(f"data.path={self.path}: the integrals have the mean {mean:g}; give -log(counts / photons)")
        scale = mean / FULL
        operator = self._rays(angles, sinogram.shape[1])
        # Integrals in half widths of the slice, as the pixels' own unit is not known.
        operator = replace(operator, noise=Gaussian())
        measured = (sinogram * self.attenuation / 2 / scale)[..., None].astype(np.float32)
        units = Units(np.zeros(1), np.full(1, scale))
        return Problem(Domain((self.size, self.size), 1, None), operator, measured, units=units)

    def _angles(self, views: int) -> Float[np.ndarray, "V"]:
        if not self.angles:
            return np.deg2rad(np.arange(views) * self.arc / views)
        angles = np.deg2rad(_load(self.angles, 1, "one angle in degrees per view"))
        if len(angles) != views:
            raise UserError(f"data.angles={self.angles} has {len(angles)} angles: give {views}, one per view")
        return angles

    def _picture(self) -> Float[np.ndarray, "n n"]:
        """Return a picture in [0, 1] with `FINER` pixels per pixel of the recovery, 0 outside of the circle."""
        size = FINER * self.size
        if self.image in sources.SOURCES:
            values = arrays.read(sources.find(self.image)).values
            picture = np.asarray(values / values.max(), np.float32)
            if picture.ndim != 3:
                raise UserError(f"data.image={self.image} has {picture.ndim - 1} axes: give a slice with two")
            picture = images.resize(picture, (size, size))
        else:
            picture = images.load(self.image, size=size, grey=True)
        place = (np.arange(size) + 0.5) * 2 / size - 1
        return np.where(place[:, None] ** 2 + place[None, :] ** 2 < RADIUS**2, picture[..., 0], 0)

    def _beam(self, angles, bins) -> geometry.Beam:
        """Return the rays, in coordinates in which the slice spans [-1, 1] from edge to edge."""
        if self.beam == "parallel":
            return geometry.parallel(angles, geometry.bins(bins, 2.0))
        # The tangent to the circle from the source crosses the plane through the centre at this distance.
        half = self.distance / np.sqrt(self.distance**2 - 1)
        return geometry.fan(angles, geometry.bins(bins, 2 * half), self.distance)

    def _rays(self, angles, bins) -> LineIntegrals:
        domain = Domain((self.size, self.size), 1)
        # In the domain's coordinates the centres of the outermost pixels lie at 1, not their edges.
        edge = self.size / (self.size - 1)
        origins, directions = self._beam(angles, bins)
        return assembled(trace(domain, origins * edge, directions, length=self.attenuation / 2 / edge))


def _load(path: str, axes: int, what: str) -> Float[np.ndarray, "..."]:
    """Read an array of finite numbers.

    Raises:
        UserError: it cannot be read, or it has another number of axes.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give a .npy with {what}") from None
    if values.ndim != axes or values.dtype.kind not in "iuf" or not np.isfinite(values).all() or 0 in values.shape:
        raise UserError(f"{path} has the shape {values.shape} and the type {values.dtype}: give finite numbers, {what}")
    return values.astype(np.float64)
