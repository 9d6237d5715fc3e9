"""Options: declared ranges, conversion from and to mappings, changes by dotted names, and hyper-parameters."""

import dataclasses
import functools
import json
from dataclasses import dataclass

import pytest

from inrr_jax import fields
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.fields import inrz, relu, siren
from inrr_jax.fields.factorised import dmf
from inrr_jax.options import (
    Options,
    all_names,
    at_least,
    change,
    check_names,
    choice,
    convert,
    difference,
    from_mapping,
    hyper,
    hyper_parameters,
    names,
    sum_of,
    to_mapping,
    variant,
    without_hyper_parameters,
)
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import Settings, TrainSettings


@dataclass(frozen=True)
class Example(Options):
    """Every kind of declaration."""

    word: str = choice("a", "b")
    several: str = sum_of("a", "b", alone="none")
    count: int = at_least(3, 1, high=5)
    share: float = at_least(0.5, 0.0, above=True)
    rate: float = hyper(0.1, 0.0)
    flag: bool = False


@dataclass(frozen=True)
class Left(Options):
    """One variant."""

    name: str = choice("left")
    shared: int = 1


@dataclass(frozen=True)
class Right(Options):
    """The other variant."""

    name: str = choice("right")
    shared: int = 1


@dataclass(frozen=True)
class Outer(Options):
    """Groups in a group. It is defined here because the import hook of the tests refuses wrong types in the package."""

    example: Example = Example()
    side: Options = variant({"left": Left, "right": Right}, "left")


def nested(name, value):
    """Turn `a.b` and a value into {"a": {"b": value}}."""
    for key in reversed(name.split(".")):
        value = {key: value}
    return value


def value_of(settings, name):
    return functools.reduce(getattr, name.split("."), settings)


def options_of(group, prefix=""):
    """Yield the dotted name and the declaration of every option in a group and in the groups in it."""
    for option in dataclasses.fields(group):
        value = getattr(group, option.name)
        if dataclasses.is_dataclass(value):
            yield from options_of(value, f"{prefix}{option.name}.")
        else:
            yield f"{prefix}{option.name}", option


def bounds():
    """List every number of the settings, those of all fields included, as (changes to reach it, name, limits)."""
    found = {}
    for field in fields.FIELDS:
        for name, option in options_of(change(Settings(), {"field.name": field})):
            if "low" in option.metadata:
                found.setdefault(name, ({"field.name": field}, name, option.metadata))
    return list(found.values())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tarin", {}, r"setting tarin is unknown: did you mean train\? accepted are .*train"),
        ("train.step", 3, r"setting train\.step is unknown: did you mean steps\?"),
        ("mask.mode", "radnom", r"mask\.mode=radnom is unknown: did you mean random\? accepted are blocks, border, "),
        ("mask.mode", "text+radnom", r"mask\.mode=radnom is unknown: did you mean random\?"),
        ("mask.mode", "text+text", r"mask\.mode=text\+text has a term twice"),
        ("mask.profile", "radail", r"mask\.profile=radail is unknown: did you mean radial\?"),
        ("field.name", "siern", r"field\.name=siern is unknown: did you mean siren\?"),
        ("field.widht", 3, r"setting field\.widht is unknown: did you mean width\?"),
        ("regularizer.name", "inr", r"regularizer\.name=inr is unknown: did you mean inrr\?"),
        ("regularizer.name", "inrr+gird", r"regularizer\.name=gird is unknown: did you mean grid\? accepted are air, "),
        ("regularizer.name", "inrr+air+inrr", r"regularizer\.name=inrr\+air\+inrr has a term twice"),
        ("regularizer.name", "none+inrr", r"regularizer\.name=none\+inrr adds to none: give none alone"),
        ("regularizer.inr.weight", 1.0, r"setting regularizer\.inr is unknown: did you mean inrr\?"),
        ("regularizer.inrr.wieght", 1.0, r"setting regularizer\.inrr\.wieght is unknown: did you mean weight\?"),
        ("regularizer.inrr", 1.0, r"regularizer\.inrr=1\.0 is no group of settings"),
        ("optimizer.name", "adm", r"optimizer\.name=adm is unknown: did you mean adam\? accepted are adam, muon"),
        (
            "correction",
            "hramonic",
            r"correction=hramonic is unknown: did you mean harmonic\? accepted are bi",
        ),
        ("train.steps", 2.5, r"train\.steps=2\.5 is no int: give a whole number"),
        ("train.steps", True, r"train\.steps=True is no int"),
        ("train.steps", "3", r"train\.steps='3' is no int"),
        ("data.grey", 1, r"data\.grey=1 is no bool: give True or False"),
        ("mask.rate", True, r"mask\.rate=True is no float: give a number"),
        ("data.image", 3, r"data\.image=3 is no str: give a word or path"),
        ("mask.rate", float("nan"), r"mask\.rate=nan is out of range: give a number above 0"),
        ("mask.rate", float("inf"), r"mask\.rate=inf is out of range"),
        ("optimizer.field_rate", float("nan"), r"optimizer\.field_rate=nan is out of range"),
        ("mask.threshold", 2.0, r"mask\.threshold=2\.0 is out of range: give a number of at least 0 and at most 1"),
        ("mask.seed", 2**32, r"mask\.seed=4294967296 is out of range"),
        ("mask", 3, "mask=3 is no group of settings"),
        ("field", 3, "field=3 is no group of settings"),
        ("seed", -1, r"seed=-1 is out of range: give a number of at least 0"),
    ],
)
def test_wrong_values_in_a_mapping_are_refused_in_one_line(name, value, message):
    with pytest.raises(UserError, match=f"^{message}") as caught:
        from_mapping(nested(name, value), Settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("construct", "message"),
    [
        (lambda: Settings(train=TrainSettings(steps=0)), r"TrainSettings: steps=0 is out of range: .* at least 1$"),
        (lambda: siren.Config(width=-3), r"inrr_jax\.fields\.siren\.Config: width=-3 is out of range"),
        (lambda: siren.Config(name="relu"), r"siren\.Config: name=relu is unknown: accepted are siren"),
        (lambda: Settings(seed=2**32), r"Settings: seed=4294967296 is out of range: .* at most 4294967295$"),
        (lambda: Settings(correction="hramonic"), r"correction=hramonic is unknown: did you mean harmonic\?"),
        (lambda: MaskSettings(rate=0.0), r"MaskSettings: rate=0\.0 is out of range: give a number above 0"),
        (lambda: RegularizerSettings(name="inrr+inrr"), r"name=inrr\+inrr has a term twice"),
        (lambda: dataclasses.replace(Settings(), seed=-1), "seed=-1 is out of range"),
        (lambda: Example(count=2.5), r"Example: count=2\.5 is no int: give a whole number"),
        (lambda: Example(count=True), "count=True is no int"),
        (lambda: Example(count=6), "count=6 is out of range: give a number of at least 1 and at most 5$"),
        (lambda: Example(flag=1), "flag=1 is no bool: give True or False"),
        (lambda: Example(rate=None), r"rate=None is no float: give a number"),
        (lambda: Example(word=3), r"word=3 is no str: give a word or path"),
        (lambda: Example(several="a+none"), r"several=a\+none adds to none"),
        (lambda: Outer(example={"count": 3}), r"example=\{'count': 3\} is no group of settings: give .*Example$"),
        (lambda: Outer(example=Left()), r"example=Left\(.* is no group of settings"),
        (lambda: Outer(example=None), "example=None is no group of settings"),
        (lambda: Outer(side="left"), r"side='left' is no group of settings: give .*Left, .*Right$"),
        (lambda: Outer(side=Example()), r"side=Example\(.* is no group of settings"),
    ],
)
def test_wrong_values_are_refused_in_one_line_at_construction(construct, message):
    with pytest.raises(UserError, match=message) as caught:
        construct()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("before", "name", "limits"), bounds(), ids=[name for _, name, _ in bounds()])
def test_bounds_are_enforced_on_both_sides(before, name, limits):
    low = limits["low"]
    below = low if limits["above"] else low - 1
    settings = change(Settings(), before)
    with pytest.raises(UserError, match=f"{name}={below}.* is out of range"):
        change(settings, {name: below})
    accepted = min(low + 1, limits["high"]) if limits["above"] else low
    assert value_of(change(settings, {name: accepted}), name) == accepted


def test_a_group_of_options_is_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Example().count = 4
    assert {Example(), Example(), Example(count=4)} == {Example(), Example(count=4)}


def test_a_mapping_survives_json():
    changes = {"seed": 7, "mask": {"rate": 0.1, "mode": "patch"}, "data": {"truth": False}, "field": {"name": "dmf"}}
    settings = from_mapping(changes, Settings)
    assert type(settings.field) is dmf.Config
    assert from_mapping(json.loads(json.dumps(to_mapping(settings))), Settings) == settings
    assert from_mapping({}, Settings) == Settings()
    assert settings != Settings()


def test_none_stands_for_the_default():
    assert from_mapping({"mask": {"rate": None}, "seed": None}, Settings) == Settings()
    assert change(Settings(seed=3, mask=MaskSettings(rate=0.1)), {"mask.rate": None}) == Settings(seed=3)
    assert type(from_mapping({"field": {"name": None, "width": 3}}, Settings).field) is siren.Config


def test_whole_numbers_become_floats_where_a_float_is_declared():
    for rate in (change(Settings(), {"optimizer.field_rate": 1}).optimizer.field_rate, Example(rate=1).rate):
        assert rate == 1.0
        assert type(rate) is float


def test_options_of_other_variants_are_dropped_and_unknown_ones_refused():
    given = {"field": {"name": "dmf", "width": 3, "factors": 4}}
    assert from_mapping(given, Settings).field == dmf.Config(factors=4)
    with pytest.raises(UserError, match=r"setting field\.scal is unknown: did you mean scale\? .*factors"):
        from_mapping({"field": {"name": "dmf", "scal": 4}}, Settings)


def test_all_names_has_every_option_of_every_variant_and_is_the_same_group():
    settings = change(Settings(), {"field.width": 7, "regularizer.inrr.weight": 0.5})
    mapping = all_names(settings)
    for config in fields.FIELDS.values():
        assert {option.name for option in dataclasses.fields(config)} <= set(mapping["field"])
    own = {option.name for option in dataclasses.fields(siren.Config)}
    assert {name for name, value in mapping["field"].items() if value is None} == set(mapping["field"]) - own
    assert mapping["field"]["width"] == 7
    assert mapping["regularizer"]["inrr"]["weight"] == 0.5
    assert from_mapping(mapping, Settings) == settings
    mapping["field"]["name"] = "dmf"
    assert from_mapping(mapping, Settings).field == dmf.Config()


def test_names_lists_options_and_groups():
    assert set(names(Example())) == {"word", "several", "count", "share", "rate", "flag"}
    found = names(Settings())
    assert {"seed", "field", "field.width", "regularizer.inrr", "regularizer.inrr.weight"} <= set(found)
    assert "field.factors" not in found
    assert len(found) == len(set(found))


def test_difference_names_the_options_that_differ():
    a = to_mapping(Settings())
    b = to_mapping(from_mapping({"seed": 1, "field": {"width": 7}}, Settings))
    assert difference(a, a) == []
    assert difference(a, b) == ["field.width", "seed"]
    del b["train"]
    assert difference(a, b) == ["field.width", "seed", "train"]


def test_change_replaces_dotted_names_and_nothing_else():
    changed = change(Settings(), {"field.omega": 7, "seed": 3})
    assert (changed.field.omega, changed.seed) == (7.0, 3)
    assert change(changed, {"field.omega": Settings().field.omega, "seed": 0}) == Settings()


def test_change_of_the_variant_keeps_the_options_that_both_have():
    settings = change(Settings(), {"field.width": 7, "field.tile": 9, "field.omega": 3.0, "field.sine": "exact"})
    assert change(settings, {"field.name": "relu"}).field == relu.Config(width=7, tile=9)
    assert change(settings, {"field.name": "dmf"}).field == dmf.Config(tile=9)
    assert change(settings, {"field.name": "inrz"}).field == inrz.Config(width=7, tile=9, omega=3.0, sine="exact")
    both = change(settings, {"field.name": "dmf", "field.factors": 4, "seed": 2})
    assert (both.field, both.seed) == (dmf.Config(factors=4, tile=9), 2)
    assert change(settings, {"field.factors": 4, "field.name": "dmf"}).field == both.field  # in any order


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("field.omegas", 1, r"setting field\.omegas is unknown: did you mean omega"),
        ("fields.omega", 1, r"setting fields\.omega is unknown: did you mean field\.omega"),
        ("seed.mask", 1, r"setting seed\.mask is unknown"),
        ("field", 1, "field=1 is no group of settings"),
        ("field.width", 0, r"field\.width=0 is out of range"),
        ("seed", "a", "seed='a' is no int"),
        ("field.factors", 4, r"field\.factors is no setting of field\.name=siren: it has .*omega.*width"),
        (
            "data.path",
            "a.png",
            r"data\.path is no setting of data\.name=picture: give data\.image instead; it has grey",
        ),
    ],
)
def test_change_refuses_unknown_names_wrong_values_and_options_of_other_variants(name, value, message):
    with pytest.raises(UserError, match=message) as caught:
        change(Settings(), {name: value})
    assert "\n" not in str(caught.value)


def test_check_names_refuses_options_of_another_variant_alone():
    check_names(Settings(), ["field.width", "field", "seed", "regularizer.inrr.weight"])
    dmf_settings = change(Settings(), {"field.name": "dmf"})
    check_names(dmf_settings, ["field.factors"])
    with pytest.raises(UserError, match=r"field\.width is no setting of field\.name=dmf: it has factors, name, "):
        check_names(dmf_settings, ["field.factors", "field.width"])


def test_convert_keeps_the_options_of_equal_name_except_the_name():
    given = inrz.Config(width=7, omega=3.0, reach=4, precision="float32")
    assert convert(given, siren.Config) == siren.Config(width=7, omega=3.0, precision="float32")
    assert convert(given, dmf.Config) == dmf.Config(precision="float32")
    assert convert(convert(given, siren.Config), inrz.Config) == dataclasses.replace(given, reach=2)


def test_hyper_parameters_are_blanked_in_a_copy():
    group = Example(rate=0.5, count=4)
    blank = without_hyper_parameters(group)
    assert (blank.rate, blank.count) == (None, 4)
    assert hyper_parameters(group) == {"rate": 0.5}
    assert hyper_parameters(blank) == {"rate": None}
    assert blank == without_hyper_parameters(Example(rate=0.1, count=4))
    assert hash(blank) == hash(without_hyper_parameters(Example(rate=0.1, count=4)))
    assert blank != without_hyper_parameters(Example(rate=0.5, count=5))
    with pytest.raises(TypeError):
        _ = 2 * blank.rate
