"""Recover the missing pixels of a picture, and write the recovered picture with its bits per channel and its alpha.

inrr-jax inpaint PICTURE MASK -o OUT.png [--config.NAME=VALUE ...]

MASK is a picture of the same size, bright where PICTURE is good and dark where it is damaged, or the other way round
with --config.mask.observed=dark. OUT is a .png or a .tif. The settings are those of configs/inpaint.py. Pictures of
more than 512 x 512 pixels are recovered in tiles: after Ctrl-C, finished ones are kept in OUT.png.tiles, and the same
command resumes. `inrr-jax train --config=inpaint` recovers smaller pictures with checkpoints, figures and scores in a
work directory.
"""

import shutil
import time
from pathlib import Path

import numpy as np
from absl import flags
from jaxtyping import Float
from ml_collections import ConfigDict

from inrr_jax import metrics
from inrr_jax.data import images, loading, saving
from inrr_jax.data.kinds import DataConfig
from inrr_jax.errors import UserError
from inrr_jax.io import workdir
from inrr_jax.io.arrays import Arrays
from inrr_jax.options import to_mapping
from inrr_jax.problem import Problem
from inrr_jax.recipes import inpaint as recipe
from inrr_jax.recipes import tiles
from inrr_jax.settings import Settings
from inrr_jax.training import fit

from . import cli
from .progress import Progress

OUTPUT = flags.DEFINE_string("output", None, "The file that is written, a .png or a .tif.", short_name="o")


def main(config: ConfigDict, folder: Path | None, names: list[str]) -> None:
    """Recover the picture that the first name is, under the mask that the second is."""
    output = _output(folder)
    if len(names) != 2:
        raise UserError(f"{len(names)} files are given: give the picture, the mask and -o OUT.png")
    cli.check_picture(config)
    config.data.image, config.mask.path = names
    settings = cli.settings(config, Settings)
    problem = loading.load(settings.data, settings.mask)
    fit.check_size(problem.domain, settings)
    known, mask = problem.measurements, np.asarray(problem.operator.mask)
    original = _original(settings.data, known)
    saving.check(output, original)
    size = " x ".join(map(str, problem.domain.shape))
    print(f"{names[0]}: {size}, {100 * (1 - mask.mean()):.1f} % missing", flush=True)
    start, chosen = time.perf_counter(), recipe.unless_default(settings)
    if chosen is None and tiles.suits(mask):
        recovered = _in_tiles(problem, settings, output.with_name(f"{output.name}.tiles"))
    else:
        recovered = recipe.recover(problem, chosen, log=cli.log)
    saving.save_like(output, metrics.paste(recovered, known, mask), original)
    print(f"{time.perf_counter() - start:.0f} s; written to {output}")


def _original(data: DataConfig, known: Float[np.ndarray, "H W C"]) -> np.ndarray:
    """Return the pixels as stored, whose type and alpha the result has; 8 bits without alpha for a changed picture."""
    original = images.read_original(data.image)
    colours = original.shape[2] - (original.shape[2] in (2, 4)) if original.ndim == 3 else 1
    if original.dtype in (np.uint8, np.uint16) and (*original.shape[:2], colours) == known.shape:
        return original
    return np.zeros(known.shape, np.uint8)


def _in_tiles(problem: Problem, settings: Settings, folder: Path) -> Float[np.ndarray, "H W C"]:
    """Recover a large picture, with finished tiles in a folder until all are finished."""
    workdir.claim(folder, to_mapping(settings), problem.digest)
    mask = np.asarray(problem.operator.mask)
    with cli.Stopping() as stop, Progress(int((~mask).sum()), unit="pixel") as shown:

        def progress(done: int, total: int) -> None:
            shown.advance(done)
            if stop.asked and done < total:
                raise cli.Interrupted(f"stopped: {folder} keeps the finished tiles; {cli.RESUME}")

        recovered = tiles.recover(problem.measurements, mask, Arrays(folder), cli.log, progress)
    shutil.rmtree(folder)
    return recovered


def _output(folder: Path | None) -> Path:
    """Return the path to write to, checked before anything is computed."""
    if folder:
        raise UserError("inpaint has no work directory: leave out --workdir, or use inrr-jax train --config=inpaint")
    if not OUTPUT.value:
        raise UserError("-o is missing: give the file to write, such as -o out.png")
    path = Path(OUTPUT.value)
    if not path.parent.is_dir():
        raise UserError(f"-o {path}: there is no folder {path.parent}")
    existed = path.exists()
    try:
        path.open("ab").close()  # changes nothing in a file that is there
    except OSError as error:
        raise UserError(f"-o {path} cannot be written ({error.strerror}): give another file") from None
    if not existed:
        path.unlink()
    return path


if __name__ == "__main__":
    cli.run(main, names=True, default="inpaint")
