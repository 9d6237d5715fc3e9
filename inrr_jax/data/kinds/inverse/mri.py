"""Undersampled parallel magnetic resonance imaging without calibration: simulated coils, or k-space from a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Complex, Float

from inrr_jax.data import images, scanner, sources
from inrr_jax.data.kinds.base import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.fourier import ParallelImaging, to_channels
from inrr_jax.operators.noise import Gaussian
from inrr_jax.options import MAX_SEED, at_least, choice
from inrr_jax.problem import Domain, Problem


@dataclass(frozen=True)
class Simulated(DataConfig):
    """Options of a slice whose phase, coils and noise are simulated."""

    source: str = "mri_slice"
    """A picture of a slice: a file, or the name of data in an installed package (docs/data.md). Its phase, the coils
    and the noise are simulated."""
    size: int = at_least(0, 0)
    """Longest side of the picture in pixels after resizing; 0: its own size."""
    coils: int = at_least(8, 1)
    """Simulated coils, in a circle around the slice."""
    noise: float = at_least(0.005, 0.0)
    """Standard deviation of the simulated real and imaginary parts, where 1 is the largest brightness of the image."""
    seed: int = at_least(0, 0, high=MAX_SEED)
    """Seed of the phase, the lines and the noise."""

    @property
    def label(self) -> str:
        """The picture and the number of coils."""
        return f"{self.source}, {self.coils} simulated coils"

    def picture(self) -> Float[np.ndarray, "H W"]:
        """Return the brightness of the slice, whose largest is 1.

        Raises:
            UserError: it cannot be read, or has channels.
        """
        picture = sources.find(self.source).part((slice(None), slice(None))).astype(np.float32)
        if picture.ndim != 2:
            raise UserError(f"data.source={self.source} of shape {picture.shape}: give a picture with one channel")
        picture = picture / picture.max()
        if self.size:
            shape = tuple(max(8, round(n * self.size / max(picture.shape))) for n in picture.shape)
            picture = images.resize(picture[..., None], shape)[..., 0]
        return picture

    def noisy(
        self, samples: Complex[np.ndarray, "K *m"], brightest: float | np.floating, rng: np.random.Generator
    ) -> Complex[np.ndarray, "K *m"]:
        """Return samples of an image with this largest brightness with noise in their real and imaginary parts."""
        parts = rng.normal(size=(2, *samples.shape))
        return samples + self.noise * brightest * (parts[0] + 1j * parts[1])


@dataclass(frozen=True)
class Config(Simulated):
    """Options of the recovery of an image and of coil maps from a part of k-space."""

    name: str = choice("mri")
    path: str = ""
    """A .npy file with k-space instead: complex [coils, H, W], the zero frequency at H // 2 and W // 2. Entries that
    are 0 in every coil are not sampled; of a file without such entries, lines are taken as of a simulation, and the
    rest is the truth."""
    acceleration: float = at_least(5.0, 1.0)
    """R, the lines of k-space for every line that is sampled."""
    centre: int = at_least(8, 1)
    """Adjacent lines in the middle that are sampled, included in those that R leaves."""
    pattern: str = choice("random", "uniform")
    """The other lines: at random, more of them near the middle, or at equal distances."""

    @property
    def label(self) -> str:
        """The file, or the picture and the number of coils."""
        return self.path or super().label

    def read(self) -> Complex[np.ndarray, "K H W"]:
        """Read k-space, or simulate it without noise.

        Raises:
            UserError: a file cannot be read, or its contents have another shape or type.
        """
        if self.path:
            return _read(self.path)
        return scanner.k_space(self.picture(), self.coils, np.random.default_rng(self.seed))

    def problem(self, content: Complex[np.ndarray, "K H W"], mask: MaskSettings) -> Problem:
        """Return the problem of the image and the maps from the sampled part of k-space. The mask is not used.

        Channels are the real and the imaginary part of the image, which are the signal, and of every map. The truth is
        the root sum of squares of the coils' images from all of k-space without noise, with these images divided by it
        as maps. Measurements are divided by the largest brightness of the image with zeros where nothing is sampled.

        Raises:
            UserError: fewer lines are to be sampled than those in the middle.
        """
        rng = np.random.default_rng([self.seed, 1])
        brightest = largest_brightness(content)
        sampled = (content != 0).any(axis=0)
        complete, measured = sampled.all(), content
        if complete:
            sampled = self._lines(content.shape[1:], rng)
        if not self.path:
            measured = self.noisy(content, brightest, rng)
        measured = np.where(sampled, measured, 0)
        scale = largest_brightness(measured)
        domain = Domain(content.shape[1:], 2 + 2 * len(content), None, signal=2)
        sigma = None if self.path else float(self.noise * brightest / scale)
        operator = ParallelImaging(kept=sampled[None, :, :, None], noise=Gaussian(sigma))
        samples = np.stack([measured.real, measured.imag], axis=-1) / scale
        truth = truth_of(content / scale) if complete and self.truth else None
        return Problem(domain, operator, samples.astype(np.float32), truth=truth)

    def _lines(self, shape: tuple[int, ...], rng: np.random.Generator) -> Bool[np.ndarray, "H W"]:
        """Draw the rows of k-space that are sampled."""
        if self.centre > shape[0] / self.acceleration:
            raise UserError(
                f"data.centre={self.centre} of {shape[0]} lines at data.acceleration={self.acceleration:g}: give"
                f" at most {int(shape[0] / self.acceleration)}"
            )
        lines = scanner.sampled_lines(rng, shape[0], self.acceleration, self.centre, self.pattern)
        return np.broadcast_to(lines[:, None], shape)


def largest_brightness(content: Complex[np.ndarray, "K H W"]) -> np.floating:
    """Return the largest root sum of squares of the coils' images from k-space."""
    return scanner.root_sum_of_squares(scanner.centred_fft(content, inverse=True)).max()


def truth_of(content: Complex[np.ndarray, "K H W"]) -> Float[np.ndarray, "H W C"]:
    """Return brightness and maps from all of k-space, as channels."""
    coils = scanner.centred_fft(content, inverse=True)
    brightness = scanner.root_sum_of_squares(coils)
    maps = coils / np.maximum(brightness, 1e-12)
    return np.asarray(to_channels(np.concatenate([brightness[None].astype(complex), maps]).astype(np.complex64)))


def _read(path: str) -> Complex[np.ndarray, "K H W"]:
    """Read a .npy file with complex k-space of several coils.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    try:
        content = np.load(Path(path), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"data.path={path} cannot be read ({error}): give a .npy file with k-space") from None
    if not np.iscomplexobj(content) or content.ndim != 3 or not content.any() or not np.isfinite(content).all():
        raise UserError(
            f"data.path={path} holds {content.dtype} of shape {content.shape}: give finite complex numbers"
            " [coils, H, W]"
        )
    return content.astype(np.complex128)
