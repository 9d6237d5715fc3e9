"""Recover the missing pixels of a picture, and write the recovered picture as a PNG of 8 bits.

inrr-jax inpaint PICTURE MASK -o OUT.png [--config.NAME=VALUE ...]

MASK is a picture of the same size, bright where PICTURE is good and dark where it is damaged, or the other way round
with --config.mask.observed=dark. The settings are those of configs/inpaint.py. `inrr-jax train --config=inpaint` does
the same with checkpoints, figures and scores in a work directory.
"""

import time
from pathlib import Path

import numpy as np
from absl import flags
from ml_collections import ConfigDict

from inrr_jax import metrics
from inrr_jax.data import images, loading
from inrr_jax.errors import UserError
from inrr_jax.recipes import pipeline
from inrr_jax.settings import Settings
from inrr_jax.training import fit

from . import cli

OUTPUT = flags.DEFINE_string("output", None, "The file that is written, a .png.", short_name="o")


def main(config: ConfigDict, folder: Path | None, names: list[str]) -> None:
    """Recover the picture that the first name is, under the mask that the second is."""
    output = _output(folder)
    if len(names) != 2:
        raise UserError(f"{len(names)} files are given: give the picture, the mask and -o OUT.png")
    config.data.image, config.mask.path = names
    settings = cli.settings(config, Settings)
    problem = loading.load(settings.data, settings.mask)
    fit.check_size(problem.domain, settings)
    known, mask = problem.measurements, np.asarray(problem.operator.mask)
    size = " x ".join(map(str, problem.domain.shape))
    print(f"{names[0]}: {size}, {100 * (1 - mask.mean()):.1f} % missing", flush=True)
    start = time.perf_counter()
    recovered = pipeline.solve(problem, settings, log=lambda line: print(line, flush=True))
    images.save(output, metrics.paste(recovered, known, mask))
    print(f"{time.perf_counter() - start:.0f} s; written to {output}")


def _output(folder: Path | None) -> Path:
    """Return the path to write to, checked before anything is computed."""
    if folder:
        raise UserError("inpaint has no work directory: leave out --workdir, or use inrr-jax train --config=inpaint")
    if not OUTPUT.value:
        raise UserError("-o is missing: give the file to write, such as -o out.png")
    path = Path(OUTPUT.value)
    if path.suffix.lower() != ".png":
        raise UserError(f"-o {path}: give a name that ends in .png")
    if not path.parent.is_dir():
        raise UserError(f"-o {path}: there is no folder {path.parent}")
    return path


if __name__ == "__main__":
    flags.set_default(cli.CONFIG, str(cli.CONFIGS / "inpaint.py"))
    cli.run(main, names=True)
