"""Wait for a condition, and report progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from doctor.errors import CannotLookError

_INTERVAL_SECONDS = 2.0


def until(left: Callable[[], str], limit_seconds: float, say: Callable[[str], None]) -> bool:
    """Poll until nothing is left.

    Args:
        left: returns what is left to wait for, in words; empty once it is over.
        limit_seconds: how long to wait.
        say: gets what is left, whenever that changes.

    Returns:
        Whether nothing was left within the limit.

    Raises:
        CannotLookError: when the first request fails.
    """
    end = time.monotonic() + limit_seconds
    reported = ""
    first = True
    while True:
        try:
            words = left()
        except CannotLookError as error:
            if first:
                raise
            words = str(error)  # One failed request is no reason to give up.
        first = False
        if not words:
            return True
        if words != reported:
            say(words)
            reported = words
        if time.monotonic() + _INTERVAL_SECONDS > end:
            return False
        time.sleep(_INTERVAL_SECONDS)
