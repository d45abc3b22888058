"""Files that several processes read and write concurrently."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file atomically: readers see the old or the new text, never with wider permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """Return the text of a file; create it with mode 0600 if it does not exist."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = make()
        write_atomically(path, text, 0o600)
        return text


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold an exclusive lock on a file while the block runs; wait for other processes.

    The system releases the lock when the process ends, so that a killed process needs no clean-up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
