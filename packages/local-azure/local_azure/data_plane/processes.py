"""The processes that the data plane starts. None of them outlives it for longer than until its next start.

Each process has a session and a process group of its own, so that all that it starts ends with it, as in a container.
It is recorded with the time of its start, which distinguishes it from a later process with its number; and it executes
its program only once that is done. So a data plane that was killed leaves none that the next one could not find.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from local_azure.system.files import write_atomically

Output = int | IO[bytes]
"""Where a process writes: an open file, a descriptor, or `subprocess.DEVNULL`."""
GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.02

# Waits for a byte, which means "recorded". When the data plane has ended instead, there is none, and it ends. The
# program is to inherit neither what Python sets, two signals and, in the C locale, a variable, nor what the shell has
# that started the local Azure: under `nohup`, or in the background of a script, signals are ignored.
_LAUNCHER = """
import os, signal, sys
if not os.read(0, 1):
    sys.exit(1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
if sys.argv[1] == "unset":
    os.environb.pop(b"LC_CTYPE", None)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[3:])
"""


@dataclass(frozen=True)
class _Record:
    pid: int
    started: str
    label: str


class Child:
    """A process that was started, and its group."""

    def __init__(self, popen: subprocess.Popen[bytes], label: str, ended: Callable[[Child], None]) -> None:
        self.pid = popen.pid
        self.label = label
        """What it is, for messages and for the record; never a secret."""
        self._popen = popen
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._ending = threading.Lock()
        self._is_reaped = False
        threading.Thread(target=self._watch, name=f"wait for {label}", daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """Return the exit code: None while it runs, the negative number of the signal if one ended it."""
        return self._exited.result() if self._exited.done() else None

    async def wait(self) -> int:
        """Return its exit code, once it has ended, and with it all of its group."""
        return await asyncio.shield(self._exited)

    async def stop(
        self, grace_seconds: float = GRACE_SECONDS, number: int = signal.SIGTERM, *, as_init: bool = False
    ) -> int:
        """End it, and return its exit code: the signal to the process alone, and SIGKILL to its group after the grace.

        With ``as_init`` it is a container's first process, to which the kernel sends no signal that it does not handle
        (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html): a shell script without `exec` runs on.
        """
        if not as_init or _handles(self.pid, number):
            self.send_signal(number)
        try:
            async with asyncio.timeout(grace_seconds):
                return await self.wait()
        except TimeoutError:
            self.kill()
            return await self.wait()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, not to its group; nothing if it has ended."""
        # Not by Popen, which would ask for the exit code as well and take it away from the thread that waits for it.
        with self._ending:
            if not self._is_reaped:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        with self._ending:
            if not self._is_reaped:
                _kill_group(self.pid)

    def _watch(self) -> None:
        if sys.platform != "darwin":
            # The number of a process that has ended, but was not waited for, is given to no other, nor is its group's.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._popen.wait()
        with self._ending:
            _kill_group(self.pid)
            code = self._popen.wait()
            self._is_reaped = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._set_exited, code)

    def _set_exited(self, code: int) -> None:
        if not self._exited.done():
            self._exited.set_result(code)
            self._ended(self)


def _handles(pid: int, number: int) -> bool:
    """Return whether a process handles a signal; True where the system does not say so."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "")
    return not caught or bool(int(caught, 16) >> (number - 1) & 1)


class Processes:
    """Starts processes, and records them in `processes.json` of a home directory."""

    def __init__(self, home: Path) -> None:
        self._file = home / "processes.json"
        self._children: dict[Child, _Record] = {}

    async def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        label: str,
        output: Output = subprocess.DEVNULL,
        errors: Output = subprocess.STDOUT,
    ) -> Child:
        """Start a program, which is looked for on the PATH of its own environment, with nothing on standard input.

        Arguments can be seen by every user of the machine: no secret in them. Raises `OSError` when there is no such
        program or directory.
        """
        name = directory / arguments[0] if "/" in arguments[0] else arguments[0]
        program = shutil.which(name, path=environment.get("PATH", os.defpath))
        if program is None:
            raise FileNotFoundError(f"{label}: there is no program {arguments[0]}")
        coerced = "keep" if "LC_CTYPE" in environment else "unset"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, coerced, str(program), *arguments]
        waits, recorded = os.pipe()
        try:
            popen = subprocess.Popen(
                launcher,
                cwd=directory,
                env=dict(environment),
                stdin=waits,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            child = Child(popen, label, self._forget)
            self._children[child] = _Record(child.pid, _started(child.pid) or "", label)
            self._record()
            with contextlib.suppress(BrokenPipeError):  # it was killed already
                os.write(recorded, b"\n")
        finally:
            os.close(waits)
            os.close(recorded)
        return child

    async def close(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop all that run, at the same time."""
        await asyncio.gather(*(child.stop(grace_seconds) for child in list(self._children)))

    async def end_leftovers(self, grace_seconds: float = GRACE_SECONDS) -> list[str]:
        """End what an earlier data plane has left running; returns the labels. To be called before any start."""
        recorded = self._recorded()
        left = [record for record in recorded if _members(record, _running())]
        for record in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        while remaining := [record for record in left if _members(record, _running())]:
            if time.monotonic() >= deadline:
                for record in remaining:
                    _kill_group(record.pid)
            await asyncio.sleep(_POLL_SECONDS)
        self._record()
        return [record.label for record in left]

    def _forget(self, child: Child) -> None:
        self._children.pop(child, None)
        self._record()

    def _record(self) -> None:
        write_atomically(self._file, json.dumps([asdict(record) for record in self._children.values()], indent=1))

    def _recorded(self) -> list[_Record]:
        try:
            recorded = cast("list[dict[str, Any]]", json.loads(self._file.read_text(encoding="utf-8")))
            return [_Record(int(item["pid"]), str(item["started"]), str(item["label"])) for item in recorded]
        except (FileNotFoundError, ValueError):  # the machine may have lost its power while it was written
            return []


@dataclass(frozen=True)
class _Running:
    """A process of this machine."""

    pid: int
    group: int
    started: str


def _members(record: _Record, running: Mapping[int, _Running]) -> bool:
    """Return whether any process of a recorded group runs. The system reuses a group's number only when the group is
    empty.
    """
    leader = running.get(record.pid)
    if leader:
        return leader.started == record.started
    boot = record.started.partition("/")[0]
    return any(item.group == record.pid and item.started.partition("/")[0] == boot for item in running.values())


def _started(pid: int) -> str:
    """When a process was started, in a form that only serves to be compared."""
    found = _running().get(pid)
    return found.started if found else ""


def _running() -> dict[int, _Running]:
    """Return every process of this machine that has not ended, by its number."""
    return _running_by_proc() if Path("/proc/self/stat").exists() else _running_by_ps()


def _running_by_proc() -> dict[int, _Running]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    found: dict[int, _Running] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        state, _, group, *rest = text.rpartition(")")[2].split()
        if state not in "ZX":
            found[int(entry.name)] = _Running(int(entry.name), int(group), f"{boot}/{rest[16]}")
    return found


def _running_by_ps() -> dict[int, _Running]:
    listed = subprocess.run(
        ["/bin/ps", "-axo", "pid=,pgid=,stat=,lstart="], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found: dict[int, _Running] = {}
    for line in listed.splitlines():
        pid, group, state, started = line.split(maxsplit=3)
        if not state.startswith("Z"):
            found[int(pid)] = _Running(int(pid), int(group), f"/{started}")
    return found


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS forbids it for a group that is ending
        os.killpg(group, signal.SIGKILL)
