"""The settings of the fits on which the paper's properties are measured."""

from dataclasses import dataclass

from inrr_jax.data.kinds import picture
from inrr_jax.data.settings import MaskSettings
from inrr_jax.fields import siren
from inrr_jax.options import Options, at_least
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import Settings, TrainSettings

SMALL = Settings(
    data=picture.Config(size=128, grey=True),
    mask=MaskSettings(mode="text", rate=0.125),
    field=siren.Config(width=128, omega=30.0),
    regularizer=RegularizerSettings(inrr=inrr.Config(weight=0.13)),
    train=TrainSettings(steps=400, chunk=10),
)
"""The settings of configs/baboon.py, at half the picture's side length and half the width, and with fewer steps."""


@dataclass(frozen=True)
class FiguresSettings(Options):
    """The fit that every measurement varies, the number of its repetitions, and the size of the small picture."""

    fit: Settings = SMALL
    """Settings that all fits start from. The measurements vary the field, the regulariser and the seeds. States are
    recorded after every train.chunk steps."""
    seeds: int = at_least(3, 1)
    """Repetitions, with the seeds 0, 1, ... for both the mask and the initialisation."""
    small: int = at_least(64, 8)
    """Longest side in pixels of the picture on which `momentum` computes gradients over the whole grid."""
