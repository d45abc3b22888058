"""One container of a replica: a process that is started, probed for its health, and restarted when it has ended.

It follows Kubernetes' pod life cycle (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle), on which
Container Apps rests.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from local_azure.data_plane.backoff import Backoff
from local_azure.data_plane.output import Pipe
from local_azure.data_plane.probes import Asker, Kind, Probe, Verdict
from local_azure.data_plane.processes import Child, Processes
from local_azure.status.runtime_status import RunningContainer

_KILLED_BY_SIGNAL = 128
"""Exit codes above it: the number of the signal that ended a container, added to this."""


class CannotStartError(Exception):
    """A container cannot be started.

    `reason` is Kubernetes' word for it, such as `ImagePullBackOff`; the message is for the log and has no secret.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Launch:
    """A process to be started."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path


class Lines(Protocol):
    """The log of a container."""

    def write(self, line: bytes, stream: str) -> None:
        """Take a line that was written to `stdout` or `stderr`."""
        ...

    def close(self) -> None:
        """Close the log: the container runs no more."""
        ...


@dataclass(frozen=True)
class ReplicaContext:
    """What a container needs of its replica."""

    processes: Processes
    asker: Asker
    locate: Callable[[int], int | None]
    """Where a port of the replica really is."""
    changed: Callable[[], None]
    """To be called when the container's state is another."""
    say: Callable[[str, str], None]
    """Writes to the system log: a reason and a message."""
    ended: Callable[[], None]
    """To be called when the container's process has ended."""
    grace_seconds: float


class Container:
    """A container, from the start of its replica to its end."""

    def __init__(
        self,
        name: str,
        label: str,
        launch: Callable[[], Launch],
        probes: Mapping[Kind, Probe],
        log: Lines,
        context: ReplicaContext,
    ) -> None:
        """`launch` says what to start, anew each time, and raises `CannotStartError` where it cannot be."""
        self.name = name
        self._label = label
        self._launch = launch
        self._probes = probes
        self._log = log
        self._context = context
        self._backoff = Backoff()
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        self._state, self._details = "Waiting", "ContainerCreating"
        self._started = self._ready = False
        self._restarts = 0
        self._exit_code: int | None = None

    @property
    def is_ready(self) -> bool:
        """Return whether it runs and passes its probes."""
        return self._ready

    @property
    def has_failed(self) -> bool:
        """Return whether it waits to be started again after a failure."""
        return self._details in (
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "CreateContainerConfigError",
            "RunContainerError",
        )

    def as_running(self) -> RunningContainer:
        """Return its state."""
        return RunningContainer(
            self.name, self._state, self._details, self._ready, self._started, self._restarts, self._exit_code
        )

    async def run(self) -> None:
        """Keep it running until it is stopped."""
        while not self._stopping.is_set():
            await self._wait_to_restart(*await self._run_once())

    async def run_to_completion(self) -> None:
        """Run it until it has succeeded once, as an init container, or is stopped."""
        while not self._stopping.is_set():
            ran_seconds, code = await self._run_once()
            if code == 0:
                self._set("Terminated", "Completed", ready=True)
                break
            await self._wait_to_restart(ran_seconds, code)

    def close(self) -> None:
        """Close the log: the container runs no more."""
        self._log.close()

    async def stop(self, grace_seconds: float) -> None:
        """Stop the container for good: SIGTERM, and SIGKILL after the grace period."""
        self._stopping.set()
        self._ready = False
        if self._child:
            await self._child.stop(grace_seconds, signal.SIGTERM, as_init=True)

    @property
    def _is_ready_at_once(self) -> bool:
        return not {Kind.STARTUP, Kind.READINESS} & set(self._probes)

    def kill(self) -> None:
        """End its process at once, if it has one."""
        if self._child:
            self._child.kill()

    # -- one run

    async def _run_once(self) -> tuple[float, int | None]:
        """Run the process once; return the seconds that it ran, and its exit code if it started."""
        pipes: list[Pipe] = []
        begun = time.monotonic()
        code = None
        try:
            for stream in ("stdout", "stderr"):
                pipes.append(await Pipe.open(partial(self._write, stream)))
            launch = await asyncio.to_thread(self._launch)
            if not self._stopping.is_set():
                child = await self._start(launch, *(pipe.descriptor for pipe in pipes))
                for pipe in pipes:
                    pipe.started()
                code = await self._attend(child)
        except CannotStartError as error:
            self._fail(error.reason, str(error))
        except Exception as error:  # whatever it is, the container is tried again
            await self._abandon()
            # The words of others than the system's may have a value that is secret.
            said = str(error) if isinstance(error, OSError) else type(error).__name__
            self._fail("RunContainerError", f"failed to create containerd task: {said}")
        finally:
            await asyncio.gather(*(pipe.drain() for pipe in pipes))
        return time.monotonic() - begun, code

    def _write(self, stream: str, line: bytes) -> None:
        self._log.write(line, stream)

    async def _abandon(self) -> None:
        """Kill a process that is no longer watched."""
        child, self._child = self._child, None
        if child:
            child.kill()
            await child.wait()
            self._context.ended()

    async def _start(self, launch: Launch, output: int, errors: int) -> Child:
        return await self._context.processes.start(
            launch.arguments,
            environment=launch.environment,
            directory=launch.directory,
            label=self._label,
            output=output,
            errors=errors,
        )

    async def _attend(self, child: Child) -> int:
        """Watch a process until it ends; return its exit code."""
        self._child = child
        self._set("Running", "", started=Kind.STARTUP not in self._probes, ready=self._is_ready_at_once)
        self._context.say("ContainerStarted", f"Started container '{self.name}'")
        if self._stopping.is_set():
            await child.stop(self._context.grace_seconds, signal.SIGTERM, as_init=True)
        health = asyncio.create_task(self._watch_health(child))
        code = await child.wait()
        self._child = None
        self._context.ended()
        health.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await health
        # As a container's: 143 for SIGTERM, 137 for SIGKILL.
        self._exit_code = code if code >= 0 else _KILLED_BY_SIGNAL - code
        self._set("Terminated", "Completed" if code == 0 else "Error")
        words = f"Container '{self.name}' was terminated with exit code '{self._exit_code}'"
        self._context.say("ContainerTerminated", words)
        return code

    def _fail(self, reason: str, message: str) -> None:
        self._set("Waiting", reason)
        self._context.say(reason, f"Container '{self.name}': {message}")

    async def _wait_to_restart(self, ran_seconds: float, code: int | None) -> None:
        wait = self._backoff.after(ran_seconds)
        if self._stopping.is_set():
            return
        if wait:
            if not self.has_failed:
                self._set("Waiting", "CrashLoopBackOff")
            self._context.say("BackOff", f"Back-off {wait:.0f} s restarting failed container '{self.name}'")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()
        self._restarts += code is not None

    def _set(self, state: str, details: str, *, started: bool = False, ready: bool = False) -> None:
        self._state, self._details, self._started = state, details, started
        self._ready = ready and not self._stopping.is_set()
        self._context.changed()

    # -- health

    async def _watch_health(self, child: Child) -> None:
        startup = self._probes.get(Kind.STARTUP)
        if startup and not await self._ask_until_started(startup, child):
            return
        ready = Kind.READINESS not in self._probes
        self._set("Running", "", started=True, ready=ready)
        await asyncio.gather(
            *(
                self._keep_asking(self._probes[kind], child)
                for kind in Kind
                if kind is not Kind.STARTUP and kind in self._probes
            )
        )

    async def _ask_until_started(self, probe: Probe, child: Child) -> bool:
        """Probe until the container has started, and return True; return False if its process was ended instead."""
        verdict = Verdict(probe, healthy=False)
        await asyncio.sleep(probe.initial_delay)
        while not verdict.healthy:
            begun = time.monotonic()
            if await self._ask(verdict) and not verdict.healthy:
                await self._restart(probe, child)
                return False
            if not verdict.healthy:
                await asyncio.sleep(max(0.0, probe.period - (time.monotonic() - begun)))
        return True

    async def _keep_asking(self, probe: Probe, child: Child) -> None:
        verdict = Verdict(probe, healthy=probe.kind is Kind.LIVENESS)
        await asyncio.sleep(probe.initial_delay)
        while True:
            begun = time.monotonic()
            if await self._ask(verdict):
                if probe.kind is Kind.LIVENESS and not verdict.healthy:
                    await self._restart(probe, child)
                    return
                if probe.kind is Kind.READINESS and verdict.healthy != self._ready:
                    self._set("Running", "", started=True, ready=verdict.healthy)
            await asyncio.sleep(max(0.0, probe.period - (time.monotonic() - begun)))

    async def _ask(self, verdict: Verdict) -> bool:
        """Probe once; return whether enough of the same answers have come in a row."""
        fault = await self._context.asker.ask(verdict.probe, self._context.locate)
        if fault:
            self._context.say("ProbeFailed", f"Probe of {verdict.probe.kind.value} failed: {fault}")
        return verdict.take(fault is None)

    async def _restart(self, probe: Probe, child: Child) -> None:
        """End a process whose probe fails; its end starts it again."""
        self._context.say(
            "ContainerUnhealthy", f"Container '{self.name}' failed {probe.kind.value} probe, will be restarted"
        )
        self._set("Running", "", started=False, ready=False)
        await child.stop(self._context.grace_seconds, signal.SIGTERM)
