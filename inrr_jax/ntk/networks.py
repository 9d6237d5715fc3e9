"""Finite networks whose kernel is taken, and access to the inputs and outputs of their dense layers."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jaxtyping import Array, Float, Key

from inrr_jax import fields
from inrr_jax.settings import FieldSettings

Apply = Callable[[Any, Float[Array, "N D"]], Float[Array, "N C"]]
"""(params, points) -> values. Each row of the values depends on its own point only."""


class Network(NamedTuple):
    """A network as two functions: init(key) -> params and apply(params, points [N, D], omega) -> values [N, C]."""

    init: Callable[[Key[Array, ""]], Any]
    apply: Callable[..., Float[Array, "N C"]]


def siren_network(width: int, depth: int, dimensions: int) -> Network:
    """Return the finite network to which infinite.py belongs: a SIREN with one channel and no sigmoid.

    Args:
        width: number of units of each sine layer.
        depth: number of sine layers.
        dimensions: D of the points.
    """
    # The exact sine: the fast one is a polynomial, whose error would hide the rates at which kernels converge.
    return network(FieldSettings(width=width, depth=depth, sine="exact"), dimensions)


def network(settings: FieldSettings, dimensions: int = 2, channels: int = 1, *, bounded: bool = False) -> Network:
    """Return the network of a field, in float32 and evaluated at all points at once.

    Args:
        settings: the field's settings, of which `precision` and `tile` are ignored.
        dimensions: D of the points.
        channels: C of the values.
        bounded: whether to include the sigmoid at the field's end. With its derivative s = f (1 - f), the kernel
            after the sigmoid is K_after(x, x') = s(x) K_before(x, x') s(x').

    Returns:
        A network that can be differentiated in forward and reverse mode.
    """
    # Without tiles, because `intercepted` must see every layer once and outside of any loop.
    exact = dataclasses.replace(settings, precision="float32", tile=0)
    field = fields.make(exact, dimensions, channels)

    def apply(params, points, omega):
        # Accelerators multiply float32 matrices in lower precision unless asked not to.
        with jax.default_matmul_precision("float32"), _module_outputs() as outputs:
            values = field.apply(params, points, omega)
        return values if bounded else outputs[-1]

    return Network(field.init, apply)


@contextlib.contextmanager
def _module_outputs() -> Iterator[list[Float[Array, "N C"]]]:
    """Record the return value of the outermost Flax module: the value before the field's sigmoid."""
    outputs: list[Float[Array, "N C"]] = []

    def record(call, args, kwargs, context):
        output = call(*args, **kwargs)
        if context.module.path == () and context.method_name == "__call__":
            outputs.append(output)
        return output

    with nn.intercept_methods(record):
        yield outputs


class Layer(NamedTuple):
    """One dense layer evaluated at N points: output = inputs @ kernel (+ bias)."""

    path: tuple[str, ...]
    """Path of the layer's parameters in the tree of params."""
    inputs: Float[Array, "N K"]
    output: Float[Array, "N W"]
    biased: bool
    """Whether the layer has a bias."""


@contextlib.contextmanager
def intercepted(shifts: list[Float[Array, "N _"]] | None = None) -> Iterator[list[Layer]]:
    """Record every dense layer that Flax evaluates within the context, in order of evaluation.

    A dense layer is a module that owns a two-dimensional parameter named `kernel`.

    Args:
        shifts: one array per layer, added to that layer's output. The derivative with respect to a shift of zero is
            the derivative with respect to the layer's output.
    """
    layers: list[Layer] = []

    def record(call, args, kwargs, context):
        output = call(*args, **kwargs)
        own = context.module.variables.get("params", {})
        # `kernel` may be missing, be a convolution's, or be the name of a child module, which has no `ndim`.
        if getattr(own.get("kernel"), "ndim", 0) != 2:
            return output
        if shifts is not None:
            output = output + shifts[len(layers)]
        layers.append(Layer(context.module.path, args[0], output, "bias" in own))
        return output

    with nn.intercept_methods(record):
        yield layers
