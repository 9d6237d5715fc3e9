"""Every setting of a fit, with its default, unit and meaning: the frozen dataclasses that a config becomes."""

import dataclasses
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inrr_jax.errors import UserError, unknown

KRIGINGS = ("harmonic", "biharmonic", "stacked")
"""What may come after a fit; see `Settings.kriging`."""


def choice(default: str, *others: str) -> Any:
    """Declare a word by its default and the other ones that are accepted."""
    return field(default=default, metadata={"choices": (default, *others)})


def _sum_of(default: str, *others: str, alone: str = "") -> Any:
    """Declare a sum of different terms, `a+b`; the one that is `alone` stands in no other."""
    terms = (default, *others, *([alone] if alone else []))
    return field(default=default, metadata={"terms": terms, "alone": alone})


def at_least(
    default: int | float, low: int | float, *, above: bool = False, high: int | float = sys.float_info.max
) -> Any:
    """Declare a number by its default and its range; `low` is outside of it if `above`."""
    return field(default=default, metadata={"low": low, "above": above, "high": high})


_MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class DataSettings:
    """Which picture."""

    image: str = "baboon"
    """A bundled name or the path of a picture."""
    size: int = at_least(0, 0)
    """Longest side in pixels to resize to, proportions kept; 0: as it is."""
    grey: bool = False
    """Reduce colour to one channel of ITU-R 601 luma."""
    truth: bool = True
    """Whether the picture is whole, the mask only hiding parts of it: then errors on missing pixels can be told. False:
    it is damaged, and what lies under the mask is junk."""


@dataclass(frozen=True)
class MaskSettings:
    """Which of its pixels are observed."""

    mode: str = _sum_of(
        "random",
        "patch",
        "text",
        "density",
        "blocks",
        "grid",
        "rows",
        "columns",
        "stripes",
        "diagonal",
        "border",
        "file",
    )
    """One, or several as text+random: what any of them misses is missing. docs/masks.md shows them."""
    rate: float = at_least(0.5, 0.0, above=True)
    """Share of missing pixels, in (0, 1); of each where there are several. Not used by file, blocks (a half is missing)
    and grid."""
    size: int = at_least(4, 1)
    """Pixels: side of the tiles of blocks, factor of grid, period of stripes and diagonal. Not used by the others."""
    profile: str = choice("linear", "radial", "halves")
    """Where density misses more than elsewhere: to the right, away from the centre, in the right half."""
    seed: int = at_least(0, 0, high=_MAX_SEED)
    """Seed of the mask alone; the fit has its own."""
    path: str = ""
    """The picture or .npy array that mode file reads; it has the size of the image as it is fitted."""
    threshold: float = at_least(0.5, 0.0, high=1.0)
    """Grey value in [0, 1] that tells observed from missing in that file."""
    observed: str = choice("bright", "dark")
    """Which side of the threshold is observed."""


@dataclass(frozen=True)
class FieldSettings:
    """What represents the signal: a network from position to value, or a product of matrices on the grid."""

    name: str = choice("siren", "relu", "fourier", "dmf", "inrz")
    """siren: sine layers (Sitzmann et al., NeurIPS 2020); relu: ReLU layers; fourier: the same on random Fourier
    features (Tancik et al., NeurIPS 2020); dmf: deep matrix factorisation (Arora et al., NeurIPS 2019);
    inrz: a siren that is also given what its neighbours were in the recovery of a first fit, the same with siren and
    without regulariser (INR-Z: Li et al., CVPR 2023, figure 1c)."""
    width: int = at_least(256, 1)
    """Of a network's layers."""
    depth: int = at_least(5, 1)
    """Number of a network's sine or ReLU layers."""
    neighbors: str = choice("lines", "patch")
    """Of inrz. lines: all of a pixel's row and of its column; patch: those around it."""
    reach: int = at_least(2, 1)
    """Pixels from the centre of inrz's patch to its sides."""
    factors: int = at_least(3, 2)
    """Number of dmf's factors."""
    scale: float = at_least(1e-3, 0.0, above=True)
    """Of dmf's product at the start, whose entries are scale / sqrt(H): small, so that its rank grows from one."""
    omega: float = at_least(0.0, 0.0)
    """Radians per half of the longest side: frequency factor of siren's first layer, or of fourier's features; not
    used by relu and dmf. 0: 15 for every 256 pixels of that side, so that a pixel's detail is the same in every size,
    and 30 with the term extension, which holds what that would let loose.
    The paper has 30 at 256 pixels. A knob."""
    hidden_omega: float = at_least(1.0, 0.0, above=True)
    """Factor in the other layers, divided out of their initial weights: 1 as in INRR, 30 as in SIREN."""
    sine: str = choice("fast", "exact")
    """fast: one polynomial, within 8e-6 (numerics.py); exact: XLA's own."""
    precision: str = choice("auto", "float32", "bfloat16")
    """Operands of the matrix products, which always sum in float32; auto: what this machine gains by."""
    tile: int = at_least(4096, 0)
    """Points evaluated at once, the rest recomputed in the backward pass; 0: all at once. Batches under two tiles
    are never cut."""
    sharded: bool = False
    """Whether all devices share the points of a network, for one large fit. Many small ones are swept instead."""


@dataclass(frozen=True)
class WeightSettings:
    """Weights of the terms in `regularizer.name`, which are in mean form: the same at every size. Knobs.

    Times 1 / (H W) they are those of the sum form.
    """

    extension: float = at_least(1.0, 0.0)
    inrr: float = at_least(0.03, 0.0)
    """Published for 256 x 256: 0.0655 (1e-6 in sum form), also for a frozen Laplacian."""
    air: float = at_least(0.655, 0.0)
    """As published for 256 x 256 (1e-5 in sum form)."""
    grid: float = at_least(0.03, 0.0)
    tv: float = at_least(0.01, 0.0)
    tv_anisotropic: float = at_least(0.01, 0.0)
    tikhonov0: float = at_least(3e-4, 0.0)
    tikhonov2: float = at_least(0.01, 0.0)
    weight_decay: float = at_least(0.01, 0.0)


@dataclass(frozen=True)
class RegularizerSettings:
    """What is added to the fidelity."""

    name: str = _sum_of(
        "inrr",
        "extension",
        "air",
        "grid",
        "tv",
        "tv_anisotropic",
        "tikhonov0",
        "tikhonov2",
        "weight_decay",
        alone="none",
    )
    """A sum of terms, such as inrr+tv, or none. Dirichlet energies, of the rows and of the columns, whose Laplacian
    is: inrr: from a tiny network, smooth by construction; air: from a free matrix (AIR: Li et al., 2022); grid: that
    of the fixed graph of neighbours, which is Tikhonov's energy of order 1. extension: squared distance, where
    nothing is observed, from the observed values continued by several fills, most of all by likeness of patches, in
    the proportion that held-out pixels choose, less what groups of patches do not share (stacking.py).
    tv: isotropic total variation, which needs half as many points again per step; tv_anisotropic; tikhonov0,
    tikhonov2: of these orders; weight_decay: mean square of the field's weights."""
    weight: WeightSettings = WeightSettings()
    width: int = at_least(32, 1)
    """Of inrr's tiny network, as are depth, omega, rank and energy."""
    depth: int = at_least(5, 1)
    omega: float = at_least(5.0, 0.0, above=True)
    """Of the tiny SIREN's first layer: how fast the Laplacian may vary along an axis."""
    rank: int = at_least(256, 1)
    """Columns of the factor G of the adjacency; never more than the axis has nodes."""
    energy: str = choice("matrix_free", "dense")

    @property
    def terms(self) -> tuple[str, ...]:
        """The names in the sum; nothing for none."""
        return () if self.name == "none" else tuple(self.name.split("+"))


@dataclass(frozen=True)
class OptimizerSettings:
    """How parameters move. The rates are peaks of the schedule, and knobs."""

    name: str = choice("muon", "adam")
    """muon: Muon on the field's square matrices, Adam on all else; adam: Adam everywhere."""
    schedule: str = choice("cosine", "constant")
    """cosine: linear warm-up, then half a cosine to 0 at the last step."""
    warmup: int = at_least(50, 0)
    """Steps of warm-up in the cosine schedule."""
    matrix_rate: float = at_least(0.04, 0.0)
    """Of Muon. Not used by adam."""
    field_rate: float = at_least(5e-3, 0.0)
    """Of Adam on the field's other parameters."""
    first_scale: float = at_least(0.2, 0.0)
    """Times field_rate: the rate of the field's first layer, whose weights omega multiplies."""
    laplacian_rate: float = at_least(2e-2, 0.0)
    """Of Adam on what learns the Laplacians; 0 leaves them as they are at the start. air wants about 0.2: every entry
    of its matrix moves on its own."""
    freeze_at: int = at_least(0, 0)
    """Step from which on the Laplacians stay as they are then; 0: they learn to the end."""


@dataclass(frozen=True)
class TrainSettings:
    """How long, and what is looked at on the way."""

    steps: int = at_least(900, 1)
    fibers: int = at_least(12, 0)
    """Rows and columns drawn per step, of each; 0: the whole grid every step."""
    chunk: int = at_least(50, 1)
    """Steps per compiled call; evaluation, checkpoints and Ctrl-C wait for its end."""
    evaluate_every: int = at_least(100, 1)
    checkpoint_every: int = at_least(300, 1)


@dataclass(frozen=True)
class Settings:
    """Everything that defines a run: two runs with equal settings are the same run."""

    seed: int = at_least(0, 0, high=_MAX_SEED)
    """Of the initialisation and of the fibres drawn."""
    data: DataSettings = DataSettings()
    mask: MaskSettings = MaskSettings()
    field: FieldSettings = FieldSettings()
    regularizer: RegularizerSettings = RegularizerSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    train: TrainSettings = TrainSettings()
    kriging: str = choice("none", *KRIGINGS)
    """How the misfit at observed pixels is filled in between them and added to the recovery, once it is fitted: not,
    by one of these fills, or by the stack of fills that the term extension has; then groups of patches are formed, as
    they are for the extension, and it is weighed beside that and the stack, by a second fit (training.finish)."""


RECIPE = Settings(
    field=FieldSettings(width=192),
    regularizer=RegularizerSettings(name="extension"),
    train=TrainSettings(steps=400),
    kriging="stacked",
)
"""What recovers missing pixels best (docs/quality.md). The defaults are the paper's INRR."""


def from_mapping(mapping: Mapping[str, Any], cls: type = Settings, prefix: str = "") -> Any:
    """Turn a nested mapping (a ConfigDict) into the frozen dataclass `cls`, refusing what it does not know.

    Raises:
        UserError: an unknown key, a wrong type, an unknown choice or a number out of range; the message names the
            setting and what is accepted.
    """
    hints = typing.get_type_hints(cls)
    accepted = {f.name: f for f in dataclasses.fields(cls)}
    for key in mapping:
        if key not in accepted:
            raise UserError(unknown(f"setting {prefix}{key}", key, accepted))
    values = {}
    for key, value in mapping.items():
        path = f"{prefix}{key}"
        if dataclasses.is_dataclass(hints[key]):
            if not isinstance(value, Mapping):
                raise UserError(f"{path}={value!r} is no group of settings: give NAME=VALUE pairs")
            values[key] = from_mapping(value, hints[key], f"{path}.")
        else:
            values[key] = _checked(path, value, hints[key], accepted[key].metadata)
    return cls(**values)


_EXAMPLES = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a word or path",
    tuple: "a tuple",
}


def _checked(path: str, value: Any, kind: type, limits: Mapping[str, Any]) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise UserError(f"{path}={value!r} is no {kind.__name__}: give {_EXAMPLES[kind]}")
    if "choices" in limits and value not in limits["choices"]:
        raise UserError(unknown(f"{path}={value}", str(value), limits["choices"]))
    if "terms" in limits:
        _check_sum(path, str(value), limits["terms"], limits["alone"])
    if "low" in limits:
        low, high = limits["low"], limits["high"]
        if not (low <= value <= high) or (limits["above"] and value == low):
            below = f" and at most {high:g}" if high != sys.float_info.max else ""
            bounds = f"{'above' if limits['above'] else 'of at least'} {low:g}{below}"
            raise UserError(f"{path}={value} is out of range: give a number {bounds}")
    return value


def _check_sum(path: str, value: str, accepted: tuple[str, ...], alone: str) -> None:
    names = value.split("+")
    for name in names:
        if name not in accepted:
            raise UserError(unknown(f"{path}={name}", name, accepted))
    if len(set(names)) < len(names):
        raise UserError(f"{path}={value} has a term twice: give each once, and it a weight of its own")
    if alone in names and len(names) > 1:
        raise UserError(f"{path}={value} adds to {alone}: give {alone} alone, or a sum of others")


def to_mapping(settings: Settings) -> dict[str, Any]:
    """Return the settings as nested dictionaries of plain values: the inverse of `from_mapping`."""
    return dataclasses.asdict(settings)


def change(settings: Any, changes: Mapping[str, Any]) -> Any:
    """Return nested frozen dataclasses with the dotted names changed.

    Raises:
        UserError: an unknown name, or a value that it does not take.
    """
    mapping = dataclasses.asdict(settings)
    for name, value in changes.items():
        *groups, last = name.split(".")
        inner = mapping
        for group in groups:
            inner = inner.get(group)  # type: ignore[assignment]
            if not isinstance(inner, dict):
                raise UserError(unknown(f"setting {name}", name, _names(dataclasses.asdict(settings))))
        inner[last] = value
    return from_mapping(mapping, type(settings))


def _names(mapping: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, value in mapping.items():
        names += _names(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [f"{prefix}{key}"]
    return names


def difference(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[str]:
    """List the dotted names at which two nested mappings differ."""
    names: list[str] = []
    for key in sorted(a.keys() | b.keys()):
        left, right = a.get(key), b.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            names += difference(left, right, f"{prefix}{key}.")
        elif left is not right and left != right:  # a NaN that blanks a knob is itself
            names.append(f"{prefix}{key}")
    return names
