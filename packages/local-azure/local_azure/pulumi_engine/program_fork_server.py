"""Fork Pulumi programs from a process that has loaded the SDK, with the interpreter of those programs.

Called by path: `program_fork_server.py LISTENING LOCK AZURE STARTING MODULE...`. LISTENING is the descriptor of a
listening Unix socket and LOCK that of a locked file, both inherited; AZURE is the process id of the local Azure, with
which this process ends; STARTING is a file that is deleted once the modules are loaded. Like `program_runner.py` it
imports nothing of this project.

Each connection is one run. Its first bytes, with which the descriptors for standard output and standard error come, and
the request are read by the fork alone, so this process never holds configuration. The fork answers with a line of JSON,
`{"pid": ...}` or `{"declined": reason}`; this process sends `{"code": ...}` when the fork has ended. A client that
closes its side of the connection ends the fork.

gRPC does not survive a fork. It is only imported here: the first channel is made in the fork. (Linux only.)
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, Protocol, cast

IDLE_SECONDS = 600.0
"""Seconds without a run after which the process ends."""
GRACE_SECONDS = 5.0
"""Seconds between SIGTERM and SIGKILL for a run that is terminated."""
LENGTH = struct.Struct("!QQ")
"""The first bytes of a connection: the lengths of the header (JSON) and of the serialized `RunRequest` after it."""

_FOR_RUNS = ("asyncio", "concurrent.futures.thread", "pulumi", "pulumi.runtime.proto.language_pb2", "runpy")
"""The modules that every run imports; `pulumi` imports the rest."""
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_POLLRDHUP = 0x2000
"""Linux: the peer has closed its side, even if there are bytes to read. Not in `select` of every build of Python."""
_NO_USE = frozenset(
    {
        *("__cached__", "__class__", "__dict__", "__doc__", "__file__", "__loader__", "__name__", "__package__"),
        *("__path__", "__spec__"),
    }
)
"""Attributes of a lazy module of the SDK that can be read without loading it (`pulumi._utils`)."""


class Runner(Protocol):
    """The interface of `program_runner.py`."""

    def directory_of(self, program: str) -> str: ...
    def prepare(self, program: str) -> None: ...
    def run(self, program: str, serialized: bytes, record: str) -> int: ...


class UnfitError(Exception):
    """A fork of this process would behave differently from a new process. The message has the reason."""


class _EndedError(Exception):
    """A signal terminates this process."""


class _Unused(ModuleType):
    """A loaded package that the program has not used yet; it becomes an ordinary module at its first use.

    The record therefore contains what the program used, not what was loaded before the fork.
    """

    def __getattribute__(self, name: str) -> Any:
        get = ModuleType.__getattribute__
        # A package at the top is not lazy: to import it is to use it.
        if name not in _NO_USE or (name == "__spec__" and "." not in get(self, "__name__")):
            ModuleType.__setattr__(self, "__class__", ModuleType)
        return get(self, name)


@dataclass
class _Fork:
    pid: int
    descriptor: int
    """The process's pidfd: readable after it has ended."""
    connection: socket.socket
    kill_at: float | None = None


def load_runner() -> Runner:
    """Load `program_runner.py` without making it a module that programs could import."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program_runner.py")
    spec = importlib.util.spec_from_file_location("program_runner", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Runner", module)


def load(modules: Iterable[str]) -> None:
    """Import pulumi and the packages; lazy ones are loaded by reading an attribute. Raises `UnfitError`."""
    for name in _FOR_RUNS:
        importlib.import_module(name)
    packages = [importlib.import_module(name) for name in modules]
    for package in packages:
        getattr(package, "__all__", None)
        if type(package) is not ModuleType:
            raise UnfitError(f"{package.__name__} does not load by reading an attribute")
    for package in packages:
        package.__class__ = _Unused


class Environment:
    """The files that this process has loaded, with sizes and modification times, and the variables that it has
    changed."""

    def __init__(self) -> None:
        self.modules = frozenset(name.partition(".")[0] for name in sys.modules) - {"__main__"}
        """The top-level names of imported modules."""
        self._paths = [*_search_path(), *_module_files()]
        self._stamps = _stamps(self._paths)
        with open("/proc/self/environ", "rb") as file:
            initial = {entry.partition(b"=")[0::2] for entry in file.read().split(b"\0")}
        given = {os.fsdecode(name): os.fsdecode(value) for name, value in initial}
        self.variables = {name: value for name, value in os.environ.items() if given.get(name) != value}
        """The variables that the interpreter or a module has set, such as LC_CTYPE in the C locale."""

    def has_changed(self) -> bool:
        """Return whether a package was installed, removed or edited, or the interpreter replaced."""
        return _stamps(self._paths) != self._stamps

    def shadowed_by(self, directory: str) -> str | None:
        """Return a name of the directory that a program there would import instead of what is loaded here."""
        try:
            names = {entry.partition(".")[0] for entry in os.listdir(directory)}
        except OSError:
            return None
        return min(names & self.modules, default=None)


def _search_path() -> list[str]:
    return [*sys.path, sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")]


def _module_files() -> list[str]:
    files: set[str] = set()
    for module in list(sys.modules.values()):
        # Around `__getattribute__`, which would load a lazy module; and not all that is there need be a module.
        with contextlib.suppress(AttributeError):
            files.add(object.__getattribute__(module, "__dict__").get("__file__") or "")
    return sorted(files - {""})


def _stamps(paths: Iterable[str]) -> list[tuple[int, int, int] | None]:
    def stamp(path: str) -> tuple[int, int, int] | None:
        try:
            status = os.stat(path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    return [stamp(path) for path in paths]


class ForkServer:
    """Accepts connections and forks for each of them."""

    def __init__(self, listening: socket.socket, lock: int, azure: int, environment: Environment) -> None:
        self._listening = listening
        self._lock = lock
        self._azure = azure
        self._environment = environment
        self._forks: list[_Fork] = []
        self._idle_since = time.monotonic()
        self._poll = select.poll()
        self._poll.register(listening, select.POLLIN)
        self._poll.register(azure, select.POLLIN)

    def serve(self) -> socket.socket | None:
        """Serve until it is time to end. Return the connection in each fork, and None in this process at its end."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        for number in _ENDING:
            signal.signal(number, _raise_ended)
        try:
            while True:
                ready = self._wait()
                if self._azure in ready or self._is_idle():
                    return self._end()
                for fork in [fork for fork in self._forks if fork.descriptor in ready]:
                    self._report(fork)
                for fork in self._forks:
                    if fork.connection.fileno() in ready:
                        self._poll.unregister(fork.connection)
                        self._terminate(fork)
                    elif fork.kill_at and time.monotonic() >= fork.kill_at:
                        _signal(fork, signal.SIGKILL)
                        fork.kill_at = None
                if self._listening.fileno() in ready:
                    if not self._environment.has_changed():
                        connection = self._fork()
                        if connection:
                            return connection
                    elif self._forks:
                        self._listening.accept()[0].close()
                    else:
                        return self._end()
        except _EndedError:
            return self._end()

    def _wait(self) -> set[int]:
        """Return the descriptors that are ready. Signals come in here alone, so that no fork inherits one."""
        deadlines = [fork.kill_at for fork in self._forks if fork.kill_at]
        if not self._forks:
            deadlines.append(self._idle_since + IDLE_SECONDS)
        milliseconds = max(0.0, min(deadlines) - time.monotonic()) * 1000 + 1 if deadlines else None
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        try:
            return {descriptor for descriptor, _ in self._poll.poll(milliseconds)}
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)

    def _is_idle(self) -> bool:
        return not self._forks and time.monotonic() >= self._idle_since + IDLE_SECONDS

    def _fork(self) -> socket.socket | None:
        """Fork for the next connection, if it is the owner's. Return the connection in the fork only."""
        connection, _ = self._listening.accept()
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[1] != os.getuid():
            connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._forget()
            return connection
        # The fork does the same, so that its group exists before a signal is sent, in either order.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        fork = _Fork(pid, os.pidfd_open(pid), connection)
        self._forks.append(fork)
        self._poll.register(fork.descriptor, select.POLLIN)
        self._poll.register(connection, _POLLRDHUP)
        return None

    def _forget(self) -> None:
        """Close the server's descriptors in a fork, and reset its process group and signals to those of a new
        process."""
        os.setpgid(0, 0)
        for fork in self._forks:
            os.close(fork.descriptor)
            fork.connection.close()
        self._listening.close()
        os.close(self._azure)
        os.close(self._lock)
        for number in _ENDING:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _report(self, fork: _Fork) -> None:
        """Send the exit code of a fork that has ended, negative for a signal, as `subprocess` has it."""
        _, status = os.waitpid(fork.pid, 0)
        with contextlib.suppress(OSError):
            message = json.dumps({"code": os.waitstatus_to_exitcode(status)})
            fork.connection.sendall(f"{message}\n".encode())
        self._poll.unregister(fork.descriptor)
        with contextlib.suppress(KeyError):
            self._poll.unregister(fork.connection)
        os.close(fork.descriptor)
        fork.connection.close()
        self._forks.remove(fork)
        self._idle_since = time.monotonic()

    @staticmethod
    def _terminate(fork: _Fork) -> None:
        _signal(fork, signal.SIGTERM)
        fork.kill_at = time.monotonic() + GRACE_SECONDS

    def _end(self) -> None:
        """End every fork, and let another server take this one's place."""
        for fork in self._forks:
            self._terminate(fork)
        deadline = time.monotonic() + GRACE_SECONDS
        while self._forks:
            ended = select.poll()
            for fork in self._forks:
                ended.register(fork.descriptor, select.POLLIN)
            ready = {descriptor for descriptor, _ in ended.poll(max(0.0, deadline - time.monotonic()) * 1000)}
            for fork in [fork for fork in self._forks if fork.descriptor in ready]:
                self._report(fork)
            if not ready:
                for fork in self._forks:
                    _signal(fork, signal.SIGKILL)
                deadline = time.monotonic() + GRACE_SECONDS
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        self._listening.close()


def _raise_ended(number: int, frame: FrameType | None) -> None:
    raise _EndedError


def _signal(fork: _Fork, number: signal.Signals) -> None:
    """Send a signal to a fork and its children. The fork was not reaped yet, so that its id is not reused."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(fork.pid, number)


def run_fork(connection: socket.socket, runner: Runner, environment: Environment) -> int:
    """Read the request in a fork, set up the process as for a new one, and run the program."""
    lengths, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 2)
    with connection.makefile("rb") as stream:
        header_length, request_length = LENGTH.unpack(lengths + stream.read(LENGTH.size - len(lengths)))
        header: dict[str, Any] = json.loads(stream.read(header_length))
        request = stream.read(request_length)
    program: str = header["program"]
    shadowed = environment.shadowed_by(runner.directory_of(program))
    answer = {"declined": f"the program has its own {shadowed}"} if shadowed else {"pid": os.getpid()}
    connection.sendall(f"{json.dumps(answer)}\n".encode())
    connection.close()
    if shadowed:
        return 0
    for source, target in zip(descriptors, (1, 2), strict=True):
        os.dup2(source, target)
        os.close(source)
    os.chdir(header["cwd"])
    os.environ.clear()
    os.environ.update({**header["environment"], **environment.variables})
    time.tzset()
    importlib.invalidate_caches()
    runner.prepare(program)
    gc.enable()
    return runner.run(program, request, header["record"])


def _require_fit(log_size: int) -> None:
    """Raise `UnfitError` if a fork of this process would differ from a new one."""
    if len(os.listdir("/proc/self/task")) > 1:
        raise UnfitError("loading the SDK has started threads, which a fork does not inherit")
    if os.fstat(2).st_size != log_size:
        raise UnfitError("loading the SDK has printed something, which every run is to print")


def main() -> int:
    listening_descriptor, lock, azure_id, starting, *modules = sys.argv[1:]
    # The emulator's modules are beside this file, and must not be importable by the program.
    sys.path[0] = os.devnull
    azure = os.pidfd_open(int(azure_id))
    listening = socket.socket(fileno=int(listening_descriptor))
    os.set_inheritable(listening.fileno(), False)
    os.set_inheritable(int(lock), False)
    log_size = os.fstat(2).st_size
    # What is loaded lasts as long as the process: to look for garbage in it costs time here, and memory in the forks.
    gc.disable()
    try:
        runner = load_runner()
        load(modules)
        _require_fit(log_size)
    except UnfitError as reason:
        print(reason, file=sys.stderr)
        return 1
    environment = Environment()
    os.unlink(starting)
    gc.freeze()
    connection = ForkServer(listening, int(lock), azure, environment).serve()
    return run_fork(connection, runner, environment) if connection else 0


if __name__ == "__main__":
    sys.exit(main())
