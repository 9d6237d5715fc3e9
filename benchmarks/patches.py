"""The parts of a fill on a graph of patches and of its refinement: processor seconds of each.

    python -m benchmarks.patches [--rounds 3]

A picture of 256 x 256 pixels in grey or colour, with half of its pixels missing at random or 3 % under writing. The
seconds are those of all cores without compilation, medians over the rounds. The floor of a search is the time that its
products with filters would take one core at the rate of a large product in float32. About two minutes on two CPU cores.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import measure, step
from inrr_jax import plots
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.data import images, masks
from inrr_jax.priors import conditional, feedback, patch_graph, patch_search

CASES = {
    "camera, half": ("camera", ("random", 0.5)),
    "camera, writing": ("camera", ("text", 0.03)),
    "astronaut in colour, half": ("astronaut", ("random", 0.5)),
}
SIDE = 256
PRODUCT = 2048
"""Side of the matrices of the product whose rate is the machine's."""
PARTS = ("search", "graph", "interpolation", "low_rank", "gaussian")
COLUMNS = {"picture, missing": "{case}", "floor of the search": "{floor:.2f}", "search": "{search[median]:.2f}"}
COLUMNS |= {"search and weights": "{graph[median]:.2f}", "interpolation": "{interpolation[median]:.2f}"}
COLUMNS |= {"low-rank round": "{low_rank[median]:.2f}", "Gaussian round": "{gaussian[median]:.2f}"}


def parts(name: str, side: int = SIDE) -> dict[str, Callable[[], Any]]:
    """Return the parts of a fill and of its refinement by name, each for the harmonic fill of a case."""
    picture, missing = CASES[name]
    image = images.load(picture, size=side)
    mask = np.asarray(masks.make(jax.random.key(0), (side, side), *missing))
    start = harmonic(image, mask)
    rows = patch_graph.residual_rows(start, mask)
    return {
        "search": lambda: patch_graph.neighbors_of_missing(start, mask, patch_graph.NEIGHBORS, patch_graph.SIGMA),
        "graph": lambda: patch_graph.residual_rows(start, mask),
        "interpolation": lambda: patch_graph.interpolate(rows, image, mask, start),
        "low_rank": lambda: next(feedback.rounds(image, mask, start)),
        "gaussian": lambda: next(conditional.rounds(image, mask, start)),
    }


def operations(side: int) -> int:
    """Return the operations of a search's products, for all pixels of a picture of whole blocks."""
    taps = patch_search._taps(patch_graph.SIGMA).size
    block, inner = patch_search.SIDE, patch_search.SIDE + taps - 1
    shifts = (2 * patch_search.WINDOW_RADIUS + 1) ** 2 - 1
    return 2 * (inner * inner * block + inner * block * block) * shifts * (side // block) ** 2


def rate(rounds: int) -> float:
    """Return the operations per processor second of a large product in float32."""
    product = step.product("float32", PRODUCT)
    product()  # compiles
    return 2 * PRODUCT**3 / float(np.median([measure.processor_seconds(product) for _ in range(rounds)]))


def figure(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw the seconds of all parts, one panel for each case."""
    plots.bars(path, {f"{each['case']}: processor seconds": {part: each[part] for part in PARTS} for each in rows})


def row(name: str, rounds: int, peak: float, side: int = SIDE) -> dict[str, Any]:
    """Return quartiles of the seconds of all parts of a case, and the floor of its search if all pixels are wanted."""
    timed = {part: partial(measure.processor_seconds, call) for part, call in parts(name, side).items()}
    turns = measure.alternate(timed, rounds)
    floor = operations(side) / peak if "half" in name else None
    return {"case": name, "floor": floor, **{part: measure.quartiles(values) for part, values in turns.items()}}


def main() -> None:
    """Measure all cases, and write the report and a figure."""
    parser = measure.arguments("patches", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each part")
    flags = parser.parse_args()
    peak = rate(flags.rounds)
    rows = [row(name, flags.rounds, peak) for name in CASES]
    text = f"{measure.table(rows, COLUMNS)}\n\nProducts: {peak / 1e9:.0f} billion operations per processor second"
    measure.write(flags.workdir, "patches", {"rows": rows, "rate": peak}, text)
    figure(flags.workdir / "patches.png", rows)


if __name__ == "__main__":
    main()
