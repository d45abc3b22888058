"""Sees that the state has changed, whichever process changed it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

_POLL_SECONDS = 0.05


class Watch:
    """Watches a state file by SQLite's count of the changes that other connections have made
    (https://www.sqlite.org/pragma.html#pragma_data_version), which costs no more than reading a page."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._seen = self._version()

    async def changed(self) -> None:
        """Return when something has changed since this was last asked."""
        while (version := self._version()) == self._seen:
            await asyncio.sleep(_POLL_SECONDS)
        self._seen = version

    def close(self) -> None:
        """Stop watching."""
        self._connection.close()

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)
