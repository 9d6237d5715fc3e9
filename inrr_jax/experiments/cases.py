"""The cases of a comparison: signals and masks by name, path, or pattern of paths."""

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from inrr_jax.errors import UserError
from inrr_jax.experiments.kinds import Kind
from inrr_jax.experiments.methods import Changes

AXIS_AND_DURATION = ("mask.axis", "mask.duration")
"""Settings that may follow the rate of a mask."""


def parts(name: str, text: str) -> list[str]:
    """Split a setting at its commas, except those in brackets.

    Raises:
        UserError: it is empty.
    """
    found = [part.strip() for part in re.split(r",(?![^\[]*\])", text) if part.strip()]
    if not found:
        raise UserError(f"{name}={text!r} is empty: give at least one, with commas between several")
    return list(dict.fromkeys(found))


def signals(text: str, folder: str, kind: Kind) -> dict[str, Changes]:
    """Return the settings of each signal by its label.

    Args:
        text: names, paths or patterns of paths, separated by commas; each may end with a crop, `NAME[0:72,:,10]`.
        folder: to which paths are relative.
        kind: of the data.

    Raises:
        UserError: a pattern matches nothing, two signals have one label, or one has a crop that the kind has not.
    """
    found = _by_label("signals", _expanded(parts("signals", text), folder))
    return {label: kind.data(*_without_crop(path)) for label, path in found.items()}


def masks(text: str, folder: str) -> dict[str, Changes]:
    """Return the settings of each mask by its label.

    Args:
        text: `mode:rate[:axis[:duration]]`, paths of mask files or patterns of paths, separated by commas. A mode may
            be a sum, of which one part may be a path.
        folder: to which paths are relative.

    Raises:
        UserError: a pattern matches nothing, two masks have one label, or one is none.
    """
    found = _by_label("masks", _expanded(parts("masks", text), folder))
    return {label: _mask_changes(mask) for label, mask in found.items()}


def _without_crop(text: str) -> tuple[str, str]:
    """Split NAME[CROP] into its parts; a text without a crop has an empty one."""
    path, bracket, crop = text.partition("[")
    # A pattern such as img[0-9].png has brackets too, but not at its end.
    return (path, crop[:-1]) if bracket and text.endswith("]") else (text, "")


def _expanded(found: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the parts with the folder before each path, and a pattern of paths replaced by the paths that match it."""
    for part in found:
        whole, crop = _without_crop(part)
        pieces = whole.split("+")
        path = "+".join(str(Path(folder) / piece) if folder and _is_path(piece) else piece for piece in pieces)
        end = f"[{crop}]" if crop else ""
        if not glob.has_magic(path):
            yield path + end
        elif paths := sorted(glob.glob(path)):
            yield from (path + end for path in paths)
        else:
            raise UserError(f"{path} matches no file: check the path, or name its folder by --config.folder")


def _is_path(text: str) -> bool:
    return Path(text).suffix in (".png", ".npy") or "/" in text


def _is_file(text: str) -> bool:
    return Path(text).suffix in (".png", ".npy") or Path(text).is_file()


def _by_label(name: str, found: Iterator[str]) -> dict[str, str]:
    """Return the parts by their labels: the stem of a file, and the part itself otherwise, without its crop."""
    labels: dict[str, str] = {}
    for text in found:
        pieces = _without_crop(text)[0].split("+")
        label = "+".join(Path(part).stem if _is_file(part) else part for part in pieces)
        # Rows are identified by labels, so two files with one label would share a row.
        if label in labels:
            raise UserError(f"{name}: {labels[label]} and {text} would both be called {label}: rename one")
        labels[label] = text
    return labels


def _mask_changes(text: str) -> Changes:
    """Return the settings that `mode:rate:axis:duration` stands for; the mode may be a path, or a sum."""
    modes, *numbers = text.split(":")
    pieces = modes.split("+")
    files = [part for part in pieces if _is_file(part)]
    if len(files) > 1:
        raise UserError(f"mask {text} adds {len(files)} files: give one, and modes that are drawn")
    changes: Changes = {"mask.mode": "+".join("file" if part in files else part for part in pieces)}
    if files:
        changes["mask.path"] = files[0]
    if len(numbers) > 3:
        raise UserError(f"mask {text} has {len(numbers)} numbers: give mode:rate:axis:duration at most")
    try:
        if numbers:
            changes["mask.rate"] = float(numbers[0])
        return changes | {name: int(n) for name, n in zip(AXIS_AND_DURATION, numbers[1:], strict=False)}
    except ValueError:
        wrong = ":".join(numbers)
        raise UserError(
            f"mask {text}: {wrong!r} is no number: give mode:rate, such as text:0.125, or mode:rate:axis:duration"
        ) from None
