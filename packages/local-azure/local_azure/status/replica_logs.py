"""The log files of replicas: written by the data plane only.

    logs/APP/REVISION/REPLICA/CONTAINER.log    what a container wrote
    logs/APP/system.log                        what the platform did

A large file is rotated to its name and `.1`, which replaces the previous one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from local_azure.core.state import timestamp

FOLDER = "logs"
MOST_BYTES = 10 * 1024 * 1024
"""The size in bytes at which a log file is rotated: Kubernetes' `containerLogMaxSize`."""
MOST_REPLICAS = 20
"""The number of ended replicas of an app whose logs are kept."""
_SYSTEM = "system.log"
_SUFFIX = ".log"
_SET_ASIDE = ".1"
_WARNING = re.compile("Fail|BackOff|Unhealthy|Error")
_FIRST_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Source:
    """A container that has a log."""

    app: str
    revision: str
    replica: str
    container: str

    def file(self, home: Path) -> Path:
        """Its file."""
        return home / FOLDER / self.app / self.revision / self.replica / f"{self.container}{_SUFFIX}"


@dataclass(frozen=True)
class Line:
    """A line that a container wrote."""

    moment: str
    """The time in UTC, in Azure's format."""
    stream: str
    """`stdout` or `stderr`."""
    text: str

    def __str__(self) -> str:
        return f"{self.moment} {self.stream} {self.text}"

    @staticmethod
    def parse(record: str) -> Line:
        """Read a line of a file."""
        moment, _, rest = record.partition(" ")
        stream, _, text = rest.partition(" ")
        return Line(moment, stream, text)


@dataclass(frozen=True)
class Event:
    """A system event."""

    moment: str
    revision: str
    replica: str
    """Empty for an event of the whole revision."""
    reason: str
    """One word, such as `ProbeFailed`."""
    message: str

    @property
    def is_warning(self) -> bool:
        """Return whether the event is of Kubernetes' type `Warning`, not `Normal`."""
        return bool(_WARNING.search(self.reason))

    def __str__(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def parse(record: str) -> Event:
        """Read a line of a file."""
        return Event(**json.loads(record))


def system_file(home: Path, app: str) -> Path:
    """Return the file of an app's events."""
    return home / FOLDER / app / _SYSTEM


# -- writing


class _File:
    """A file to which lines are appended, and which is rotated when it is large."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._most_bytes = most_bytes
        self._file = _append_to(path)
        self._size = os.fstat(self._file.fileno()).st_size

    def write(self, record: object) -> None:
        data = str(record).encode("utf-8", "replace") + b"\n"
        if self._size and self._size + len(data) > self._most_bytes:
            self._file.close()
            self._path.replace(f"{self._path}{_SET_ASIDE}")
            self._file, self._size = _append_to(self._path), 0
        self._file.write(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()


def _append_to(path: Path) -> FileIO:
    return FileIO(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


class LogWriter:
    """Writes the log of one container."""

    def __init__(self, path: Path, most_bytes: int, ended: Callable[[], None]) -> None:
        self._file = _File(path, most_bytes)
        self._ended = ended

    def write(self, line: bytes, stream: str) -> None:
        """Take a line, without its end, that was written to `stdout` or `stderr`."""
        text = line.decode("utf-8", "replace").removesuffix("\r")
        self._file.write(Line(_now(), stream, text))

    def close(self) -> None:
        """Close the log after its last line."""
        self._file.close()
        self._ended()


class Logs:
    """The logs of a home directory, for the process that writes them."""

    def __init__(self, home: Path, *, most_bytes: int = MOST_BYTES, most_replicas: int = MOST_REPLICAS) -> None:
        self._home = home
        self._most_bytes = most_bytes
        self._most_replicas = most_replicas
        self._open: dict[Path, int] = {}
        self._system: dict[str, _File] = {}

    def container(self, app: str, revision: str, replica: str, container: str) -> LogWriter:
        """Return the log of a container; delete the oldest logs of ended replicas."""
        path = Source(app, revision, replica, container).file(self._home)
        directory = path.parent
        self._open[directory] = self._open.get(directory, 0) + 1
        self._forget_oldest(app)
        return LogWriter(path, self._most_bytes, lambda: self._end(directory))

    def system(self, app: str, revision: str, replica: str, reason: str, message: str) -> None:
        """Write down what the platform does; `replica` is empty when it concerns the whole revision."""
        if app not in self._system:
            self._system[app] = _File(system_file(self._home, app), self._most_bytes)
        self._system[app].write(Event(_now(), revision, replica, reason, " ".join(message.split())))

    def _end(self, directory: Path) -> None:
        self._open[directory] -= 1
        if not self._open[directory]:
            del self._open[directory]

    def _forget_oldest(self, app: str) -> None:
        ended = [one for one in (self._home / FOLDER / app).glob("*/*/") if one not in self._open]
        for directory in sorted(ended, key=lambda one: one.stat().st_mtime_ns)[: -self._most_replicas]:
            shutil.rmtree(directory, ignore_errors=True)
            if not any(directory.parent.iterdir()):
                directory.parent.rmdir()


def _now() -> str:
    return timestamp(datetime.now(UTC))


# -- reading


def apps(home: Path) -> list[str]:
    """Return the apps that have logs."""
    return sorted(one.name for one in (home / FOLDER).glob("*/"))


def sources(
    home: Path, app: str, *, revision: str | None = None, replica: str | None = None, container: str | None = None
) -> list[Source]:
    """Return the containers of an app that have logs, optionally of one revision, replica or container name."""
    found: list[Source] = []
    for path in sorted((home / FOLDER / app).glob(f"*/*/*{_SUFFIX}")):
        source = Source(app, path.parts[-3], path.parts[-2], path.name.removesuffix(_SUFFIX))
        asked = ((revision, source.revision), (replica, source.replica), (container, source.container))
        if all(wanted in (None, there) for wanted, there in asked):
            found.append(source)
    return found


class Tail:
    """Reads the last lines of a log, and then new lines."""

    def __init__(self, path: Path, lines: int) -> None:
        """Start before the last `lines` existing lines."""
        self._path = path
        self._lines = lines
        self._file: FileIO | None = None
        self._rest = b""

    def read(self) -> list[str]:
        """Return the lines that were not read before; none while the log does not exist."""
        if self._file is None:
            try:
                self._file = FileIO(self._path)
            except FileNotFoundError:
                self._lines = -1  # the content of a later file is new
                return []
            return self._first()
        records = self._more()
        if self._is_set_aside():
            records += self._more()
            self._file.close()
            self._file = None
            self._lines = -1
            records += self.read()
        return records

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _first(self) -> list[str]:
        if self._lines < 0:
            return self._more()
        assert self._file
        found, self._rest = _last_lines(self._file, self._lines)
        if len(found) < self._lines:
            try:
                with FileIO(f"{self._path}{_SET_ASIDE}") as earlier:
                    found = _last_lines(earlier, self._lines - len(found))[0] + found
            except FileNotFoundError:
                pass
        return [_decoded(one) for one in found]

    def _more(self) -> list[str]:
        assert self._file
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [_decoded(one) for one in lines]

    def _is_set_aside(self) -> bool:
        assert self._file
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False


def _last_lines(file: FileIO, count: int) -> tuple[list[bytes], bytes]:
    """Return the last complete lines of a file and the incomplete rest; the file is read to its end."""
    end = file.seek(0, os.SEEK_END)
    chunk = _FIRST_CHUNK
    while True:
        start = max(0, end - chunk)
        file.seek(start)
        *lines, rest = file.read().split(b"\n")
        if start:
            del lines[:1]  # it may lack its beginning
        if start == 0 or len(lines) >= count:
            return lines[len(lines) - count :] if count < len(lines) else lines, rest
        chunk *= 4


def _decoded(record: bytes) -> str:
    return record.decode("utf-8", "replace")
