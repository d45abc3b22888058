"""Starts, finds and stops the server process of a local Azure.

The server inherits an open lock on a file of its home, which the system drops when the process ends. A held lock is
therefore the proof that the process id in that file is still our server, whatever ids the system hands out again.
"""

import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from local_azure.pulumi_engine.fork_servers import ForkServers
from local_azure.system.environment_variables import without_credentials
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked
from local_azure.system.paths import PACKAGE, ROOT, Home
from local_azure.system.progress import say

PROVIDERS = ("azure-native", "random")
"""The providers that the engine is attached to."""
ENDPOINTS = ("arm", "identity", "vault-proxy")
"""What Azure's own clients talk to: see `local_azure.arm.serving`."""
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02


class DaemonError(LocalAzureError):
    """The server could not be started or stopped. The message is for the user."""


@dataclass(frozen=True)
class Running:
    """A server process that serves: its process id, and a port on the loopback address for all it serves."""

    pid: int
    ports: Mapping[str, int]
    code: str
    """A fingerprint of the source it was started from."""

    @property
    def providers(self) -> dict[str, int]:
        """The ports of the providers alone."""
        return {name: self.ports[name] for name in PROVIDERS}


def find(home: Home) -> Running | None:
    """The running server, or None if there is none or it does not serve yet."""
    pid, code = _locked_by(home)
    if not pid:
        return None
    ports = _served_ports(home, pid)
    return Running(pid, ports, code) if ports else None


def ensure(home: Home) -> tuple[Running, bool]:
    """The running server, started if it is not there, and whether it was.

    A server whose source has changed since is restarted, unless a command of `run` still uses it.
    Raises `DaemonError`.
    """
    home.create()
    with locked(home.directory / "start.lock"):
        running = find(home)
        code = source_fingerprint()
        if running and running.code == code:
            return running, False
        if running and _in_use(home):
            say("The local Azure's source has changed; it is restarted once no other command uses it.")
            return running, False
        _stop(home)
        return _start(home, code), True


def stop(home: Home) -> bool:
    """Ends the server and what it forks programs from; its state stays. Returns whether there was a server."""
    if not home.directory.exists():
        return False
    with locked(home.directory / "start.lock"):
        return _stop(home)


def source_fingerprint() -> str:
    """Changes when a source file of the local Azure does. By size and time of change, as make does."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _locked_by(home: Home) -> tuple[int, str]:
    """The process id and the fingerprint of the server that holds the lock; (0, "") when none does."""
    try:
        with open(home.process_lock, "r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, _, code = file.read().partition(" ")
                return (int(pid), code.strip()) if pid.isdigit() else (0, "")
    except FileNotFoundError:
        pass
    return 0, ""


def _served_ports(home: Home, pid: int) -> dict[str, int]:
    """The ports that this process has announced, if each of them accepts a connection."""
    try:
        announced = json.loads(home.endpoints.read_text(encoding="utf-8"))
        ports = {name: int(announced[name]) for name in (*PROVIDERS, *ENDPOINTS)}
        if announced["pid"] != pid:
            return {}
        for port in ports.values():
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return ports


def _in_use(home: Home) -> bool:
    with open(home.use_lock, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def hold_in_use(home: Home) -> None:
    """Marks the server as used by this process and by the command that takes its place (`exec`), until it ends."""
    descriptor = os.open(home.use_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


def _start(home: Home, code: str) -> Running:
    # The lock file is never replaced: a lock belongs to the file, not to its name.
    with open(home.process_lock, "a+", encoding="utf-8") as lock, open(home.server_log, "ab") as log:
        _take(lock, home)
        os.chmod(home.server_log, 0o600)
        log_start = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "local_azure.server.main", "--home", str(home.directory)],
            cwd=ROOT,
            env=without_credentials(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock.fileno(),),
        )
        lock.seek(0)
        lock.truncate()
        lock.write(f"{process.pid} {code}")
        lock.flush()
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DaemonError(
                    f"the local Azure ended at its start with exit code {process.returncode}: "
                    f"{_last_line(home, log_start)} (more in {home.server_log})"
                )
            ports = _served_ports(home, process.pid)
            if ports:
                return Running(process.pid, ports, code)
            time.sleep(_POLL_SECONDS)
        raise DaemonError(f"the local Azure did not serve within {START_SECONDS:.0f} s: see {home.server_log}")
    except BaseException:
        if process.poll() is None:
            process.kill()
            process.wait()
        raise


def _take(lock: IO[str], home: Home) -> None:
    """Locks the file for the server to be. Whoever asks whether one runs holds it for an instant."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(_POLL_SECONDS)
    raise DaemonError(f"a process that is not known as a local Azure holds {home.process_lock}: end it and try again")


def _last_line(home: Home, start: int) -> str:
    with open(home.server_log, encoding="utf-8", errors="replace") as file:
        file.seek(start)
        lines = file.read().strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _stop(home: Home) -> bool:
    stopped = _stop_server(home)
    # They end with the server; what they run may take some seconds longer.
    ForkServers(home).end_all()
    return stopped


def _stop_server(home: Home) -> bool:
    pid, _ = _locked_by(home)
    if not pid:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if _locked_by(home)[0] != pid:
            return True
        time.sleep(_POLL_SECONDS)
    os.kill(pid, signal.SIGKILL)
    while _locked_by(home)[0] == pid:
        time.sleep(_POLL_SECONDS)
    return True
