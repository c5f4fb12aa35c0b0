"""Errors that the user can correct."""


class InputError(ValueError):
    """A wrong value, file or combination; the message names it, says what was expected and what to do.

    The command line prints the message alone; every other exception keeps its traceback.
    """


class OutputError(InputError):
    """A file that cannot be written."""


class DivergedError(RuntimeError):
    """A training whose loss or gradient is no longer finite; the message says what to continue from, and how."""
