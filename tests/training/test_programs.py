"""Static keys and hyper-parameters: what may vary inside one compiled program, and what makes another one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import FIELDS, SINGLE
from inrr_jax.options import change, difference, hyper_parameters
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import TERMS
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.training.programs import auxiliary_names, collect_hyper_parameters, lacks, static_key

ALL_TERMS = change(Settings(), {"regularizer.name": "+".join(TERMS)})
EVERY = [
    *(change(Settings(), {"field.name": name}) for name in FIELDS),
    *(change(Settings(), {"regularizer.name": name}) for name in TERMS),
    ALL_TERMS,
    RECIPE,
]
"""Settings that together have every field and every term."""


def another(option, value):
    """Return another value of an option than the given one; None if there is no other."""
    choices = [choice for choice in option.metadata.get("choices", ()) if choice != value]
    if "choices" in option.metadata:
        return choices[0] if choices else None
    if isinstance(value, tuple):
        return (*value, 3)
    if value + 1 > option.metadata.get("high", value + 1):
        return (value or option.metadata["high"]) / 2
    return not value if isinstance(value, bool) else value + 1


def options_that_shape_the_fit():
    """List the options of all fields, all terms, the optimiser and training: (settings, name, value, is hyper)."""
    groups = [(change(Settings(), {"field.name": name}), "field", config()) for name, config in SINGLE.items()]
    groups += [(ALL_TERMS, f"regularizer.{name}", config()) for name, config in TERMS.items()]
    groups += [(Settings(), "optimizer", Settings().optimizer)]
    found = []
    for settings, prefix, group in groups:
        for option in dataclasses.fields(group):
            value = another(option, getattr(group, option.name))
            if value is not None:
                found.append((settings, f"{prefix}.{option.name}", value, option.metadata.get("hyper", False)))
    training = [(Settings(), f"train.{name}", 7, False) for name in ("steps", "fibers", "measurements")]
    return [*found, *training, (Settings(), "regularizer.reference", "start", False)]


OPTIONS = options_that_shape_the_fit()


def test_equal_settings_have_equal_keys_and_hashes():
    """A NaN in place of a hyper-parameter would break this on Python 3.13, where it is not equal to itself in a key."""
    for settings in EVERY:
        again = change(settings, {})
        assert again is not settings
        assert static_key(settings) == static_key(again)
        assert hash(static_key(settings)) == hash(static_key(again))
    assert static_key(Settings()) == static_key(Settings())
    assert hash(static_key(Settings())) == hash(static_key(Settings()))
    assert len({static_key(settings) for settings in [*EVERY, *EVERY]}) == len({static_key(s) for s in EVERY})


def test_every_hyper_parameter_of_a_key_is_none():
    blanked = 0
    for settings in EVERY:
        key = static_key(settings)
        for group in (key.field, key.optimizer, *dict(key.terms).values()):
            assert set(hyper_parameters(group).values()) <= {None}
            blanked += len(hyper_parameters(group))
    assert blanked > 3 * len(EVERY)  # the three rates of the optimiser at least
    assert hyper_parameters(Settings().field) == {"omega": 0.0}  # the settings themselves keep their values


@pytest.mark.parametrize(("settings", "name", "value", "is_hyper"), OPTIONS, ids=[option[1] for option in OPTIONS])
def test_hyper_parameters_share_the_key_and_every_other_setting_of_the_fit_changes_it(settings, name, value, is_hyper):
    changed = change(settings, {name: value})
    assert changed != settings
    assert (static_key(changed) == static_key(settings)) == is_hyper
    if is_hyper:
        assert hash(static_key(changed)) == hash(static_key(settings))
        assert collect_hyper_parameters(changed, Domain((9, 8), 1)) != collect_hyper_parameters(
            settings, Domain((9, 8), 1)
        )
    named = difference(static_key(settings).to_mapping(), static_key(changed).to_mapping())
    assert named == ([] if is_hyper else [name])


def test_the_hyper_parameters_are_those_that_a_fit_may_vary():
    hypers = {name for _, name, _, is_hyper in OPTIONS if is_hyper}
    rates = {"optimizer.matrix_rate", "optimizer.field_rate", "optimizer.laplacian_rate"}
    expected = {"field.omega", *(f"regularizer.{term}.weight" for term in TERMS), *rates}
    assert hypers >= expected
    # A field may declare more of its own, but no other group does.
    assert all(name.startswith("field.") for name in hypers - expected)
    assert set(hyper_parameters(FIELDS["siren"]())) == {"omega"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 5),
        ("data.size", 9),
        ("mask.rate", 0.3),
        ("correction", "harmonic"),
        ("train.chunk", 3),
        ("train.evaluate_every", 3),
        ("train.checkpoint_every", 3),
        ("regularizer.air.weight", 3.0),  # a term that is not in the sum
        ("regularizer.tv.weight", 3.0),
    ],
)
def test_settings_around_the_fit_share_its_key(name, value):
    assert static_key(change(Settings(), {name: value})) == static_key(Settings())


def test_the_variants_and_the_sum_of_terms_are_part_of_the_key():
    assert len({static_key(settings) for settings in EVERY[: len(FIELDS)]}) == len(FIELDS)
    sums = [change(Settings(), {"regularizer.name": name}) for name in ("none", "inrr", "inrr+tv", "tv+inrr")]
    assert len({static_key(settings) for settings in sums}) == len(sums)
    assert difference(*(static_key(s).to_mapping() for s in sums[:2])) == ["regularizer.inrr", "regularizer.name"]


def test_a_key_builds_the_same_field_and_terms_as_the_settings():
    domain = Domain((5, 4), 1)
    key = static_key(Settings())
    hyper = collect_hyper_parameters(Settings(), domain)
    params = key.build_field(domain).init(jax.random.key(0), {})
    points = jnp.zeros((3, 2))
    ours, theirs = (
        f.apply(params, points, hyper.field) for f in (key.build_field(domain), Settings().field.build(domain))
    )
    np.testing.assert_array_equal(ours, theirs)
    assert set(key.build_regularizer(domain).init(jax.random.key(0))) == {"inrr"}
    assert key.precision in ("float32", "bfloat16")


def test_omega_depends_on_the_size_unless_it_is_given():
    def omega(changes, grid):
        return collect_hyper_parameters(change(Settings(), changes), Domain(grid, 1)).field["omega"]

    assert [omega({}, grid) for grid in ((256, 256), (128, 512))] == [15.0, 30.0]
    assert omega({"field.omega": 30.0}, (128, 512)) == 30.0
    # The guide keeps more detail under control.
    assert omega({"regularizer.name": "guide"}, (256, 256)) == 30.0
    assert omega({"regularizer.name": "guide", "field.omega": 7.0}, (256, 256)) == 7.0


def test_weights_are_those_of_the_terms_in_the_sum():
    settings = change(Settings(), {"regularizer.name": "tv+inrr", "regularizer.tv.weight": 0.5})
    assert collect_hyper_parameters(settings, Domain((9, 8), 1)).weight == {"tv": 0.5, "inrr": 0.03}


def test_auxiliary_arrays_are_those_of_the_field_and_of_the_terms():
    assert auxiliary_names(Settings()) == ()
    assert auxiliary_names(RECIPE) == ("guide",)
    assert auxiliary_names(change(RECIPE, {"field.name": "inrz"})) == ("first_estimate", "guide")
    relative = change(Settings(), {"regularizer.reference": "start"})
    assert auxiliary_names(relative) == ("start",)
    assert auxiliary_names(change(relative, {"regularizer.name": "none"})) == ()


def test_what_a_fit_lacks_are_the_arrays_that_it_needs_and_the_problem_has_not():
    problem = Problem(Domain((3, 4), 1), None, None)
    assert lacks(problem, RECIPE, "guide")
    assert not lacks(problem, RECIPE, "features")
    assert not lacks(problem.with_auxiliary(guide=np.zeros((3, 4, 1))), RECIPE, "guide")
