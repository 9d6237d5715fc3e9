"""A canonical polyadic (CP) decomposition whose factors are functions of one coordinate."""

from dataclasses import dataclass

from inrr_jax.fields.base import Field
from inrr_jax.fields.parts.factors import FactorConfig, factorised
from inrr_jax.options import at_least, choice
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Config(FactorConfig):
    """Options of a CP field f(p)[c] = sum_r core[r, c] prod_a u_a(p_a)[r] (Kolda and Bader, SIAM Review 2009)."""

    name: str = choice("cp")
    rank: int = at_least(0, 0)
    """R, the number of products; 0: as many as the longest axis has nodes."""

    def build(self, domain: Domain) -> Field:
        """Build the field for a domain."""
        dimensions, rank = len(domain.shape), self.rank or max(domain.shape)
        return factorised(self, domain, (rank,) * dimensions, (dimensions,) * dimensions)
