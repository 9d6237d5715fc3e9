"""Computed tomography: simulated projections against exact ones, own sinograms, noise, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data.kinds.inverse import ct
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.tomography import ellipses, projections
from inrr_jax.errors import UserError
from inrr_jax.operators.noise import Transmission
from inrr_jax.operators.rays import geometry

ANGLES = np.linspace(0, np.pi, 5, endpoint=False)
TURNED = (ellipses.Ellipse(1.0, 0.6, 0.3, 0.1, -0.2, 25.0),)


def make(**options):
    config = ct.Config(**{"size": 32, "views": 6, **options})
    return config.problem(config.read(), MaskSettings())


def test_integrals_of_a_turned_ellipse_are_those_of_its_picture():
    beam = geometry.fan(ANGLES, geometry.bins(40, 2.0), 3.0)
    exact = ellipses.integrate(TURNED, *beam)
    found = projections.project(ellipses.draw(TURNED, 256), *beam)
    assert np.abs(found - exact).max() < 0.03
    mirrored = (TURNED[0]._replace(turned=-25.0),)
    assert np.abs(ellipses.integrate(mirrored, *beam) - exact).max() > 0.2


@pytest.mark.parametrize("options", [{}, {"beam": "fan"}, {"image": "camera"}, {"image": "camera", "bins": 50}])
def test_the_operator_agrees_with_the_simulation_up_to_noise_and_pixels(options):
    problem = make(size=64, photons=1e9, **options)
    predicted = np.asarray(problem.operator.apply(jnp.asarray(problem.truth)))
    error = np.linalg.norm(predicted - problem.measurements) / np.linalg.norm(problem.measurements)
    assert error < 0.06
    turned = np.asarray(problem.operator.apply(jnp.asarray(problem.truth[::-1])))
    assert np.linalg.norm(turned - problem.measurements) / np.linalg.norm(problem.measurements) > 0.06


def test_a_measured_sinogram_gives_the_slice_in_its_own_units(tmp_path):
    simulated = make(size=64, photons=1e9, attenuation=2.0)
    np.save(tmp_path / "s.npy", 50 * simulated.measurements[..., 0])
    np.save(tmp_path / "a.npy", np.arange(6) * 30.0)
    problem = make(size=64, path=str(tmp_path / "s.npy"), angles=str(tmp_path / "a.npy"))
    assert problem.truth is None
    values = simulated.truth / problem.units.scale.astype(np.float32) * 50
    predicted = np.asarray(problem.operator.apply(jnp.asarray(values)))
    error = np.linalg.norm(predicted - problem.measurements) / np.linalg.norm(problem.measurements)
    assert error < 0.06


def test_the_transmission_misfit_is_the_likelihood_of_counts():
    noise, measured = Transmission(100.0), jnp.asarray([0.0, 0.5, 2.0])
    assert float(jnp.abs(noise.misfit(measured, measured)).max()) == 0
    slope = jax.vmap(jax.grad(noise.misfit))(jnp.asarray([0.3, 0.4, 1.0]), measured)
    counts, predicted = 100 * np.exp(-np.asarray(measured)), np.array([0.3, 0.4, 1.0])
    # d/dp of -log of the Poisson probability is count - photons exp(-p).
    np.testing.assert_allclose(slope, 2 / 100 * (counts - 100 * np.exp(-predicted)), rtol=1e-4)
    drawn = Transmission(1e4).draw(np.random.default_rng(0), np.full(50_000, 1.0))
    assert drawn.std() == pytest.approx(np.exp(0.5) / 100, rel=0.02)
    assert np.isfinite(Transmission(1.0).draw(np.random.default_rng(0), np.full(50, 9.0))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "nowhere.npy"}, r"nowhere\.npy cannot be read"),
        ({"path": "cube.npy"}, r"shape \(2, 2, 2\)"),
        ({"path": "flat.npy", "angles": "flat.npy"}, "give finite numbers, one angle in degrees per view"),
        ({"path": "flat.npy", "angles": "one.npy"}, "has 1 angles: give 3"),
        ({"path": "dark.npy"}, "the integrals have the mean 0"),
        ({"image": "mni152"}, "give a slice with two"),
    ],
)
def test_wrong_data_are_refused_in_one_line(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays = {"cube": np.ones((2, 2, 2)), "flat": np.ones((3, 4)), "one": np.ones(1), "dark": np.zeros((3, 4))}
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    if "image" in options:
        pytest.importorskip("nilearn")
    with pytest.raises(UserError, match=message) as caught:
        make(**options)
    assert "\n" not in str(caught.value)


def test_photons_of_zero_are_refused():
    with pytest.raises(UserError, match="photons=0"):
        Transmission(0.0)
