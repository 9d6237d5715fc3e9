"""Weight decay: the mean square of the field's weights, which shapes the signal only through the network."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from inrr_jax.fields import FIXED
from inrr_jax.options import hyper
from inrr_jax.problem import Domain
from inrr_jax.regularizers.base import Term, TermConfig
from inrr_jax.types import Params


@dataclass(frozen=True)
class Config(TermConfig):
    """Options of weight decay."""

    weight: float = hyper(0.01, 0.0)
    """λ in mean form."""

    candidates: ClassVar = (3e-3, 3e-2)

    @property
    def of_values(self) -> bool:
        """False: the energy is that of the parameters."""
        return False

    def build(self, domain: Domain) -> Term:
        """Build the term for a domain."""
        return Term(lambda params, sample, problem: {"field": weight_decay(params["field"])})


def weight_decay(field: Params) -> Float[Array, ""]:
    """Return the mean square of the field's learned matrices, the factors of a factorisation among them.

    Biases are left out (Goodfellow et al., Deep Learning, 2016, section 7.1), and so are fixed parameters such as
    Fourier frequencies. As a term of the loss, weight decay passes through the optimiser; AdamW's decay does not.
    """
    weights = [
        leaf for path, leaf in jax.tree_util.tree_leaves_with_path(field) if leaf.ndim > 1 and path[-1].key not in FIXED
    ]
    return jnp.sum(jnp.stack([jnp.sum(leaf**2) for leaf in weights])) / sum(leaf.size for leaf in weights)


TERMS = {"weight_decay": Config}
