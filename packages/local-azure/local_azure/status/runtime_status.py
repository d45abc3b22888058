"""What runs, as the data plane sees it: written by it to `running.json` of the home directory, read by everybody else.

The file is there as long as the data plane works; without one, nothing runs and nothing is known of what would. States
have Azure's own words.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from local_azure.system.files import write_atomically

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FILE = "running.json"


@dataclass(frozen=True)
class RunningContainer:
    """A container of a replica, under Azure's own names
    (https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revision-replicas)."""

    name: str
    state: str
    """`Running`, `Waiting` or `Terminated`."""
    details: str = ""
    """Why it waits or has ended: `ContainerCreating`, `CrashLoopBackOff`, `ImagePullBackOff`, `Completed`, `Error`."""
    ready: bool = False
    started: bool = False
    """Whether its startup probe has passed."""
    restarts: int = 0
    exit_code: int | None = None
    """How it ended last; 128 and the number of the signal that ended it, if one did."""


@dataclass(frozen=True)
class RunningReplica:
    """A replica of a revision."""

    name: str
    created: str
    """When it was made, as Azure writes moments."""
    state: str
    """`Running` or `NotRunning`."""
    details: str = ""
    ready: bool = False
    """Whether all its containers are; only then it gets requests."""
    leaving: bool = False
    """Whether it gets no more requests and is about to end, or is ending."""
    containers: tuple[RunningContainer, ...] = ()
    init_containers: tuple[RunningContainer, ...] = ()
    ports: dict[int, int] = field(default_factory=dict[int, int])
    """Where each port that it listens on really is, on the loopback address."""


@dataclass(frozen=True)
class RunningRevision:
    """A revision that is active, or that still has replicas."""

    id: str
    """The resource id."""
    name: str
    state: str
    """Azure's `runningState`: `Activating`, `ActivationFailed`, `Running`, `RunningAtMaxScale`, `ScaledToZero`,
    `Degraded`, `Stopped` (https://learn.microsoft.com/azure/container-apps/revisions#running-status; that these are
    the words: https://github.com/Azure/azure-rest-api-specs/issues/29102)."""
    health: str
    """Azure's `healthState`: `Healthy`, `Unhealthy` or `None`."""
    details: str = ""
    replicas: tuple[RunningReplica, ...] = ()
    """The leaving ones included."""

    @property
    def count(self) -> int:
        """How many replicas it has that are to stay: Azure's `replicas`."""
        return sum(not replica.leaving for replica in self.replicas)


@dataclass(frozen=True)
class RunningApp:
    """A container app."""

    id: str
    name: str
    latest_ready_revision: str = ""
    """The revision that requests for the latest one go to; empty before any was ready."""
    revisions: tuple[RunningRevision, ...] = ()


@dataclass(frozen=True)
class RunningCache:
    """A cache and its server."""

    id: str
    host: str
    port: int
    """On the loopback address; 0 when it does not run."""
    details: str = ""
    """Why it does not run."""


@dataclass(frozen=True)
class RuntimeStatus:
    """All that runs."""

    pid: int
    """The data plane's own process."""
    apps: tuple[RunningApp, ...] = ()
    caches: tuple[RunningCache, ...] = ()

    def app(self, resource_id: str) -> RunningApp | None:
        """Return the app with a resource id, in any case."""
        return next((one for one in self.apps if one.id.lower() == resource_id.lower()), None)

    def revision(self, resource_id: str) -> RunningRevision | None:
        """Return the revision with a resource id, in any case."""
        wanted = resource_id.lower()
        return next((one for app in self.apps for one in app.revisions if one.id.lower() == wanted), None)


def write(home: Path, running: RuntimeStatus) -> None:
    """Tell what runs."""
    write_atomically(home / FILE, json.dumps(asdict(running), indent=1), 0o600)


def remove(home: Path) -> None:
    """Tell that nothing runs any more."""
    (home / FILE).unlink(missing_ok=True)


@cache
def _validator() -> TypeAdapter[RuntimeStatus]:
    # Imported when something runs: it is a tenth of the server's start, and nothing else of the server needs it.
    from pydantic import TypeAdapter

    return TypeAdapter(RuntimeStatus)


def read(home: Path) -> RuntimeStatus | None:
    """What runs, or None when there is no data plane."""
    try:
        return _validator().validate_json((home / FILE).read_bytes())
    except (FileNotFoundError, ValueError):  # the machine may have lost its power while it was written
        return None
