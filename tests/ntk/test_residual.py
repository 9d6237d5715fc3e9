"""The kernel of a residual: the same in three ways, and derivatives of the kernel of the values."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import ntk
from inrr_jax.ntk.networks import siren_network
from inrr_jax.ntk.residual import learning_rates, residual_kernel, residual_network
from inrr_jax.operators import differential

OMEGA = 2.0
OPERATORS = {
    "slope": lambda signal, points: differential.gradient(signal, points)[..., 1],
    "helmholtz": lambda signal, points: differential.laplacian(signal, points) + 4 * signal(points),
}
X1, X2 = (jnp.asarray(np.random.default_rng(i).uniform(-1, 1, (n, 2)), jnp.float32) for i, n in enumerate((4, 3)))


@pytest.mark.parametrize("name", ["slope", pytest.param("helmholtz", marks=pytest.mark.slow)])
def test_three_ways_to_the_kernel_of_a_network_agree(name, key):
    net = siren_network(8, 2, 2)
    params, apply = net.init(key), partial(net.apply, omega=OMEGA)
    residual = residual_network(apply, OPERATORS[name])
    kernel = jax.jit(partial(ntk.contraction, residual))
    whole = kernel(params, X1, X2)
    differentiated = residual_kernel(partial(ntk.structured, apply), OPERATORS[name])
    scale = float(jnp.abs(whole).max())
    np.testing.assert_allclose(ntk.blockwise(kernel, 2**24)(params, X1, X2), whole, atol=1e-4 * scale)
    np.testing.assert_allclose(jax.jit(differentiated)(params, X1, X2), whole, atol=1e-4 * scale)
    vector = jnp.arange(3.0)
    product = jax.jit(partial(ntk.product, residual))
    np.testing.assert_allclose(product(params, X1, X2, vector), whole @ vector, atol=2e-3 * scale)


def test_networks_approach_the_infinite_kernel_of_the_laplacian():
    # On a line: fourth derivatives of the closed form take long to compile in the plane.
    x1, x2 = X1[:, :1], X2[:, :1]
    limit = jax.jit(residual_kernel(partial(ntk.siren, width=48, depth=2), differential.laplacian))(OMEGA, x1, x2)
    net = siren_network(48, 2, 1)
    residual = residual_network(partial(net.apply, omega=OMEGA), differential.laplacian)
    draw = jax.jit(jax.vmap(lambda key: ntk.contraction(residual, net.init(key), x1, x2)))
    draws = draw(jax.random.split(jax.random.key(0), 60))
    scale = float(jnp.abs(limit).max())
    assert float(jnp.abs(draws.mean(axis=0) - limit).max()) < 0.15 * scale
    # The kernel of the values is another one.
    assert float(jnp.abs(ntk.siren(OMEGA, x1, x2, width=48, depth=2) - limit).max()) > 0.3 * scale


def test_derivatives_raise_the_rate_of_fast_waves():
    points = jnp.linspace(-1.0, 1.0, 40)[:, None]
    kernel = partial(ntk.siren, width=64, depth=2)
    rates = {
        name: learning_rates(jax.jit(residual_kernel(kernel, operator))(20.0, points, points), points, (1, 4))
        for name, operator in {
            "values": lambda signal, points: signal(points),
            "slope": lambda signal, points: differential.gradient(signal, points)[..., 0],
        }.items()
    }
    assert rates["values"][0] > rates["values"][1]
    assert rates["slope"][0] < rates["slope"][1]
