"""Finite differences: exact for consistent data, and of second order against analytic solutions."""

import numpy as np
import pytest
from scipy.special import hankel1

from inrr_jax.baselines import finite_differences as fd

RNG = np.random.default_rng(0)
IMAGE = RNG.random((14, 11, 2)).astype(np.float32)


def test_the_integral_of_differences_is_the_picture_up_to_a_constant():
    down, right = (np.diff(IMAGE, axis=axis) for axis in (0, 1))
    known = [np.ones(d.shape[:2], bool) for d in (down, right)]
    expected = IMAGE - IMAGE.mean(axis=(0, 1))
    np.testing.assert_allclose(fd.integrate(down, right, *known), expected, atol=1e-5)
    known[0][3, 4] = False
    down[3, 4] = 100.0  # not known, so not used
    np.testing.assert_allclose(fd.integrate(down, right, *known), expected, atol=1e-5)
    known[0][3, 4] = True
    assert np.abs(fd.integrate(down, right, *known) - expected).max() > 1


def test_poissons_equation_with_fixed_values():
    mask = np.zeros((14, 11), bool)
    mask[2:-1, 1:-3] = True
    laplacian = np.zeros_like(IMAGE)
    laplacian[1:-1, 1:-1] = IMAGE[2:, 1:-1] + IMAGE[:-2, 1:-1] + IMAGE[1:-1, 2:] + IMAGE[1:-1, :-2]
    laplacian[1:-1, 1:-1] -= 4 * IMAGE[1:-1, 1:-1]
    hidden = np.where(mask[..., None], np.float32(7), IMAGE)
    np.testing.assert_allclose(fd.solve_poisson(laplacian, hidden, mask), IMAGE, atol=1e-5)


def helmholtz_error(nodes, layer):
    k, width = 8.0, 0.1
    x = np.linspace(-1, 1, nodes)
    radius = np.hypot(x[:, None], x[None, :])
    source = np.exp(k**2 * width**2 / 2 - radius**2 / (2 * width**2)) / (2 * np.pi * width**2)
    found = fd.solve_helmholtz(source.astype(complex), k, x[1] - x[0], layer)
    away = radius > 0.5
    exact = 0.25j * hankel1(0, k * radius[away])
    return np.linalg.norm(found[away] - exact) / np.linalg.norm(exact)


def test_helmholtz_converges_to_greens_function_with_order_two():
    errors = [helmholtz_error(nodes, nodes // 5) for nodes in (41, 81)]
    assert errors[1] < 0.01
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)


def test_a_border_without_a_layer_reflects():
    assert helmholtz_error(41, 1) > 0.3


def test_leapfrog_converges_with_order_two():
    errors = []
    for nodes in (41, 81):
        x = np.linspace(0, np.pi, nodes)
        found = fd.solve_wave(np.sin(3 * x), nodes, 0.8)
        time = 0.8 * (x[1] - x[0]) * np.arange(nodes)
        errors.append(np.abs(found - np.sin(3 * x)[None, :] * np.cos(3 * time)[:, None]).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)
    assert fd.solve_wave(np.ones(5), 1, 0.5).tolist() == [[0, 1, 1, 1, 0]]
