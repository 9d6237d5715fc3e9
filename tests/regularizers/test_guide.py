import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import masked
from inrr_jax.regularizers import RegularizerSettings, build, guide
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit

GRID = (10, 14)


def problem_and_values(key):
    """Return a problem with a guide, and values on its grid that stand for a field's."""
    keys = jax.random.split(key, 4)
    image, estimate, values = (np.asarray(jax.random.uniform(k, (*GRID, 2))) for k in keys[:3])
    mask = np.asarray(jax.random.uniform(keys[3], GRID)) > 0.4
    return masked(image, mask).with_auxiliary(guide=estimate).visible, jnp.asarray(values)


def energy(problem, values):
    """Return the guide's energy for values on the whole grid."""
    built = build(RegularizerSettings(name="guide").terms, problem.domain)
    sample = fibers.plan(jax.random.key(0), GRID, 0).collect(values.reshape(-1, 2))
    return built.energies({}, sample, problem)["guide"]["all"]


def test_it_is_the_squared_distance_where_nothing_is_observed_over_all_entries(key):
    problem, values = problem_and_values(key)
    expected = 0.0
    for i, j in np.argwhere(~np.asarray(problem.operator.mask)):
        difference = np.asarray(values[i, j], np.float64) - np.asarray(problem.auxiliary["guide"][i, j], np.float64)
        expected += (difference**2).sum()
    assert float(energy(problem, values)) == pytest.approx(expected / values.size, rel=1e-5)


def test_observed_entries_of_guide_and_signal_do_not_count(key):
    problem, values = problem_and_values(key)
    mask = problem.operator.mask[..., None]
    other = problem.with_auxiliary(guide=jnp.where(mask, 1e6, problem.auxiliary["guide"]))
    assert energy(other, jnp.where(mask, -3.0, values)) == energy(problem, values)
    changed = problem.with_auxiliary(guide=jnp.where(mask, problem.auxiliary["guide"], 0.0))
    assert energy(changed, values) != energy(problem, values)


def test_it_lets_the_field_have_twice_the_detail():
    assert guide.Config().detail == 2.0
    assert guide.Config().auxiliary == ("guide",)


def test_a_fit_without_a_guide_is_refused_in_one_line(key):
    problem, _ = problem_and_values(key)
    settings = Settings(regularizer=RegularizerSettings(name="guide"), train=TrainSettings(fibers=2))
    with pytest.raises(UserError, match="the fit needs the auxiliary array guide, which the problem lacks") as caught:
        fit.init(problem._replace(auxiliary={}), settings)
    assert "\n" not in str(caught.value)
