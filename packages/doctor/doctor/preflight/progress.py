"""Say what is being done when it takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

_FIRST_SECONDS, _NEXT_SECONDS = 2.0, 5.0


@contextmanager
def said_when_slow(words: str) -> Generator[None, None, None]:
    """Print the words to standard error after two seconds, and every five seconds after that, until the end."""
    ended = threading.Event()
    thread = threading.Thread(target=_say, args=(words, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _say(words: str, ended: threading.Event) -> None:
    started = time.monotonic()
    wait = _FIRST_SECONDS
    while not ended.wait(wait):
        print(f"{words} ... {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        wait = _NEXT_SECONDS
