"""A Tucker decomposition whose factors are functions of one coordinate (LRTFR: Luo et al., TPAMI 2023)."""

import math
from dataclasses import dataclass

from inrr_jax.errors import UserError
from inrr_jax.fields.base import Field
from inrr_jax.fields.parts.factors import FactorConfig, factorised
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(FactorConfig):
    """Options of a Tucker field f(p)[c] = sum_r core[r_1, ..., r_D, c] prod_a u_a(p_a)[r_a]."""

    name: str = choice("tucker")
    ranks: tuple = ()
    """R_a, the functions per axis, such as (72, 72, 10); (): from `rank_share`."""
    rank_share: float = at_least(0.25, 0.0, above=True, high=1.0)
    """Functions of each axis as a share of its nodes, where `ranks` is empty. A short axis has at least 8, or as many
    as nodes."""

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain.

        Raises:
            UserError: the ranks are no whole numbers of at least 1, one per axis.
        """
        dimensions = len(domain.shape)
        ranks = self.ranks or tuple(min(n, max(8, math.ceil(self.rank_share * n))) for n in domain.shape)
        if len(ranks) != dimensions or not all(type(rank) is int and rank > 0 for rank in ranks):
            raise UserError(
                f"field.ranks={self.ranks} on a grid of shape {domain.shape}: give {dimensions} whole numbers of at"
                " least 1, or () for field.rank_share of every axis"
            )
        return factorised(self, domain, ranks, range(dimensions, 2 * dimensions))
