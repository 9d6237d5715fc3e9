"""The two operations in which a SIREN spends its time: the sine and the matrix product."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

# pi in two parts: the first has so few bits that its product with any |n| < 2^13 is exact in float32.
_PI_HIGH = 3.140625
_PI_LOW = 9.67653589793e-4
# Minimax coefficients on [0, pi/2] in powers of r^2: absolute errors 6e-7 (sine) and 5e-8 (cosine) before rounding.
_SINE = (9.99996613e-01, -1.66648273e-01, 8.30631471e-03, -1.83633695e-04)
_COSINE = (9.99999953e-01, -4.99999053e-01, 4.16635833e-02, -1.38536928e-03, 2.31536537e-05)


def _reduce(x: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return x - n pi in [-pi/2, pi/2], and (-1)^n, for the nearest integer n."""
    turns = jnp.round(x * (1.0 / jnp.pi))
    remainder = (x - turns * _PI_HIGH) - turns * _PI_LOW
    return remainder, 1.0 - 2.0 * jnp.abs(turns - 2.0 * jnp.round(0.5 * turns))


def _horner(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Float[Array, "..."]:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


@jax.custom_jvp
def fast_sine(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Sine by reduction to half turns and one odd polynomial: sin x = (-1)^n p(x - n pi).

    Args:
        x: radians in float32, |x| <= 2000. The absolute error is below 1e-6 up to |x| = 30 and below 8e-6 up to 100,
            where the rounding of x itself is as large.

    Returns:
        values in [-1, 1] up to that error. The derivative is the cosine polynomial of the same reduction, which XLA
        then computes once for both.
    """
    remainder, sign = _reduce(x)
    return sign * remainder * _horner(_SINE, remainder * remainder)


@fast_sine.defjvp
def _fast_sine_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    remainder, sign = _reduce(x)
    return fast_sine(x), sign * _horner(_COSINE, remainder * remainder) * dx


SINES: dict[str, Callable[[Float[Array, "..."]], Float[Array, "..."]]] = {"fast": fast_sine, "exact": jnp.sin}


def contract(
    x: Float[Array, "_ _"], y: Float[Array, "_ _"], dimensions: tuple[int, int], precision: str
) -> Float[Array, "_ _"]:
    """Contract x and y, rounded to the named precision, over a dimension of each, summing in float32.

    (1, 0) is x y and (1, 1) is x y^T, which runs faster so than by a product with the transpose.
    """
    numbers = (((dimensions[0],), (dimensions[1],)), ((), ()))
    return lax.dot_general(x.astype(precision), y.astype(precision), numbers, preferred_element_type=jnp.float32)


_contract = partial(contract, precision="bfloat16")


@jax.custom_vjp
def dot_bfloat16(x: Float[Array, "N K"], w: Float[Array, "K M"]) -> Float[Array, "N M"]:
    """Matrix product of bfloat16 operands with float32 accumulation, and so its two gradients.

    XLA's own gradient would multiply a float32 cotangent with a bfloat16 operand, which no matrix unit does. The
    relative error against float32 is about 2^-8 per operand. Reverse mode only.
    """
    return _contract(x, w, (1, 0))


def _dot_forward(x, w):
    # Rounded residuals are half the memory, and what the gradients round to anyway.
    return dot_bfloat16(x, w), (x.astype(jnp.bfloat16), w.astype(jnp.bfloat16))


def _dot_backward(residuals, g):
    x, w = residuals
    # The layout makes XLA's CPU backend really transpose x, which its fast kernels need; otherwise the transpose is
    # folded into a slow product (half the speed).
    x_transposed = with_layout_constraint(x.T, Layout(major_to_minor=(0, 1)))
    return _contract(g, w, (1, 1)), _contract(x_transposed, g, (1, 0))


dot_bfloat16.defvjp(_dot_forward, _dot_backward)

DOTS: dict[str, Callable[..., Float[Array, "N M"]]] = {"float32": jnp.dot, "bfloat16": dot_bfloat16}


def resolve_precision(name: str) -> str:
    """Return float32 or bfloat16 for the setting's name, `auto` included."""
    return best_precision() if name == "auto" else name


def best_precision() -> str:
    """Name the matrix precision that this machine gains by: a rule, not a probe, so that a rerun chooses the same.

    Accelerators have bfloat16 matrix units. A CPU gains only if it multiplies bfloat16 in hardware (AMX, or AVX-512
    with the BF16 extension); others would convert to and fro and lose.
    """
    if jax.default_backend() != "cpu":
        return "bfloat16"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return "float32"
    return "bfloat16" if re.search(r"\b(amx_bf16|avx512_bf16)\b", flags) else "float32"
