"""Direct, blurred and averaged measurements: adjoints, agreement with other implementations, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from inrr_jax.errors import UserError
from inrr_jax.operators.imaging import convolution
from inrr_jax.operators.imaging.convolution import Convolution
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.imaging.function import Function
from inrr_jax.operators.resample import AreaAverage

RNG = np.random.default_rng(0)
VALUES = jnp.asarray(RNG.uniform(size=(12, 18, 2)), jnp.float32)
KERNEL = RNG.uniform(size=(3, 7)).astype(np.float32)
OPERATORS = [
    Direct(),
    AreaAverage((2, 3)),
    Convolution(KERNEL),
    Convolution(convolution.gaussian(1.2)),
    Function(lambda v: jnp.fft.fft2(v, axes=(0, 1)), squeezed=False),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda o: type(o).__name__)
def test_the_transpose_passes_the_dot_test(operator):
    measured, transpose = jax.vjp(operator.apply, VALUES)
    other = jnp.asarray(RNG.normal(size=measured.shape), jnp.float32)
    left, right = float(jnp.vdot(measured, other)), float(jnp.vdot(VALUES, transpose(other)[0]))
    assert left == pytest.approx(right, abs=1e-5 * float(jnp.linalg.norm(measured) * jnp.linalg.norm(other)))


@pytest.mark.parametrize("kernel", [KERNEL, convolution.motion(5.0, 30.0), convolution.gaussian(0.8)])
def test_a_convolution_agrees_with_scipy(kernel):
    expected = ndimage.convolve(np.asarray(VALUES, np.float64), kernel[..., None].astype(np.float64), mode="reflect")
    np.testing.assert_allclose(Convolution(kernel).apply(VALUES), expected, atol=3e-6)


def test_kernels_have_the_sum_one_and_their_shape():
    assert convolution.gaussian(1.6).sum() == pytest.approx(1)
    line = convolution.motion(9.0, 0.0)
    assert line.sum() == pytest.approx(1)
    assert (line.sum(axis=1) > 1e-6).sum() == 1
    assert (convolution.motion(9.0, 90.0).sum(axis=0) > 1e-6).sum() == 1


def test_averages_of_the_grid_are_those_of_the_points():
    expected = np.asarray(VALUES).reshape(6, 2, 6, 3, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(AreaAverage((2, 3)).apply(VALUES), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 3), (3,), (31, 3)])
def test_a_kernel_that_does_not_fit_is_refused(shape):
    with pytest.raises(UserError, match="give an odd number of entries"):
        Convolution(np.ones(shape, np.float32)).apply(VALUES)


def test_a_complex_function_has_real_and_imaginary_parts():
    found = Function(jnp.fft.fft2).apply(VALUES[..., :1])
    expected = np.fft.fft2(np.asarray(VALUES[..., 0]))
    np.testing.assert_allclose(found[..., 1], expected.imag, atol=1e-4)
