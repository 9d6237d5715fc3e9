"""Checkpoints of a fit: the only importer of Orbax."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging as absl_logging

from inrr_jax.types import State


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn whatever Orbax and its storage raise into an OSError of one line."""
    try:
        yield
    except Exception as error:  # many types, one meaning: it could not be written
        raise OSError(f"the checkpoint could not be written: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    full = "No space left on device"
    return full if full in text else text.splitlines()[0][:160]


def _not_from_orbax(record: logging.LogRecord) -> bool:
    return "orbax" not in record.pathname


class Checkpoints:
    """The newest checkpoints of one fit, saved in the background and each written whole or not at all."""

    def __init__(self, folder: Path, keep: int = 2):
        # Orbax logs every step of a save, and a traceback per thread when one fails; the exception says it all.
        logging.getLogger("absl").addFilter(_not_from_orbax)
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def save(self, state: State, seconds: float) -> None:
        """Start to save the state, with the seconds that the fit has taken so far.

        Raises:
            OSError: this or an earlier save in the background could not be written.
        """
        if int(state.step) in self._manager.all_steps():
            return
        # A copy, because the next chunk reuses the donated state's memory while this one is still being written.
        copied = jax.tree.map(np.array, state)
        items = {"state": ocp.args.StandardSave(copied), "meta": ocp.args.JsonSave({"seconds": seconds})}
        with _plain_errors():
            self._manager.save(int(state.step), args=ocp.args.Composite(**items))

    def restore(self, like: State) -> tuple[State, float] | None:
        """Return the newest state that can be read, and its seconds; None where there is no checkpoint.

        A checkpoint that is cut short is passed over, with a warning, for the one before.

        Args:
            like: a state of the same structure, whose values do not matter.
        """
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        abstract = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), like)
        items = {"state": ocp.args.StandardRestore(abstract), "meta": ocp.args.JsonRestore()}
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                restored = self._manager.restore(step, args=ocp.args.Composite(**items))
            except Exception as error:  # many types, one meaning: it cannot be read
                reason = _reason(error)
                absl_logging.warning(
                    "The checkpoint of step %d is unreadable (%s): taking the one before.", step, reason
                )
                self._manager.delete(step)
                continue
            return restored["state"], restored["meta"]["seconds"]
        return None

    def close(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: a save could not be written.
        """
        with _plain_errors():
            self._manager.wait_until_finished()
        self._manager.close()
