"""What keeps the doctor from looking at all."""


class CannotLookError(Exception):
    """The doctor cannot do its work; the message is for the user: what, where, and what to do."""
