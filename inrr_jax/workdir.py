"""The work directory of a run: whose it is, and what it holds."""

import json
import os
from pathlib import Path
from typing import Any

from inrr_jax import settings as settings_lib
from inrr_jax.errors import UserError
from inrr_jax.writers import write_json


def recorded(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the run that the folder holds; None if it holds none.

    Raises:
        UserError: the record cannot be read.
    """
    path = folder / "config.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give another --workdir, or remove this one") from None


def claim(folder: Path, settings: settings_lib.Settings) -> None:
    """Make the folder that of the run with these settings, or recognise that it is already.

    Raises:
        UserError: it holds another run, or cannot be written; nothing in it has been touched then.
    """
    wanted = settings_lib.to_mapping(settings)
    present = recorded(folder)
    if present is not None:
        names = settings_lib.difference(present, wanted)
        if names:
            raise UserError(
                f"{folder} holds another run, which differs in {', '.join(names)}: give another --workdir, or remove"
                " that one"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
        write_json(folder / "config.json", wanted)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): give another --workdir") from None
