"""Work directories: the record of which run a folder belongs to (`config.json`), and its result (`result.json`).

A run may only write to a folder that is new, empty or already its own. This keeps it from mixing its checkpoints with
those of a run with other settings, and from overwriting unrelated files.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inrr_jax.errors import UserError
from inrr_jax.io.writers import write_json
from inrr_jax.options import difference, from_mapping, to_mapping
from inrr_jax.settings import Settings

_INPUTS = "inputs"
"""Key of the inputs' digest in config.json. All other keys there are settings."""
_MAX_DEPTH = 16
"""Deepest nesting that is accepted in a file. Records and results have at most four levels, and much deeper ones
would exceed Python's recursion limit later on."""


def recorded(folder: Path) -> Settings | None:
    """Return the settings of the run that the folder belongs to, or None if it belongs to none.

    Raises:
        UserError: the record cannot be read, or was not written by this version of the package.
    """
    content = _read_record(folder)
    if content is None:
        return None
    content.pop(_INPUTS, None)
    try:
        settings = from_mapping(content, Settings)
        # Settings absent from the record would silently get today's defaults, which may differ from the run's values.
        reason = "" if json.loads(json.dumps(to_mapping(settings))) == content else "settings are missing"
    except UserError as error:
        reason = str(error)
    if reason:
        raise _unusable_record(folder, reason)
    return settings


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the result of the folder's run, or None if the run is not finished.

    Raises:
        UserError: the result cannot be read or is not a mapping.
    """
    path = folder / "result.json"
    content = _read(path)
    # The JSON value null reads as None too; only the missing file means that there is no result yet.
    if not isinstance(content, dict) and path.exists():
        raise _unreadable(path, "its content is no mapping")
    return content


def claim(folder: Path, settings: Mapping[str, Any], inputs: str) -> None:
    """Record that the folder belongs to the run with these settings and inputs, or check that it does already.

    Args:
        folder: the work directory; it is created if it does not exist.
        settings: everything that defines the run, as a nested mapping of plain values.
        inputs: a digest of the contents of the run's input files. The settings hold only the paths of these files, and
            a file may have changed since.

    Raises:
        UserError: the folder belongs to another run, holds other files or cannot be written. Nothing in it has been
            changed in any of these cases.
    """
    # The settings take the way through JSON so that tuples and lists compare equal to what the record holds.
    record, wanted = _read_record(folder), json.loads(json.dumps(settings))
    if record is not None:
        found = record.pop(_INPUTS, None)
        names = ", ".join(difference(record, wanted))
        if not names and found == inputs:
            return
        names = names or "the contents of its picture or mask"
        raise UserError(f"{folder} holds another run, which differs in {names}: give another --workdir, or remove it")
    try:
        _refuse_other_files(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", {**wanted, _INPUTS: inputs})
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): give another --workdir") from None


def _read_record(folder: Path) -> dict[str, Any] | None:
    """Return the content of config.json, or None if there is no such file."""
    path = folder / "config.json"
    content = _read(path)
    if not isinstance(content, dict) and path.exists():
        raise _unusable_record(folder, "its content is no mapping")
    return content


def _unusable_record(folder: Path, reason: str) -> UserError:
    path = folder / "config.json"
    return UserError(f"{path} is no record of a run of this version ({reason}): give another --workdir")


def _refuse_other_files(folder: Path) -> None:
    """Raise a UserError if the folder holds any file: these may be unrelated work, or checkpoints without a record."""
    # A process that is killed while it writes config.json for the first time leaves only this scratch file behind.
    others = [path.name for path in folder.iterdir() if path.name != "config.json.tmp"] if folder.is_dir() else []
    if others:
        raise UserError(
            f"{folder} holds {min(others)} but no config.json, so it is not the folder of a run: give a --workdir that"
            " is new or empty"
        )


def _read(path: Path) -> Any:
    """Return the content of a JSON file, or None if there is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from None
    except RecursionError:  # raised by the parser itself
        raise _unreadable(path, "it is nested too deeply") from None
    if not _is_nested_within(content, _MAX_DEPTH):
        raise _unreadable(path, "it is nested too deeply")
    return content


def _unreadable(path: Path, reason: str) -> UserError:
    return UserError(f"{path} cannot be read ({reason}): give another --workdir, or remove this one")


def _is_nested_within(content: Any, levels: int) -> bool:
    children = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return levels > 0 and all(_is_nested_within(child, levels - 1) for child in children)
