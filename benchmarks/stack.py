"""What the fills of the stack begin with: the harmonic fill, a coarser picture, or each other.

    python -m benchmarks.stack

Four of scikit-image's pictures in grey (256 x 256 pixels, one draw of each mask). The three fills on graphs of patches
have four rounds each, from the harmonic fill or from the picture at half the size, or are a chain. The recipe has both
chains where holes are deep, and that from a coarser picture in tiles. The scores are those of the mean of the fills,
before and after three rounds of Gaussian models, as in tiles with few missing pixels. Seconds are those of all cores
without compilation. About ten minutes on two CPU cores.
"""

import itertools
import time
from collections.abc import Callable
from statistics import mean
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from inrr_jax import metrics
from inrr_jax.baselines import patch_fill
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.wnll import wnll
from inrr_jax.data import images, masks
from inrr_jax.operators.masking import paste
from inrr_jax.priors import refinement
from inrr_jax.recipes import stacking
from inrr_jax.recipes.tiles import weights
from inrr_jax.types import Fill, Image, Mask

PICTURES = ("coffee", "brick", "camera", "chelsea")
MASKS = {"scratches": ("text+scratches", 0.05), "text": ("text", 0.125), "half": ("random", 0.5)}
BOXES = 2
"""Draws of a mask with two holes of 30 x 40 and 30 x 30 pixels."""
SIDE = 256
COLUMNS = {"missing": "{missing}", "picture": "{picture}", "fills": "{fills}", "CPU seconds": "{cpu:.1f}"}
COLUMNS |= {"PSNR missing / dB": "{psnr:.2f}", "after Gaussian models": "{refined:.2f}"}


def independent(begin: Callable[[Image, Mask], Image]) -> Callable[..., Float[np.ndarray, "K H W C"]]:
    """Return a function that returns the three fills on graphs, each after four rounds from the same start."""

    def fills(image: Image, mask: Mask) -> Float[np.ndarray, "K H W C"]:
        each, start = (wnll, patch_fill.locally_linear, patch_fill.locally_linear_fine), begin(image, mask)
        return np.stack([fill(image, mask, start=start) for fill in each])

    return fills


def chains(*starts: Fill) -> Callable[..., Float[np.ndarray, "K H W C"]]:
    """Return a function that returns the fills on graphs of the recipe."""
    return lambda image, mask: stacking.fill_all(image, mask, starts)[1:]


VERSIONS: dict[str, Callable[..., Float[np.ndarray, "K H W C"]]] = {
    "four rounds each from the harmonic fill": independent(harmonic),
    "four rounds each from a coarser picture": independent(patch_fill.first_estimate),
    "chain from the harmonic fill": chains(harmonic),
    "chain from a coarser picture": chains(patch_fill.first_estimate),
    "both chains": chains(harmonic, patch_fill.first_estimate),
}


def row(name: str, version: str, damage: str) -> dict[str, Any]:
    """Return the scores and the processor seconds of one recovery."""
    image, mask = case(name, damage)
    VERSIONS[version](image, mask)  # compiles
    start = time.process_time()
    filled = VERSIONS[version](image, mask).mean(axis=0)
    spent = time.process_time() - start
    refined = refinement.candidates(image, mask, paste(filled, image, mask), weights.GAUSSIAN)[-1]
    scores = {
        key: float(metrics.psnr(values, image, ~mask)) for key, values in (("psnr", filled), ("refined", refined))
    }
    return {"missing": damage, "picture": name, "fills": version, "cpu": spent, **scores}


def case(name: str, damage: str) -> tuple[Float[np.ndarray, "H W 1"], Bool[np.ndarray, "H W"]]:
    """Return a picture, and the mask that is named in `MASKS` or by the number of a draw."""
    image = images.load(name, size=SIDE).mean(-1, keepdims=True)
    if damage in MASKS:
        return image, np.asarray(masks.make(jax.random.key(0), (SIDE, SIDE), *MASKS[damage]))
    mask, generator = np.ones((SIDE, SIDE), bool), np.random.default_rng(int(damage.split()[-1]))
    for height, width in ((30, 40), (30, 30)):
        top, left = generator.integers(0, SIDE - height), generator.integers(0, SIDE - width)
        mask[top : top + height, left : left + width] = False
    return image, mask


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each kind of mask and version, with the means over the pictures and draws."""
    kinds = list(dict.fromkeys(r["missing"].split()[0] for r in rows))
    found = []
    for kind, version in itertools.product(kinds, VERSIONS):
        some = [r for r in rows if r["missing"].split()[0] == kind and r["fills"] == version]
        numbers = {key: mean(r[key] for r in some) for key in ("cpu", "psnr", "refined")}
        found.append({"missing": kind, "picture": f"mean of {len(some)}", "fills": version, **numbers})
    return found


def main() -> None:
    """Run every case, and write the report."""
    parser = measure.arguments("stack", __doc__)
    flags = parser.parse_args()
    rows = []
    damages = (*MASKS, *(f"boxes {draw}" for draw in range(1, BOXES + 1)))
    for damage, name, version in itertools.product(damages, PICTURES, VERSIONS):
        rows.append(row(name, version, damage))
        print(measure.table(rows[-1:], COLUMNS).splitlines()[-1], flush=True)
    measure.write(flags.workdir, "stack", {"rows": rows}, measure.table([*rows, *means(rows)], COLUMNS))


if __name__ == "__main__":
    main()
