"""What all kinds of data share: how they become a problem."""

from dataclasses import dataclass
from typing import Any

from inrr_jax.data.settings import MaskSettings
from inrr_jax.options import Options
from inrr_jax.problem import Problem


@dataclass(frozen=True)
class DataConfig(Options):
    """Options of every kind of data. Each kind derives its own Config with its further options."""

    name: str = ""
    truth: bool = True
    """Whether the data hold the truth where nothing is observed, so that errors there can be computed. False: the data
    are damaged, and their missing values mean nothing."""

    @property
    def label(self) -> str:
        """The data in a few characters, for logs and titles."""
        raise NotImplementedError

    def read(self) -> Any:
        """Read or draw the data, without the mask, so that many masks share them.

        Raises:
            UserError: they cannot be read.
        """
        raise NotImplementedError

    def problem(self, content: Any, mask: MaskSettings) -> Problem:
        """Return the problem of recovering the data, as `read` returns them, from what the mask observes.

        Raises:
            UserError: the mask does not suit the data.
        """
        raise NotImplementedError
