"""All apps: each has a runner as long as it is there."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, cast

from local_azure.data_plane.app import AppRunner, AppServices
from local_azure.data_plane.desired_state import AppPlan
from local_azure.status.runtime_status import RunningApp
from local_azure.system.files import write_atomically

_log = logging.getLogger(__name__)


class ReadyRevisions:
    """Which revision of each app was ready last: `ready-revisions.json` of the home directory."""

    def __init__(self, home: Path) -> None:
        self._file = home / "ready-revisions.json"
        try:
            kept = cast("dict[str, Any]", json.loads(self._file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # the machine may have lost its power while it was written
            kept = {}
        self._names = {app: str(name) for app, name in kept.items()}

    def of(self, app: str) -> str:
        """Return the revision of an app, by its plan's key; empty for none."""
        return self._names.get(app, "")

    def keep(self, app: str, revision: str) -> None:
        """Remember a revision."""
        self._set({**self._names, app: revision})

    def keep_only(self, apps: Collection[str]) -> None:
        """Forget all apps but these."""
        self._set({app: name for app, name in self._names.items() if app in apps})

    def _set(self, names: dict[str, str]) -> None:
        if names != self._names:
            self._names = names
            write_atomically(self._file, json.dumps(names, indent=1))


class Apps:
    """The runners of all apps."""

    def __init__(self, services: AppServices, ready: ReadyRevisions) -> None:
        self._services = services
        self._ready = ready
        self._runners: dict[str, AppRunner] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def reconcile(self, plans: Sequence[AppPlan]) -> None:
        """Run the apps that are there, and end those that are not any more."""
        there = {plan.id.key: plan for plan in plans}
        for key, runner in list(self._runners.items()):
            if key not in there or there[key].key != runner.plan.key:
                self._end(self._runners.pop(key))
        for key, plan in there.items():
            if runner := self._runners.get(key):
                runner.update(plan)
            else:
                self._runners[key] = AppRunner(self._services, plan, self._ready.of(plan.key))
        self._ready.keep_only({plan.key for plan in plans})

    def wake(self, app: str, revision: str) -> bool:
        """Report that a request waits for a revision of an app (by its key); return whether it scales up from zero."""
        runner = self._runners.get(app)
        return runner.wake(revision) if runner else False

    async def close(self, grace_seconds: float) -> None:
        """End all apps. A deleted app that takes longer, as it may, is left to whatever ends all processes."""
        stopping = [asyncio.create_task(runner.stop(grace_seconds)) for runner in self._runners.values()]
        if self._ending:
            await asyncio.wait(self._ending, timeout=grace_seconds)
        for error in await asyncio.gather(*stopping, return_exceptions=True):
            if isinstance(error, BaseException):
                _log.error("an app could not be ended in order", exc_info=error)

    def as_running(self) -> tuple[RunningApp, ...]:
        """Return the state of all apps."""
        return tuple(runner.as_running() for _, runner in sorted(self._runners.items()))

    def _end(self, runner: AppRunner) -> None:
        runner.detach()
        # A deleted app's replicas have their own time to end.
        grace = max((revision.grace_seconds for revision in runner.plan.revisions), default=0.0)
        task = asyncio.create_task(runner.stop(grace), name=f"end {runner.plan.name}")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
