"""The exceptions that are for people, told in one line each."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A user's mistake.

    The message is one line that names the value, says what is accepted and what to do about it. The scripts
    print it without a traceback and exit with code 1.
    """


class DivergedError(ArithmeticError):
    """A loss term or a parameter is no number; the message names the step and which one."""


def unknown(what: str, name: str, accepted: Iterable[str]) -> str:
    """Say in one line that `what` is unknown, what is accepted, and which accepted name is nearest."""
    accepted = sorted(accepted)
    near = difflib.get_close_matches(name, accepted, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{what} is unknown: {hint}accepted are {', '.join(accepted)}"
