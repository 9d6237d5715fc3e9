"""The work directory of a run: whose it is, and what it holds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inrr_jax.errors import UserError
from inrr_jax.io.writers import write_json
from inrr_jax.settings import Settings, difference, from_mapping, to_mapping

_INPUTS = "inputs"
"""Key of config.json, beside the settings."""


def recorded(folder: Path) -> Settings | None:
    """Return the settings of the run that the folder holds; None if it holds none.

    Raises:
        UserError: the record cannot be read, or is none of this version's.
    """
    content = _record(folder)
    if content is None:
        return None
    content.pop(_INPUTS, None)
    try:
        settings = from_mapping(content)
        reason = "" if to_mapping(settings) == content else "settings are missing"
    except UserError as error:
        reason = str(error)
    if reason:
        raise _foreign(folder, reason)
    return settings


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the result of the run that the folder holds; None if there is none yet.

    Raises:
        UserError: the result cannot be read.
    """
    return _read(folder / "result.json")


def claim(folder: Path, settings: Mapping[str, Any], inputs: str) -> None:
    """Make the folder that of the run with these settings and inputs, or recognise that it is already.

    Args:
        folder: the work directory.
        settings: all that defines the run, by name.
        inputs: a digest of what its files hold; their paths are settings, their contents are not.

    Raises:
        UserError: it holds another run or other files, or cannot be written; nothing in it has been touched then.
    """
    record, wanted = _record(folder), json.loads(json.dumps(settings))
    if record is not None:
        found = record.pop(_INPUTS, None)
        names = ", ".join(difference(record, wanted))
        if not names and found == inputs:
            return
        names = names or "what its picture or mask holds"
        raise UserError(f"{folder} holds another run, which differs in {names}: give another --workdir, or remove it")
    try:
        _refuse_other_files(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", {**wanted, _INPUTS: inputs})
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): give another --workdir") from None


def _record(folder: Path) -> dict[str, Any] | None:
    """Read what `claim` wrote."""
    content = _read(folder / "config.json")
    if content is not None and not isinstance(content, dict):
        raise _foreign(folder, "its content is no mapping")
    return content


def _foreign(folder: Path, reason: str) -> UserError:
    path = folder / "config.json"
    return UserError(f"{path} is no record of a run of this version ({reason}): give another --workdir")


def _refuse_other_files(folder: Path) -> None:
    """Keep a run out of a folder that may hold someone's work, or checkpoints whose settings are lost."""
    # A kill while config.json is first written leaves its beginning under another name.
    others = [path.name for path in folder.iterdir() if path.name != "config.json.tmp"] if folder.is_dir() else []
    if others:
        raise UserError(
            f"{folder} holds {min(others)} but no config.json, so no run of ours: give a --workdir that is new or empty"
        )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give another --workdir, or remove this one") from None
