"""The runtime status of apps and caches: `running.json` in the home directory, written by the data plane only.

The file exists while the data plane runs. States are Azure's.
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
    """The reason why it waits or has ended: `ContainerCreating`, `CrashLoopBackOff`, `ImagePullBackOff`, `Completed`,
    `Error`."""
    ready: bool = False
    started: bool = False
    """Whether its startup probe has passed."""
    restarts: int = 0
    exit_code: int | None = None
    """The last exit code; 128 plus the signal number if a signal ended it."""


@dataclass(frozen=True)
class RunningReplica:
    """A replica of a revision."""

    name: str
    created: str
    """The time of its creation, in Azure's format."""
    state: str
    """`Running` or `NotRunning`."""
    details: str = ""
    ready: bool = False
    """Whether all its containers are ready; only then it gets requests."""
    leaving: bool = False
    """Whether it is shutting down and gets no new requests."""
    containers: tuple[RunningContainer, ...] = ()
    init_containers: tuple[RunningContainer, ...] = ()
    ports: dict[int, int] = field(default_factory=dict[int, int])
    """The actual port on the loopback address by the port that it listens on."""


@dataclass(frozen=True)
class RunningRevision:
    """A revision that is active, or that still has replicas."""

    id: str
    """The resource id."""
    name: str
    state: str
    """Azure's `runningState`: `Activating`, `ActivationFailed`, `Running`, `RunningAtMaxScale`, `ScaledToZero`,
    `Degraded`, `Stopped` (https://learn.microsoft.com/azure/container-apps/revisions#running-status; their spelling:
    https://github.com/Azure/azure-rest-api-specs/issues/29102)."""
    health: str
    """Azure's `healthState`: `Healthy`, `Unhealthy` or `None`."""
    details: str = ""
    replicas: tuple[RunningReplica, ...] = ()
    """Including replicas that are shutting down."""

    @property
    def count(self) -> int:
        """Return the number of replicas that are not shutting down: Azure's `replicas`."""
        return sum(not replica.leaving for replica in self.replicas)


@dataclass(frozen=True)
class RunningApp:
    """A container app."""

    id: str
    name: str
    latest_ready_revision: str = ""
    """The revision that receives the requests for the latest revision; empty before any was ready."""
    revisions: tuple[RunningRevision, ...] = ()


@dataclass(frozen=True)
class RunningCache:
    """A cache and its server."""

    id: str
    host: str
    port: int
    """Its port on the loopback address; 0 when it does not run."""
    details: str = ""
    """The reason why it does not run."""


@dataclass(frozen=True)
class RuntimeStatus:
    """The runtime status of all apps and caches."""

    pid: int
    """The data plane's process id."""
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
    """Write the runtime status."""
    write_atomically(home / FILE, json.dumps(asdict(running), indent=1), 0o600)


def remove(home: Path) -> None:
    """Delete the runtime status, because the data plane ends."""
    (home / FILE).unlink(missing_ok=True)


@cache
def _validator() -> TypeAdapter[RuntimeStatus]:
    # Imported when something runs: it is a tenth of the server's start, and nothing else of the server needs it.
    from pydantic import TypeAdapter

    return TypeAdapter(RuntimeStatus)


def read(home: Path) -> RuntimeStatus | None:
    """Return the runtime status, or None when the data plane does not run."""
    try:
        return _validator().validate_json((home / FILE).read_bytes())
    except (FileNotFoundError, ValueError):  # the machine may have lost its power while it was written
        return None
