"""The network whose kernel is taken, and what its dense layers compute on the way."""

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
"""(params, points) -> values, each row from its own point alone."""


class Network(NamedTuple):
    """init(key) -> params, and apply(params, points [N, D], omega) -> values [N, C]."""

    init: Callable[[Key[Array, ""]], Any]
    apply: Callable[..., Float[Array, "N C"]]


def network(settings: FieldSettings, dimensions: int = 2, channels: int = 1, *, bounded: bool = False) -> Network:
    """Build the network whose kernel is taken: in full precision, all points at once.

    Args:
        settings: of the field.
        dimensions: D of the points.
        channels: C of the values.
        bounded: whether the network ends with the field's sigmoid. With s = f (1 - f), its derivative, the kernels
            after and before it are related by K_after(x, x') = s(x) K_before(x, x') s(x').

    Returns:
        A network that can be differentiated in both modes, with matrix products in float32 on every device.
    """
    exact = dataclasses.replace(settings, precision="float32", tile=0)
    field = fields.make(exact, dimensions, channels)

    def apply(params, points, omega):
        with jax.default_matmul_precision("float32"), _module_output() as outputs:
            values = field.apply(params, points, omega)
        return values if bounded else outputs[-1]

    return Network(field.init, apply)


@contextlib.contextmanager
def _module_output() -> Iterator[list[Float[Array, "N C"]]]:
    """Record what the field's own module returns: the value to which the field then applies its sigmoid."""
    outputs: list[Float[Array, "N C"]] = []

    def record(call, args, kwargs, context):
        output = call(*args, **kwargs)
        if context.module.path == () and context.method_name == "__call__":
            outputs.append(output)
        return output

    with nn.intercept_methods(record):
        yield outputs


class Layer(NamedTuple):
    """One dense layer at N points: output = inputs @ kernel (+ bias)."""

    path: tuple[str, ...]
    """Of its parameters."""
    inputs: Float[Array, "N K"]
    output: Float[Array, "N W"]
    biased: bool


@contextlib.contextmanager
def intercepted(shifts: list[Float[Array, "N _"]] | None = None) -> Iterator[list[Layer]]:
    """Record every dense layer that Flax evaluates inside, in order.

    A dense layer is a module that owns a two-dimensional parameter `kernel`. Each output is shifted by the entry of
    `shifts` first: differentiating by a zero shift is differentiating by the layer's output.
    """
    layers: list[Layer] = []

    def record(call, args, kwargs, context):
        output = call(*args, **kwargs)
        own = context.module.variables.get("params", {})
        if getattr(own.get("kernel"), "ndim", 0) != 2:
            return output
        if shifts is not None:
            output = output + shifts[len(layers)]
        layers.append(Layer(context.module.path, args[0], output, "bias" in own))
        return output

    with nn.intercept_methods(record):
        yield layers
