"""The chain of fills that tiles are recovered by, against fills that each build their own graphs from the start.

    python -m benchmarks.tile_fills

Four of scikit-image's pictures in grey (300 x 320 pixels, one draw of each mask): the mean of the three fills on graphs
after one, two and four rounds each, and that of the chain; before and after three rounds of Gaussian models. Seconds
are those of all cores without compilation. About ten minutes on two CPU cores.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from inrr_jax import metrics
from inrr_jax.baselines.patch_fill import locally_linear, locally_linear_fine
from inrr_jax.baselines.wnll import wnll
from inrr_jax.data import images, masks
from inrr_jax.operators.masking import paste
from inrr_jax.priors import conditional
from inrr_jax.recipes.tiles import chain, weights

PICTURES = ("coffee", "brick", "camera", "chelsea")
MASKS = {"scratches": ("text+scratches", 0.01), "text": ("text", 0.06), "half": ("random", 0.5)}
SHAPE = (300, 320)
ROUNDS = weights.GAUSSIAN.conditional[-1]
"""Of Gaussian models, as in tiles with few missing pixels."""
COLUMNS = {"missing": "{missing}", "picture": "{picture}", "fills": "{fills}", "CPU seconds": "{cpu:.1f}"}
COLUMNS |= {"PSNR missing / dB": "{psnr:.2f}", "after Gaussian models": "{refined:.2f}"}


def independent(rounds: int) -> Callable[..., Float[np.ndarray, "K H W C"]]:
    """Return a function that returns the three fills on graphs, each after so many rounds from the harmonic fill."""
    return lambda image, mask: np.stack(
        [f(image, mask, rounds=rounds) for f in (wnll, locally_linear, locally_linear_fine)]
    )


VERSIONS: dict[str, Callable[..., Float[np.ndarray, "K H W C"]]] = {
    **{f"{rounds} rounds each": independent(rounds) for rounds in (1, 2, 4)},
    "chain": lambda image, mask: chain.fills(image, mask)[1:],
}


def row(name: str, version: str, damage: str) -> dict[str, Any]:
    """Return the scores and the processor seconds of one recovery."""
    image, mask = case(name, damage)
    VERSIONS[version](image, mask)  # compiles
    start = time.process_time()
    mean = VERSIONS[version](image, mask).mean(axis=0)
    spent = time.process_time() - start
    refined = list(itertools.islice(conditional.rounds(image, mask, paste(mean, image, mask)), ROUNDS))[-1]
    scores = {key: metrics.psnr(values, image, ~mask) for key, values in (("psnr", mean), ("refined", refined))}
    return {"missing": damage, "picture": name, "fills": version, "cpu": spent, **scores}


def case(name: str, damage: str) -> tuple[Float[np.ndarray, "H W 1"], Bool[np.ndarray, "H W"]]:
    """Return a picture and its mask."""
    image = images.load(name).mean(-1, keepdims=True)[: SHAPE[0], : SHAPE[1]]
    return image, np.asarray(masks.make(jax.random.key(5), SHAPE, *MASKS[damage]))


def main() -> None:
    """Run every case, and write the report."""
    parser = measure.arguments("tile_fills", __doc__)
    flags = parser.parse_args()
    rows = []
    for damage, name, version in itertools.product(MASKS, PICTURES, VERSIONS):
        rows.append(row(name, version, damage))
        print(measure.table(rows[-1:], COLUMNS).splitlines()[-1], flush=True)
    measure.write(flags.workdir, "tile_fills", {"rows": rows}, measure.table(rows, COLUMNS))


if __name__ == "__main__":
    main()
