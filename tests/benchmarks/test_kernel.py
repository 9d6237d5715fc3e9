import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import kernel
from inrr_jax.fields import siren


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(kernel, "PAPER", siren.Config(width=32, depth=3, precision="float32"))
    monkeypatch.setattr(kernel, "POINTS", 40)


def test_all_methods_measure_the_same_kernel():
    norms = {name: kernel.cost(name)["norm"] for name in kernel.METHODS}
    np.testing.assert_allclose(list(norms.values()), norms["structured"], rtol=1e-4)


def test_the_ridge_is_larger_for_noise_than_for_a_smooth_signal(key):
    points = jax.random.uniform(key, (600, 2), minval=-1.0, maxval=1.0) * 0.24
    smooth = jnp.sin(4 * points[:, 0]) * points[:, 1]
    noise = jax.random.normal(key, (600,))
    assert kernel.choose_ridge(points, smooth) == min(kernel.RIDGES)
    assert kernel.choose_ridge(points, noise) == max(kernel.RIDGES)


def test_no_pixel_outside_the_window_matters(key):
    points = jax.random.uniform(key, (600, 2), minval=-1.0, maxval=1.0) * 0.24
    targets = jnp.sin(4 * points[:, 0])
    far = jnp.concatenate([points, jnp.full((50, 2), 0.9)])
    junk = jnp.concatenate([targets, 100 * jax.random.normal(key, (50,))])
    assert kernel.choose_ridge(far, junk) == kernel.choose_ridge(points, targets)
