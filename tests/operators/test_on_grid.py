"""Operators on the whole grid: their misfit, noise models, and the split into fitted and held-out measurements."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.noise import Gaussian, Poisson
from inrr_jax.operators.on_grid import GridOperator
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Domain, Evaluated, Problem
from inrr_jax.training import fit

RNG = np.random.default_rng(0)
VALUES = jnp.asarray(RNG.uniform(0.1, 1, (6, 5, 2)), jnp.float32)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Doubled(GridOperator):
    """y = 2 V."""

    def apply(self, values):
        """Return 2 V."""
        return 2 * values


def test_the_misfit_is_the_mean_over_kept_measurements():
    kept = RNG.uniform(size=(6, 5, 1)) < 0.5
    measured = jnp.asarray(RNG.uniform(size=VALUES.shape), jnp.float32)
    expected = np.mean(np.asarray((2 * VALUES - measured) ** 2)[np.broadcast_to(kept, VALUES.shape)])
    assert float(Doubled(kept=kept).distance(VALUES, measured)) == pytest.approx(expected, rel=1e-5)
    assert float(Doubled().distance(VALUES, 2 * VALUES)) == 0


def test_held_out_units_are_disjoint_and_the_rest_is_fitted():
    fitted, held = AreaAverage((2, 5)).hold_out((3, 7, 2), seed=1, share=0.3)
    assert fitted.kept.shape == (3, 7, 1)
    assert not (fitted.kept & held.kept).any()
    assert held.kept.sum() == round(0.3 * 21)
    assert (fitted.kept | held.kept).all()
    # With the seed of the first split: what is held out already cannot be held out again.
    again, part = fitted.hold_out((3, 7, 2), seed=1, share=0.5)
    assert not ((again.kept | part.kept) & held.kept).any()
    assert part.kept.sum() == round(0.5 * fitted.kept.sum())


@pytest.mark.parametrize(("shape", "share"), [((1, 1), 0.2), ((4, 1), 0.0), ((4, 1), 0.7)])
def test_an_impossible_split_is_refused(shape, share):
    with pytest.raises(UserError, match="hold out a share"):
        Doubled().hold_out(shape, 0, share)


def test_a_minibatch_skips_held_out_averages(signal, key):
    domain = Domain((24, 20), 1)
    measured = jnp.zeros((12, 10, 1))
    lower = np.arange(12)[:, None, None] < 6
    operator, lowered = AreaAverage((2, 2), kept=lower), jnp.where(lower, measured, 100.0)
    request = operator.request(lowered, domain, key, 64)
    evaluated = Evaluated(None, request.measured, signal(request.points), signal)
    assert 0 < float(operator.misfit(lowered, evaluated)) < 1


def test_fibers_are_refused_with_the_setting_that_helps(quick):
    problem = Problem(Domain((6, 5), 2), Doubled(), 2 * VALUES)
    with pytest.raises(UserError, match=r"Doubled needs the values of the whole grid: set train\.fibers=0"):
        fit.solve(problem, quick("none"))


def test_the_poisson_misfit_is_zero_and_flat_at_the_measurement_and_near_a_squared_error():
    noise, measured = Poisson(50.0), jnp.asarray([0.0, 0.2, 1.0, 1.5])
    assert float(jnp.abs(noise.misfit(measured, measured)[1:]).max()) < 1e-6
    slope = jax.vmap(jax.grad(noise.misfit))(measured[1:], measured[1:])
    assert float(jnp.abs(slope).max()) < 1e-5
    assert float(noise.misfit(jnp.asarray(1.01), jnp.asarray(1.0))) == pytest.approx(1e-4, rel=0.02)


def test_the_poisson_misfit_drives_negative_predictions_up_without_a_step():
    noise, measured = Poisson(50.0), jnp.asarray(0.3)
    slopes = jax.vmap(jax.grad(lambda p: noise.misfit(p, measured)))(jnp.asarray([-1.0, -0.1, 1e-5, 1e-4]))
    assert (slopes < 0).all()
    assert float(noise.misfit(jnp.asarray(-0.1), measured)) > float(noise.misfit(jnp.asarray(0.01), measured))


@pytest.mark.parametrize(("noise", "variance"), [(Gaussian(0.2), 0.04), (Poisson(100.0), 0.005)])
def test_drawn_noise_has_the_models_variance(noise, variance):
    clean = np.full(100_000, 0.5, np.float32)
    drawn = noise.draw(np.random.default_rng(3), clean)
    assert drawn.dtype == np.float32
    assert drawn.mean() == pytest.approx(0.5, abs=0.003)
    assert drawn.var() == pytest.approx(variance, rel=0.03)


def test_a_peak_of_zero_is_refused():
    with pytest.raises(UserError, match="peak=0"):
        Poisson(0.0)
