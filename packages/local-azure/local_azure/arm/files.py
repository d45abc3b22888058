"""Secrets that are made once and kept in the home directory, readable by their owner alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local_azure.system.files import write_atomically


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """The text of a file, which is made and written with mode 0600 when it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = make()
        write_atomically(path, text, 0o600)
        return text
