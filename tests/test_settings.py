"""The settings of a fit: every choice of every field, term and optimiser runs, and choices have an effect."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from inrr_jax.fields import FIXED, SINGLE
from inrr_jax.operators.masking import masked
from inrr_jax.options import change, from_mapping
from inrr_jax.regularizers import TERMS
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.training import fit

TINY = from_mapping(
    {
        "field": {"width": 8, "depth": 2},
        "regularizer": {"inrr": {"width": 8, "depth": 2, "rank": 4}},
        # Without a warm-up the first step moves the field: a grid starts constant, where graphs have no gradient yet.
        # Adam compiles faster.
        "optimizer": {"schedule": "constant", "name": "adam"},
        "train": {"steps": 2, "chunk": 2, "fibers": 3},
    },
    Settings,
)


def choices_of(metadata):
    """List the choices of an option; for a sum, the name that stands alone and the sum of all other names."""
    if "terms" in metadata:
        alone = metadata["alone"]
        return alone, "+".join(term for term in metadata["terms"] if term != alone)
    return metadata.get("choices", ())


def choices():
    """List the changes of settings that make each choice of fields, terms and optimisers, each choice once."""
    found = {}
    for field, config in SINGLE.items():
        for option in dataclasses.fields(config):
            for choice in choices_of(option.metadata):
                # Options that several fields share are tested with the first of them.
                # The energy of the grid's own graph compiles faster than a learned one.
                changes = {"field.name": field, f"field.{option.name}": choice, "regularizer.name": "grid"}
                found.setdefault((option.name, choice), changes)
    listed = list(found.values())
    for name, group in (("regularizer", TINY.regularizer), ("optimizer", TINY.optimizer)):
        for option in dataclasses.fields(group):
            listed += [{f"{name}.{option.name}": choice} for choice in choices_of(option.metadata)]
    for term, config in TERMS.items():
        for option in dataclasses.fields(config):
            for choice in choices_of(option.metadata):
                # Only factorised fields have factors for a term to act on.
                field = {"field.name": "tucker"} if choice == "factors" else {}
                listed.append({**field, "regularizer.name": term, f"regularizer.{term}.{option.name}": choice})
    return listed


@functools.cache
def two_steps(settings):
    image = np.random.default_rng(0).random((8, 9, 1), np.float32)
    problem = masked(image, np.ones((8, 9), bool)).with_auxiliary(first_estimate=image, guide=image)
    nodes, features = (np.random.default_rng(1).uniform(-1, 1, s).astype(np.float32) for s in ((5, 2), (8, 4)))
    problem = problem.with_auxiliary(nodes=nodes, features=features)
    if settings.regularizer.reference == "start":
        problem = problem.with_auxiliary(start=image[::-1])
    state, hyper, key = fit.init(problem, settings)
    before = jax.tree.map(np.array, state.params)
    ((state, info),) = fit.fit(state, problem, hyper, key, settings)
    return before, jax.tree.map(np.array, state.params), info


@pytest.mark.parametrize("changes", choices(), ids=lambda changes: "-".join(map(str, dict.fromkeys(changes.values()))))
def test_every_choice_takes_two_steps_and_moves_every_learned_parameter(changes):
    settings = change(TINY, changes)
    for name, choice in changes.items():
        assert functools.reduce(getattr, name.split("."), settings) == choice
    # The parameters are copied, because fixed ones are removed below and `two_steps` is cached.
    before, after, info = jax.tree.map(np.array, two_steps(settings))
    assert all(np.isfinite(values).all() for values in info.values())
    for params in (before, after):
        for name in FIXED:
            params["field"].pop(name, None)
    moved = [not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)]
    assert all(moved)


def test_the_choices_above_are_not_few():
    listed = [tuple(changes.values()) for changes in choices()]
    assert {field for field in SINGLE} <= {values[0] for values in listed}
    assert {("adam",), ("constant",), ("none",), ("inrz", "patch", "grid")} <= set(listed)


def test_choices_that_change_the_fit_change_it():
    """The default and its alternative lead to different parameters, so that a choice without effect would show."""
    _, default, _ = two_steps(TINY)
    for name, choice in {
        "regularizer.name": "none",
        "regularizer.reference": "start",
        "optimizer.name": "muon",
        "optimizer.schedule": "cosine",
    }.items():
        _, after, _ = two_steps(change(TINY, {name: choice}))
        leaves = zip(jax.tree.leaves(after["field"]), jax.tree.leaves(default["field"]), strict=True)
        assert not all(np.array_equal(a, b) for a, b in leaves), name


def test_terms_are_those_of_the_sum_in_its_order_with_their_own_options():
    settings = change(Settings(), {"regularizer.name": "tv+inrr", "regularizer.tv.weight": 0.5})
    terms = settings.regularizer.terms
    assert list(terms) == ["tv", "inrr"]
    assert terms["tv"].weight == 0.5
    assert terms["inrr"] == settings.regularizer.inrr
    assert change(settings, {"regularizer.name": "none"}).regularizer.terms == {}


def test_the_recipe_is_guided_and_corrected_and_the_defaults_are_the_paper_s():
    assert (RECIPE.regularizer.name, RECIPE.correction) == ("guide", "stacked")
    assert (Settings().field.name, Settings().regularizer.name, Settings().correction) == ("siren", "inrr", "none")
