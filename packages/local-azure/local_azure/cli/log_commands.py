"""`local-azure logs`: shows what an app's containers have written, and what the platform has done to it."""

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
  local-azure logs web --container migrate       a part of a name, or a container's, serves where only one app has it
  local-azure logs web --system                  what the platform does: probes, restarts, scaling
"""


class _Commands(Protocol):
    """What `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        """Declare a command."""
        ...


class LogError(LocalAzureError):
    """Logs that are not there. The message is for the user."""


def add_parser(commands: _Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "logs",
        help="show the logs of an app",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("app", help="the app's name, or a part of it or a container that no other has")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--revision", help="of one revision alone")
    parser.add_argument("--replica", help="of one replica alone")
    parser.add_argument("--container", help="of one container of each replica alone")
    parser.add_argument(
        "--tail", type=_count, default=_LINES, metavar="N", help=f"begin with the last N lines (default: {_LINES})"
    )
    parser.add_argument("--system", action="store_true", help="what the platform does to it, in the place of its logs")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def run(home: Home, options: argparse.Namespace) -> int:
    """Run the command; returns its exit code. Raises `LogError`."""
    app = find_app(home.directory, options.app)
    reader = _Events(home.directory, app, options) if options.system else _Lines(home.directory, app, options)
    shown = reader.read()
    if not shown and not options.follow:
        what = "events" if options.system else "log lines"
        raise LogError(f"{app} has no such {what}; {command_name()} status tells whether it runs")
    _show(shown[-options.tail :] if options.tail else [])
    while options.follow:
        time.sleep(_POLL_SECONDS)
        _show(reader.read())
    return 0


def find_app(home: Path, asked: str) -> str:
    """The app with a name or a part of one, or with a container of that name. Raises `LogError`."""
    known = replica_logs.apps(home)
    if asked in known:
        return asked
    for found in (
        [name for name in known if asked in name],
        [name for name in known if replica_logs.sources(home, name, container=asked)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise LogError(f"{asked} may be any of {', '.join(found)}: name one")
    there = f"there are {', '.join(known)}" if known else "no app has run yet"
    raise LogError(f"no app named {asked} has logs; {there}")


def latest(home: Path, app: str, revision: str, count: int) -> list[str]:
    """The last lines and events of an app's revision, as they are shown."""
    asked = argparse.Namespace(revision=revision, replica=None, container=None, tail=count)
    return [one.text for one in sorted(_Lines(home, app, asked).read() + _Events(home, app, asked).read())[-count:]]


@dataclass(frozen=True, order=True)
class _Shown:
    moment: str
    text: str


class _Lines:
    """The lines of all containers that are asked for, those that start later included."""

    def __init__(self, home: Path, app: str, options: argparse.Namespace) -> None:
        self._home = home
        self._app = app
        self._asked = {name: getattr(options, name) for name in ("revision", "replica", "container")}
        self._count = options.tail
        self._tails: dict[Source, Tail] = {}

    def read(self) -> list[_Shown]:
        """What was not read yet, oldest first."""
        for source in replica_logs.sources(self._home, self._app, **self._asked):
            if source not in self._tails:
                self._tails[source] = Tail(source.file(self._home), self._count)
        self._count = -1  # of what starts later, everything
        return sorted(
            _line(source, Line.parse(record)) for source, tail in self._tails.items() for record in tail.read()
        )


class _Events:
    """The events of an app, or of one of its revisions or replicas."""

    def __init__(self, home: Path, app: str, options: argparse.Namespace) -> None:
        self._tail = Tail(replica_logs.system_file(home, app), options.tail)
        self._asked = options

    def read(self) -> list[_Shown]:
        """What was not read yet, oldest first."""
        events = [Event.parse(record) for record in self._tail.read()]
        return [_event(one) for one in events if self._is_asked_for(one)]

    def _is_asked_for(self, event: Event) -> bool:
        asked = ((self._asked.revision, event.revision), (self._asked.replica, event.replica))
        return all(wanted in (None, there) for wanted, there in asked)


def _line(source: Source, line: Line) -> _Shown:
    # The replica's name begins with the revision's, and the revision's with the app's.
    replica = source.replica.removeprefix(f"{source.app}--")
    return _Shown(line.moment, f"{_time(line.moment)} {replica} {source.container} | {line.text}")


def _event(event: Event) -> _Shown:
    where = event.replica or event.revision
    return _Shown(event.moment, f"{_time(event.moment)} {where} {event.reason} | {event.message}")


def _time(moment: str) -> str:
    """The time of the day, in UTC, to the millisecond."""
    return moment[11:23]


def _show(lines: list[_Shown]) -> None:
    for line in lines:
        sys.stdout.write(f"{line.text}\n")
    sys.stdout.flush()
