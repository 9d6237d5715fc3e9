"""Derivatives of fields, compared with those of exact functions in float64 and with central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields import FIELDS
from inrr_jax.operators import differential
from inrr_jax.operators.taylor import expand
from inrr_jax.options import change
from inrr_jax.problem import Domain

POINTS = jnp.asarray(np.random.default_rng(0).uniform(-0.9, 0.9, (10, 3)), jnp.float32)


def network(name="siren", *, channels=2, dimensions=3, points=POINTS, **options):
    """Return a small field at its initial parameters as a function of the position, and the same in float64."""
    options = {"width": 24, "depth": 2, "precision": "float32", **options}
    config = change(FIELDS[name](), options)
    domain = Domain((8,) * dimensions, channels)
    field = config.build(domain)
    params = field.init(jax.random.key(0), {})
    hyper = config.hyper_parameters(domain, 1.0)
    hyper |= {"omega": 6.0} if "omega" in hyper else {}
    exact = change(
        config, {"precision": "float32", "tile": 0, **({"sine": "exact"} if hasattr(config, "sine") else {})}
    )

    def precise(points):
        wide = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), params)
        return exact.build(domain).apply(wide, points, hyper)

    return lambda points: field.apply(params, points, hyper), precise


def reference(signal, points):
    """Return values, Jacobians [N, C, D] and Hessians [N, C, D, D] in float64 by JAX's own derivatives."""

    def one(point):
        return signal(point[None])[0]

    jax.config.update("jax_enable_x64", True)
    try:
        points = jnp.asarray(np.asarray(points), jnp.float64)
        both = jax.jit(jax.vmap(lambda point: (one(point), jax.jacfwd(one)(point), jax.jacfwd(jax.jacfwd(one))(point))))
        return [np.asarray(array) for array in both(points)]
    finally:
        jax.config.update("jax_enable_x64", False)


def error(found, expected):
    assert found.shape == expected.shape
    return np.linalg.norm(np.asarray(found, np.float64) - expected) / np.linalg.norm(expected)


VECTORS = jnp.asarray(np.random.default_rng(1).normal(size=POINTS.shape), jnp.float32)


def errors(signal, exact):
    """Return the relative errors of all operators."""
    values, jacobian, hessian = reference(exact, POINTS)
    traces = np.einsum("ncii->nc", hessian)

    @jax.jit
    def all_operators(points, vectors):
        return (
            differential.derivatives(signal, points),
            differential.laplacian(signal, points),
            differential.laplacian(signal, points, (1.0, -2.0, 0.5)),
            differential.gradient(signal, points),
            differential.hessian_vector(signal, points, vectors),
        )

    found, laplacian, weighted, gradient, products = all_operators(POINTS, VECTORS)
    return {
        "values": error(found.values, values),
        "gradient": error(found.gradient, jacobian),
        "laplacian": error(found.laplacian, traces),
        "laplacian alone": error(laplacian, traces),
        "weighted": error(weighted, np.einsum("ncii,i->nc", hessian, [1.0, -2.0, 0.5])),
        "gradient by channels": error(gradient, jacobian),
        "hessian": error(products, np.einsum("ncij,nj->nci", hessian, VECTORS)),
    }


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("siren", {}),
        ("siren", {"channels": 3, "tile": 4}),
        ("siren", {"sine": "exact"}),
        ("fourier", {}),
        ("wire", {}),
        ("finer", {"hidden_omega": 3.0}),
        ("gauss", {}),
    ],
)
def test_derivatives_of_networks_against_float64(name, options):
    found = errors(*network(name, **options))
    assert max(found.values()) < 2e-5, found


@pytest.mark.parametrize("tile", [pytest.param(0, marks=pytest.mark.slow), 4])
def test_derivatives_through_bfloat16_products_have_errors_of_their_rounding(tile):
    found = errors(*network(precision="bfloat16", tile=tile))
    assert max(found.values()) < 3e-2, found
    assert found["laplacian"] > 1e-4


def test_central_differences_agree():
    signal, _ = network(channels=3)
    step = 0.02
    shifts = step * jnp.eye(3)
    ahead, behind = (np.stack([signal(POINTS + sign * shift[None]) for shift in shifts]) for sign in (1, -1))
    found = differential.derivatives(signal, POINTS)
    slopes = np.moveaxis((ahead - behind) / (2 * step), 0, -1)
    assert error(found.gradient, slopes) < 0.02
    assert error(found.laplacian, ((ahead + behind - 2 * np.asarray(found.values)) / step**2).sum(axis=0)) < 0.02
    assert error(differential.divergence(signal, POINTS), np.einsum("nii->n", slopes)) < 0.02


def test_a_general_function_with_products_of_positions():
    def signal(points):
        x, y, z = points.T
        inner = jnp.where(x > 0, x * x * y, x * y**3) / (2 + z * z)
        return jnp.stack([inner + jnp.exp(x * z), jnp.cumsum(points, axis=1)[:, 2] * jnp.maximum(y, z)], axis=1)

    found = errors(signal, signal)
    assert max(found.values()) < 1e-5, found


def test_a_carried_scan_is_differentiated_as_a_whole():
    def signal(points):
        return jax.lax.scan(lambda x, _: (jnp.sin(x) * x[:, ::-1], None), points, length=3)[0]

    found = errors(signal, signal)
    assert max(found.values()) < 1e-4, found


def test_a_constant_signal_has_zero_derivatives():
    found = differential.derivatives(lambda points: jnp.full((len(points), 2), 3.0), POINTS)
    assert float(found.values.min()) == 3.0
    assert not np.any(found.gradient)
    assert not np.any(found.laplacian)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_laplacian_takes_d_plus_2_products_with_every_hidden_matrix(precision):
    signal, _ = network(precision=precision, depth=4)
    text = str(jax.make_jaxpr(jax.jit(lambda points: expand(signal, points, second=(1.0, 1.0, 1.0))))(POINTS))
    name = "name=dot_bfloat16" if precision == "bfloat16" else "= dot_general"
    # Three hidden matrices; with float32 also the first and the last layer.
    assert text.count(name) == (3 + 2) * (3 if precision == "bfloat16" else 5)


def test_parameters_have_gradients_through_a_laplacian():
    config = change(FIELDS["siren"](), {"width": 16, "depth": 2, "precision": "float32"})
    field = config.build(Domain((8, 8), 1, None))
    params, points = field.init(jax.random.key(0), {}), POINTS[:, :2]

    def loss(params):
        return jnp.mean(differential.laplacian(lambda x: field.apply(params, x, {"omega": 5.0}), points) ** 2)

    loss = jax.jit(loss)
    gradients = jax.grad(loss)(params)
    slope = norm(gradients)
    moved = jax.tree.map(lambda p, g: p + 1e-3 * g / slope, params, gradients)
    assert (float(loss(moved)) - float(loss(params))) / 1e-3 == pytest.approx(float(slope), rel=0.02)


def norm(tree):
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def test_the_divergence_of_another_number_of_channels_is_refused_in_one_line():
    signal, _ = network(channels=2)
    with pytest.raises(UserError, match="divergence of a signal with 2 channels in 3 dimensions: give one channel per"):
        differential.divergence(signal, POINTS)


def test_weights_of_another_dimension_are_refused_in_one_line():
    signal, _ = network()
    with pytest.raises(UserError, match=r"weights=\(1\.0, -1\.0\) of a Laplacian in 3 dimensions: give one weight per"):
        differential.laplacian(signal, POINTS, (1.0, -1.0))
