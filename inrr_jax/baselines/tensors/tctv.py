"""Tensor correlated total variation: gradient tensors of low tubal rank, which is smoothness and low rank in one."""

import numpy as np
from jaxtyping import Bool, Float

from inrr_jax.baselines.tensors.contract import Complete, channels_as_axis, completing
from inrr_jax.baselines.tensors.shrinkage import shrink_singular_values
from inrr_jax.errors import UserError

PENALTY = 1e-4  # mu of the first iteration
GROWTH = 1.1  # of mu in each iteration. With 1.25, which the authors give for speed, it ends up to 5 dB behind.
ITERATIONS = 500  # the most
TOLERANCE = 1e-4  # largest change of an entry and largest residual, in units of the range of the observed values


def tctv_of(slices: tuple[int, int]) -> Complete:
    """Return T-CTV (Wang, Peng, Qin, Wang, Meng, TPAMI 2023) with slices along two axes; see `minimize_tctv`.

    The authors take the first two axes. Which ones suit a signal is a property of it: the slices should be of low rank.
    The completion raises `UserError` for a tensor with fewer than three axes.
    """

    @completing
    @channels_as_axis
    def tctv(values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"]) -> Float[np.ndarray, "*axes"]:
        if values.ndim < 3:
            raise UserError(f"T-CTV of a tensor of shape {values.shape}: give at least three axes, or use harmonic")
        return minimize_tctv(values, mask, slices)

    return tctv


def minimize_tctv(
    values: Float[np.ndarray, "*axes"], mask: Bool[np.ndarray, "*axes"], slices: tuple[int, int] = (0, 1)
) -> Float[np.ndarray, "*axes"]:
    """Minimise ``1/D sum over axes a of |D_a X|_TNN`` with X held where observed; D_a are cyclic differences.

    The tensor nuclear norm (TNN) is the mean nuclear norm of the slices along two axes, after a Fourier transform along
    all others. The alternating direction method of multipliers has copies G_a = D_a X and a free tensor
    E on the missing entries, X + E = Y. With the multipliers Lambda and Gamma_a, divided by mu,

        X    <- (1 + sum_a D_a^T D_a)^-1 (Y - E + Lambda + sum_a D_a^T (G_a - Gamma_a))     by FFT
        G_a  <- shrink(D_a X + Gamma_a, 1 / (D mu))             singular values of the slices
        E    <- Y - X + Lambda                                  where missing, else 0
        Lambda <- (Lambda + Y - X - E) / 1.1,  Gamma_a <- (Gamma_a + D_a X - G_a) / 1.1,  mu <- 1.1 mu

    Args:
        values: Y, in [0, 1] where observed.
        mask: True where observed.
        slices: the two axes.
    """
    from scipy.fft import irfftn, rfftn

    axes = range(values.ndim)
    inverse = 1 / (1 + _symbol(values.shape))
    x = held = np.where(mask, values, 0)
    e, multiplier, mu = np.zeros_like(held), np.zeros_like(held), PENALTY
    copies, multipliers = [e] * values.ndim, [e] * values.ndim
    for _ in range(ITERATIONS):
        before, source = x, held - e + multiplier
        for a in axes:
            field = copies[a] - multipliers[a]
            source += np.roll(field, 1, a) - field
        x = irfftn(rfftn(source, workers=-1) * inverse, values.shape, workers=-1)
        e = np.where(mask, 0, held - x + multiplier)
        gap = held - x - e
        largest = max(np.abs(x - before).max(), np.abs(gap).max())
        for a in axes:
            difference = np.roll(x, -1, a) - x
            copies[a] = _shrink(difference + multipliers[a], 1 / (values.ndim * mu), slices)
            residual = difference - copies[a]
            multipliers[a] = (multipliers[a] + residual) / np.float32(GROWTH)
            largest = max(largest, np.abs(residual).max())
        if largest < TOLERANCE:
            break
        multiplier, mu = (multiplier + gap) / np.float32(GROWTH), mu * GROWTH
    return x


def _symbol(shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Return the Fourier transform of sum_a D_a^T D_a: ``sum_a 4 sin²(pi f_a)``, the last axis without its mirror."""
    frequencies = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    return sum(
        4 * np.sin(np.pi * f.astype(np.float32)) ** 2 for f in np.meshgrid(*frequencies, indexing="ij", sparse=True)
    )


def _shrink(
    tensor: Float[np.ndarray, "*axes"], threshold: float, slices: tuple[int, int]
) -> Float[np.ndarray, "*axes"]:
    """Apply the proximal operator of the tensor nuclear norm.

    Slices of conjugate frequencies are conjugate, so the transform along the last axis keeps one of each pair.
    """
    from scipy.fft import irfftn, rfftn

    others = [axis for axis in range(tensor.ndim) if axis not in slices]
    matrices = np.moveaxis(rfftn(tensor, axes=others, workers=-1), slices, (-2, -1))
    shrunk = np.moveaxis(shrink_singular_values(np.ascontiguousarray(matrices), threshold), (-2, -1), slices)
    return irfftn(shrunk, [tensor.shape[axis] for axis in others], axes=others, workers=-1)
