"""Define the error that ends the doctor."""


class CannotLookError(Exception):
    """The doctor cannot check the stack. The message is for the user: what failed, where, and the remedy."""
