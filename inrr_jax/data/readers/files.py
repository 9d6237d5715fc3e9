"""Files: the checks before one is opened, and what its decoder's errors mean."""

import contextlib
import importlib.util
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from inrr_jax.errors import UserError


def check_file(path: str | Path) -> None:
    """Refuse a path that is not a file which can be opened.

    Raises:
        UserError: there is nothing, or a directory, a pipe or a device, or no permission.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise UserError(f"no file {str(path)!r}: check the path") from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot open {str(path)!r} ({_one_line(error)}): give the path of a file") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{str(path)!r} is a directory: give the path of one file in it")
    if not stat.S_ISREG(mode):
        raise UserError(f"{str(path)!r} is a pipe or a device: give the path of a file")
    if not os.access(path, os.R_OK):
        raise UserError(f"no permission to read {str(path)!r}: change its mode, or give another file")


@contextlib.contextmanager
def decoding(path: str | Path) -> Iterator[None]:
    """Turn the errors of a decoder into a UserError that names the file."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    # For a damaged file, decoders raise errors of any type.
    except Exception as error:
        raise UserError(f"cannot read {str(path)!r} ({_one_line(error)}): give a whole, undamaged file") from None


def require(package: str, module: str, purpose: str) -> Path:
    """Return the folder of an installed package, without importing it.

    Raises:
        UserError: the package is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.submodule_search_locations is None:
        raise UserError(f"{purpose} needs the package {package}: pip install {package}")
    return Path(next(iter(spec.submodule_search_locations)))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
