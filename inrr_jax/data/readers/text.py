"""Tables of numbers in text files (.csv, .tsv, .txt, .dat)."""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from inrr_jax.data.arrays import Source, check_memory
from inrr_jax.data.readers.files import decoding
from inrr_jax.errors import UserError

_BYTES_PER_CHARACTER = 10
"""Memory while a table is parsed: its text twice, and 8 bytes for the two characters or more of a number."""
_MISSING = ("", "na", "n/a", "null", "none")


def read_text(path: Path) -> Source:
    """Return a table as an array of two axes, or of one if it has one column."""
    table = read_table(path)
    array = table[:, 0] if table.shape[1] == 1 else table
    return Source(array.shape, array.dtype, lambda index: array[index], whole=False)


def read_table(path: Path) -> Float64[np.ndarray, "rows columns"]:
    """Read the numbers of a text file, one row a line.

    Columns are separated by commas, semicolons, tabs or spaces, whichever the first line has. Empty lines, lines that
    begin with # and a first line with names are skipped. Empty fields, NA and NaN are missing values.

    Returns:
        The table; NaN where values are missing.

    Raises:
        UserError: the file is no text, has no numbers, a field that is none, or rows of different lengths.
    """
    check_memory(path.stat().st_size * _BYTES_PER_CHARACTER, str(path), "split the file")
    with decoding(path):
        content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{str(path)!r} is no text: give a table of numbers in UTF-8, one row a line") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    delimiter = next((mark for mark in ",;\t" if lines and mark in lines[0]), None)
    lines = lines[lines[:1] != [] and not _is_row(lines[0], delimiter) :]
    if not lines:
        raise UserError(f"{str(path)!r} has no row of numbers: give one row a line")
    try:
        # NumPy's own parser is a hundred times faster, and does not know empty fields.
        return np.loadtxt(lines, delimiter=delimiter, ndmin=2)
    except ValueError:
        pass
    try:
        return np.loadtxt(lines, delimiter=delimiter, ndmin=2, converters=_number)
    except ValueError as error:
        reason = str(error).partition(";")[0].splitlines()[0].rstrip(".")
        raise UserError(f"{str(path)!r} is no table of numbers ({reason}): give rows of equal length") from None


def _number(field: str) -> float:
    return float("nan") if field.strip().lower() in _MISSING else float(field)


def _is_row(line: str, delimiter: str | None) -> bool:
    """Return whether a line has a number; a line of names has none."""
    for field in line.split(delimiter):
        try:
            float(field)
            return True
        except ValueError:
            continue
    return False
