"""Settings: refused where wrong, the same after a round trip, and every choice of theirs runs."""

import dataclasses
import functools
import json
import operator

import jax
import numpy as np
import pytest

from inrr_jax.data import problem
from inrr_jax.errors import UserError
from inrr_jax.fields import FIXED
from inrr_jax.settings import Settings, change, difference, from_mapping, to_mapping
from inrr_jax.training import fit as training
from inrr_jax.types import Signal

TINY = {
    "field": {"width": 8, "depth": 2},
    "regularizer": {"width": 8, "depth": 2, "rank": 4},
    "train": {"steps": 2, "chunk": 2, "fibers": 3},
}


def nested(name, value):
    """Turn `a.b` and a value into {"a": {"b": value}}."""
    for key in reversed(name.split(".")):
        value = {key: value}
    return value


def changed(name, value):
    mapping = to_mapping(from_mapping(TINY))
    *groups, key = name.split(".")
    functools.reduce(operator.getitem, groups, mapping)[key] = value
    return from_mapping(mapping)


def value_of(settings, name):
    return functools.reduce(getattr, name.split("."), settings)


def fields_of(settings, prefix=""):
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if dataclasses.is_dataclass(value):
            yield from fields_of(value, f"{prefix}{f.name}.")
        elif prefix:
            yield f"{prefix}{f.name}", f


def choices_of(metadata):
    """List the choices of a setting; for a sum, what stands alone and the sum of all others."""
    if "terms" in metadata:
        alone = metadata["alone"]
        return alone, "+".join(term for term in metadata["terms"] if term != alone)
    return metadata.get("choices", ())


CHOICES = [(name, choice) for name, f in fields_of(Settings()) for choice in choices_of(f.metadata) if f.name != "mode"]
BOUNDS = [(name, f.metadata) for name, f in fields_of(Settings()) if "low" in f.metadata]


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
        ("regularizer.name", "inr", r"regularizer\.name=inr is unknown: did you mean inrr\?"),
        ("regularizer.name", "inrr+gird", r"regularizer\.name=gird is unknown: did you mean grid\? accepted are air, "),
        ("regularizer.name", "inrr+air+inrr", r"regularizer\.name=inrr\+air\+inrr has a term twice"),
        ("regularizer.name", "none+inrr", r"regularizer\.name=none\+inrr adds to none: give none alone"),
        ("regularizer.weight.inr", 1.0, r"setting regularizer\.weight\.inr is unknown: did you mean inrr\?"),
        ("regularizer.weight", 1.0, r"regularizer\.weight=1\.0 is no group of settings"),
        ("optimizer.name", "adm", r"optimizer\.name=adm is unknown: did you mean adam\? accepted are adam, muon"),
        ("train.steps", 2.5, r"train\.steps=2\.5 is no int: give a whole number"),
        ("train.steps", True, r"train\.steps=True is no int"),
        ("train.steps", "3", r"train\.steps='3' is no int"),
        ("data.grey", 1, r"data\.grey=1 is no bool: give True or False"),
        ("mask.rate", True, r"mask\.rate=True is no float: give a number"),
        ("mask.rate", None, r"mask\.rate=None is no float"),
        ("data.image", 3, r"data\.image=3 is no str: give a word or path"),
        ("mask.rate", float("nan"), r"mask\.rate=nan is out of range: give a number above 0"),
        ("mask.rate", float("inf"), r"mask\.rate=inf is out of range"),
        ("optimizer.field_rate", float("nan"), r"optimizer\.field_rate=nan is out of range"),
        ("mask.threshold", 2.0, r"mask\.threshold=2\.0 is out of range: give a number of at least 0 and at most 1"),
        ("mask.seed", 2**32, r"mask\.seed=4294967296 is out of range"),
        ("mask", 3, "mask=3 is no group of settings"),
        ("seed", -1, r"seed=-1 is out of range: give a number of at least 0"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(name, value, message):
    with pytest.raises(UserError, match=message) as caught:
        from_mapping(nested(name, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "limits"), BOUNDS, ids=[name for name, _ in BOUNDS])
def test_bounds_are_kept_on_both_sides(name, limits):
    low = limits["low"]
    below = low if limits["above"] else low - 1
    with pytest.raises(UserError, match=f"{name}={below}.* is out of range"):
        changed(name, below)
    accepted = low + 1 if limits["above"] else low
    assert value_of(changed(name, accepted), name) == accepted


def test_round_trip_through_json():
    settings = from_mapping({"seed": 7, "mask": {"rate": 0.1, "mode": "patch"}, "data": {"truth": False}})
    assert from_mapping(json.loads(json.dumps(to_mapping(settings)))) == settings
    assert from_mapping({}) == Settings()
    assert settings != Settings()


def test_whole_numbers_are_taken_for_floats():
    rate = changed("optimizer.field_rate", 1).optimizer.field_rate
    assert rate == 1.0
    assert type(rate) is float


def test_difference_names_what_differs():
    a = to_mapping(Settings())
    b = to_mapping(from_mapping({"seed": 1, "field": {"width": 7}}))
    assert difference(a, a) == []
    assert difference(a, b) == ["field.width", "seed"]
    del b["train"]
    assert difference(a, b) == ["field.width", "seed", "train"]


@functools.cache
def two_steps(settings):
    image = np.random.default_rng(0).random((8, 9, 1), np.float32)
    given = jax.numpy.asarray(image)
    signal = Signal(given, jax.numpy.ones((8, 9), bool), context=given, extension=given)
    state, knobs, key = training.start(signal, settings)
    before = jax.tree.map(np.array, state.params)
    ((state, info),) = training.fit(state, signal, knobs, key, settings)
    return before, jax.tree.map(np.array, state.params), info


@pytest.mark.parametrize(("name", "choice"), [pair for pair in CHOICES if not pair[0].startswith("mask.")])
def test_every_choice_of_a_fit_takes_two_steps(name, choice):
    settings = changed(name, choice)
    assert value_of(settings, name) == choice
    before, after, info = two_steps(settings)
    assert all(np.isfinite(values).all() for values in info.values())
    for params in (before, after):
        for name in FIXED:
            params["field"].pop(name, None)
    moved = [not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)]
    assert all(moved)


def test_choices_that_change_the_fit_change_it():
    """The default and its alternative end in different parameters, so that a choice without effect would show."""
    _, default, _ = two_steps(from_mapping(TINY))
    names = {"regularizer.name": "none", "optimizer.name": "adam", "optimizer.schedule": "constant"}
    for name, choice in names.items():
        _, after, _ = two_steps(changed(name, choice))
        leaves = zip(jax.tree.leaves(after["field"]), jax.tree.leaves(default["field"]), strict=True)
        assert not all(np.array_equal(a, b) for a, b in leaves), name


@pytest.mark.parametrize("choice", [choice for name, choice in CHOICES if name == "mask.observed"])
def test_every_polarity_of_a_mask_file_loads(tmp_path, choice):
    bright = np.arange(64).reshape(8, 8) % 3 == 0
    np.save(tmp_path / "mask.npy", bright)
    np.save(tmp_path / "image.npy", np.full((8, 8), 0.5))
    mask = {"mode": "file", "path": str(tmp_path / "mask.npy"), "observed": choice}
    task = problem.load(from_mapping({**TINY, "data": {"image": str(tmp_path / "image.npy")}, "mask": mask}))
    np.testing.assert_array_equal(task.mask, bright if choice == "bright" else ~bright)


def test_every_mask_mode_loads():
    modes = next(f.metadata["terms"] for name, f in fields_of(Settings()) if name == "mask.mode")
    for mode in set(modes) - {"file"}:  # tested above
        task = problem.load(from_mapping({**TINY, "data": {"size": 32, "grey": True}, "mask": {"mode": mode}}))
        assert 0.2 < 1 - task.mask.mean() < 0.95, mode


def test_a_mask_file_and_a_drawn_mask_add_up(tmp_path):
    good = np.arange(64).reshape(8, 8) % 3 == 0
    np.save(tmp_path / "mask.npy", good)
    np.save(tmp_path / "image.npy", np.full((8, 8), 0.5))
    mask = {"mode": "blocks+file", "path": str(tmp_path / "mask.npy"), "size": 2}
    task = problem.load(from_mapping({**TINY, "data": {"image": str(tmp_path / "image.npy")}, "mask": mask}))
    tiles = np.kron(np.indices((4, 4)).sum(axis=0) % 2 == 0, np.ones((2, 2), bool))
    np.testing.assert_array_equal(task.mask, good & tiles)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"mode": "stripes", "rate": 0.9}, r"nothing is observed of 32 x 32 .* mask\.rate=0\.9 and mask\.size=4: give"),
        ({"mode": "blocks", "size": 64}, "nothing is missing of 32 x 32 pixels with mask.mode=blocks, "),
        ({"mode": "blocks+stripes", "rate": 0.9}, r"nothing is observed of .* mask\.mode=blocks\+stripes"),
        ({"mode": "text", "path": "x.png"}, r"mask\.path=x\.png is read by mask\.mode=file only, not by text"),
        ({"mode": "file+text"}, r"mask\.mode=file needs mask\.path"),
    ],
)
def test_masks_that_are_none_are_refused_in_one_line(mask, message):
    with pytest.raises(UserError, match=message) as caught:
        problem.load(from_mapping({**TINY, "data": {"size": 32, "grey": True}, "mask": mask}))
    assert "\n" not in str(caught.value)


def test_change_replaces_dotted_names_and_nothing_else():
    changed = change(Settings(), {"field.omega": 7, "seed": 3})
    assert (changed.field.omega, changed.seed) == (7.0, 3)
    assert change(changed, {"field.omega": Settings().field.omega, "seed": 0}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("field.omegas", 1, r"setting field\.omegas is unknown: did you mean omega"),
        ("fields.omega", 1, r"setting fields\.omega is unknown: did you mean field\.omega"),
        ("seed.mask", 1, r"setting seed\.mask is unknown"),
        ("field", 1, "field=1 is no group of settings"),
        ("field.width", 0, r"field\.width=0 is out of range"),
        ("seed", "a", "seed='a' is no int"),
    ],
)
def test_change_refuses_what_is_no_setting_or_no_value_of_it(name, value, message):
    with pytest.raises(UserError, match=message):
        change(Settings(), {name: value})


def test_a_blanked_knob_is_no_difference():
    one, other = (to_mapping(training.program(change(Settings(), {"field.omega": w}))) for w in (1.0, 2.0))
    assert difference(one, other) == []
