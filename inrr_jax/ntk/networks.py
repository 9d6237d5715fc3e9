"""Finite networks whose kernel is taken, and access to the inputs and outputs of their dense layers."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jaxtyping import Array, Float, Key

from inrr_jax.errors import UserError
from inrr_jax.fields import FIELDS, FieldConfig, siren
from inrr_jax.fields.base import NetworkConfig
from inrr_jax.options import hyper_parameters
from inrr_jax.problem import Domain

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
    return network(siren.Config(width=width, depth=depth, sine="exact"), dimensions)


def network(config: FieldConfig, dimensions: int = 2, channels: int = 1, *, bounded: bool = False) -> Network:
    """Return the network of a field, in float32 and evaluated at all points at once.

    Args:
        config: the field's options; `precision` and `tile` are ignored.
        dimensions: D of the points.
        channels: C of the values.
        bounded: whether to include the sigmoid at the field's end. With its derivative s = f (1 - f), the kernel
            after the sigmoid is K_after(x, x') = s(x) K_before(x, x') s(x').

    Returns:
        A network that can be differentiated in forward and reverse mode. A network without omega, such as `relu`,
        ignores the omega that `apply` is given.

    Raises:
        UserError: the field is not a network whose only input is the position.
    """
    if not isinstance(config, NetworkConfig) or config.auxiliary:
        accepted = [name for name, cls in FIELDS.items() if issubclass(cls, NetworkConfig) and not cls.auxiliary]
        raise UserError(
            f"field.name={config.name} is no network of the position alone: give one of {', '.join(sorted(accepted))}"
        )
    # Without tiles, because `intercepted` must see every layer once and outside of any loop.
    exact = dataclasses.replace(config, precision="float32", tile=0)
    # A network depends only on the number of axes of its domain and not on their lengths.
    field = exact.build(Domain((1,) * dimensions, channels, (0.0, 1.0) if bounded else None))
    has_omega = "omega" in hyper_parameters(exact)

    def init(key):
        return field.init(key, {})

    def apply(params, points, omega):
        # Accelerators multiply float32 matrices in lower precision unless asked not to.
        with jax.default_matmul_precision("float32"):
            return field.apply(params, points, {"omega": omega} if has_omega else {})

    return Network(init, apply)


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
