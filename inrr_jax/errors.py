"""The one exception that is for people: a mistake of the user, told in one line."""


class UserError(ValueError):
    """A user's mistake.

    The message is one line that names the value, says what is accepted and what to do about it. The scripts
    print it without a traceback and exit with code 1.
    """
