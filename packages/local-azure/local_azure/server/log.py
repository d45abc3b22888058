"""The server's log file with rotation."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES = 5 * 1024 * 1024
_STANDARD_STREAMS = (1, 2)


class ServerLog(RotatingFileHandler):
    """A rotating log file.

    If standard output or standard error are redirected to the file, as `daemon` does, they are redirected to the new
    file at each rotation, so that output of Python or a library is not written to the old file.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=1, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._led_here = [number for number in _STANDARD_STREAMS if _is_same(number, path)]

    def doRollover(self) -> None:
        super().doRollover()
        if self.stream:
            for number in self._led_here:
                os.dup2(self.stream.fileno(), number)


def _is_same(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except OSError:
        return False
