"""Videos (.mp4, .avi, .mov, .mkv), decoded by ffmpeg, and animations (.gif), decoded by Pillow."""

import contextlib
import itertools
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers.files import require
from inrr_jax.errors import UserError

Frames = Generator[np.ndarray, None, None]


def read_video(path: Path) -> Source:
    """Return a video as uint8 [frames, H, W, 3].

    Raises:
        UserError: imageio-ffmpeg is not installed.
    """
    require("imageio-ffmpeg", "imageio_ffmpeg", "a video file")
    import imageio_ffmpeg

    with _forking():
        count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))

    def start() -> tuple[Any, tuple[int, int]]:
        frames = imageio_ffmpeg.read_frames(str(path))
        with _forking():
            return frames, next(frames)["size"]

    def decode() -> Frames:
        frames, (width, height) = start()
        with contextlib.closing(frames):
            for frame in frames:
                yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)

    frames, (width, height) = start()
    frames.close()
    return Source((count, height, width, 3), np.dtype(np.uint8), _take(decode, path), whole=False, channels=True)


def read_gif(path: Path) -> Source:
    """Return an animation as uint8 [frames, H, W, 3]."""
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        shape = (getattr(image, "n_frames", 1), image.height, image.width, 3)

    def decode() -> Frames:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                yield np.asarray(frame.convert("RGB"))

    return Source(shape, np.dtype(np.uint8), _take(decode, path), whole=False, channels=True)


def _take(decode: Callable[[], Frames], path: Path) -> Callable[[tuple[slice, ...]], np.ndarray]:
    """Return the function that reads a part: it keeps the part of one frame at a time, and stops after the last one.

    The header of some videos declares a few frames more than there are, so fewer may be returned than were asked for.
    """

    def part(index: tuple[slice, ...]) -> np.ndarray:
        first, inside = index[0], index[1:]
        with contextlib.closing(decode()) as frames:
            kept = [frame[inside].copy() for frame in itertools.islice(frames, first.start, first.stop, first.step)]
        if not kept:
            raise UserError(f"{str(path)!r} has no frame from {first.start} on: give an earlier start in data.crop")
        return np.stack(kept)

    return part


@contextlib.contextmanager
def _forking() -> Iterator[None]:
    """Silence the warning with which JAX meets every fork: ffmpeg replaces the fork at once, which is safe."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\)", RuntimeWarning)
        yield
