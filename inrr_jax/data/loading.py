"""Loads the data and the mask that settings name, as a problem."""

from collections.abc import Sequence

from inrr_jax.data.kinds import DataConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.problem import Problem


def load(data: DataConfig, mask: MaskSettings) -> Problem:
    """Load data and their mask.

    Raises:
        UserError: one of them cannot be loaded, or the mask leaves nothing missing or nothing observed.
    """
    return load_all([(data, mask)])[0]


def load_all(pairs: Sequence[tuple[DataConfig, MaskSettings]]) -> list[Problem]:
    """Load many data and masks, equal data once.

    Raises:
        UserError: as `load` does.
    """
    contents = {data: data.read() for data in {data for data, _ in pairs}}
    return [data.problem(contents[data], mask) for data, mask in pairs]
