"""Methods by name: what each changes, what of it is chosen, and which names are none."""

import jax
import jax.numpy as jnp
import pytest

from inrr_jax import fibers, grids
from inrr_jax.baselines.fills import FILLS
from inrr_jax.errors import UserError
from inrr_jax.experiments import methods
from inrr_jax.settings import RECIPE, FieldSettings, Settings, change, difference, to_mapping
from inrr_jax.types import Signal

START = change(Settings(), {"train.steps": 400})


def changes(name):
    return difference(to_mapping(START), to_mapping(methods.parse(name, START, 256).settings))


def test_a_field_alone_has_no_regulariser():
    method = methods.parse("siren", START, 256)
    assert (method.field, method.regularizer) == ("siren", "none")
    assert changes("siren") == ["regularizer.name"]
    assert changes("relu") == ["field.name", "regularizer.name"]


def test_terms_are_summed_and_bring_their_own_settings():
    method = methods.parse("dmf+air+inrr", START, 256)
    assert (method.settings.field.name, method.settings.regularizer.name) == ("dmf", "air+inrr")
    assert method.settings.optimizer.name == "adam"
    assert method.settings.optimizer.laplacian_rate == START.optimizer.laplacian_rate
    assert methods.parse("dmf+air", START, 256).settings.optimizer.laplacian_rate == 0.2
    assert {name for candidate in method.candidates for name in candidate} == {
        "regularizer.weight.air",
        "regularizer.weight.inrr",
    }


def test_all_terms_evaluate_the_same_number_of_points():
    signal = Signal(jnp.zeros((24, 24, 1)), jnp.ones((24, 24), bool))
    axes = tuple(jnp.asarray(axis) for axis in grids.axes((24, 24)))
    counts = {}
    for name in ("siren", "siren+inrr", "siren+tv", "dmf+tv+inrr"):
        settings = methods.parse(name, START, 24).settings
        beside, evaluated = "tv" in settings.regularizer.terms, []
        fibers.sample(
            lambda points, evaluated=evaluated: evaluated.append(len(points)) or points[:, :1],
            signal,
            axes,
            jax.random.key(0),
            settings.train.fibers,
            beside=beside,
        )
        counts[name] = evaluated
    assert counts == dict.fromkeys(counts, [24 * 2 * START.train.fibers])


def test_candidates_are_all_combinations_and_each_can_be_fitted():
    method = methods.parse("siren+inrr", START, 256)
    omegas, weights = methods.FIELDS["siren"].omegas, methods.WEIGHTS["inrr"]
    found = {(c["field.omega"], c["regularizer.weight.inrr"]) for c in method.candidates}
    assert found == {(omega, weight) for omega in omegas for weight in weights}
    assert len({change(method.settings, candidate) for candidate in method.candidates}) == len(found)
    assert methods.parse("relu", START, 256).candidates == [{}]


def test_an_omega_that_is_given_is_not_chosen():
    method = methods.parse("siren+inrr", change(START, {"field.omega": 30.0}), 256)
    assert method.settings.field.omega == 30
    assert [set(candidate) for candidate in method.candidates] == [{"regularizer.weight.inrr"}] * 2


def test_omega_keeps_its_detail_per_pixel_in_every_size():
    small, large = (methods.parse("siren", START, size).candidates for size in (128, 512))
    for low, high in zip(small, large, strict=True):
        assert high["field.omega"] == 4 * low["field.omega"]


def test_a_percentage_freezes_the_laplacians_and_follows_the_choice_of_the_whole():
    frozen, whole = (methods.parse(name, START, 256) for name in ("siren+inrr@25", "siren+inrr"))
    assert frozen.settings.optimizer.freeze_at == 100
    assert (frozen.regularizer, whole.settings.optimizer.freeze_at) == ("inrr@25", 0)
    assert frozen.candidates == whole.candidates
    assert methods.chooser("siren+inrr@25") == methods.chooser("siren+inrr") == "siren+inrr"


@pytest.mark.parametrize("name", [*methods.FIELDS, *(f"siren+{term}" for term in methods.WEIGHTS), *FILLS])
def test_every_name_is_a_method(name):
    methods.check(name)
    if name not in FILLS:
        method = methods.parse(name, START, 256)
        assert all(change(method.settings, candidate) for candidate in method.candidates)


def test_every_field_and_term_of_the_settings_is_a_method():
    fields = {methods.parse(name, START, 256).settings.field.name for name in methods.FIELDS}
    assert fields == set(FieldSettings.__dataclass_fields__["name"].metadata["choices"])
    assert set(methods.TERMS) == set(to_mapping(Settings())["regularizer"]["weight"])


def test_a_kriged_method_shares_the_fit_and_the_choice_of_the_one_it_follows():
    name = "siren+inrr@25/harmonic"
    assert methods.fitted(name) == "siren+inrr@25"
    assert methods.chooser(name) == "siren+inrr"
    kriged, fitted = (methods.parse(n, START, 256) for n in (name, methods.fitted(name)))
    assert (kriged.kriging, fitted.kriging) == ("harmonic", "none")
    assert kriged.settings == fitted.settings
    assert kriged.regularizer == "inrr@25/harmonic"
    with pytest.raises(UserError, match="the kriging harmonics is unknown: did you mean harmonic"):
        methods.check("siren+inrr/harmonics")


def test_the_recipe_is_a_method_of_which_nothing_is_chosen():
    name = f"siren+{RECIPE.regularizer.name}/{RECIPE.kriging}"
    recipe = methods.parse(name, change(RECIPE, {"kriging": "none"}), 256)
    assert change(recipe.settings, {"kriging": recipe.kriging}) == RECIPE
    assert recipe.candidates == [{}]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sirn", "method sirn is unknown: did you mean siren"),
        ("harmonics", "method harmonics is unknown: did you mean harmonic"),
        ("siren+inr", r"method siren\+inr: the term inr is unknown: did you mean inrr"),
        ("siren+inrr+inrr", "a term twice"),
        ("siren+inrr@", "'' is no percentage"),
        ("siren+inrr@0", "'0' is no percentage"),
        ("siren@50", "has no Laplacian to freeze"),
    ],
)
def test_a_name_that_is_none_is_refused(name, message):
    with pytest.raises(UserError, match=message) as caught:
        methods.parse(name, START, 256)
    assert "\n" not in str(caught.value)
