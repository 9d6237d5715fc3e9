"""Checkpoints of a fit: the only importer of Orbax."""

import contextlib
import errno
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging as absl_logging

from inrr_jax.types import State

SLACK = 1 << 20
"""Bytes of a checkpoint beside its arrays, with room for the other files of a run."""


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn whatever Orbax and its storage raise into an OSError of one line."""
    try:
        yield
    except Exception as error:  # many types, one meaning: it could not be written
        raise OSError(_reason(error)) from error


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    full = "No space left on device"
    return full if full in text else text.splitlines()[0][:160]


def _not_from_orbax(record: logging.LogRecord) -> bool:
    return not record.pathname.startswith(os.path.dirname(ocp.__file__))


def _silence_closed_loops() -> None:
    """Drop what Orbax's readers and writers say, each with a traceback, when another of them has failed before."""
    tell = sys.unraisablehook

    def tell_others(unraisable):
        if str(unraisable.exc_value) != "Event loop is closed":
            tell(unraisable)

    sys.unraisablehook = tell_others


class Checkpoints:
    """The newest checkpoints of one fit, saved in the background and each written whole or not at all."""

    def __init__(self, folder: Path, keep: int = 2):
        # Orbax logs every step of a save, and a traceback per thread when one fails; the exception says it all.
        logging.getLogger("absl").addFilter(_not_from_orbax)
        _silence_closed_loops()
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, cleanup_tmp_directories=True)
        self._folder = folder.absolute()
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def save(self, state: State, seconds: float) -> None:
        """Start to save the state, with the seconds that the fit has taken so far.

        Raises:
            OSError: this save, or the one before it in the background, could not be written.
        """
        # A copy, because the next chunk reuses the donated state's memory while this one is still being written.
        copied = jax.tree.map(np.array, state)
        items = {"state": ocp.args.StandardSave(copied), "meta": ocp.args.JsonSave({"seconds": seconds})}
        with _plain_errors():
            try:
                self._manager.wait_until_finished()
            finally:
                self._manager.reload()  # or a failed save counts as one of those to keep
                self._refuse_full_disk(copied)
                self._manager.save(int(state.step), args=ocp.args.Composite(**items))

    def newest(self) -> int | None:
        """Return the step of the newest checkpoint on disk; None where there is none."""
        self._manager.reload()
        return self._manager.latest_step()

    def _refuse_full_disk(self, state: State) -> None:
        """Leave the last room to the run's small files: what Orbax could not finish would stay in it."""
        needed = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + SLACK
        if shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def restore(self, like: State) -> tuple[State, float] | None:
        """Return the newest state that can be read, and its seconds; None where there is no checkpoint.

        A checkpoint that cannot be read is set aside, with a warning, for the one before.

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
                absl_logging.warning("the checkpoint of step %d is unreadable (%s)", step, _reason(error))
                self._set_aside(step)
                continue
            return restored["state"], restored["meta"]["seconds"]
        return None

    def _set_aside(self, step: int) -> None:
        """Make room for the step's next checkpoint; the old one may be good, and the reader at fault."""
        aside = self._folder / f"{step}.unreadable"
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(self._folder / str(step), aside)
        self._manager.reload()

    def close(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: a save could not be written.
        """
        with _plain_errors():
            self._manager.close()
