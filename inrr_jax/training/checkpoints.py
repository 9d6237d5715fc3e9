"""Checkpoints of a fit, written and read with Orbax. No other module imports Orbax.

A fit that resumes from a checkpoint continues bit for bit as if it had never been interrupted.
"""

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
"""Bytes that are kept free for the metadata of a checkpoint and the small files of a run."""


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn every exception of Orbax and its storage library into an OSError with a one-line message."""
    try:
        yield
    except Exception as error:  # Orbax raises many types of exceptions, and each means that the write has failed.
        raise OSError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return one line of at most 160 characters that says why a read or a write has failed."""
    # The storage library surrounds the system's message for a full disk with several lines of internals.
    text = str(error) or type(error).__name__
    full = "No space left on device"
    return full if full in text else text.splitlines()[0][:160]


def _not_from_orbax(record: logging.LogRecord) -> bool:
    return not record.pathname.startswith(os.path.dirname(ocp.__file__))


def _ignore_closed_event_loops() -> None:
    """Suppress the message "Event loop is closed" of Orbax's background readers and writers.

    When one of them fails, the others find their event loop closed when they are deleted. Python would print a
    traceback for each of them, although the failure itself is reported as an exception.
    """
    print_unraisable = sys.unraisablehook

    def print_others(unraisable):
        if str(unraisable.exc_value) != "Event loop is closed":
            print_unraisable(unraisable)

    sys.unraisablehook = print_others


class Checkpoints:
    """The newest checkpoints of one fit, saved in the background. Each one is written completely or not at all."""

    def __init__(self, folder: Path, keep: int = 2):
        """Open the folder, which is created if it does not exist.

        Args:
            folder: of the checkpoints, one subfolder per saved step.
            keep: how many checkpoints to keep. More than one, so that a damaged one does not lose the fit.
        """
        # Orbax logs every stage of a save, and one traceback per thread when a save fails. The exception that is raised
        # here says the same in one line.
        logging.getLogger("absl").addFilter(_not_from_orbax)
        _ignore_closed_event_loops()
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True, cleanup_tmp_directories=True)
        self._folder = folder.absolute()
        self._manager = ocp.CheckpointManager(self._folder, options=options)

    def save(self, state: State, seconds: float) -> None:
        """Start to save the state in the background, after the previous save has ended.

        Args:
            state: of the fit; its step names the checkpoint.
            seconds: wall-clock time that the fit has taken so far.

        Raises:
            OSError: this save could not be started, or the previous save has failed in the background.
        """
        # The state is copied, because the next chunk of the fit reuses its donated memory while the save is running.
        copied = jax.tree.map(np.array, state)
        items = {"state": ocp.args.StandardSave(copied), "meta": ocp.args.JsonSave({"seconds": seconds})}
        with _plain_errors():
            try:
                self._manager.wait_until_finished()
            finally:
                # Without the reload, a failed save would count as one of the checkpoints to keep, and a sound one would
                # be deleted in its place.
                self._manager.reload()
                self._refuse_full_disk(copied)
                self._manager.save(int(state.step), args=ocp.args.Composite(**items))

    def newest(self) -> int | None:
        """Return the step of the newest checkpoint on disk, or None if there is no checkpoint."""
        self._manager.reload()
        return self._manager.latest_step()

    def _refuse_full_disk(self, state: State) -> None:
        """Raise an OSError if the disk has no room for another checkpoint.

        If Orbax ran out of space in the middle of a save, its unfinished files would stay on the disk, and the small
        files of the run, such as its metrics, could not be written either.
        """
        # Twice the size of the arrays is a safe margin, since this estimate of a checkpoint's size is rough.
        needed = 2 * sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + SLACK
        if shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def restore(self, like: State) -> tuple[State, float] | None:
        """Return the newest readable state and the seconds that were saved with it, or None if there is none.

        A checkpoint that cannot be read is renamed, with a warning, and the previous one is tried.

        Args:
            like: a state of the same structure and shapes. Its values are not used.
        """
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        abstract = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), like)
        items = {"state": ocp.args.StandardRestore(abstract), "meta": ocp.args.JsonRestore()}
        for step in sorted(self._manager.all_steps(), reverse=True):
            try:
                restored = self._manager.restore(step, args=ocp.args.Composite(**items))
            except Exception as error:  # Orbax raises many types of exceptions, and each means that it is unreadable.
                absl_logging.warning("the checkpoint of step %d is unreadable (%s)", step, _reason(error))
                self._rename_unreadable(step)
                continue
            return restored["state"], restored["meta"]["seconds"]
        return None

    def _rename_unreadable(self, step: int) -> None:
        """Rename a checkpoint to `<step>.unreadable`, so that the resumed fit can save this step again.

        It is not deleted, because it may be sound and only belong to other settings or another version.
        """
        renamed = self._folder / f"{step}.unreadable"
        shutil.rmtree(renamed, ignore_errors=True)
        os.rename(self._folder / str(step), renamed)
        self._manager.reload()

    def close(self) -> None:
        """Wait until the running save has ended, and release Orbax's resources.

        Raises:
            OSError: the save has failed.
        """
        with _plain_errors():
            self._manager.close()
