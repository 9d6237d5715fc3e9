"""Wavelets, frequency bands and time weights of shots, and gathers from files."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from inrr_jax.errors import UserError

DELAY = 2.5
"""Periods of the peak frequency before the middle of a Ricker wavelet."""
ROLL_OFF = 2.0
"""Hz over which a band falls to zero at its lower end; at the upper end it is 0.3 of the frequency."""
END = 0.1
"""Share of the record's end over which the weights fall to zero, because filters reach beyond it."""


def ricker(times: Float[np.ndarray, "T"], peak: float) -> Float[np.ndarray, "T"]:
    """Return the Ricker wavelet (1 - 2 a) exp(-a), a = (pi f (t - t0))², with t0 = DELAY / f."""
    phase = (np.pi * (peak * times - DELAY)) ** 2
    return (1 - 2 * phase) * np.exp(-phase)


def response(count: int, step: float, low: float, high: float) -> Float[np.ndarray, "F"]:
    """Return the factors of a band without a shift in time, with cosine flanks, on the frequencies k / (2 count step).

    Args:
        count: samples of the traces, which the filter continues by as many zeros: room for its ringing, which would
            otherwise wrap around.
        step: of the samples in s.
        low: lower end in Hz, where the band is zero; 0: none.
        high: upper end in Hz, up to which the band is one.
    """
    frequencies = np.fft.rfftfreq(2 * count, step)
    rise = np.clip((frequencies - low) / ROLL_OFF, 0, 1) if low else np.ones(len(frequencies))
    fall = np.clip((frequencies - high) / (0.3 * high), 0, 1)
    return (np.sin(np.pi / 2 * rise) ** 2 * np.cos(np.pi / 2 * fall) ** 2).astype(np.float32)


def band(traces: Float[np.ndarray, "S T *R"], step: float, low: float, high: float) -> Float[np.ndarray, "S T *R"]:
    """Return traces, sampled along the second axis, without frequencies outside of a band, as in `response`."""
    count = traces.shape[1]
    gain = response(count, step, low, high).reshape(1, -1, *(1,) * (traces.ndim - 2))
    spectrum = np.fft.rfft(traces, 2 * count, axis=1)
    return np.fft.irfft(spectrum * gain, 2 * count, axis=1)[:, :count].astype(np.float32)


def weights(
    times: Float[np.ndarray, "T"], arrivals: Float[np.ndarray, "S R"], gain: float, mute: float
) -> Float[np.ndarray, "S T R 1"]:
    """Return weights (t / t_end)^gain, zero until `mute` seconds after the direct wave, and falling at the end.

    Args:
        times: of the samples.
        arrivals: of the direct wave's peak in s.
        gain: exponent.
        mute: in s; 0: nothing is muted.
    """
    share = times / times[-1]
    by_time = share**gain * np.sin(np.pi / 2 * np.clip((1 - share) / END, 0, 1)) ** 2
    after = times[None, :, None] > arrivals[:, None] + mute if mute else np.ones_like(arrivals[:, None], bool)
    return (by_time[None, :, None] * after)[..., None].astype(np.float32)


def read(path: str, shots: int, receivers: int) -> Float[np.ndarray, "S T R"]:
    """Return gathers from a NumPy file of the shape (shots, times, receivers).

    Raises:
        UserError: the file cannot be read, has another shape, or has NaN or infinite values.
    """
    gathers = load(path, "data.shots", 3)
    if gathers.shape[::2] != (shots, receivers):
        raise UserError(
            f"{path} has the shape {gathers.shape}: give ({shots} shots, times, {receivers} receivers), or change"
            " data.sources and data.receivers"
        )
    return gathers


def load(path: str, option: str, axes: int) -> Float[np.ndarray, "*shape"]:
    """Return a finite real array of so many axes from a NumPy file.

    Raises:
        UserError: there is none in the file.
    """
    if not Path(path).is_file():
        raise UserError(f"{option}={path} is no file: give the path of a .npy file")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError) as error:
        raise UserError(f"{option}={path} is no NumPy file: write one with numpy.save") from error
    if not isinstance(array, np.ndarray) or array.ndim != axes or array.dtype.kind not in "fiu" or not array.size:
        size = "" if isinstance(array, np.ndarray) else ", not several (.npz)"
        raise UserError(f"{option}={path}: give one array of real numbers with {axes} axes{size}")
    if not np.isfinite(array).all():
        raise UserError(f"{option}={path} has NaN or infinite values: replace them, dead traces by zeros")
    return array.astype(np.float32)
