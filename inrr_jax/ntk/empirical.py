"""The empirical kernel of a network at given parameters, by three algorithms that agree.

The first argument of every function is a network apply(params, points) -> values [N, C]. The kernel is summed over the
channels, K(x, x') = sum_c <d f_c(x) / d theta, d f_c(x') / d theta>; to get the kernel of one channel, pass a network
that returns only that channel. Whether the network includes its final sigmoid is a property of `apply` (networks.py).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.errors import UserError
from inrr_jax.ntk.networks import Apply, intercepted


def contraction(apply: Apply, params: Any, x1: Float[Array, "N D"], x2: Float[Array, "M D"]) -> Float[Array, "N M"]:
    """Return K = J(x1) J(x2)^T as a sum over parameter arrays, for any network: O((N + M) P) memory.

    This is the simplest of the three algorithms and the reference for the others.
    """

    def jacobian(points):
        return jax.vmap(jax.jacrev(lambda params, point: apply(params, point[None, :])[0]), (None, 0))(params, points)

    def contract(j1, j2):
        j1, j2 = j1.reshape(len(x1), -1), j2.reshape(len(x2), -1)
        return jnp.dot(j1, j2.T, precision="float32")

    return jax.tree.reduce(jnp.add, jax.tree.map(contract, jacobian(x1), jacobian(x2)))


class Factor(NamedTuple):
    """The two factors of a dense layer's gradient: at each point it is the outer product of inputs and signals."""

    inputs: Float[Array, "N K"]
    """The layer's inputs, followed by a column of ones if the layer has a bias."""
    signals: Float[Array, "C N W"]
    """The derivative of each channel of the network's value with respect to the layer's output."""


def factors(apply: Apply, params: Any, points: Float[Array, "N D"]) -> list[Factor]:
    """Return the inputs and back-propagated signals of every dense layer: O(N width depth) memory.

    Raises:
        UserError: if the network has a parameter outside dense layers, or evaluates a layer twice.
    """
    with intercepted() as layers:
        # A new function object for every call: eval_shape caches by function, and a cached call records no layers.
        values = jax.eval_shape(lambda: apply(params, points))
    _check_all_dense(params, [layer.path for layer in layers])

    def shifted(shifts):
        with intercepted(shifts) as layers:
            return apply(params, points), [_with_ones(layer) for layer in layers]

    zeros = [jnp.zeros(layer.output.shape, layer.output.dtype) for layer in layers]
    _, backward, inputs = jax.vjp(shifted, zeros, has_aux=True)
    channels = jnp.eye(values.shape[1], dtype=values.dtype)
    # One backward pass per channel serves all points, because no point's value depends on another point.
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
        raise UserError("a dense layer is used twice, so its gradient is not an outer product: use ntk.contraction")


def structured(apply: Apply, params: Any, x1: Float[Array, "N D"], x2: Float[Array, "M D"]) -> Float[Array, "N M"]:
    """Return K = sum_l (<a_l, a_l'> + 1) <g_l, g_l'> for a network of dense layers, without a Jacobian.

    a_l are the inputs of layer l, g_l is the derivative of the network's value with respect to the layer's output, and
    the 1 is the bias's part. O(N M width depth) operations and O((N + M) width depth + N M) memory.

    Raises:
        UserError: if the network has a parameter outside dense layers, or evaluates a layer twice.
    """
    pairs = zip(factors(apply, params, x1), factors(apply, params, x2), strict=True)
    return functools.reduce(jnp.add, (layer_kernel(left, right) for left, right in pairs))


def layer_kernel(left: Factor, right: Factor) -> Float[Array, "N M"]:
    """Return the part of the kernel that one layer's parameters contribute: (<a, a'> + 1) <g, g'>."""
    # The 1 of a layer with a bias comes from the column of ones in `inputs`.
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
    """Return K v = sum_c J_c(x1) (J_c(x2)^T v) without forming the kernel, for any network.

    O((N + M) P) operations; only one tile of points is in memory at a time.

    Args:
        apply: the network.
        params: its parameters.
        x1: the points of the kernel's rows.
        x2: the points of the kernel's columns.
        v: the vector.
        tile: number of points that are differentiated at once.
    """
    channels = jax.eval_shape(apply, params, x1).shape[1]
    return sum(_channel_product(lambda p, x, c=c: apply(p, x)[:, c], params, x1, x2, v, tile) for c in range(channels))


def _channel_product(apply, params, x1, x2, v, tile):
    def backward(total, points_and_weights):
        points, weights = points_and_weights
        gradient = jax.vjp(lambda p: apply(p, points), params)[1](weights)[0]
        return jax.tree.map(jnp.add, total, gradient), None

    def forward(points):
        return jax.jvp(lambda p: apply(p, points), (params,), (direction,))[1]

    zero = jax.tree.map(jnp.zeros_like, params)
    direction, _ = jax.lax.scan(backward, zero, (_tiles(x2, tile), _tiles(v, tile)))
    return jax.lax.map(forward, _tiles(x1, tile)).reshape(-1)[: len(x1)]


def _tiles(x, tile):
    """Cut the rows of x into tiles of equal size, and pad the last tile with zeros."""
    tile = min(tile, len(x))
    # Padding the vector with zeros is exact: a point of weight zero adds nothing to the sum.
    padded = jnp.pad(x, [(0, -len(x) % tile)] + [(0, 0)] * (x.ndim - 1))
    return padded.reshape(-1, tile, *x.shape[1:])


def factored_product(left: list[Factor], right: list[Factor], v: Float[Array, "M"]) -> Float[Array, "N"]:
    """Return K v from the layers' factors: the row sums of (A (A'^T diag(v) G')) * G, summed over layers and channels.

    A and G are the inputs and signals at the points of the rows, A' and G' those at the points of the columns. This
    takes two matrix products per layer, where `product` takes six and evaluates the network again, but the factors
    (about 2 N width depth numbers) have to be kept. It suits many products at the same points.
    """
    return sum(_layer_product(a, b, v) for a, b in zip(left, right, strict=True))


def _layer_product(left, right, v):
    gradient = jnp.einsum("mk,cmw->ckw", right.inputs, right.signals * v[None, :, None], precision="float32")
    return jnp.sum(jnp.einsum("nk,ckw->cnw", left.inputs, gradient, precision="float32") * left.signals, axis=(0, 2))
