"""What the user can mend."""


class InputError(ValueError):
    """A wrong value, file or combination; the message names it, says what was expected and what to do.

    The command line prints the message alone; every other exception keeps its traceback.
    """
