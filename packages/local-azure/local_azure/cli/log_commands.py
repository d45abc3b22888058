"""`local-azure logs`: prints the console logs of an app's containers, or the app's system events."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local_azure.status import replica_logs
from local_azure.status.replica_logs import Event, Line, Source, Tail
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home, command_name

_LINES = 100
_POLL_SECONDS = 0.2
_EPILOG = """\
  local-azure logs ca-shop-web --follow
  local-azure logs web --container migrate       a part of the app's or a container's name is enough if it is unique
  local-azure logs web --system                  system events: probes, restarts, scaling
"""


class _Commands(Protocol):
    """The type that `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        """Add a command."""
        ...


class LogError(LocalAzureError):
    """There are no such logs. The message is for the user."""


def add_parser(commands: _Commands) -> None:
    """Add the command `logs` and its arguments."""
    parser = commands.add_parser(
        "logs",
        help="show the logs of an app",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("app", help="the app's name, a unique part of it, or a container that only this app has")
    parser.add_argument("--follow", "-f", action="store_true", help="print new lines as they are written, until Ctrl-C")
    parser.add_argument("--revision", help="show one revision only")
    parser.add_argument("--replica", help="show one replica only")
    parser.add_argument("--container", help="show one container of each replica only")
    parser.add_argument(
        "--tail", type=_count, default=_LINES, metavar="N", help=f"start with the last N lines (default: {_LINES})"
    )
    parser.add_argument("--system", action="store_true", help="show system events instead of console logs")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def run(home: Home, options: argparse.Namespace) -> int:
    """Run the command and return its exit code. Raises `LogError`."""
    app = find_app(home.directory, options.app)
    reader = _Events(home.directory, app, options) if options.system else _Lines(home.directory, app, options)
    shown = reader.read()
    if not shown and not options.follow:
        kind = "events" if options.system else "log lines"
        raise LogError(f"{app} has no such {kind}; {command_name()} status shows whether it runs")
    _show(shown[-options.tail :] if options.tail else [])
    while options.follow:
        time.sleep(_POLL_SECONDS)
        _show(reader.read())
    return 0


def find_app(home: Path, wanted: str) -> str:
    """Return the app with this name, the app with this part of a name, or the app with a container of this name.

    Raises `LogError` when there is none or more than one.
    """
    known = replica_logs.apps(home)
    if wanted in known:
        return wanted
    for found in (
        [name for name in known if wanted in name],
        [name for name in known if replica_logs.sources(home, name, container=wanted)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise LogError(f"{wanted} is ambiguous: choose one of {', '.join(found)}")
    there = f"there are {', '.join(known)}" if known else "no app has run yet"
    raise LogError(f"no app named {wanted} has logs; {there}")


def latest(home: Path, app: str, revision: str, count: int) -> list[str]:
    """Return the last `count` lines and events of an app's revision, formatted as the command prints them."""
    filters = argparse.Namespace(revision=revision, replica=None, container=None, tail=count)
    return [
        record.text
        for record in sorted(_Lines(home, app, filters).read() + _Events(home, app, filters).read())[-count:]
    ]


@dataclass(frozen=True, order=True)
class _Shown:
    moment: str
    text: str


class _Lines:
    """The lines of the selected containers, including containers that start later."""

    def __init__(self, home: Path, app: str, options: argparse.Namespace) -> None:
        self._home = home
        self._app = app
        self._filters = {name: getattr(options, name) for name in ("revision", "replica", "container")}
        self._count = options.tail
        self._tails: dict[Source, Tail] = {}

    def read(self) -> list[_Shown]:
        """Return the records that were not read before, oldest first."""
        for source in replica_logs.sources(self._home, self._app, **self._filters):
            if source not in self._tails:
                self._tails[source] = Tail(source.file(self._home), self._count)
        self._count = -1  # containers that start later are read from their beginning
        return sorted(
            _line(source, Line.parse(record)) for source, tail in self._tails.items() for record in tail.read()
        )


class _Events:
    """The events of an app, or of one of its revisions or replicas."""

    def __init__(self, home: Path, app: str, options: argparse.Namespace) -> None:
        self._tail = Tail(replica_logs.system_file(home, app), options.tail)
        self._filters = options

    def read(self) -> list[_Shown]:
        """Return the records that were not read before, oldest first."""
        events = [Event.parse(record) for record in self._tail.read()]
        return [_event(event) for event in events if self._is_selected(event)]

    def _is_selected(self, event: Event) -> bool:
        pairs = ((self._filters.revision, event.revision), (self._filters.replica, event.replica))
        return all(wanted in (None, actual) for wanted, actual in pairs)


def _line(source: Source, line: Line) -> _Shown:
    # The replica's name begins with the revision's, and the revision's with the app's.
    replica = source.replica.removeprefix(f"{source.app}--")
    return _Shown(line.moment, f"{_time(line.moment)} {replica} {source.container} | {line.text}")


def _event(event: Event) -> _Shown:
    where = event.replica or event.revision
    return _Shown(event.moment, f"{_time(event.moment)} {where} {event.reason} | {event.message}")


def _time(moment: str) -> str:
    """Return the time of day in UTC, to the millisecond."""
    return moment[11:23]


def _show(lines: list[_Shown]) -> None:
    for line in lines:
        sys.stdout.write(f"{line.text}\n")
    sys.stdout.flush()
