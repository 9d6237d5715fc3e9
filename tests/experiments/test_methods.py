"""Methods by name: what each changes, what of it is chosen, and which names are none."""

import jax
import pytest

from inrr_jax import fibers
from inrr_jax.errors import UserError
from inrr_jax.experiments import methods
from inrr_jax.fields import FIELDS
from inrr_jax.options import change, difference, to_mapping
from inrr_jax.recipes.fills import FILLS
from inrr_jax.regularizers import TERMS
from inrr_jax.settings import RECIPE, Settings

START = change(Settings(), {"train.steps": 400})


def build(text, start=START, longest=256):
    return methods.build(methods.parse_name(text), start, longest)


def changes(name):
    return difference(to_mapping(START), to_mapping(build(name).settings))


def test_a_field_alone_has_no_regulariser():
    name = methods.parse_name("siren")
    assert (name.field, name.regularizer) == ("siren", "none")
    assert changes("siren") == ["regularizer.name"]
    assert changes("fourier") == ["field.hidden_omega", "field.name", "field.sine", "regularizer.name"]


def test_terms_are_summed_and_bring_their_own_settings():
    method = build("dmf+air+inrr")
    assert (method.settings.field.name, method.settings.regularizer.name) == ("dmf", "air+inrr")
    assert method.settings.optimizer.name == "adam"
    assert method.settings.optimizer.laplacian_rate == START.optimizer.laplacian_rate
    assert build("dmf+air").settings.optimizer.laplacian_rate == 0.2
    assert {name for candidate in method.candidates for name in candidate} == {
        "regularizer.air.weight",
        "regularizer.inrr.weight",
    }


def test_all_terms_evaluate_the_same_number_of_points():
    counts = {}
    for name in ("siren", "siren+inrr", "siren+tv", "dmf+tv+inrr"):
        settings = build(name, longest=24).settings
        adjacent = "tv" in settings.regularizer.terms
        plan = fibers.plan(jax.random.key(0), (24, 24), settings.train.fibers, adjacent=adjacent)
        counts[name] = len(plan.points)
    assert counts == dict.fromkeys(counts, 24 * 2 * START.train.fibers)


def test_candidates_are_all_combinations_and_each_can_be_fitted():
    method = build("siren+inrr")
    omegas, weights = FIELDS["siren"].candidates["omega"], TERMS["inrr"].candidates
    found = {(c["field.omega"], c["regularizer.inrr.weight"]) for c in method.candidates}
    assert found == {(omega, weight) for omega in omegas for weight in weights}
    assert len({change(method.settings, candidate) for candidate in method.candidates}) == len(found)
    assert build("relu").candidates == [{}]


def test_an_omega_that_is_given_is_not_chosen():
    method = build("siren+inrr", change(START, {"field.omega": 30.0}))
    assert method.settings.field.omega == 30
    assert [set(candidate) for candidate in method.candidates] == [{"regularizer.inrr.weight"}] * 2


def test_the_rate_and_the_steps_of_values_on_nodes_are_chosen_instead_of_omega():
    method = build("tucker_nodes+grid")
    chosen = {name for candidate in method.candidates for name in candidate}
    assert chosen == {"optimizer.field_rate", "train.steps", "regularizer.grid.weight"}
    assert {candidate["train.steps"] for candidate in method.candidates} == {100, 400, 1600}
    assert len({change(method.settings, candidate) for candidate in method.candidates}) == 18


def test_omega_keeps_its_detail_per_pixel_in_every_size():
    small, large = (build("siren", longest=size).candidates for size in (128, 512))
    for low, high in zip(small, large, strict=True):
        assert high["field.omega"] == 4 * low["field.omega"]


def test_a_percentage_freezes_the_laplacians_and_follows_the_choice_of_the_whole():
    frozen, whole = (build(name) for name in ("siren+inrr@25", "siren+inrr"))
    assert frozen.settings.optimizer.freeze_at == 100
    assert (frozen.name.regularizer, whole.settings.optimizer.freeze_at) == ("inrr@25", 0)
    assert frozen.candidates == whole.candidates
    assert frozen.name.chooser == whole.name.chooser == "siren+inrr"


@pytest.mark.parametrize("name", [*FIELDS, *methods.ALIASES, *(f"siren+{term}" for term in TERMS), *FILLS])
def test_every_name_is_a_method(name):
    assert (methods.parse_name(name) is None) == (name in FILLS)
    if name not in FILLS:
        method = build(name)
        assert all(change(method.settings, candidate) for candidate in method.candidates)


def test_a_corrected_method_shares_the_fit_and_the_choice_of_the_one_without_correction():
    text = "siren+inrr@25/harmonic"
    name = methods.parse_name(text)
    assert name.fit == "siren+inrr@25"
    assert name.chooser == "siren+inrr"
    assert name.regularizer == "inrr@25/harmonic"
    corrected, plain = build(text), build(name.fit)
    assert (corrected.name.correction, plain.name.correction) == ("harmonic", "")
    assert corrected.settings == plain.settings
    with pytest.raises(UserError, match="the correction harmonics is unknown: did you mean harmonic"):
        methods.parse_name("siren+inrr/harmonics")


def test_the_recipe_is_a_method_without_a_choice():
    recipe = build(f"siren+{RECIPE.regularizer.name}/{RECIPE.correction}", RECIPE)
    assert change(recipe.settings, {"correction": recipe.name.correction}) == RECIPE
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
        build(name)
    assert "\n" not in str(caught.value)
