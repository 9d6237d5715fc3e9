import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.fields import inrz, siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.recipes import pipeline
from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.regularizers import inrr as inrr_term
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import fit

GRID = (6, 7)
TINY = Settings(
    field=inrz.Config(width=16, depth=1, omega=5.0, precision="float32"),
    regularizer=RegularizerSettings(
        name="inrr+air+grid+tv+tv_anisotropic+tikhonov0+tikhonov2+weight_decay",
        inrr=inrr_term.Config(width=4, depth=1, rank=4),
    ),
    optimizer=OptimizerSettings(name="adam", warmup=4),
    train=TrainSettings(steps=60, fibers=4, chunk=60),
)


def picture(channels=1, grid=GRID):
    return np.random.default_rng(0).random((*grid, channels)).astype(np.float32)


def problem_of(estimate=True):
    """Return the problem of a ramp of which everything is observed."""
    image = np.broadcast_to(np.linspace(0.1, 0.9, GRID[1], dtype=np.float32)[:, None], (*GRID, 1))
    problem = masked(image, np.ones(GRID, bool))
    return problem.with_auxiliary(first_estimate=image[::-1]) if estimate else problem


def test_the_field_is_the_network_of_position_and_neighbours(key):
    settings = dataclasses.replace(TINY.field, neighbors="patch", reach=1)
    field = settings.build(Domain(GRID, 1))
    params = jax.jit(field.init)(key, {"first_estimate": jnp.asarray(picture())})
    np.testing.assert_array_equal(params["first_estimate"], picture())
    assert params["first"]["kernel"].shape == (2 + 9, 16)
    assert float(jnp.abs(params["first"]["kernel"][:2]).max()) > 1 / 11  # U(-1/2, 1/2), as without the neighbours
    centre = jnp.stack([jnp.asarray(grids.axes(GRID)[0][2:3]), jnp.asarray(grids.axes(GRID)[1][3:4])], axis=-1)
    far, near = picture(), picture()
    far[4, 3], near[3, 3] = 0.0, 0.0
    apply = jax.jit(field.apply)
    value, unseen, seen = (
        apply({**params, "first_estimate": jnp.asarray(e)}, centre, {"omega": 5.0}) for e in (picture(), far, near)
    )
    assert float(value[0, 0]) == float(unseen[0, 0])
    assert float(value[0, 0]) != float(seen[0, 0])


@pytest.mark.parametrize(("form", "terms"), [("lines", TINY.regularizer.name), ("patch", "none")])
def test_a_fit_with_every_term_improves_and_the_first_estimate_never_moves(form, terms):
    settings = change(TINY, {"field.neighbors": form, "regularizer.name": terms})
    problem = problem_of()
    state, hyper, key = fit.init(problem, settings)
    before = np.array(state.params["field"]["first"]["kernel"])
    ((state, info),) = fit.fit(state, problem, hyper, key, settings)
    np.testing.assert_array_equal(state.params["field"]["first_estimate"], problem.auxiliary["first_estimate"])
    assert not np.array_equal(before, state.params["field"]["first"]["kernel"])
    assert info["fidelity"][-10:].mean() < 0.7 * info["fidelity"][:5].mean()
    energies = {name for name in info if name.startswith("energy")}
    assert all(any(name.startswith(f"energy_{term}_") for name in energies) for term in settings.regularizer.terms)


def test_without_a_first_estimate_it_is_refused_in_one_line():
    with pytest.raises(
        UserError, match="the fit needs the auxiliary array first_estimate, which the problem"
    ) as caught:
        fit.init(problem_of(estimate=False), TINY)
    assert "\n" not in str(caught.value)


def test_the_first_fit_is_that_of_a_siren_without_regulariser_and_is_made_where_it_is_needed():
    settings = dataclasses.replace(
        TINY, regularizer=RegularizerSettings(name="grid"), train=TrainSettings(steps=4, fibers=4, chunk=4)
    )
    image, missing = picture()[..., 0], np.indices(GRID).sum(axis=0) % 3 == 0
    problem = masked(image[..., None], ~missing)
    first = pipeline.first_settings(problem, settings)
    assert (first.field.name, first.regularizer.name) == ("siren", "none")
    assert pipeline.first_settings(problem, first) is None
    assert pipeline.first_settings(problem_of(estimate=True), settings) is None
    solved = pipeline.solve(problem, settings)
    by_hand = pipeline.solve(problem, first)
    given = problem.with_auxiliary(first_estimate=by_hand)
    state, hyper, key = fit.init(given, settings)
    ((state, _),) = fit.fit(state, given, hyper, key, settings)
    np.testing.assert_array_equal(solved, fit.recover(state.params, hyper, given.domain, settings))
    assert np.abs(np.asarray(solved - by_hand)).max() > 1e-4
    filled = inpaint(image, missing, settings=settings)
    np.testing.assert_array_equal(filled, np.where(missing, solved[..., 0], image))


def test_its_first_fit_has_the_options_of_its_network():
    field = inrz.Config(width=16, depth=2, omega=5.0, hidden_omega=30.0, sine="exact", precision="float32", tile=7)
    expected = siren.Config(width=16, depth=2, omega=5.0, hidden_omega=30.0, sine="exact", precision="float32", tile=7)
    assert field.first_fit() == expected
    assert siren.Config().first_fit() is None
