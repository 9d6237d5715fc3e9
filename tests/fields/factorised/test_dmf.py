import dataclasses
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids
from inrr_jax.errors import UserError
from inrr_jax.experiments.analysis import effective_rank
from inrr_jax.fields import siren
from inrr_jax.fields.factorised import dmf
from inrr_jax.fields.factorised.dmf import Factorization
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import fit, optimizers

DMF = dmf.Config(scale=1.0)


@partial(jax.jit, static_argnums=(0, 1))
def evaluated(config, domain, key, drawn=None):
    """Return initial parameters, and their values at the drawn fibers or on the whole grid, as one program."""
    field, axes = config.build(domain), coordinates(domain.shape)
    params = field.init(key, {})
    points = [grids.all_points(axes)] if drawn is None else [grids.positions(axes, index) for index in drawn]
    return params, [field.apply(params, where, {}) for where in points]


def product(params, channel=0):
    return reduce(np.matmul, [np.asarray(params[f"factor{i}"][channel], np.float64) for i in range(len(params))])


@pytest.mark.parametrize(
    ("grid", "count"), [((5, 9), 2), ((5, 9), 3), ((5, 9), 4), ((9, 5), 3), ((7, 7), 2), ((1, 4), 3)]
)
def test_on_the_whole_grid_it_is_the_product_of_its_factors(key, grid, count):
    params, (values,) = evaluated(dataclasses.replace(DMF, factors=count), Domain(grid, 2), key)
    assert len(params) == count
    values = values.reshape(*grid, 2)
    for channel in range(2):
        np.testing.assert_allclose(values[..., channel], product(params, channel), atol=1e-5)


@pytest.mark.parametrize("grid", [(7, 7), (5, 9), (255, 256)])
def test_at_fibers_it_has_the_entries_of_the_product(key, grid):
    drawn = jax.jit(lambda: fibers.draw(key, grid, 4))()
    params, found = evaluated(DMF, Domain(grid, 1), key, drawn)
    whole = product(params)
    for index, values in zip(drawn, found, strict=True):
        np.testing.assert_allclose(values[:, 0], whole[index].reshape(-1), atol=1e-5)


def coordinates(grid):
    return tuple(jnp.asarray(axis) for axis in grids.axes(grid))


def test_it_starts_at_the_norm_that_its_scale_names(key):
    norms = {}
    for scale in (1e-3, 1e-2):
        factors = Factorization((64, 64), 1, 3, scale).init(key, {})
        norms[scale] = np.linalg.norm(product(factors)) / 64**0.5
        assert norms[scale] == pytest.approx(scale, rel=0.3)
    assert norms[1e-2] == pytest.approx(10 * norms[1e-3], rel=1e-4)


def test_what_is_no_matrix_is_refused():
    with pytest.raises(UserError, match=r"field.name=dmf on a grid of shape \(4, 4, 4\): it needs"):
        DMF.build(Domain((4, 4, 4), 1))


def test_networks_do_not_depend_on_the_lengths_of_the_grid(key):
    points = jnp.zeros((1, 2))
    one, other = (siren.Config(width=16, depth=2).build(Domain(grid, 1)) for grid in ((4, 9), (1, 1)))
    np.testing.assert_array_equal(
        one.apply(one.init(key, {}), points, {"omega": 30.0}), other.apply(other.init(key, {}), points, {"omega": 30.0})
    )


def test_muon_optimises_none_of_its_factors(key):
    params = {"field": DMF.build(Domain((8, 8), 1)).init(key, {})}
    assert set(jax.tree.leaves(optimizers.labels(params, matrices=True))) == {"field"}


def test_its_values_are_unbounded_and_its_size_is_the_number_of_factors(key):
    field = DMF.build(Domain((8, 8), 1, (0.0, 1.0)))
    params = jax.tree.map(lambda factor: 10 * factor, field.init(key, {}))
    values = field.apply(params, grids.all_points(coordinates((8, 8))), {})
    assert float(values.min()) < 0
    assert float(values.max()) > 1
    assert DMF.size == "3 factors"


def low_rank_fit(scale, key):
    """Fit a matrix of rank 2 with half of it missing; return the fit's error there and its effective rank."""
    keys = jax.random.split(key, 3)
    truth = 0.5 + 0.1 * jax.random.normal(keys[0], (24, 1)) @ jax.random.normal(keys[1], (1, 24))
    mask = jax.random.uniform(keys[2], (24, 24)) < 0.5
    problem = masked(np.asarray(truth)[..., None], np.asarray(mask))
    settings = Settings(
        field=dataclasses.replace(DMF, scale=scale),
        regularizer=RegularizerSettings(name="none"),
        optimizer=OptimizerSettings(name="adam", field_rate=5e-3),
        train=TrainSettings(steps=600, fibers=0, chunk=600),
    )
    recovered = jnp.asarray(fit.solve(problem, settings))[..., 0]
    return float(jnp.sqrt(jnp.mean((recovered - truth) ** 2, where=~mask))), float(effective_rank(recovered))


def test_a_small_start_recovers_a_low_rank_matrix_and_a_large_one_does_not(key):
    error, rank = low_rank_fit(1e-3, key)
    assert error < 0.02
    assert rank < 2.2
    error, rank = low_rank_fit(10.0, key)
    assert error > 0.05
    assert rank > 4
