"""Line integrals: adjoint, gradient, both paths, and comparison with scikit-image and with exact integrals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.operators.rays import assembled, geometry, trace
from inrr_jax.problem import Domain, Evaluated

RNG = np.random.default_rng(0)
ANGLES = np.linspace(0, np.pi, 7, endpoint=False)


def plane_rays(shape, beam="parallel", count=30, **options):
    domain = Domain(shape, 2)
    offsets = geometry.bins(count, 2.4)
    rays = geometry.parallel(ANGLES, offsets) if beam == "parallel" else geometry.fan(ANGLES, offsets, 3.0)
    return domain, trace(domain, *rays, **options)


def random_rays(shape):
    domain = Domain(shape, 1, spacing=(1.0, 2.0, 1.5))
    return domain, trace(domain, RNG.uniform(-0.5, 0.5, (40, 3)), RNG.normal(size=(40, 3)))


CASES = {
    "parallel": lambda: plane_rays((24, 20)),
    "fan": lambda: plane_rays((20, 24), "fan"),
    "volume": lambda: random_rays((9, 6, 7)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_transpose_is_exact_and_the_gradient_uses_it(case):
    domain, rays = CASES[case]()
    rays = assembled(rays)
    x = jnp.asarray(RNG.normal(size=(*domain.shape, domain.channels)), jnp.float32)
    y = jnp.asarray(RNG.normal(size=(*rays.layout, domain.channels)), jnp.float32)
    projected, pull = jax.vjp(jax.jit(rays.apply), x)
    (back,) = pull(y)
    left, right = float(jnp.vdot(projected, y)), float(jnp.vdot(x, back))
    scale = float(jnp.linalg.norm(projected) * jnp.linalg.norm(y))
    assert abs(left - right) < 1e-5 * scale
    # The misfit is quadratic, so that a central difference is exact up to rounding.
    distance = jax.jit(jax.value_and_grad(rays.distance))
    slope = jnp.vdot(distance(x, y)[1], x)
    difference = distance(1.5 * x, y)[0] - distance(0.5 * x, y)[0]
    assert float(slope) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_matrix_samples_and_points_agree(case):
    domain, rays = CASES[case]()
    values = jnp.asarray(RNG.normal(size=(*domain.shape, domain.channels)), jnp.float32)
    expected = np.asarray(assembled(rays).apply(values))
    assert np.abs(expected).max() > 0.3

    def signal(points):
        return grids.interpolate(values, domain.places(points))

    np.testing.assert_allclose(rays.apply(values), expected, atol=2e-4)
    np.testing.assert_allclose(rays.predict(signal, domain), expected, atol=2e-4)


def test_a_minibatch_of_rays_estimates_the_misfit():
    domain, rays = CASES["volume"]()
    values = jnp.asarray(RNG.normal(size=(*domain.shape, 1)), jnp.float32)
    measured = jnp.asarray(RNG.normal(size=(40, 1)), jnp.float32)

    def signal(points):
        return grids.interpolate(values, domain.places(points))

    def misfit(key):
        request = rays.request(measured, domain, key, 8)
        return rays.misfit(measured, Evaluated(None, request.measured, signal(request.points), signal))

    many = np.asarray(jax.jit(jax.vmap(misfit))(jax.random.split(jax.random.key(0), 1000)))
    assert many.mean() == pytest.approx(float(rays.distance(values, measured)), abs=float(4 * many.std() / 1000**0.5))


def disc(shape, centre, radius):
    rows, columns = np.meshgrid(*grids.axes(shape), indexing="ij")
    return ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2).astype(np.float32)[..., None]


@pytest.mark.parametrize("beam", ["parallel", "fan"])
def test_integrals_of_a_disc_are_its_chords(beam):
    """A ray at the distance s from the centre of a disc of radius r crosses it on the length 2 sqrt(r² - s²)."""
    centre, radius, shape = np.array([0.2, -0.1]), 0.5, (200, 160)
    domain = Domain(shape, 1)
    offsets = geometry.bins(50, 2.4)
    origins, directions = (
        geometry.parallel(ANGLES, offsets) if beam == "parallel" else geometry.fan(ANGLES, offsets, 3.0)
    )
    found = np.asarray(trace(domain, origins, directions, length=10.0).apply(jnp.asarray(disc(shape, centre, radius))))
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    away = centre - origins
    distance = np.abs(away[..., 0] * unit[..., 1] - away[..., 1] * unit[..., 0])
    exact = 20 * np.sqrt(np.maximum(radius**2 - distance**2, 0))
    error = found[..., 0] - exact
    assert np.sqrt(np.mean(error**2)) < 0.012 * exact.max()
    # The disc is off the centre, so that views that turn the other way are wrong.
    assert np.sqrt(np.mean((found[::-1, :, 0] - exact) ** 2)) > 0.1 * exact.max()


def test_parallel_rays_agree_with_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    n = 96
    domain = Domain((n, n), 1)
    image = np.asarray(disc((n, n), (0.1, 0.2), 0.4) + 0.5 * disc((n, n), (-0.2, -0.3), 0.3))
    # Its views turn the picture, and its bins are as wide as pixels.
    angles = np.arange(0, 180, 15)
    expected = transform.radon(image[..., 0], theta=angles, circle=True).T
    pixel = 2 / (n - 1)
    # Its centre of rotation is the pixel n // 2, and its angle 0 sums columns.
    offsets = (np.arange(n) - n // 2) * pixel
    beam = geometry.parallel(np.deg2rad(angles), offsets)
    centre = np.array([pixel / 2, pixel / 2])
    found = np.asarray(
        trace(domain, beam.origins + centre, beam.directions, length=1 / pixel).apply(jnp.asarray(image))
    )
    error = np.linalg.norm(found[..., 0] - expected) / np.linalg.norm(expected)
    assert error < 0.02
    assert np.linalg.norm(found[:, ::-1, 0] - expected) / np.linalg.norm(expected) > 0.2


def test_wrong_rays_are_refused_in_one_line():
    domain = Domain((8, 8), 1)
    with pytest.raises(UserError, match="with 2 coordinates"):
        trace(domain, np.zeros((4, 3)), np.ones((4, 3)))
    with pytest.raises(UserError, match="direction 0"):
        trace(domain, np.zeros((4, 2)), np.zeros((4, 2)))
    rays = trace(domain, np.zeros((4, 2)), np.ones((4, 2)))
    with pytest.raises(UserError, match="trace them anew"):
        rays.request(jnp.zeros((4, 1)), Domain((9, 9), 1), jax.random.key(0), 2)


@pytest.mark.parametrize(("views", "whole"), [(7, True), (4, False)])
def test_whole_views_are_held_out_where_there_are_enough(views, whole):
    rays = geometry.parallel(ANGLES[:views], geometry.bins(30, 2.4))
    operator = trace(Domain((24, 20), 1), *rays)
    shape = (*operator.layout, 1)
    fitted, held = operator.hold_out(shape, seed=0, share=0.3, whole=True)
    assert (fitted.kept ^ held.kept).all()
    by_view = np.broadcast_to(held.kept, shape).mean((1, 2))
    if whole:
        assert sorted(by_view) == [0] * 5 + [1] * 2
    else:
        assert by_view.mean() == pytest.approx(0.3, abs=0.01)
        assert (by_view < 1).all()
    single = np.broadcast_to(operator.hold_out(shape, seed=0, share=0.3)[1].kept, shape).mean((1, 2))
    assert (single < 1).all()
