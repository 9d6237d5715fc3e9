"""Full waveform inversion (FWI): the velocity under the ground from the records of shots."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.seismic import shots, velocity
from inrr_jax.data.seismic.checks import check_band, check_nodes, check_positions
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.units import Units
from inrr_jax.errors import UserError
from inrr_jax.operators.acoustics import Medium, stable_step
from inrr_jax.operators.survey import Survey
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain, Problem

BANDS = (1.4, 2.0, 2.8)
"""Upper ends of the default bands over the lowest frequency."""
WATER = 1500.0
"""Velocity of water in m/s."""
NEAR = 3
"""Distance from a source in nodes within which records have no weight: the source itself differs between grids."""
LINEAR = (1700.0, 3600.0)
"""Ends of the linear start model in m/s, the same for every model."""


class Ground(NamedTuple):
    """What is known before the survey."""

    fine: Float[np.ndarray, "mz mx"] | None
    """The true velocity in m/s on a grid with half of the spacing; None if there are records only."""
    records: Float[np.ndarray, "S T R"] | None
    """Records from a file."""


@dataclass(frozen=True)
class Config(DataConfig):
    """Options of a survey. Positions and depths are in m, times in s, frequencies in Hz, velocities in m/s."""

    name: str = choice("fwi")
    model: str = choice("fault", *(name for name in velocity.MODELS if name != "fault"))
    """What the synthetic ground has."""
    model_seed: int = at_least(0, 0)
    """Seed of the synthetic ground."""
    velocity: str = ""
    """A .npy file [depth, distance] in m/s with the true velocity on the nodes, in place of a synthetic one."""
    nodes: tuple = (40, 120)
    """Nodes in depth and along the surface, where no file gives them."""
    spacing: float = at_least(25.0, 0.0, above=True)
    """Distance of the nodes in m."""
    slowest: float = at_least(1400.0, 0.0, above=True)
    """Smallest velocity of the field in m/s."""
    fastest: float = at_least(4600.0, 0.0, above=True)
    """Largest velocity of the field in m/s, for which the time steps are stable."""
    shots: str = ""
    """A .npy file [shots, times, receivers] of pressure, in any unit, whose first sample is at the start of the
    wavelet. Without it, records are computed from the velocity on a grid with half of the spacing and of the step."""
    sample: float = at_least(0.0, 0.0)
    """Time between the samples of the files `shots` and `wavelet`."""
    wavelet: str = ""
    """A .npy file [times] of the sources' wavelet; empty: a Ricker wavelet."""
    peak: float = at_least(8.0, 0.0, above=True)
    """Peak frequency of the Ricker wavelet."""
    sources: tuple = (8,)
    """The number of sources, a whole one, evenly spaced along the surface, or their distances (0.0, 250.0, ...)."""
    receivers: tuple = (0,)
    """The same for the receivers; (0,): one at every node."""
    depth: float = at_least(25.0, 0.0)
    """Depth of sources and receivers."""
    water: float = at_least(150.0, 0.0)
    """Depth of water above the ground, whose velocity is known; 0: none."""
    duration: float = at_least(1.8, 0.0, above=True)
    """Length of the records."""
    step: float = at_least(0.0, 0.0)
    """Time step; 0: 0.95 of the largest stable one."""
    layer: int = at_least(28, 0)
    """Nodes of the absorbing layers."""
    free_surface: bool = False
    """Whether the pressure is zero at the surface, instead of an absorbing layer above it."""
    lowest: float = at_least(3.0, 0.0)
    """Frequency below which the records have nothing."""
    bands: tuple = ()
    """Upper ends of the frequency bands, one stage of the fit each; (): 1.4, 2 and 2.8 times the lowest frequency."""
    noise: float = at_least(0.0, 0.0)
    """Standard deviation of the noise over the root mean square of the records after the direct wave."""
    noise_seed: int = at_least(0, 0)
    """Seed of the noise."""
    start: str = choice("linear", "smoothed", "none")
    """The model that the field is fitted to first. linear: velocity grows with depth, alike for all models; smoothed:
    the true velocity, smoothed; none: the field's own initial values."""
    smoothing: float = at_least(250.0, 0.0)
    """Standard deviation in m of the Gaussian that smooths the start model."""
    gain: float = at_least(1.0, 0.0)
    """Exponent of the time in the weights of the misfit."""
    mute: float = at_least(0.0, 0.0)
    """Time after the peak of the direct wave until which the misfit has no weight; 0: nothing is muted. Encoded shots
    cannot be muted."""
    encode: bool = True
    """Whether each simulation of a step has all sources at once with random signs, and not one of them. Samples near
    any source then count for no shot."""
    precondition: float = at_least(0.0, 0.0)
    """Exponent of the depth in a factor on the gradient; 0: none."""

    @property
    def label(self) -> str:
        """The model and the frequencies."""
        ground = self.velocity or self.shots or f"{self.model} {self.model_seed}"
        return f"{ground} from {self.lowest:g} Hz"

    @property
    def upper(self) -> tuple[float, ...]:
        """The upper ends of the bands in Hz."""
        if any(type(high) not in (int, float) for high in self.bands):
            raise UserError(f"data.bands={self.bands}: give upper ends in Hz, such as (4.2, 6.0, 8.4)")
        return tuple(map(float, self.bands)) or tuple(max(self.lowest, 2.0) * factor for factor in BANDS)

    @property
    def _wet(self) -> int:
        """Return the rows of water."""
        return round(self.water / self.spacing)

    def read(self) -> Ground:
        """Read or draw the velocity, and read the records.

        Raises:
            UserError: a file is missing or has another shape or unit, or the grid or the positions are impossible.
        """
        wet, given = self._wet, shots.load(self.velocity, "data.velocity", 2) if self.velocity else None
        shape = tuple(self.nodes) if given is None else given.shape
        check_nodes(shape, wet)
        rows, columns = shape
        along, records = self._positions((columns - 1) * self.spacing), None
        if self.shots:
            records = shots.read(self.shots, *(len(points) for points in along))
        if given is not None:
            fine = _refined(_checked(given, self))
            fine[: 2 * wet] = WATER
            return Ground(fine, records)
        if self.shots:
            return Ground(None, records)
        ground = velocity.draw(self.model, (2 * (rows - wet) - 1, 2 * columns - 1), self.model_seed)
        fine = np.pad(np.clip(ground, self.slowest, self.fastest), ((2 * wet, 0), (0, 0)), constant_values=WATER)
        return Ground(fine, records)

    def problem(self, content: Ground, mask: MaskSettings) -> Problem:
        """Return the problem of finding the velocity, with a stage for each band. The mask is not used.

        Raises:
            UserError: the time step is unstable, or a number does not suit the records.
        """
        fine = content.fine
        shape = tuple(self.nodes) if fine is None else tuple((n + 1) // 2 for n in fine.shape)
        medium = self._medium(shape)
        wavelet = self._wavelet(medium.step / 2)
        measured = self._resampled(content.records, medium.step, wavelet.shape[1] // 2)
        if measured is None:
            assert fine is not None
            measured = self._modelled(medium, fine, wavelet)
        stages = [self._stage(medium, wavelet[:, ::2], measured, high) for high in self.upper]
        units = Units(np.array([self.slowest]), np.array([self.fastest - self.slowest]))
        truth = None if fine is None else units.to_unit(_averaged(fine)[..., None])
        domain = Domain(shape, 1, (0.0, 1.0), medium.spacing, "m", "m/s")
        problem = Problem(domain, *stages[-1], truth=truth, units=units, stages=tuple(stages[:-1]))
        start = self._start(shape, fine)
        return problem if start is None else problem.with_auxiliary(start=units.to_unit(start[..., None]))

    def _medium(self, shape: tuple[int, ...]) -> Medium:
        if not self.slowest < self.fastest:
            raise UserError(f"data.slowest={self.slowest:g} is not below data.fastest={self.fastest:g} m/s")
        if self.encode and self.mute:
            raise UserError(
                f"data.mute={self.mute:g} s with encoded shots, which share every sample: give mute=0, or"
                " data.encode=False and train.measurements=3"
            )
        for high in self.upper:
            check_band(self.lowest, high, self.slowest, self.spacing, self.sample)
        spacing = (self.spacing, self.spacing)
        step = self.step or 0.95 * stable_step(self.fastest, spacing)
        return Medium(shape, spacing, step, self.fastest, layer=self.layer, free_surface=self.free_surface)  # type: ignore[arg-type]

    def _positions(self, width: float) -> list[Float[np.ndarray, "P"]]:
        """Return the distances of sources and receivers on a model of this width in m."""
        found = []
        for name, option, least in (("sources", self.sources, 1), ("receivers", self.receivers, 0)):
            check_positions(name, option, least)
            if len(option) == 1 and type(option[0]) is int:
                count = option[0] or round(width / self.spacing) + 1
                # Sources keep away from the ends, half of their distance.
                edge = width / (2 * count) if name == "sources" else 0.0
                found.append(np.rint(np.linspace(edge, width - edge, int(count)) / self.spacing) * self.spacing)
            else:
                found.append(np.asarray(option, np.float64))
        return found

    def _spreads(self, medium: Medium):
        width = (medium.shape[1] - 1) * medium.spacing[1]
        along = self._positions(width)
        return tuple(medium.spread(np.stack([np.full(len(x), self.depth), x], axis=1)) for x in along)

    def _wavelet(self, step: float) -> Float[np.ndarray, "1 T"]:
        """Return the wavelet at an even number of times."""
        least = 20 * step if self.wavelet else shots.DELAY / self.peak
        if self.duration <= least:
            raise UserError(f"data.duration={self.duration:g} s: give more than {least:.2g} s, when the wavelet peaks")
        times = np.arange(2 * math.ceil(self.duration / (2 * step))) * step
        if self.wavelet:
            given = shots.load(self.wavelet, "data.wavelet", 1)
            if not given.any():
                raise UserError(f"data.wavelet={self.wavelet} is zero everywhere: give the sources' wavelet")
            wavelet = np.interp(times, np.arange(len(given)) * self._sample(), given, right=0.0)
        else:
            wavelet = shots.ricker(times, self.peak)
        return wavelet[None].astype(np.float32)

    def _sample(self) -> float:
        if not self.sample:
            raise UserError("data.sample=0: give the time between the samples of your files in s")
        return self.sample

    def _resampled(self, records, step: float, count: int):
        """Return records from a file at the time step; None if there are none."""
        if records is None:
            return None
        from scipy.interpolate import make_interp_spline

        times, sample = np.arange(count) * step, self._sample()
        given = np.arange(records.shape[1]) * sample
        if times[-1] > given[-1] + sample:
            raise UserError(
                f"data.duration={self.duration:g} s: the records of data.shots end at {given[-1]:g} s, lower it or"
                " correct data.sample"
            )
        return make_interp_spline(given, records, axis=1)(np.minimum(times, given[-1])).astype(np.float32)

    def _modelled(self, medium: Medium, fine, wavelet) -> Float[np.ndarray, "S T R"]:
        """Return records with noise, from a grid with half of the spacing and of the time step."""
        spacing = (medium.spacing[0] / 2, medium.spacing[1] / 2)
        dense = replace(medium, shape=fine.shape, spacing=spacing, step=medium.step / 2, layer=2 * medium.layer)
        sources, receivers = self._spreads(dense)
        wavelets = np.repeat(wavelet, len(sources.rows), axis=0)
        records = np.asarray(jax.jit(lambda v: dense.record(v, wavelets, sources, receivers))(fine))[:, ::2]
        times = np.arange(records.shape[1]) * medium.step
        late = times[None, :, None] > self._arrivals(medium)[:, None] + 1 / self.peak
        seen = shots.band(records, medium.step, self.lowest, max(self.upper))
        level = np.sqrt(np.mean(seen**2, where=np.broadcast_to(late, seen.shape)))
        drawn = np.random.default_rng(self.noise_seed).normal(size=records.shape)
        return (records + self.noise * level * drawn).astype(np.float32)

    def _arrivals(self, medium: Medium) -> Float[np.ndarray, "S R"]:
        """Return the times of the direct wave's peak."""
        sources, receivers = self._positions((medium.shape[1] - 1) * medium.spacing[1])
        return np.abs(sources[:, None] - receivers) / WATER + shots.DELAY / self.peak

    def _stage(self, medium: Medium, wavelet, measured, high: float) -> tuple[Survey, Float[np.ndarray, "S T R 1"]]:
        """Return operator and measurements of one band, scaled so that the misfit of zero is 1."""
        times = np.arange(measured.shape[1]) * medium.step
        arrivals = self._arrivals(medium)
        weights = shots.weights(times, arrivals, self.gain, self.mute)
        near = arrivals < arrivals.min() + NEAR * self.spacing / WATER
        weights = np.where(near[:, None, :, None], np.float32(0), weights)
        inside = shots.band(measured, medium.step, self.lowest, high)[..., None]
        level = float(np.sqrt(np.mean((weights * inside) ** 2)))
        if not level:
            raise UserError(
                f"the records are zero from {self.lowest:g} to {high:g} Hz where they have weight: check"
                f" data.shots={self.shots}, data.duration and data.mute"
            )
        sources, receivers = self._spreads(medium)
        forces = np.repeat(wavelet / level, len(sources.rows), axis=0)
        emphasis = None
        if self.precondition:
            depth = np.linspace(0.02, 1, medium.shape[0], dtype=np.float32) ** self.precondition
            emphasis = np.broadcast_to(depth[:, None, None], (*medium.shape, 1))
        operator = Survey(
            wavelets=forces.astype(np.float32), response=shots.response(len(times), medium.step, self.lowest, high),
            sources=sources, receivers=receivers, weights=weights, emphasis=emphasis, medium=medium,
            slowest=self.slowest, water=(self._wet, WATER), encoded=self.encode,
        )  # fmt: skip
        return operator, (inside / level).astype(np.float32)

    def _start(self, shape: tuple[int, ...], fine) -> Float[np.ndarray, "nz nx"] | None:
        if self.start == "none":
            return None
        if self.start == "linear":
            ground = np.linspace(*LINEAR, shape[0] - self._wet)
            return np.broadcast_to(np.pad(ground, (self._wet, 0), constant_values=WATER)[:, None], shape)
        if fine is None:
            raise UserError("data.start=smoothed needs the true velocity: give data.velocity, or start=linear or none")
        from scipy.ndimage import gaussian_filter

        smooth = gaussian_filter(fine[2 * self._wet :: 2, ::2], self.smoothing / self.spacing, mode="nearest")
        return np.pad(smooth, ((self._wet, 0), (0, 0)), constant_values=WATER)


def _checked(given: Float[np.ndarray, "nz nx"], config: Config) -> Float[np.ndarray, "nz nx"]:
    low, high = float(given.min()), float(given.max())
    if low < config.slowest or high > config.fastest:
        hint = "it looks like km/s: multiply by 1000" if 1 < high < 20 else "change data.slowest and data.fastest"
        raise UserError(
            f"{config.velocity} has velocities from {low:g} to {high:g} m/s, outside of {config.slowest:g} to"
            f" {config.fastest:g}: {hint}"
        )
    return given


def _averaged(fine: Float[np.ndarray, "mz mx"]) -> Float[np.ndarray, "nz nx"]:
    """Return the model that long waves see on every other node: the mean of 1 / v² around it, as a velocity.

    At constant density waves that are long against the nodes obey the equation with the mean of its coefficient 1 / v².
    Single values of a model with interfaces would put these up to half a node off their place.
    """
    from scipy.ndimage import convolve1d

    slow = np.asarray(fine, np.float64) ** -2
    for axis in (0, 1):
        slow = convolve1d(slow, (0.25, 0.5, 0.25), axis=axis, mode="nearest")
    return (slow[::2, ::2] ** -0.5).astype(np.float32)


def _refined(coarse: Float[np.ndarray, "nz nx"]) -> Float[np.ndarray, "mz mx"]:
    """Return a model on a grid with half of the spacing, linear in between."""
    from scipy.ndimage import zoom

    return zoom(coarse, [(2 * n - 1) / n for n in coarse.shape], order=1, grid_mode=False)
