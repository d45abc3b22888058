"""What ends a command of the local Azure with a message instead of a traceback."""


class LocalAzureError(Exception):
    """An error whose message tells the user what went wrong and what to do."""

    exit_code = 1
