import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators import acoustics
from inrr_jax.operators.acoustics import Medium, stable_step

SPEED = 2000.0


def ricker(steps, step, frequency=8.0, delay=0.15):
    phase = (np.pi * frequency * (np.arange(steps) * step - delay)) ** 2
    return (1 - 2 * phase) * np.exp(-phase)


def analytic(distance, wavelet, step):
    """Return the pressure of a line source: the wavelet over H(t - r/v) / (2 pi sqrt(t² - r²/v²)), t = r/v cosh u."""
    times, arrival = np.arange(len(wavelet)) * step, distance / SPEED
    found = np.zeros(len(wavelet))
    for i in np.flatnonzero(times > arrival):
        u = np.linspace(0, np.arccosh(times[i] / arrival), 400)
        found[i] = np.trapezoid(np.interp(times[i] - arrival * np.cosh(u), times, wavelet), u) / (2 * np.pi)
    return found


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def recorded(medium, sources, receivers, wavelet, velocity=None):
    velocity = np.full(medium.shape, SPEED) if velocity is None else velocity
    spread = medium.spread(np.array(sources)), medium.spread(np.array(receivers))
    wavelets = np.tile(wavelet, (len(sources), 1)).astype(velocity.dtype)
    return np.asarray(jax.jit(lambda v: medium.record(v, wavelets, *spread))(velocity))


def test_waves_in_a_homogeneous_medium_are_the_analytic_ones():
    medium = Medium((40, 60), (20.0, 20.0), 2e-3, SPEED)
    wavelet = ricker(250, medium.step)
    found = recorded(medium, [(400.0, 300.0)], [(400.0, 700.0), (407.0, 691.0)], wavelet.astype(np.float32))[0]
    for record, distance in zip(found.T, (400.0, np.hypot(7, 391)), strict=True):
        assert relative(record, analytic(distance, wavelet, medium.step)) < 0.03
    # Without the layers the reflections of the sides are in the record.
    bare = Medium((40, 60), (20.0, 20.0), 2e-3, SPEED, layer=0)
    wavelet = ricker(400, medium.step)
    reflected = recorded(bare, [(400.0, 300.0)], [(400.0, 700.0)], wavelet.astype(np.float32))[0, :, 0]
    assert relative(reflected, analytic(400.0, wavelet, medium.step)) > 0.3


def test_a_free_surface_is_an_image_source_of_the_opposite_sign():
    medium = Medium((40, 60), (20.0, 20.0), 2e-3, SPEED, free_surface=True)
    wavelet = ricker(250, medium.step)
    found = recorded(medium, [(100.0, 300.0)], [(200.0, 600.0), (0.0, 600.0)], wavelet.astype(np.float32))[0]
    direct, image = (analytic(np.hypot(dz, 300), wavelet, medium.step) for dz in (100, 300))
    assert relative(found[:, 0], direct - image) < 0.03
    assert np.abs(found[:, 1]).max() == 0


@pytest.mark.parametrize("order", [4, 8])
def test_the_order_of_convergence_in_space(order, double_precision):
    # The Laplacian of a wave of known length; time stepping would hide the eighth order.
    lengths, errors = np.array([8, 16]), []
    with double_precision():
        for nodes in lengths:
            medium = Medium((40, 40), (1.0, 1.0), 1e-5, SPEED, order)
            angle = 2 * np.pi / nodes * np.arange(40)
            wave = jnp.asarray(np.sin(angle)[:, None] + np.cos(angle))
            inner = slice(order // 2, -order // 2)
            exact = -((2 * np.pi / nodes) ** 2) * wave[inner, inner]
            errors.append(float(jnp.linalg.norm(medium.laplacian(wave) - exact) / jnp.linalg.norm(exact)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


def test_the_order_of_convergence_in_time():
    wavelet = lambda step: ricker(round(0.5 / step), step)  # noqa: E731
    errors = []
    for step in (4e-3, 2e-3):
        medium = Medium((40, 60), (20.0, 20.0), step, SPEED)
        found = recorded(medium, [(400.0, 300.0)], [(400.0, 700.0)], wavelet(step).astype(np.float32))[0, :, 0]
        fine = Medium((40, 60), (20.0, 20.0), 5e-4, SPEED)
        exact = recorded(fine, [(400.0, 300.0)], [(400.0, 700.0)], wavelet(5e-4).astype(np.float32))[0, :, 0]
        errors.append(relative(found, exact[:: round(step / 5e-4)]))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)


def layered(seed=0, shape=(24, 30)):
    rng = np.random.default_rng(seed)
    return 1600 + 300 * rng.random(shape) + 20 * np.arange(shape[0])[:, None]


def test_source_and_receiver_can_be_exchanged():
    medium = Medium((24, 30), (20.0, 20.0), 2e-3, 2400.0)
    there, back = [(40.0, 60.0)], [(333.0, 451.0)]
    wavelet = ricker(250, medium.step).astype(np.float32)
    velocity = layered().astype(np.float32)
    first = recorded(medium, there, back, wavelet, velocity)[0, :, 0]
    second = recorded(medium, back, there, wavelet, velocity)[0, :, 0]
    # Equation of the pressure over v²: the source's strength does not depend on the velocity at it.
    assert relative(second, first) < 1e-4
    assert relative(recorded(medium, there, [(313.0, 451.0)], wavelet, velocity)[0, :, 0], first) > 0.05


def test_the_gradient_is_that_of_central_differences_and_of_jax(double_precision):
    with double_precision():
        medium = Medium((12, 14), (20.0, 20.0), 2e-3, 2400.0, layer=5, free_surface=True, block=16)
        sources, receivers = (
            medium.spread(np.array([(40.0, 45.0)])),
            medium.spread(np.array([(30.0, 200.0), (0.0, 0.0)])),
        )
        wavelets, velocity = ricker(70, medium.step, delay=0.05)[None], jnp.asarray(layered(shape=(12, 14)))
        weights = jnp.asarray(np.random.default_rng(1).normal(size=(1, 70, 2)))

        def loss(velocity, wavelets):
            return jnp.sum(weights * medium.record(velocity, wavelets, sources, receivers) ** 2)

        gradients = jax.jit(jax.grad(loss, (0, 1)))(velocity, wavelets)
        for gradient, place, step in zip(gradients, (0, 1), (1e-2, 1e-5), strict=True):
            arguments = [velocity, jnp.asarray(wavelets)]
            direction = jnp.asarray(np.random.default_rng(2).normal(size=arguments[place].shape))
            ends = []
            for sign in (1, -1):
                moved = [*arguments]
                moved[place] = arguments[place] + sign * step * direction
                ends.append(float(jax.jit(loss)(*moved)))
            assert float(jnp.sum(gradient * direction)) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_the_linearised_operator_and_its_transpose_agree(double_precision):
    with double_precision():
        medium = Medium((12, 14), (20.0, 20.0), 2e-3, 2400.0, layer=5, block=16)
        source, receivers = (medium.spread(np.array([p])) for p in [(40.0, 45.0), (30.0, 200.0)])
        padded = jnp.pad(jnp.asarray(layered(shape=(12, 14))), medium.padding, mode="edge")
        factor, forces = (padded * medium.step) ** 2, jnp.asarray(ricker(64, medium.step, delay=0.05)).reshape(4, 16)
        rng = np.random.default_rng(3)
        tangent, cotangent = jnp.asarray(rng.normal(size=factor.shape)), jnp.asarray(rng.normal(size=(64, 1)))

        def plain(factor):  # the forward pass alone, which JAX differentiates by its own rules
            return acoustics._forward(medium, factor, forces, source, receivers)[0]

        def ours(factor):
            return acoustics._propagate(medium, factor, forces, source, receivers)

        pushed = jax.jit(lambda f, t: jax.jvp(plain, (f,), (t,))[1])(factor, tangent)
        pulled = jax.jit(lambda f, c: jax.vjp(ours, f)[1](c)[0])(factor, cotangent)
        assert float(jnp.sum(pushed * cotangent)) == pytest.approx(float(jnp.sum(tangent * pulled)), rel=1e-10)


def test_shots_together_are_shots_one_after_another():
    medium = Medium((12, 14), (20.0, 20.0), 2e-3, 2400.0, layer=5)
    spread = medium.spread(np.array([(40.0, 40.0), (60.0, 100.0)])), medium.spread(np.array([(20.0, 200.0)]))
    wavelets = np.tile(ricker(45, 2e-3), (2, 1)).astype(np.float32)
    velocity = layered(shape=(12, 14)).astype(np.float32)
    alone, together = (medium.record(velocity, wavelets, *spread, at_once=n) for n in (1, 2))
    assert alone.shape == (2, 45, 1)
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6 * float(jnp.abs(alone).max()))


def test_steps_are_stable_up_to_the_limit_and_not_beyond(monkeypatch):
    limit = stable_step(SPEED, (20.0, 20.0))
    wavelet = ricker(300, 0.99 * limit).astype(np.float32)
    medium = Medium((20, 20), (20.0, 20.0), 0.99 * limit, SPEED)
    assert np.abs(recorded(medium, [(200.0, 200.0)], [(100.0, 100.0)], wavelet)).max() < 10
    with pytest.raises(UserError, match="unstable at 2000 m/s .* give at most"):
        Medium((20, 20), (20.0, 20.0), 1.02 * limit, SPEED)
    monkeypatch.setattr(acoustics, "stable_step", lambda *_: 1.0)
    unstable = Medium((20, 20), (20.0, 20.0), 1.02 * limit, SPEED)
    assert not np.abs(recorded(unstable, [(200.0, 200.0)], [(100.0, 100.0)], wavelet)).max() < 10


def test_points_outside_and_other_mistakes_are_refused():
    medium = Medium((20, 20), (20.0, 20.0), 2e-3, SPEED)
    with pytest.raises(UserError, match=r"\(0.0, 500.0\) m lies outside of the model of 380 x 380 m"):
        medium.spread(np.array([(0.0, 0.0), (0.0, 500.0)]))
    with pytest.raises(UserError, match="order=6"):
        Medium((20, 20), (20.0, 20.0), 2e-3, SPEED, 6)
    with pytest.raises(UserError, match="2 x 2 nodes"):
        Medium((20, 1), (20.0, 20.0), 2e-3, SPEED)
