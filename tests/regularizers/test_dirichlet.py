from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.regularizers.dirichlet import from_adjacency, from_factor
from inrr_jax.regularizers.laplacian import adjacency, laplacian


def dense(fibers, factor):
    return from_adjacency(fibers, adjacency(factor))


FUNCTIONS = {"from_adjacency": dense, "from_factor": from_factor}
FORMS = sorted(FUNCTIONS)
ENERGIES = {form: jax.jit(FUNCTIONS[form]) for form in FORMS}


@partial(jax.jit, static_argnames=("fibers", "nodes", "channels", "rank"))
def example(key, fibers=5, nodes=12, channels=2, rank=7):
    keys = jax.random.split(key)
    factor = jax.nn.softmax(jax.random.normal(keys[0], (nodes, rank)), axis=-1)
    return jax.random.uniform(keys[1], (fibers, nodes, channels)), factor


def pair_sum(fibers, factor):
    """1/2 sum_ij A_ij |x_i - x_j|^2 by loops, in float64."""
    x, similar = np.asarray(fibers, np.float64), np.asarray(adjacency(factor), np.float64)
    total = 0.0
    for i in range(x.shape[1]):
        for j in range(x.shape[1]):
            total += 0.5 * similar[i, j] * ((x[:, i] - x[:, j]) ** 2).sum()
    return total / x.size


@pytest.mark.parametrize("form", FORMS)
def test_energy_equals_the_double_loop(key, form):
    fibers, factor = example(key)
    assert float(ENERGIES[form](fibers, factor)) == pytest.approx(pair_sum(fibers, factor), rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_energy_equals_the_trace(key, form):
    fibers, factor = example(key, channels=1)
    x = np.asarray(fibers[..., 0], np.float64).T
    trace = np.trace(x.T @ np.asarray(laplacian(adjacency(factor)), np.float64) @ x) / x.size
    assert float(ENERGIES[form](fibers, factor)) == pytest.approx(trace, rel=1e-5)


def test_low_contrast_keeps_its_digits_because_of_the_centring(key):
    fibers, factor = example(key, fibers=64, nodes=256, channels=1, rank=256)
    fibers = 0.5 + 1e-3 * fibers
    exact = pair_sum_fast(fibers, factor)
    assert float(from_factor(fibers, factor)) == pytest.approx(exact, rel=1e-5)
    assert float(dense(fibers, factor)) == pytest.approx(exact, rel=1e-5)
    assert abs(uncentred(fibers, factor) / exact - 1) > 1e-3


def pair_sum_fast(fibers, factor):
    x, g = np.asarray(fibers[..., 0], np.float64).T, np.asarray(factor, np.float64)
    x = x - x.mean(axis=0)
    scale = g.shape[1] / g.shape[0]
    return scale * ((g @ g.sum(axis=0))[:, None] * x**2).sum() / x.size - scale * ((g.T @ x) ** 2).sum() / x.size


def uncentred(fibers, factor):
    x = fibers[..., 0].T
    energy = jnp.sum((factor @ factor.sum(axis=0))[:, None] * x**2) - jnp.sum((factor.T @ x) ** 2)
    return float(energy) * factor.shape[1] / factor.shape[0] / x.size


@pytest.mark.parametrize("form", FORMS)
def test_energy_does_not_see_a_shift_and_never_is_negative(key, form):
    fibers, factor = example(key)
    energy = ENERGIES[form](fibers, factor)
    assert energy > 0
    assert float(ENERGIES[form](fibers + 0.3, factor)) == pytest.approx(float(energy), rel=1e-4)
    assert float(ENERGIES[form](2 * fibers, factor)) == pytest.approx(4 * float(energy), rel=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_energy_does_not_see_a_common_permutation_but_sees_a_lone_one(key, form):
    fibers, factor = example(key)
    order = jax.random.permutation(key, fibers.shape[1])
    energy = float(ENERGIES[form](fibers, factor))
    assert float(ENERGIES[form](fibers[:, order], factor[order])) == pytest.approx(energy, rel=1e-5)
    assert float(ENERGIES[form](fibers[:, order], factor)) != pytest.approx(energy, rel=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_gradient_vanishes_at_a_constant_and_only_there(key, form):
    fibers, factor = example(key)
    gradient = jax.jit(jax.grad(ENERGIES[form]))
    assert float(jnp.abs(gradient(jnp.full_like(fibers, 0.7), factor)).max()) < 1e-8
    assert float(jnp.abs(gradient(fibers, factor)).max()) > 1e-4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("argument", [0, 1])
def test_gradients_against_central_differences_in_float64(double_precision, key, form, argument):
    with double_precision():
        inputs = [x.astype(jnp.float64) for x in example(key)]
        direction = jax.random.normal(key, inputs[argument].shape, jnp.float64)

        def along(t):
            moved = list(inputs)
            moved[argument] = moved[argument] + t * direction
            return ENERGIES[form](*moved)

        found = jax.jit(jax.value_and_grad(along))
        central = (found(1e-6)[0] - found(-1e-6)[0]) / 2e-6
        assert float(found(0.0)[1]) == pytest.approx(float(central), rel=1e-7)


@pytest.mark.parametrize(("nodes", "rank"), [(12, 7), (64, 64), (200, 16)])
def test_both_forms_agree(key, nodes, rank):
    fibers, factor = example(key, nodes=nodes, rank=rank)
    assert float(from_factor(fibers, factor)) == pytest.approx(float(dense(fibers, factor)), rel=2e-5)


def test_from_factor_never_holds_an_n_by_n_matrix(key):
    fibers, factor = example(key, nodes=512, rank=8)
    sizes = {form: max_size(FUNCTIONS[form], fibers, factor) for form in FORMS}
    assert sizes["from_factor"] < 512 * 512 <= sizes["from_adjacency"]


def max_size(energy, fibers, factor):
    equations = jax.make_jaxpr(jax.grad(energy, argnums=1))(fibers, factor).jaxpr.eqns
    return max(variable.aval.size for equation in equations for variable in equation.outvars)
