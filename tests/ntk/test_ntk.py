"""Tests of the kernels: against each other, against closed forms, and against what networks really do."""

import os
import subprocess
import sys
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids, ntk
from inrr_jax.errors import UserError
from inrr_jax.fields import fourier, inrz, siren
from inrr_jax.fields import relu as relu_field
from inrr_jax.fields.factorised import dmf
from inrr_jax.ntk import convergence, theorem
from inrr_jax.ntk.power_law import power_law

SMALL = siren.Config(width=24, depth=3, sine="exact")


@pytest.fixture
def float64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def uniform(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).uniform(-1.0, 1.0, shape))


def structured(apply, params, x1, x2):
    return jax.jit(partial(ntk.structured, apply))(params, x1, x2)


def relative(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


class Relu(nn.Module):
    """A network of nn.Dense layers without an omega of its own: omega scales its input."""

    width: int = 24
    depth: int = 3

    @nn.compact
    def __call__(self, points, omega=1.0):
        """Evaluate the network."""
        x = omega * points
        for _ in range(self.depth):
            x = nn.relu(nn.Dense(self.width, kernel_init=nn.initializers.he_normal())(x))
        return nn.Dense(1, use_bias=False)(x)


def network_of(settings=SMALL, channels=1, bounded=False, omega=30.0):
    """Return apply(params, points) and parameters."""
    net = ntk.network(settings, 2, channels, bounded=bounded)
    return partial(net.apply, omega=omega), net.init(jax.random.key(0))


def relu():
    module = Relu()
    params = module.init(jax.random.key(0), jnp.zeros((1, 2)))["params"]
    return lambda params, points: module.apply({"params": params}, points), params


NETWORKS = {
    "siren": network_of,
    "siren of three channels": partial(network_of, channels=3),
    "siren with its sigmoid": partial(network_of, bounded=True),
    "siren with the fast sine": partial(network_of, siren.Config(width=24, depth=3, sine="fast")),
    "siren as its authors scale it": partial(network_of, siren.Config(width=24, depth=3, hidden_omega=30.0)),
    "siren of one layer": partial(network_of, siren.Config(width=24, depth=1)),
    "relu": relu,
    "relu field": partial(network_of, relu_field.Config(width=24, depth=3)),
}


ALIKE = {"siren with its sigmoid", "siren as its authors scale it", "relu field"}
"""Networks whose layers are those of others here; the sigmoid has a test of its own."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in ALIKE else ()) for name in NETWORKS]
)
def test_empirical_kernels_agree(name):
    apply, params = NETWORKS[name]()
    x1, x2, v = uniform(1, 13, 2), uniform(2, 7, 2), uniform(3, 7)

    @jax.jit
    def evaluate(params):
        left, right = (ntk.factors(apply, params, x) for x in (x1, x2))
        return (
            ntk.contraction(apply, params, x1, x2),
            ntk.structured(apply, params, x1, x2),
            ntk.product(apply, params, x1, x2, v, tile=4),
            ntk.factored_product(left, right, v),
        )

    kernel, other, *products = evaluate(params)
    assert relative(other, kernel) < 1e-5
    for product in products:
        assert relative(product, kernel @ v) < 1e-5


@pytest.mark.parametrize("name", ["siren", "siren of three channels", "relu"])
def test_kernels_are_symmetric_and_positive_semi_definite(name):
    apply, params = NETWORKS[name]()
    kernel = structured(apply, params, uniform(1, 30, 2), uniform(1, 30, 2))
    np.testing.assert_allclose(kernel, kernel.T, rtol=1e-5, atol=1e-5 * float(kernel.max()))
    eigenvalues = ntk.spectrum(kernel)
    assert eigenvalues[-1] > -1e-5 * eigenvalues[0]
    assert jnp.all(eigenvalues[:-1] >= eigenvalues[1:])


def test_fixed_fourier_features_are_no_dense_layer_and_add_nothing():
    apply, params = network_of(fourier.Config(width=24, depth=2))
    x = uniform(1, 9, 2)
    with pytest.raises(UserError, match="not a dense layer's"):
        ntk.structured(apply, params, x, x)
    v = uniform(3, 9)
    product, kernel = jax.jit(lambda p: (ntk.product(apply, p, x, x, v), ntk.contraction(apply, p, x, x)))(params)
    assert relative(product, kernel @ v) < 1e-4


@pytest.mark.parametrize("config", [dmf.Config(), inrz.Config()])
def test_fields_of_more_than_the_position_are_refused_as_networks(config):
    message = f"field.name={config.name} is no network of the position alone: give one of finer, fourier, gauss, relu"
    with pytest.raises(UserError, match=message) as caught:
        ntk.network(config)
    assert "\n" not in str(caught.value)


def test_a_network_ignores_the_precision_and_the_tiles_of_its_field():
    x = uniform(1, 50, 2)
    (exact, params), (coarse, same) = (
        network_of(siren.Config(width=24, depth=3, precision=precision, tile=tile))
        for precision, tile in (("float32", 0), ("bfloat16", 10))
    )
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(exact(params, x), coarse(params, x))


def test_kernel_of_a_linear_model_is_exact():
    module = nn.Dense(1)
    params = module.init(jax.random.key(0), jnp.zeros((1, 2)))["params"]
    x1, x2 = uniform(1, 5, 2), uniform(2, 4, 2)
    with pytest.raises(UserError, match="not a dense layer's"):  # the parameters of a bare layer have no owner
        ntk.structured(lambda p, x: x @ p["w"], {"w": jnp.ones((2, 1))}, x1, x2)
    kernel = ntk.structured(lambda p, x: module.apply({"params": p}, x), params, x1, x2)
    np.testing.assert_allclose(kernel, x1 @ x2.T + 1.0, rtol=1e-5)


def test_layers_used_twice_are_refused():
    module = nn.Dense(2)
    params = module.init(jax.random.key(0), jnp.zeros((1, 2)))["params"]

    def twice(p, x):
        return module.apply({"params": p}, module.apply({"params": p}, x))

    with pytest.raises(UserError, match="used twice"):
        ntk.structured(twice, params, uniform(1, 3, 2), uniform(1, 3, 2))


def test_sigmoid_multiplies_the_kernel_by_its_derivatives():
    x1, x2 = uniform(1, 9, 2), uniform(2, 5, 2)
    (before, params), (after, _) = network_of(), network_of(bounded=True)

    def slope(x):
        values = after(params, x)[:, 0]
        return values * (1 - values)

    expected = slope(x1)[:, None] * structured(before, params, x1, x2) * slope(x2)[None, :]
    assert relative(structured(after, params, x1, x2), expected) < 1e-5


def test_kernel_is_traced_over_channels():
    apply, params = network_of(channels=3)
    x = uniform(1, 6, 2)
    single = [structured(lambda p, x, c=c: apply(p, x)[:, c : c + 1], params, x, x) for c in range(3)]
    assert relative(sum(single), structured(apply, params, x, x)) < 1e-5


def test_step_beyond_the_kernels_prediction_is_of_second_order(float64):
    rates = jnp.geomspace(1e-8, 1e-6, 9)
    points = uniform(1, 16, 2)
    remainders = convergence.step_remainders(jax.random.key(0), points, 30.0, rates, width=24, depth=3)
    law = power_law(np.asarray(rates), np.asarray(remainders))
    assert law.exponent == pytest.approx(2, abs=0.02)


def test_step_beyond_the_prediction_of_another_kernel_is_of_first_order(float64, monkeypatch):
    monkeypatch.setattr(convergence, "structured", lambda *arguments: 1.1 * ntk.structured(*arguments))
    rates = jnp.geomspace(1e-8, 1e-6, 9)
    remainders = convergence.step_remainders(jax.random.key(0), uniform(1, 17, 2), 30.0, rates, width=24, depth=3)
    law = power_law(np.asarray(rates), np.asarray(remainders))
    assert law.exponent == pytest.approx(1, abs=0.05)


def measured_widths(widths, draws, depth, key=0):
    points = uniform(5, 24, 2)
    errors = [
        convergence.width_errors(jax.random.key(key), points, 30.0, width=n, depth=depth, draws=draws) for n in widths
    ]
    x = np.repeat(np.array(widths, float), draws)
    return [power_law(x, np.concatenate(errors)[:, part]) for part in (0, 1)]


def test_networks_approach_the_infinite_kernel_like_the_root_of_their_width():
    for law in measured_widths((64, 128, 256), draws=12, depth=2):
        assert law.exponent == pytest.approx(-0.5, abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("key", [0, 1, 2])
def test_networks_approach_the_infinite_kernel_over_widths_64_to_1024(key):
    for law in measured_widths((64, 128, 256, 512, 1024), draws=30, depth=3, key=key):
        assert law.exponent == pytest.approx(-0.5, abs=0.05)


def mean_kernel(settings, points, draws):
    """Return the mean empirical kernel of `draws` networks, and its standard error."""
    net = ntk.network(settings, 2)
    kernel = jax.jit(lambda key: ntk.structured(partial(net.apply, omega=30.0), net.init(key), points, points))
    kernels = jax.lax.map(kernel, jax.random.split(jax.random.key(1), draws))
    return jnp.mean(kernels, axis=0), jnp.std(kernels, axis=0) / draws**0.5


@pytest.mark.parametrize(("depth", "draws"), [pytest.param(1, 400, marks=pytest.mark.slow), (3, 200)])
def test_infinite_kernel_is_the_mean_over_wide_networks(depth, draws):
    points = jnp.concatenate([uniform(1, 6, 2), uniform(1, 6, 2) + 0.02])  # near pairs and far ones
    mean, error = mean_kernel(siren.Config(width=256, depth=depth, sine="exact"), points, draws)
    kernel = ntk.siren(30.0, points, points, width=256, depth=depth)
    assert relative(mean, kernel) < 0.03
    assert float(jnp.sqrt(jnp.mean(((mean - kernel) / error) ** 2))) < 2  # 1 if all that is left were chance
    # A wrong factor in one layer is far outside.
    assert relative(mean, 1.1 * kernel) > 0.05


def test_infinite_kernel_is_symmetric_positive_and_made_of_its_parts():
    points = uniform(1, 40, 3)
    kernel = ntk.siren(10.0, points, points, width=64, depth=4)
    weights, rest = ntk.siren_parts(10.0, points, points, depth=4)
    np.testing.assert_allclose(kernel, 64 * weights + rest, rtol=1e-5)
    np.testing.assert_allclose(kernel, kernel.T, rtol=1e-4, atol=1e-3)
    assert jnp.linalg.eigvalsh(kernel)[0] > 0


def test_blockwise_equals_whole():
    apply, params = network_of()
    kernel = partial(ntk.structured, apply)
    x1, x2 = uniform(1, 50, 2), uniform(2, 37, 2)
    whole = jax.jit(kernel)(params, x1, x2)
    for budget in (200_000, 10**9):
        np.testing.assert_allclose(ntk.blockwise(kernel, budget)(params, x1, x2), whole, rtol=1e-5, atol=1e-3)
    infinite = jax.jit(partial(ntk.siren, width=64, depth=3))
    np.testing.assert_allclose(
        ntk.blockwise(infinite, 20_000)(30.0, x1, x2), infinite(30.0, x1, x2), rtol=1e-5, atol=1e-3
    )
    with pytest.raises(UserError, match="budget=1000 bytes"):
        ntk.blockwise(kernel, 1000)(params, x1, x2)


SHARDED = """
import jax, numpy as np
from functools import partial
from inrr_jax import ntk
assert jax.local_device_count() == 3
x = jax.random.uniform(jax.random.key(0), (20, 2))
kernel = partial(ntk.siren, width=64, depth=3)
blocks = ntk.blockwise(kernel, 5_000)(30.0, x, x)
np.testing.assert_allclose(blocks, kernel(30.0, x, x), rtol=1e-5, atol=1e-3)
"""


def test_blockwise_over_several_devices_equals_whole():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=3", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", SHARDED], env=environment, check=True)


def test_conjugate_gradients_equal_cholesky():
    x, y = uniform(1, 60, 2), uniform(2, 60, 1)
    apply, params = network_of()
    kernel = structured(apply, params, x, x)
    ridge = 1e-3 * float(jnp.mean(jnp.diag(kernel)))
    weights, curve = ntk.conjugate_gradient(
        jax.jit(lambda v: ntk.product(apply, params, x, x, v)), y[:, 0], ridge=ridge, steps=200, tolerance=1e-6
    )
    expected = ntk.regress(kernel, kernel, y, jitter=1e-3)[:, 0]
    np.testing.assert_allclose(kernel @ weights, expected, atol=1e-3)
    assert curve[-1] < 1e-6
    assert len(curve) < 200
    _, short = ntk.conjugate_gradient(lambda v: kernel @ v, y[:, 0], ridge=ridge, steps=2)
    assert len(short) == 2
    assert short[-1] > 0.01


def test_preconditioned_conjugate_gradients_arrive_sooner():
    x, y = uniform(1, 200, 2), uniform(2, 200)
    kernel = ntk.siren(5.0, x, x, width=64, depth=3)
    ridge = 1e-2 * float(jnp.mean(jnp.diag(kernel)))
    precondition = ntk.nystrom(kernel[:, :60], kernel[:60, :60], ridge=ridge)
    found = [
        ntk.conjugate_gradient(lambda v: kernel @ v, y, ridge=ridge, steps=200, tolerance=1e-3, **options)
        for options in ({}, {"precondition": precondition})
    ]
    (_, slow), (weights, quick) = found
    assert len(quick) < len(slow) / 2
    expected = ntk.regress(kernel, kernel, y[:, None], jitter=1e-2)[:, 0]
    np.testing.assert_allclose(kernel @ weights, expected, atol=0.01)


def test_regression_interpolates_and_refuses_a_singular_kernel():
    x, y = uniform(1, 20, 2), uniform(2, 20, 2)
    kernel = ntk.siren(30.0, x, x, width=256, depth=3)
    np.testing.assert_allclose(ntk.regress(kernel, kernel, y, jitter=1e-6), y, atol=1e-3)
    with pytest.raises(UserError, match="jitter=0 leaves the kernel singular"):
        ntk.regress(-jnp.ones((20, 20)), kernel, y, jitter=0.0)


def test_gradient_flow_starts_like_the_step_and_ends_at_the_regression():
    x, points, y = uniform(1, 15, 2), uniform(2, 9, 2), uniform(3, 15, 2)
    kernel = ntk.siren(30.0, x, x, width=64, depth=3)
    cross = ntk.siren(30.0, points, x, width=64, depth=3)
    flow = ntk.gradient_flow(kernel, cross, y, jnp.array([0.0, 1e-8, 1e4]))
    np.testing.assert_array_equal(flow[0], 0)
    np.testing.assert_allclose(flow[1], 1e-8 * cross @ y, rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(flow[2], ntk.regress(kernel, cross, y, jitter=1e-7), atol=1e-3)


def test_gradient_flow_ignores_directions_that_the_kernel_does_not_know():
    flow = ntk.gradient_flow(jnp.ones((2, 2)), jnp.ones((1, 2)), jnp.array([[1.0], [-1.0]]), jnp.array([5.0]))
    np.testing.assert_allclose(flow, 0, atol=1e-6)


def descended(width, steps=200, rate=2e-5):
    """Train a SIREN by gradient descent: the error of its first kernel's prediction, and that kernel's change."""
    apply, params = network_of(siren.Config(width=width, depth=2, sine="exact"), omega=10.0)
    x, points = uniform(1, 12, 2), uniform(2, 40, 2)
    y = jnp.sin(3 * x[:, :1])
    kernel, cross = structured(apply, params, x, x), structured(apply, params, points, x)
    predicted = ntk.gradient_flow(kernel, cross, y - jax.jit(apply)(params, x), jnp.array([steps * rate]))[0]

    @jax.jit
    def train(params):
        def step(params, _):
            slope = jax.grad(lambda p: 0.5 * jnp.sum((apply(p, x) - y) ** 2))(params)
            return jax.tree.map(lambda leaf, g: leaf - rate * g, params, slope), None

        return jax.lax.scan(step, params, length=steps)[0]

    trained = train(params)
    moved = jax.jit(lambda p, q: apply(p, points) - apply(q, points))(trained, params)
    return relative(predicted, moved), ntk.change(kernel, structured(apply, trained, x, x))


def test_gradient_flow_predicts_descent_the_better_the_wider_and_the_kernel_changes_the_less():
    (wide, wide_change), (narrow, narrow_change) = descended(512), descended(32)
    assert wide < 0.1
    assert narrow > 1.5 * wide
    assert 0 < 1.5 * wide_change < narrow_change


def test_spectral_numbers_have_their_closed_forms():
    identity, constant = 3.0 * jnp.eye(8), jnp.ones((8, 8))
    assert ntk.effective_bandwidth(identity) == pytest.approx(8)
    assert ntk.effective_bandwidth(constant) == pytest.approx(1)
    x = jnp.linspace(0.0, 2.0, 400)
    sinc = jnp.sinc(40.0 / jnp.pi * (x[:, None] - x[None, :]))
    assert ntk.effective_bandwidth(sinc) == pytest.approx(40 * 2 / np.pi, rel=0.06)
    y = uniform(1, 8, 1)
    assert ntk.alignment(y @ y.T, y) == pytest.approx(1, rel=1e-5)
    assert ntk.alignment(identity, y) == pytest.approx(8**-0.5, rel=1e-5)
    assert ntk.change(identity, 7 * identity) == pytest.approx(0, abs=1e-6)
    assert ntk.change(jnp.diag(jnp.array([1.0, 0.0])), jnp.diag(jnp.array([0.0, 1.0]))) == pytest.approx(1)


OMEGAS = (64.0, 128.0, 256.0, 512.0)


def theorem_exponents(measure):
    """Measure the powers of omega of off-diagonal entries, standard deviation and slope."""
    found = [measure(omega) for omega in OMEGAS]
    return [
        power_law(np.array(OMEGAS), np.array([float(getattr(limits, name)) for limits in found])).exponent
        for name in ("off_diagonal", "standard_deviation", "slope")
    ]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_theorem_limits_as_omega_grows(seed):
    line = theorem.sampled_line(jax.random.key(seed), 6, points=1001)
    measure = partial(theorem.infinite_limits, line=line, jitter=1e-2, width=256, depth=3)
    off_diagonal, deviation, slope = theorem_exponents(measure)
    assert off_diagonal == pytest.approx(-1, abs=0.25)
    assert deviation == pytest.approx(-1, abs=0.1)
    assert slope == pytest.approx(0.5, abs=0.05)
    last = measure(OMEGAS[-1])
    assert abs(last.constant) < 0.01
    assert last.slope == pytest.approx(float(theorem.slope_limit(line, OMEGAS[-1], depth=3)), rel=0.03)


def test_prediction_becomes_smooth_as_omega_falls():
    line = theorem.sampled_line(jax.random.key(0), 6, points=1001)
    slopes = [theorem.infinite_limits(w, line, 1e-2, width=256, depth=3).slope for w in (32.0, 4.0, 0.5, 0.1)]
    assert all(small < large for large, small in zip(slopes[:-1], slopes[1:], strict=True))
    assert slopes[-1] < 0.1 * slopes[0]


def test_relu_network_shows_none_of_the_limits():
    line = theorem.sampled_line(jax.random.key(0), 6, points=1001)
    module = Relu(width=128)
    params = module.init(jax.random.key(0), jnp.zeros((1, 1)))["params"]

    @jax.jit
    def measure(omega):
        kernel = partial(ntk.structured, lambda p, x: module.apply({"params": p}, x, omega))
        return theorem.limits(kernel, params, line, 1e-2)

    exponents = theorem_exponents(measure)
    np.testing.assert_allclose(exponents, 0, atol=0.05)
    assert measure(OMEGAS[-1]).off_diagonal > 0.3


def test_no_single_omega_is_best_in_both_halves_of_a_density_mask():
    from inrr_jax.data import images, masks

    omegas = (3.0, 6.0, 12.0, 25.0)
    points = grids.all_points(tuple(jnp.asarray(axis) for axis in grids.axes((32, 32))))
    image = images.load("camera", size=32, grey=True)
    kernel = jax.jit(lambda omega: ntk.siren(omega, points, points, width=256, depth=5))

    def best(mode):
        mask = np.asarray(masks.make(jax.random.key(0), (32, 32), mode, 0.5))
        errors = [theorem.image_errors(image, mask, kernel(w), 1e-3) for w in omegas]
        return [omegas[i] for i in np.argmin([error[:2] for error in errors], axis=0)]

    left, right = best("density")
    assert left > right
