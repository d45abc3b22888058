"""The base class of errors that end a command with a message instead of a traceback."""


class LocalAzureError(Exception):
    """An error whose message tells the user the cause and the remedy."""

    exit_code = 1
