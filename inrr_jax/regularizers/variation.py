"""Energies without a graph, in mean form: total variation, Tikhonov's, and the decay of the network's weights.

All but the last shape the signal on its grid, by differences of neighbouring entries, whatever field it comes from.
Those along one axis are means over its fibres; Tikhonov's of order 1 is the Dirichlet energy of the path graph, `grid`.
Divided by the number of entries, each has one meaning at every size and is estimated by random fibres without bias.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields import FIXED
from inrr_jax.types import Lines, Params


def tv(fibers: Float[Array, "F n C"], beside: tuple[Float[Array, "F n C"], ...]) -> Float[Array, ""]:
    """Isotropic total variation of the signal: 1/(F n C) sum over pixels of |D x|_2.

    The norm runs over the forward differences along all axes, zero at the far border, and over the channels
    (Rudin, Osher, Fatemi, Physica D 1992). Its gradient where all of them are zero is taken to be zero.

    Both differences are needed at one pixel, so that two fibres side by side make one sample.

    Args:
        fibers: values along the first axis.
        beside: their next fibres along each of the other axes; at the border a fibre stands beside itself.
    """
    differences = [jnp.diff(fibers, axis=1, append=fibers[:, -1:]), *(other - fibers for other in beside)]
    squares = jnp.sum(jnp.stack(differences) ** 2, axis=(0, -1))
    flat = squares == 0
    return jnp.sum(jnp.where(flat, 0.0, jnp.sqrt(jnp.where(flat, 1.0, squares)))) / fibers.size


def tv_anisotropic(fibers: Float[Array, "F n C"]) -> Float[Array, ""]:
    """Anisotropic total variation of the signal, the part of one axis: 1/(F n C) sum |x_{i+1} - x_i|.

    Esedoglu and Osher, Comm. Pure Appl. Math. 2004: edges along the axes cost least.
    """
    return jnp.sum(jnp.abs(jnp.diff(fibers, axis=1))) / fibers.size


def tikhonov0(fibers: Lines) -> Float[Array, ""]:
    """Tikhonov's energy of order 0 of the signal: its mean square (Tikhonov and Arsenin, 1977)."""
    return jnp.sum(jnp.stack([jnp.sum(along**2) for along in fibers])) / sum(along.size for along in fibers)


def tikhonov2(fibers: Float[Array, "F n C"]) -> Float[Array, ""]:
    """Tikhonov's energy of order 2 of the signal, the part of one axis: 1/(F n C) sum (x_{i+1} - 2 x_i + x_{i-1})^2.

    Over the inner nodes, so that ramps cost nothing.
    """
    return jnp.sum(jnp.diff(fibers, n=2, axis=1) ** 2) / fibers.size


def weight_decay(field: Params) -> Float[Array, ""]:
    """Mean square of the field's weights: it shapes the network, and the signal only through that.

    The weights are the matrices that are learned, a factorisation's factors among them: no biases (as in Goodfellow et
    al., Deep Learning, 2016, section 7.1), no Fourier frequencies and no first recovery, which are fixed. Being a term
    of the loss, it goes through the optimiser like all others; AdamW's decay does not.
    """
    weights = [
        leaf for path, leaf in jax.tree_util.tree_leaves_with_path(field) if leaf.ndim > 1 and path[-1].key not in FIXED
    ]
    return jnp.sum(jnp.stack([jnp.sum(leaf**2) for leaf in weights])) / sum(leaf.size for leaf in weights)
