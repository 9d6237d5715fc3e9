"""What the properties are shown on."""

from dataclasses import dataclass

from inrr_jax.settings import (
    DataSettings,
    FieldSettings,
    RegularizerSettings,
    Settings,
    TrainSettings,
    WeightSettings,
    at_least,
)

SMALL = Settings(
    data=DataSettings(size=128, grey=True),
    field=FieldSettings(width=128, omega=30.0),
    regularizer=RegularizerSettings(weight=WeightSettings(inrr=0.13)),
    train=TrainSettings(steps=400, chunk=10),
)
"""The recipe of configs/baboon.py at half the picture's length, half the width and fewer steps."""


@dataclass(frozen=True)
class FiguresSettings:
    """A fit, and how often it is repeated and looked at."""

    fit: Settings = SMALL
    """What every property starts from; its field, regulariser, omega, mask rate and seeds are varied."""
    seeds: int = at_least(3, 2)
    """Repetitions, each with its own mask and initialisation: 0, 1, ..."""
    picture: int = at_least(256, 8)
    """Longest side in pixels of figure2's picture."""
    small: int = at_least(64, 8)
    """Longest side in pixels where there are whole gradients (momentum's directions)."""
