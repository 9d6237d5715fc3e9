"""Fast versions of the two operations that dominate the cost of a SIREN: the sine and the matrix product.

`fast_sine` approximates the sine by a polynomial, with a stated error bound. `dot_bfloat16` rounds the operands of a
matrix product to bfloat16 and sums in float32, which is what the matrix units of accelerators compute.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

# pi is split into two parts (Cody and Waite's range reduction). The high part has so few bits that its product with
# any integer |n| < 2^13 is exact in float32, so the subtraction of n pi loses no digits of x.
_PI_HIGH = 3.140625
_PI_LOW = 9.67653589793e-4
# Coefficients of minimax polynomials on [0, pi/2], in powers of r^2: sin r = r p(r^2) and cos r = q(r^2). Before
# rounding, their absolute errors are at most 6e-7 (sine) and 5e-8 (cosine).
_SINE = (9.99996613e-01, -1.66648273e-01, 8.30631471e-03, -1.83633695e-04)
_COSINE = (9.99999953e-01, -4.99999053e-01, 4.16635833e-02, -1.38536928e-03, 2.31536537e-05)


def _reduce(x: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return x - n pi in [-pi/2, pi/2] and the sign (-1)^n, where n is the integer nearest to x / pi."""
    turns = jnp.round(x * (1.0 / jnp.pi))
    remainder = (x - turns * _PI_HIGH) - turns * _PI_LOW
    # The parity |n - 2 round(n / 2)| is 0 for even and 1 for odd n. Float arithmetic avoids a conversion to integers.
    return remainder, 1.0 - 2.0 * jnp.abs(turns - 2.0 * jnp.round(0.5 * turns))


def _horner(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Evaluate the polynomial sum_i c_i x^i by Horner's scheme."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


@jax.custom_jvp
def fast_sine(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return an approximation of sin x, computed as (-1)^n p(x - n pi) with one odd polynomial p.

    Args:
        x: angles in radians, float32, with |x| <= 2000. The absolute error is below 1e-6 for |x| <= 30 and below 8e-6
            for |x| <= 100. The latter is the size of the error that the rounding of x to float32 causes already.

    Returns:
        Values in [-1, 1], up to that error. The derivative is defined as the cosine polynomial of the same remainder,
        so that XLA computes the range reduction once for both.
    """
    remainder, sign = _reduce(x)
    return sign * remainder * _horner(_SINE, remainder * remainder)


@jax.custom_jvp
def _fast_cosine(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return cos x = (-1)^n cos(x - n pi), with the sign and the remainder of the sine."""
    remainder, sign = _reduce(x)
    return sign * _horner(_COSINE, remainder * remainder)


# The derivatives are polynomials of the same remainder again: derivatives of the polynomials themselves would have
# larger errors and cost more.
@fast_sine.defjvp
def _fast_sine_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return fast_sine(x), _fast_cosine(x) * dx


@_fast_cosine.defjvp
def _fast_cosine_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return _fast_cosine(x), -fast_sine(x) * dx


SINES: dict[str, Callable[[Float[Array, "..."]], Float[Array, "..."]]] = {"fast": fast_sine, "exact": jnp.sin}
"""Implementations of the sine by the name that the settings use."""


def contract(
    x: Float[Array, "_ _"], y: Float[Array, "_ _"], dimensions: tuple[int, int], precision: str
) -> Float[Array, "_ _"]:
    """Return the contraction of two matrices over one dimension of each, summed in float32.

    Args:
        x: first matrix, rounded to `precision` before the product.
        y: second matrix, rounded likewise.
        dimensions: the dimension of x and that of y to sum over. (1, 0) computes x y, and (1, 1) computes x y^T, which
            is faster this way than as a product with an explicit transpose.
        precision: `float32` or `bfloat16`.
    """
    # The layout that lax.dot_general requires: the contracted dimensions, then the batch dimensions (none).
    numbers = (((dimensions[0],), (dimensions[1],)), ((), ()))
    return lax.dot_general(x.astype(precision), y.astype(precision), numbers, preferred_element_type=jnp.float32)


_contract = partial(contract, precision="bfloat16")


@jax.custom_vjp
def dot_bfloat16(x: Float[Array, "N K"], w: Float[Array, "K M"]) -> Float[Array, "N M"]:
    """Return the matrix product x w with operands rounded to bfloat16 and sums in float32.

    The products of its two gradients are computed in the same way. JAX's automatic gradient would instead multiply a
    float32 cotangent with a bfloat16 operand, which no matrix unit supports. The rounding causes a relative error of
    about 2^-8 per operand. Only reverse-mode differentiation is supported.
    """
    return _contract(x, w, (1, 0))


def _dot_forward(x, w):
    # The residuals are stored in bfloat16. This halves their memory and loses nothing, since the products of the
    # backward pass round them to bfloat16 anyway.
    return dot_bfloat16(x, w), (x.astype(jnp.bfloat16), w.astype(jnp.bfloat16))


def _dot_backward(residuals, g):
    x, w = residuals
    # The layout constraint makes XLA's CPU backend materialise the transpose of x, which its fast kernels need.
    # Without the constraint, XLA folds the transpose into the product and uses a kernel of half the speed.
    x_transposed = with_layout_constraint(x.T, Layout(major_to_minor=(0, 1)))
    return _contract(g, w, (1, 1)), _contract(x_transposed, g, (1, 0))


dot_bfloat16.defvjp(_dot_forward, _dot_backward)

DOTS: dict[str, Callable[..., Float[Array, "N M"]]] = {"float32": jnp.dot, "bfloat16": dot_bfloat16}
"""Implementations of the matrix product by the precision of their operands."""


def resolve_precision(name: str) -> str:
    """Return the precision `float32` or `bfloat16` that a setting names; `auto` selects the best for this machine."""
    return best_precision() if name == "auto" else name


def best_precision() -> str:
    """Return the faster precision of matrix products on this machine, `float32` or `bfloat16`.

    Accelerators have bfloat16 matrix units. A CPU is faster with bfloat16 only if it multiplies in this format in
    hardware (AMX, or AVX-512 with the BF16 extension); any other CPU would spend more time on conversions than it
    saves. The choice follows from the hardware alone and not from a measurement, so that a repeated run on the same
    machine makes the same choice.
    """
    if jax.default_backend() != "cpu":
        return "bfloat16"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:  # there is no such file outside Linux
        return "float32"
    return "bfloat16" if re.search(r"\b(amx_bf16|avx512_bf16)\b", flags) else "float32"
