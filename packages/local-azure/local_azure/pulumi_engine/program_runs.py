"""Runs of Pulumi programs: in a new process, or in a fork of one that has loaded the SDK (`fork_servers`)."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local_azure.pulumi_engine.program_fork_server import GRACE_SECONDS, LENGTH

_RUNNER = Path(__file__).with_name("program_runner.py")
_ANSWER_SECONDS = 120.0
"""Time-out in seconds for a fork server's first response, which includes loading the SDK; then the program runs in a
new process."""


@dataclass(frozen=True)
class Launch:
    """The parameters of a run. Standard output and standard error are this process's, standard input is empty."""

    python: str
    program: Path
    """The file or directory that Python runs."""
    directory: Path
    environment: Mapping[str, str]
    request: bytes
    """A serialized `RunRequest`."""
    record: Path
    """The file for the names of the SDK modules that the program has used."""


class ProgramRun(Protocol):
    """A running program."""

    def wait(self) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        ...

    def end(self) -> None:
        """End it if it still runs: by SIGTERM, and by SIGKILL five seconds later."""
        ...


class PlainRun:
    """A run in a new process."""

    def __init__(self, launch: Launch) -> None:
        self._request = launch.request
        self._process = subprocess.Popen(
            [launch.python, "-u", str(_RUNNER), str(launch.program), str(launch.record)],
            cwd=launch.directory,
            env=dict(launch.environment),
            stdin=subprocess.PIPE,
        )

    def wait(self) -> int:
        self._process.communicate(self._request)
        return self._process.returncode

    def end(self) -> None:
        end_process(self._process)


class ForkedRun:
    """A run in a fork of a fork server, controlled by a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = connection.makefile("rb")
        self._pid = 0

    def begin(self, launch: Launch, output: int = 1, errors: int = 2) -> bool:
        """Send the launch, with the descriptors of the program's output; return whether a fork has taken it."""
        header = json.dumps(
            {
                "program": str(launch.program),
                "cwd": str(launch.directory),
                "environment": dict(launch.environment),
                "record": str(launch.record),
            }
        ).encode()
        try:
            self._connection.settimeout(_ANSWER_SECONDS)
            socket.send_fds(self._connection, [LENGTH.pack(len(header), len(launch.request))], [output, errors])
            self._connection.sendall(header)
            self._connection.sendall(launch.request)
            self._pid = self._answer().get("pid", 0)
            self._connection.settimeout(None)
        except OSError:
            self._pid = 0
        if not self._pid:
            self._close()
        return bool(self._pid)

    def wait(self) -> int:
        """Wait as `ProgramRun.wait`. A fork whose server was killed is killed too."""
        try:
            code = self._answer().get("code")
        except OSError:
            code = None
        if code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            code = -signal.SIGKILL
        self._close()
        return code

    def end(self) -> None:
        """End as `ProgramRun.end`. Return immediately: `wait` returns after the end."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR if self._pid else socket.SHUT_RDWR)

    def _answer(self) -> dict[str, int]:
        """Return the next line; empty at the end of the connection. Raises `OSError`."""
        line = self._answers.readline()
        return json.loads(line) if line.endswith(b"\n") else {}

    def _close(self) -> None:
        self._answers.close()
        self._connection.close()


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """End a process if it still runs: by SIGTERM, and by SIGKILL five seconds later."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
