"""Arrays of any number of axes under a mask: matrices, volumes, videos, spectral images, tensors."""

from dataclasses import dataclass, replace

from inrr_jax.data.arrays import Signal
from inrr_jax.data.drawing import draw_mask
from inrr_jax.data.kinds.stored import BOUNDS, StoredConfig, known_entries, truth_of
from inrr_jax.data.settings import MaskSettings
from inrr_jax.data.units import units_of
from inrr_jax.operators.masking import masked
from inrr_jax.options import choice
from inrr_jax.problem import Problem


@dataclass(frozen=True)
class Config(StoredConfig):
    """Options of an array."""

    name: str = choice("array")

    def read(self) -> Signal:
        """Read the array.

        Raises:
            UserError: it cannot be read, or it is no signal.
        """
        return self.read_signal()

    def problem(self, content: Signal, mask: MaskSettings) -> Problem:
        """Return the problem of recovering the array from its observed entries.

        Observed are the entries that the mask observes and the array has in every channel. Their values are mapped to
        [0, 1]; the problem's units map them back.

        Raises:
            UserError: the mask does not suit the array, or it leaves nothing missing or nothing observed.
        """
        observed = draw_mask(mask, content.values.shape[:-1], known_entries(content))
        units = units_of(content.values, observed)
        truth = truth_of(content, observed, units) if self.truth else None
        problem = masked(units.to_unit(content.values), observed, truth=False, bounds=BOUNDS)
        domain = replace(problem.domain, spacing=content.spacing, length=content.length, unit=content.unit)
        return problem._replace(domain=domain, truth=truth, units=units)
