"""Start and stop the server process; `local_azure.status.server_process` finds it."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from typing import IO

from local_azure.pulumi_engine.fork_servers import ForkServers
from local_azure.status.server_process import ServerProcess, find, locked_by, served_ports
from local_azure.system.environment_variables import without_credentials
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked
from local_azure.system.paths import PACKAGE, Home, module_command
from local_azure.system.progress import say

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02


class DaemonError(LocalAzureError):
    """The server could not be started or stopped. The message is for the user."""


def ensure(home: Home) -> tuple[ServerProcess, bool]:
    """Return the running server and whether it was started by this call.

    A server whose source code has changed is restarted, unless a command of `run` still uses it. Raises `DaemonError`.
    """
    home.create()
    with locked(home.directory / "start.lock"):
        running = find(home)
        code = source_fingerprint()
        if running and running.code == code:
            return running, False
        if running and _in_use(home):
            say("The emulator's source code has changed; it is restarted when no other command uses it.")
            return running, False
        _stop(home)
        return _start(home, code), True


def stop(home: Home) -> bool:
    """Stop the server and its fork servers; keep the state. Return whether a server was running."""
    if not home.directory.exists():
        return False
    with locked(home.directory / "start.lock"):
        return _stop(home)


def source_fingerprint() -> str:
    """Return a fingerprint of the source files, from their sizes and modification times, as make does."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _in_use(home: Home) -> bool:
    with open(home.use_lock, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def hold_in_use(home: Home) -> None:
    """Mark the server as in use by this process and by the command that replaces it (`exec`), until it ends."""
    descriptor = os.open(home.use_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


def _start(home: Home, code: str) -> ServerProcess:
    # The lock file is never replaced: a lock belongs to the file, not to its name.
    with open(home.process_lock, "a+", encoding="utf-8") as lock, open(home.server_log, "ab") as log:
        _take(lock, home)
        os.chmod(home.server_log, 0o600)
        log_start = log.tell()
        process = subprocess.Popen(
            [*module_command("local_azure.server.main"), "--home", str(home.directory)],
            cwd=home.directory,
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
                    f"the emulator ended during its start with exit code {process.returncode}: "
                    f"{_last_line(home, log_start)} (more in {home.server_log})"
                )
            ports = served_ports(home, process.pid)
            if ports:
                return ServerProcess(process.pid, ports, code)
            time.sleep(_POLL_SECONDS)
        raise DaemonError(f"the emulator was not ready within {START_SECONDS:.0f} s: see {home.server_log}")
    except BaseException:
        if process.poll() is None:
            process.kill()
            process.wait()
        raise


def _take(lock: IO[str], home: Home) -> None:
    """Lock the file for the new server. Processes that check for a server also hold the lock for an instant."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(_POLL_SECONDS)
    raise DaemonError(f"an unknown process holds {home.process_lock}: end it and try again")


def _last_line(home: Home, start: int) -> str:
    with open(home.server_log, encoding="utf-8", errors="replace") as file:
        file.seek(start)
        lines = file.read().strip().splitlines()
    return lines[-1] if lines else "no output"


def _stop(home: Home) -> bool:
    stopped = _stop_server(home)
    # They end with the server; their programs may take some seconds longer.
    ForkServers(home).end_all()
    return stopped


def _stop_server(home: Home) -> bool:
    pid, _ = locked_by(home)
    if not pid:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if locked_by(home)[0] != pid:
            return True
        time.sleep(_POLL_SECONDS)
    os.kill(pid, signal.SIGKILL)
    while locked_by(home)[0] == pid:
        time.sleep(_POLL_SECONDS)
    return True
