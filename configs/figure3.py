"""Figure 3 of INRR: how well a SIREN alone generalises, over omega and missing rate, under two kinds of mask.

    inrr-jax sweep --config=figure3 --workdir=runs/figure3

300 fits of the baboon at 64 x 64 in two to five minutes on two CPU cores (with and without bfloat16): five missing
rates, six omegas, uniformly random masks and masks whose missing rate grows from left to right, five seeds of mask and
fit. Expected: the PSNR falls above omega = 20 (docs/sweeps.md). Variant `:large` has 128 x 128 pixels, the width 128
and three seeds, and takes 16 minutes without bfloat16. Variant `:paper` has the paper's optimisation, two missing rates
and one seed, and takes 18 minutes: with 10 % missing omega = 5 is best, with 90 % it is 20. Variant `:smoke` takes
seconds.
"""

import ml_collections

from inrr_jax.experiments import presets
from inrr_jax.experiments.sweep_grid import SweepSettings

SMOKE = {
    **presets.SWEEP_SMOKE,
    "axes": (("mask.rate", (0.3, 0.7)), ("field.omega", (5.0, 20.0)), ("seed+mask.seed", (0, 1))),
}
OMEGAS = (5.0, 8.0, 12.5, 20.0, 32.0, 50.0, 80.0)
"""In about equal ratios."""


def _axes(rates: tuple[float, ...], omegas: tuple[float, ...], seeds: int) -> tuple:
    return (
        ("mask.mode", ("random", "density")),
        ("mask.rate", rates),
        ("field.omega", omegas),
        ("seed+mask.seed", tuple(range(seeds))),
    )


RATES = (0.1, 0.3, 0.5, 0.7, 0.9)
LARGE = {"fit.data.size": 128, "fit.field.width": 128, "axes": _axes(RATES, OMEGAS[1:], 3)}
PAPER = {
    **{f"fit.{name}": value for name, value in presets.PAPER.items()},
    "fit.train.chunk": 1000,
    "axes": _axes((0.1, 0.9), OMEGAS[:-2], 1),
}


def get_config(variant: str = "") -> ml_collections.ConfigDict:
    """Return the config of the given variant."""
    config = presets.to_config(SweepSettings())
    config.fit.data.update(size=64, grey=True)
    config.fit.field.width = 64
    config.fit.regularizer.name = "none"
    config.fit.train.steps = 400
    config.axes = _axes(RATES, OMEGAS[:-1], 5)
    return presets.vary(config, variant, {"smoke": SMOKE, "large": LARGE, "paper": PAPER})
