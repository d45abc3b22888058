"""One app: which of its revisions run, and which of them its requests go to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from local_azure.data_plane import traffic
from local_azure.data_plane.desired_state import AppPlan, RevisionPlan
from local_azure.data_plane.measures import Sources
from local_azure.data_plane.replica import Replica, ReplicaServices
from local_azure.data_plane.revision import RevisionRunner
from local_azure.data_plane.traffic import Target
from local_azure.status.runtime_status import RunningApp

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.1


@dataclass(frozen=True)
class ReadyReplica:
    """A replica that takes requests."""

    name: str
    port: int
    """On the loopback address."""


class Ingress(Protocol):
    """Routes requests to replicas."""

    def route_app(
        self, app: AppPlan, names: Mapping[str, Sequence[Target]], ready: Mapping[str, Sequence[ReadyReplica]]
    ) -> None:
        """Route host names to revisions; unlisted names are removed. `ready` gives the ready replicas by the revisions'
        names.

        Host names of the app that are no longer named lead nowhere.
        """
        ...

    def forget(self, app: AppPlan) -> None:
        """Remove an app that is deleted."""
        ...

    async def drained(self, replica: str) -> None:
        """Return once a replica has no request any more."""
        ...


@dataclass(frozen=True)
class AppServices:
    """What an app needs."""

    replica_services: ReplicaServices
    sources: Sources
    ingress: Ingress
    speedup: Callable[[], float]
    ready: Callable[[str, str], None]
    """Keeps which revision of an app (by its plan's key) was ready last, over restarts of the data plane."""
    changed: Callable[[], None]
    """To be called when what runs is not what it was."""


class AppRunner:
    """Runs one app."""

    def __init__(self, services: AppServices, plan: AppPlan, ready: str) -> None:
        """`ready` is the revision that was ready last, when the data plane ran before; or empty."""
        self._services = services
        self.plan = plan
        self.ready = ready if plan.revision(ready) else ""
        self._revisions: dict[str, RevisionRunner] = {}
        self._again = asyncio.Event()
        self._is_detached = False
        self._leaving: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=plan.name)
        self._again.set()

    def update(self, plan: AppPlan) -> None:
        """Take a changed plan."""
        self.plan = plan
        self._again.set()

    def wake(self, revision: str) -> bool:
        """Report that a request waits for a revision without a ready replica; return whether it scales up from zero."""
        runner = self._revisions.get(revision)
        return runner.wake() if runner else False

    def detach(self) -> None:
        """Follow no more changes and get no more requests; another runner may take the app over."""
        self._task.cancel()
        if not self._is_detached:
            self._is_detached = True
            self._services.ingress.forget(self.plan)

    async def stop(self, grace_seconds: float) -> None:
        """End the app without waiting for its requests."""
        self.detach()
        await asyncio.gather(self._task, return_exceptions=True)
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await asyncio.gather(*(runner.stop(grace_seconds) for runner in self._revisions.values()))

    def as_running(self) -> RunningApp:
        """Return its state."""
        return RunningApp(
            self.plan.id.text,
            self.plan.name,
            self.ready,
            tuple(runner.as_running() for runner in self._revisions.values()),
        )

    # --

    async def _run(self) -> None:
        while True:
            await self._again.wait()
            self._again.clear()
            try:
                self._step()
                is_done = not self._has_unknown_port()  # ready, but its port is not known yet
            except Exception:  # the next change is still to be followed
                _log.exception("%s: a change could not be followed; it is tried again", self.plan.name)
                is_done = False
            self._services.changed()
            if not is_done:
                asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._again.set)

    def _step(self) -> None:
        """Move what runs one step towards the desired state."""
        wanted = self._wanted()
        for name, plan in wanted.items():
            if runner := self._revisions.get(name):
                runner.update(plan)
            else:
                self._revisions[name] = self._start(plan)
        leaving: list[tuple[RevisionRunner, Replica]] = []
        for name, runner in list(self._revisions.items()):
            if name not in wanted:
                runner.end()
            leaving += [(runner, replica) for replica in runner.reconcile()]
            if runner.has_ended:
                del self._revisions[name]
                self._again.set()  # it may be wanted again
        latest = self._revisions.get(self.plan.latest)
        if latest and latest.was_ready and self.ready != self.plan.latest:
            self.ready = self.plan.latest
            self._services.ready(self.plan.key, self.ready)
            self._again.set()  # the one before is not needed any more
        self._route_requests()
        for runner, replica in leaving:
            task = asyncio.create_task(self._retire(runner, replica), name=f"end {replica.name}")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def _wanted(self) -> dict[str, RevisionPlan]:
        """Return the active revisions, and in Single mode the one before them until the newest is ready."""
        wanted = {revision.name: revision for revision in self.plan.revisions if revision.active}
        before = self.plan.revision(self.ready)
        if self.plan.single and before and self.plan.latest in wanted:
            wanted.setdefault(before.name, before)
        return wanted

    def _start(self, plan: RevisionPlan) -> RevisionRunner:
        """Run a revision: a new one with at least one replica, and with as many as the one before it has."""
        before = self._revisions.get(self.ready)
        if plan.name == self.ready:
            count = plan.least  # it runs again
        else:
            most = len(before.staying) if before and self.plan.single else 1
            count = min(max(most, plan.least, 1), plan.most)
        services = self._services
        runner = RevisionRunner(
            services.replica_services,
            services.sources,
            services.speedup,
            lambda: self.plan,
            plan,
            count,
            self._again.set,
        )
        runner.was_ready = plan.name == self.ready
        return runner

    async def _retire(self, runner: RevisionRunner, replica: Replica) -> None:
        """Stop a replica that gets no more requests, once it has answered those in progress."""
        with contextlib.suppress(TimeoutError):  # what it has not answered in its time is cut
            async with asyncio.timeout(replica.revision.grace_seconds):
                await self._services.ingress.drained(replica.name)
        await replica.stop()
        runner.forget(replica)
        self._again.set()

    # -- requests

    def _route_requests(self) -> None:
        running = {name: runner for name, runner in self._revisions.items() if not runner.is_ending}
        names = traffic.targets(self.plan, self.ready, set(running))
        ready = {name: self._ready_replicas(runner) for name, runner in running.items()}
        self._services.ingress.route_app(self.plan, names, ready)

    def _ready_replicas(self, runner: RevisionRunner) -> list[ReadyReplica]:
        found = [(replica.name, self._port(replica)) for replica in runner.ready]
        return [ReadyReplica(name, port) for name, port in found if port]

    def _has_unknown_port(self) -> bool:
        if self.plan.ingress is None:
            return False
        return any(self._port(replica) is None for runner in self._revisions.values() for replica in runner.ready)

    def _port(self, replica: Replica) -> int | None:
        return replica.port(self.plan.ingress.target_port) if self.plan.ingress else None
