"""Waits for what takes its time, and says what is left of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from doctor.errors import CannotLookError

_INTERVAL_SECONDS = 2.0


def until(left: Callable[[], str], limit_seconds: float, say: Callable[[str], None]) -> bool:
    """Ask again and again until nothing is left.

    Args:
        left: says in words what there still is to wait for; nothing once it is over.
        limit_seconds: how long to wait.
        say: is told what is left, whenever that changes.

    Returns:
        Whether nothing was left within the limit.

    Raises:
        CannotLookError: when the first question has no answer.
    """
    end = time.monotonic() + limit_seconds
    told = ""
    first = True
    while True:
        try:
            words = left()
        except CannotLookError as error:
            if first:
                raise
            words = str(error)  # One question without an answer is no reason to give up.
        first = False
        if not words:
            return True
        if words != told:
            say(words)
            told = words
        if time.monotonic() + _INTERVAL_SECONDS > end:
            return False
        time.sleep(_INTERVAL_SECONDS)
