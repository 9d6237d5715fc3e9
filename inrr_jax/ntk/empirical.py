"""The empirical kernel of a network at its parameters, in three ways that agree.

Every function takes a network apply(params, points) -> values [N, C] first. The kernel is traced over the channels,
K(x, x') = sum_c <d f_c(x) / d theta, d f_c(x') / d theta>; for one channel pass a network that returns only that one.
A network before or after its sigmoid is a matter of `apply` too (networks.py).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.errors import UserError
from inrr_jax.ntk.networks import Apply, intercepted


def contraction(apply: Apply, params: Any, x1: Float[Array, "N D"], x2: Float[Array, "M D"]) -> Float[Array, "N M"]:
    """K = J(x1) J(x2)^T, parameter by parameter: any network, O((N + M) P) memory.

    The plainest of the three, and the reference for the others.
    """

    def jacobian(points):
        return jax.vmap(jax.jacrev(lambda params, point: apply(params, point[None, :])[0]), (None, 0))(params, points)

    def contract(j1, j2):
        j1, j2 = j1.reshape(len(x1), -1), j2.reshape(len(x2), -1)
        return jnp.dot(j1, j2.T, precision="float32")

    return jax.tree.reduce(jnp.add, jax.tree.map(contract, jacobian(x1), jacobian(x2)))


class Factor(NamedTuple):
    """The gradient of a dense layer's kernel at a point is the outer product of its inputs and signals."""

    inputs: Float[Array, "N K"]
    """What enters the layer, with a column of ones if it has a bias."""
    signals: Float[Array, "C N W"]
    """The derivative of each channel of the network's value by the layer's output."""


def factors(apply: Apply, params: Any, points: Float[Array, "N D"]) -> list[Factor]:
    """Return every dense layer's inputs and back-propagated signals: O(N width depth) memory.

    Raises:
        UserError: if the network has a parameter outside dense layers, or uses a layer twice.
    """
    with intercepted() as layers:
        # A new function each time: JAX would remember an old one's shapes and not call it, and record nothing.
        values = jax.eval_shape(lambda: apply(params, points))
    _check_all_dense(params, [layer.path for layer in layers])

    def shifted(shifts):
        with intercepted(shifts) as layers:
            return apply(params, points), [_with_ones(layer) for layer in layers]

    zeros = [jnp.zeros(layer.output.shape, layer.output.dtype) for layer in layers]
    _, backward, inputs = jax.vjp(shifted, zeros, has_aux=True)
    channels = jnp.eye(values.shape[1], dtype=values.dtype)
    (signals,) = jax.vmap(lambda c: backward(jnp.broadcast_to(c[None, :], values.shape)))(channels)
    return [Factor(a, g) for a, g in zip(inputs, signals, strict=True)]


def _with_ones(layer):
    ones = jnp.ones((len(layer.inputs), 1), layer.inputs.dtype)
    return jnp.concatenate([layer.inputs, ones], axis=1) if layer.biased else layer.inputs


def _check_all_dense(params, paths):
    leaves = jax.tree_util.tree_flatten_with_path(params)[0]
    owners = {tuple(entry.key for entry in path[:-1]) for path, _ in leaves}
    for owner in owners - set(paths):
        raise UserError(f"parameters of {'.'.join(owner)!r} are not a dense layer's: use ntk.contraction")
    if len(set(paths)) < len(paths):
        raise UserError("a dense layer is used twice, so its gradient is no outer product: use ntk.contraction")


def structured(apply: Apply, params: Any, x1: Float[Array, "N D"], x2: Float[Array, "M D"]) -> Float[Array, "N M"]:
    """K = sum_l (<a_l, a_l'> + 1) <g_l, g_l'>: networks of dense layers, no Jacobian.

    a_l are the activations that enter layer l, g_l the derivative of the value by what it puts out, and the 1 stands
    for its bias. O(N M width depth) operations and O((N + M) width depth + N M) memory.

    Raises:
        UserError: if the network has a parameter outside dense layers, or uses a layer twice.
    """
    pairs = zip(factors(apply, params, x1), factors(apply, params, x2), strict=True)
    return functools.reduce(jnp.add, (layer_kernel(left, right) for left, right in pairs))


def layer_kernel(left: Factor, right: Factor) -> Float[Array, "N M"]:
    """Return one layer's part of the kernel: (<a, a'> + 1) <g, g'>, the 1 if it has a bias."""
    activations = jnp.dot(left.inputs, right.inputs.T, precision="float32")
    return activations * jnp.einsum("cnw,cmw->nm", left.signals, right.signals, precision="float32")


def product(
    apply: Apply,
    params: Any,
    x1: Float[Array, "N D"],
    x2: Float[Array, "M D"],
    v: Float[Array, "M"],
    *,
    tile: int = 4096,
) -> Float[Array, "N"]:
    """K v = J(x1) (J(x2)^T v) without the kernel: any network, one tile of points in memory at a time.

    O((N + M) P) operations. Traced over channels: K v = sum_c J_c (J_c^T v).

    Args:
        apply: the network.
        params: its parameters.
        x1: points of the result.
        x2: points of the vector.
        v: the vector.
        tile: points differentiated at once.
    """
    channels = jax.eval_shape(apply, params, x1).shape[1]
    return sum(_channel_product(lambda p, x, c=c: apply(p, x)[:, c], params, x1, x2, v, tile) for c in range(channels))


def _channel_product(apply, params, x1, x2, v, tile):
    def backward(total, tile_of):
        points, weights = tile_of
        gradient = jax.vjp(lambda p: apply(p, points), params)[1](weights)[0]
        return jax.tree.map(jnp.add, total, gradient), None

    def forward(points):
        return jax.jvp(lambda p: apply(p, points), (params,), (direction,))[1]

    zero = jax.tree.map(jnp.zeros_like, params)
    direction, _ = jax.lax.scan(backward, zero, (_tiles(x2, tile), _tiles(v, tile)))
    return jax.lax.map(forward, _tiles(x1, tile)).reshape(-1)[: len(x1)]


def _tiles(x, tile):
    """Cut rows into tiles of equal size, padded with zeros: a zero weight adds nothing to the sum."""
    tile = min(tile, len(x))
    padded = jnp.pad(x, [(0, -len(x) % tile)] + [(0, 0)] * (x.ndim - 1))
    return padded.reshape(-1, tile, *x.shape[1:])


def factored_product(left: list[Factor], right: list[Factor], v: Float[Array, "M"]) -> Float[Array, "N"]:
    """K v from the layers' factors: per layer and channel, row sums of (A (A'^T diag(v) G')) * G.

    Two matrix products per layer against the six of `product`, and no network to evaluate again; what it costs is
    to keep the factors, about 2 N width depth numbers. For many products at the same points.
    """
    return sum(_layer_product(a, b, v) for a, b in zip(left, right, strict=True))


def _layer_product(left, right, v):
    gradient = jnp.einsum("mk,cmw->ckw", right.inputs, right.signals * v[None, :, None], precision="float32")
    return jnp.sum(jnp.einsum("nk,ckw->cnw", left.inputs, gradient, precision="float32") * left.signals, axis=(0, 2))
