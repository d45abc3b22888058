"""Find, start and stop fork servers (`program_fork_server.py`).

There is one for each interpreter, set of variables that matter at the start of a process, and set of the SDK's modules.
Their sockets and locks are in a directory of the local Azure's home that its owner alone can enter. Which modules a
program used last time is remembered there too, by the name of its project.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_azure.pulumi_engine.program_runs import ForkedRun, Launch
from local_azure.system.files import locked
from local_azure.system.paths import Home

SWITCH = "LOCAL_AZURE_FORK"
"""Environment variable: `no` runs every program in a new process."""

_SERVER = Path(__file__).with_name("program_fork_server.py")
_MAXIMUM = 4
"""The maximum number of fork servers of an emulator: each uses 100 to 200 MB for the SDK's modules."""
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02

# What the interpreter, its libraries and the SDK read of the environment before a program begins; a test compares.
# A server has these variables and no others, so that it holds no secret of a caller.
_STARTUP_PREFIXES = (
    *("DYLD_", "GLIBC_", "GRPC_", "LC_", "LD_", "MALLOC_", "OPENSSL_", "OTEL_", "PROTOCOL_BUFFERS_", "PULUMI_ENABLE_"),
    *("PULUMI_OTEL_", "PYTHON", "SSL_"),
)
_STARTUP = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "PARVER_SPHINX_BUILD", "TEMP", "TEMPORARILY_DISABLE_PROTOBUF_VERSION_CHECK"),
        *("TMP", "TMPDIR", "TZ"),
    }
)


@dataclass(frozen=True)
class Server:
    """A fork server, running or not, identified by its interpreter, environment and modules."""

    directory: Path
    python: str
    variables: Mapping[str, str]
    modules: Sequence[str]

    @property
    def key(self) -> str:
        scripts = [path.stat().st_mtime_ns for path in sorted(_SERVER.parent.glob("program_*.py"))]
        parts = [self.python, sorted(self.variables.items()), list(self.modules), _inherited(), scripts]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class ForkServers:
    """The fork servers of an emulator."""

    def __init__(self, home: Home) -> None:
        self._directory = home.fork_servers

    def create(self) -> None:
        """Make the directory, for its owner alone."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)

    def record(self, project: str) -> Path:
        """Return the file that has the names of the SDK's modules that a project used last time."""
        return self._directory / f"{hashlib.sha256(project.encode()).hexdigest()[:16]}.json"

    def connect(self, launch: Launch, azure: Callable[[], int]) -> ForkedRun | None:
        """Connect to the server for this launch, which is started if need be.

        Returns None where a new process is the better way: nothing is known of the program yet, forks are switched off
        or do not work here, or too many servers run. `azure` returns the process id of the local Azure, 0 if it does
        not run.
        """
        server = self._server(launch)
        if server is None:
            return None
        paths = _Paths.of(server)
        connection = paths.connect()
        if connection is None and self._start(server, paths, azure):
            connection = paths.connect()
        return ForkedRun(connection) if connection else None

    def start(self, launch: Launch, azure: Callable[[], int]) -> None:
        """Start the server for the next such launch, if it does not run."""
        server = self._server(launch)
        if server:
            self._start(server, _Paths.of(server), azure)

    def end_all(self) -> None:
        """End every server, and with it what it runs. What is remembered stays."""
        for lock in self._directory.glob("*.lock"):
            _end(lock)
        for starting in self._directory.glob("*.starting"):
            starting.unlink(missing_ok=True)

    def _server(self, launch: Launch) -> Server | None:
        variables = {name: value for name, value in launch.environment.items() if is_read_at_start(name)}
        if not _may_fork(launch.environment):
            return None
        try:
            modules: list[str] = json.loads(launch.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return Server(self._directory, launch.python, variables, modules)

    def _start(self, server: Server, paths: "_Paths", find_azure: Callable[[], int]) -> bool:
        """Start a server. Returns False if it cannot be, or has failed to load before."""
        azure = find_azure()
        if not azure:
            return False
        # Whoever comes at the same moment waits until the server listens.
        with locked(self._directory / "start"):
            return self._start_alone(server, paths, azure)

    def _start_alone(self, server: Server, paths: "_Paths", azure: int) -> bool:
        if is_held(paths.lock):
            return True
        if paths.starting.exists() or sum(map(is_held, self._directory.glob("*.lock"))) >= _MAXIMUM:
            return False
        # As the local Azure's own process, a server holds a lock as long as it lives.
        with open(paths.lock, "a+", encoding="utf-8") as lock, open(paths.log, "wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            # It listens before it has loaded, so that this run waits for it like the next.
            with paths.listen() as listening:
                paths.starting.touch(0o600)
                process = subprocess.Popen(
                    [
                        *(server.python, "-u", str(_SERVER), str(listening.fileno()), str(lock.fileno()), str(azure)),
                        *(str(paths.starting), *server.modules),
                    ],
                    cwd="/",
                    env=dict(server.variables),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(listening.fileno(), lock.fileno()),
                )
            lock.write(str(process.pid))
        return True


@dataclass(frozen=True)
class _Paths:
    """The files of a server."""

    directory: Path
    key: str

    @classmethod
    def of(cls, server: Server) -> "_Paths":
        return cls(server.directory, server.key)

    @property
    def lock(self) -> Path:
        """Locked while the server runs; contains its process id."""
        return self.directory / f"{self.key}.lock"

    @property
    def starting(self) -> Path:
        """Exists while the server loads the SDK, and after that has failed."""
        return self.directory / f"{self.key}.starting"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.key}.log"

    def connect(self) -> socket.socket | None:
        """Return a connection to the server; None if none listens."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with self._address() as address:
                connection.connect(address)
        except OSError:
            connection.close()
            return None
        return connection

    def listen(self) -> socket.socket:
        """Return a listening socket in place of an earlier server's."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._address() as address:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address)
            listening.bind(address)
            os.chmod(address, 0o600)
        listening.listen(16)
        return listening

    @contextlib.contextmanager
    def _address(self) -> Generator[str]:
        """Return the socket's path relative to its directory's descriptor, because a socket's path has at most 107
        bytes."""
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{directory}/{self.key}.sock"
        finally:
            os.close(directory)


def is_read_at_start(variable: str) -> bool:
    """Return whether a variable matters before a program begins, so that it distinguishes servers."""
    return variable in _STARTUP or variable.startswith(_STARTUP_PREFIXES)


def _may_fork(environment: Mapping[str, str]) -> bool:
    """Return whether forks are safe here; outside Linux, system libraries do not support them."""
    search_path = environment.get("PYTHONPATH", "")
    return (
        sys.platform == "linux"
        and environment.get(SWITCH) != "no"
        # With tracing the SDK starts threads when it is imported. (pulumi.runtime._instrumentation)
        and "TRACEPARENT" not in environment
        # A relative directory is another one for each run.
        and all(os.path.isabs(directory) for directory in search_path.split(os.pathsep) if search_path)
    )


def _inherited() -> list[object]:
    """Return the process attributes, besides descriptors, variables and directory, that a program can observe."""
    with open("/proc/self/status", encoding="ascii") as file:
        umask = next((line for line in file if line.startswith("Umask:")), "")
    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    limits = [resource.getrlimit(getattr(resource, name)) for name in names]
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    return [umask, limits, priority, sorted(os.sched_getaffinity(0)), os.getgid(), sorted(os.getgroups())]


def is_held(lock: Path) -> bool:
    """Return whether a server holds its lock."""
    with contextlib.suppress(FileNotFoundError), open(lock, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end(lock: Path) -> None:
    """End the server that holds the lock, if one does; it needs up to five seconds for what it runs."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        sent = False
        while is_held(lock):
            pid = lock.read_text(encoding="utf-8")
            if pid.isdigit() and not sent:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), number)
                sent = True
            if time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        else:
            return
