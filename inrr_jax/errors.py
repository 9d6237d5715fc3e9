"""The exceptions that the scripts show to users as one-line messages, without a traceback."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake of the user, such as an unknown setting or an unreadable file.

    The message is one line that names the value, says what is accepted, and says what to do. The scripts print it
    without a traceback and exit with code 1.
    """


class DivergedError(ArithmeticError):
    """A loss term or a parameter of a fit became NaN or infinite; the message names it and the step."""


def unknown(what: str, name: str, accepted: Iterable[str]) -> str:
    """Return a one-line message which says that a name is unknown, suggests the most similar name, and lists all names.

    Args:
        what: how the message refers to the unknown thing, for example "setting field.widht".
        name: the unknown name itself, which is compared with the accepted names.
        accepted: all accepted names.
    """
    accepted = sorted(accepted)
    near = difflib.get_close_matches(name, accepted, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{what} is unknown: {hint}accepted are {', '.join(accepted)}"
