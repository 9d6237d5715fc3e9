"""Energies of the difference from a start model."""

from functools import partial

import jax
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.regularizers import TERMS, RegularizerSettings, build
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import collect_hyper_parameters, static_key

GRID = (6, 9)
OF_VALUES = [name for name, config in TERMS.items() if config().of_values]
CHANGES = {"field.name": "grid", "optimizer.name": "adam"}


def problem_of(rng, channels=1):
    """Return a problem on a grid of unequal spacings, with a rough start model."""
    signal, start, features = (rng.random(s, np.float32) for s in ((*GRID, channels), (*GRID, channels), (GRID[0], 4)))
    problem = masked(signal, np.ones(GRID, bool)).with_auxiliary(start=start, features=features)
    return problem._replace(domain=Domain(GRID, channels, spacing=(2.0, 1.0))).visible


def loss_of(settings, problem, key):
    """Return a function: the field's values -> loss and its parts, with a term's own parameters drawn by the key."""
    static, hyper = static_key(settings), collect_hyper_parameters(settings, problem.domain)
    regularizer = static.build_regularizer(problem.domain)
    own = regularizer.init(key)
    loss = partial(
        objective, problem=problem, hyper=hyper, key=key, field=static.build_field(problem.domain),
        regularizer=regularizer, fiber_count=settings.train.fibers,
    )  # fmt: skip
    return lambda values: loss({**own, "field": {"values": values}})


def energy(info):
    return sum(float(value) for name, value in info.items() if name.startswith("energy_"))


# On the whole grid, the difference is taken in the same way for every term.
WHOLE = [pytest.param(name, 0, marks=() if name in ("inrr", "tv") else pytest.mark.slow) for name in OF_VALUES]


@pytest.mark.parametrize(("name", "fibers"), [*((name, 3) for name in OF_VALUES), *WHOLE])
def test_the_start_model_has_no_energy_and_others_that_of_their_difference(key, name, fibers):
    problem = problem_of(np.random.default_rng(0))
    start = problem.auxiliary["start"]
    other = jax.random.uniform(key, start.shape)
    plain = change(Settings(), {**CHANGES, "regularizer.name": name, "train.fibers": fibers})
    relative, none = (
        jax.jit(jax.value_and_grad(loss_of(change(plain, changes), problem, key), has_aux=True))
        for changes in ({"regularizer.reference": "start"}, {"regularizer.name": "none"})
    )
    (_, at_start), of_both = relative(start)
    (_, moved), _ = relative(start + other)
    (_, alone) = jax.jit(loss_of(plain, problem, key))(other)
    assert energy(at_start) == pytest.approx(0, abs=1e-10)
    assert energy(moved) == pytest.approx(energy(alone), rel=1e-3)
    assert energy(moved) > 1e-6
    _, of_data = none(start)
    assert np.abs(of_data).max() > 1e-3
    np.testing.assert_allclose(of_both, of_data, atol=1e-6)


def test_the_energy_is_that_of_the_signal_without_the_option_and_of_the_first_channels_with_an_instrument(key):
    problem = problem_of(np.random.default_rng(0), channels=2)
    problem = problem._replace(domain=Domain(GRID, 2, spacing=(2.0, 1.0), signal=1))
    settings = change(Settings(), {**CHANGES, "regularizer.name": "grid", "train.fibers": 0})
    start = problem.auxiliary["start"]
    relative = loss_of(change(settings, {"regularizer.reference": "start"}), problem, key)
    moved = start.at[..., 1].add(jax.random.uniform(key, GRID))
    assert energy(relative(moved)[1]) == 0
    assert energy(loss_of(settings, problem, key)(start)[1]) > 1e-3


@pytest.mark.parametrize(
    ("name", "more"), [("guide", {}), ("inrr+weight_decay", {}), ("inrr", {"inrr": {"acts_on": "factors"}})]
)
def test_terms_of_something_else_are_refused_in_one_line(name, more):
    options = {term: TERMS[term](**given) for term, given in more.items()}
    with pytest.raises(UserError, match="has no energy of the difference") as caught:
        build(RegularizerSettings(name=name, **options).terms, Domain(GRID, 1), "start")
    assert "\n" not in str(caught.value)


def test_a_problem_without_a_start_model_is_refused_in_one_line():
    problem = masked(np.zeros((*GRID, 1), np.float32), np.ones(GRID, bool))
    settings = change(Settings(), {"regularizer.name": "tv", "regularizer.reference": "start", "train.fibers": 3})
    with pytest.raises(UserError, match="the problem has no start model") as caught:
        fit.init(problem, settings)
    assert "\n" not in str(caught.value)
