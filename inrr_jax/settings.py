"""All settings of a fit: the groups that the parts declare, and the groups of the optimiser and of training.

`data` is declared by the Config of each file in data/kinds/, `mask` in data/settings.py, `field` by the Config of each
file in fields/, the terms of `regularizer` by the configs in regularizers/, and all other groups here.
"""

from dataclasses import dataclass
from typing import Any

from inrr_jax.data.kinds import KINDS, DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.fields import FIELDS, FieldConfig, siren
from inrr_jax.fields.factorised import tucker
from inrr_jax.fields.tables import grid
from inrr_jax.options import MAX_SEED, Options, at_least, choice, hyper, variant
from inrr_jax.regularizers import RegularizerSettings, SumOfTerms


@dataclass(frozen=True)
class OptimizerSettings(Options):
    """The optimiser. Rates are the peaks of the schedule."""

    name: str = choice("muon", "adam")
    """muon: Muon on the field's square matrices, Adam on all other parameters; adam: Adam everywhere."""
    schedule: str = choice("cosine", "constant")
    """cosine: linear warm-up, then half a cosine to 0 at the last step."""
    warmup: int = at_least(50, 0)
    """Steps of warm-up in the cosine schedule."""
    matrix_rate: float = hyper(0.06, 0.0)
    """Rate of Muon; adam does not use it."""
    momentum: float = at_least(0.9, 0.0, high=0.999)
    """Decay of Muon's momentum; adam does not use it."""
    field_rate: float = hyper(5e-3, 0.0)
    """Rate of Adam on the field's other parameters."""
    square_decay: float = at_least(0.0, 0.0, high=0.9999)
    """Decay of Adam's mean of squared gradients. 0: 0.95 with muon, whose fits are short, and 0.999 with adam."""
    first_scale: float = at_least(0.2, 0.0)
    """Factor on field_rate for the field's first layer, whose weights omega multiplies."""
    laplacian_rate: float = hyper(2e-2, 0.0)
    """Rate of Adam on the parameters of learned Laplacians; 0 keeps the initial ones."""
    freeze_at: int = at_least(0, 0)
    """Step at which the Laplacians stop learning; 0: never."""


@dataclass(frozen=True)
class TrainSettings(Options):
    """The length of a fit, its batches, and how often it is evaluated and saved."""

    steps: int = at_least(700, 1)
    """Optimiser steps."""
    fibers: int = at_least(12, 0)
    """Fibers drawn along every axis in each step; 0: the whole grid in every step."""
    measurements: int = at_least(0, 0)
    """Measurements drawn in each step by operators that evaluate points of their own; 0: all. Masking does not use
    it."""
    chunk: int = at_least(50, 1)
    """Steps per compiled call; evaluation, checkpoints and Ctrl-C wait for its end."""
    evaluate_every: int = at_least(100, 1)
    """Steps between evaluations of the whole signal."""
    checkpoint_every: int = at_least(300, 1)
    """Steps between checkpoints."""


@dataclass(frozen=True)
class PriorSettings(Options):
    """The splitting loop, whose recovery is the guide of pictures that are measured through an operator."""

    start: str = choice("tikhonov", "tv")
    """The first estimate: Tikhonov's with a small weight, or total variation with one that held-out measurements
    choose, which takes longer and helps where little is measured."""
    rounds: int = at_least(12, 1)
    weight: float = at_least(0.05, 0.0, above=True)
    """Rho: ties the data steps to the denoised values; 1 gives an entry as much weight as a measurement."""
    noise: float = at_least(0.06, 0.0, above=True)
    """Standard deviation of the noise that the first prior step removes, for values in about [0, 1]. `levels` replace
    it."""
    levels: tuple = ()
    """Several values in the place of `noise`: the guide is then a combination of a loop for each, and of the first
    estimate, with weights that held-out measurements choose (recipes/inverse/guides.py)."""
    decay: float = at_least(0.5, 0.0, above=True)
    """That of the last prior step divided by that of the first; those in between are a geometric sequence."""
    feedback: bool = True
    """Whether the dual variable of ADMM feeds back what the prior steps have removed."""


@dataclass(frozen=True)
class TuneSettings(Options):
    """The choice of settings from the measurements alone (recipes/inverse/tuning.py)."""

    axes: tuple = ()
    """Settings by dotted name with their candidates, ((NAME, VALUES), ...); all combinations are tried."""
    rule: str = choice("holdout", "discrepancy", "sure")
    """holdout: the smallest misfit of measurements that are held out. discrepancy: the largest misfit that is not above
    the variance of the noise. sure: Stein's unbiased risk estimate, for Gaussian noise on the values themselves."""
    share: float = at_least(0.1, 0.0, above=True, high=0.5)
    """Of the measurements that are held out."""


@dataclass(frozen=True)
class Settings(Options):
    """Everything that defines a run: two runs with equal settings and equal data are the same run."""

    seed: int = at_least(0, 0, high=MAX_SEED)
    """Seed of the initial parameters and of the fibers drawn. The mask has a seed of its own."""
    data: DataConfig = variant(KINDS, "picture")
    mask: MaskSettings = MaskSettings()
    field: FieldConfig = variant(FIELDS, "siren")
    regularizer: SumOfTerms = RegularizerSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    train: TrainSettings = TrainSettings()
    prior: PriorSettings = PriorSettings()
    tune: TuneSettings = TuneSettings()
    correction: str = choice("none", "harmonic", "biharmonic", "stacked", "blended")
    """What follows the fit (docs/method.md). harmonic, biharmonic: the residual at the observed pixels is filled in
    everywhere and added. stacked: the stack of fills of the guide fills it in, followed by low-rank patch groups and
    blending. These are for pictures. blended: a combination with completions, for signals with any number of axes."""


def check_settings(settings: Any) -> None:
    """Refuse what is neither settings nor None.

    Raises:
        UserError: it is something else, such as a dictionary.
    """
    if settings is not None and not isinstance(settings, Settings):
        raise UserError(f"settings={settings!r} is no Settings: give inrr_jax.Settings(...) or None")


RECIPE = Settings(
    field=siren.Config(width=192),
    regularizer=RegularizerSettings(name="guide"),
    train=TrainSettings(steps=400),
    correction="stacked",
)
"""The settings that recover missing pixels best (docs/quality.md). The defaults of `Settings` are the paper's INRR."""

COMPLETION = Settings(
    field=tucker.Config(),
    regularizer=RegularizerSettings(name="none"),
    optimizer=OptimizerSettings(name="adam", field_rate=3e-3),
    train=TrainSettings(steps=600, fibers=0),
    correction="blended",
)
"""The settings that complete signals with any number of axes (docs/completion.md)."""

RECONSTRUCTION = Settings(
    field=grid.Config(),
    regularizer=RegularizerSettings(name="guide"),
    optimizer=OptimizerSettings(name="adam", field_rate=1e-3),
    train=TrainSettings(steps=50, fibers=0, chunk=25),
    tune=TuneSettings(axes=(("prior.weight", (0.01, 0.05, 0.2)), ("prior.noise", (0.03, 0.06, 0.12)))),
)
"""The settings that recover pictures from measurements through an operator (docs/inverse.md)."""

INTERPOLATION = Settings(
    field=siren.Config(width=128),
    regularizer=RegularizerSettings(name="guide"),
    train=TrainSettings(steps=400, measurements=4096),
)
"""The settings of a network that interpolates scattered points, guided by kriging (docs/scattered.md)."""
