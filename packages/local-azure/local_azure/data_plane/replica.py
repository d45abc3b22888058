"""A replica of a revision: init containers one after the other, then its containers side by side."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

from local_azure.core.ids import ArmId
from local_azure.core.state import timestamp
from local_azure.data_plane import probes, variables
from local_azure.data_plane.container import CannotStartError, Container, Launch, Lines, ReplicaContext
from local_azure.data_plane.desired_state import AppPlan, ContainerPlan, RevisionPlan
from local_azure.data_plane.files import ReplicaFiles, in_container
from local_azure.data_plane.images import Images
from local_azure.data_plane.probes import Asker
from local_azure.data_plane.processes import Processes
from local_azure.status.runtime_status import RunningReplica
from local_azure.system.progress import CommandFailedError

_log = logging.getLogger(__name__)

_NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes names of: no vowels, and nothing that looks like one."""
_KILL_SECONDS = 1.0
"""What a process that is killed after its grace may take to be seen to have ended."""


class Shim(Protocol):
    """Gives the variables by which a replica's processes look names up and connect as within their network."""

    def __call__(self, network: ArmId | None, replica_directory: Path, python_path: str) -> Mapping[str, str]:
        """Return the variables for a replica with this directory, and with a PYTHONPATH of its own."""
        ...


class Logs(Protocol):
    """Where logs go."""

    def container(self, app: str, revision: str, replica: str, container: str) -> Lines:
        """Return the log of a container."""
        ...

    def system(self, app: str, revision: str, replica: str, reason: str, message: str) -> None:
        """Write an event of the platform."""
        ...


@dataclass(frozen=True)
class ReplicaServices:
    """What all replicas on this machine share."""

    home: Path
    processes: Processes
    asker: Asker
    images: Images
    logs: Logs
    shim: Shim
    trust: Path
    """The authorities that TLS clients in replicas trust."""
    identity_port: int
    """Where the endpoint of managed identities listens."""
    identity_header: Callable[[ArmId], str]


class Replica:
    """A replica. `app` gives its app as it is now, for whatever is started later."""

    def __init__(
        self, services: ReplicaServices, app: Callable[[], AppPlan], revision: RevisionPlan, changed: Callable[[], None]
    ) -> None:
        self.revision = revision
        self.name = new_name(revision)
        self.leaving = False
        """Whether it gets no more requests, as it is about to end."""
        self._services = services
        self._app = app
        self._changed = changed
        self._created = timestamp(datetime.now(UTC))
        self._files = ReplicaFiles(services.home, app(), revision, self.name)
        self._init = [self._container(plan, "initContainers") for plan in revision.containers("initContainers")]
        self._containers = [self._container(plan, "containers") for plan in revision.containers("containers")]
        self._task: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None

    @property
    def _all(self) -> list[Container]:
        return [*self._init, *self._containers]

    @property
    def is_ready(self) -> bool:
        """Return whether all its containers are."""
        return all(container.is_ready for container in self._containers)

    @property
    def has_failed(self) -> bool:
        """Return whether one of its containers waits to be started again after a failure."""
        return any(container.has_failed for container in self._all)

    def port(self, number: int) -> int | None:
        """Return the local port for a port that it listens on; with 0, for the only port that it listens on."""
        if number:
            return self._files.port(number)
        found = self._files.ports()
        return next(iter(found.values())) if len(found) == 1 else None

    def start(self) -> None:
        """Start it."""
        app = self._app()
        self._files.create(self._services.identity_port if app.has_identity else None)
        self._say("ReplicaCreated", f"Created replica '{self.name}'")
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self, grace_seconds: float | None = None) -> None:
        """Stop the replica: SIGTERM to each container at once, SIGKILL after the grace period; its directory is
        deleted.

        A replica that is stopping already gets no second signal, but may get less time.
        """
        grace = self.revision.grace_seconds if grace_seconds is None else grace_seconds
        self.leaving = True
        if self._end is None:
            self._end = asyncio.create_task(self._stop(grace), name=f"stop {self.name}")
        try:
            async with asyncio.timeout(grace + _KILL_SECONDS):
                await asyncio.shield(self._end)
        except TimeoutError:
            for container in self._all:
                container.kill()
            await asyncio.shield(self._end)

    async def _stop(self, grace_seconds: float) -> None:
        self._changed()
        await asyncio.gather(*(container.stop(grace_seconds) for container in self._all))
        if self._task:
            await asyncio.wait([self._task])
        for container in self._all:
            container.close()
        self._files.remove()
        self._say("ReplicaRemoved", f"Removed replica '{self.name}'")
        self._changed()

    def as_running(self) -> RunningReplica:
        """Return its state."""
        return RunningReplica(
            name=self.name,
            created=self._created,
            state="Running" if self.is_ready else "NotRunning",
            ready=self.is_ready,
            leaving=self.leaving,
            containers=tuple(container.as_running() for container in self._containers),
            init_containers=tuple(container.as_running() for container in self._init),
            ports=self._files.ports(),
        )

    async def _run(self) -> None:
        for container in self._init:
            await container.run_to_completion()
            if self._end:
                return
        await asyncio.gather(*(container.run() for container in self._containers))

    # -- containers

    def _container(self, plan: ContainerPlan, kind: Literal["containers", "initContainers"]) -> Container:
        app = self._app()
        is_main = kind == "containers" and plan == self.revision.containers(kind)[0]
        target_port = (app.ingress.target_port or self._image_port(plan)) if app.ingress and is_main else None
        context = ReplicaContext(
            processes=self._services.processes,
            asker=self._services.asker,
            locate=self._files.port,
            changed=self._changed,
            say=self._say,
            ended=partial(self._files.forget_ports_of, plan.name),
            grace_seconds=self.revision.grace_seconds,
        )
        return Container(
            plan.name,
            f"{self.name}/{plan.name}",
            lambda: self._launch(plan),
            probes.of_container(plan.probes, target_port) if kind == "containers" else {},
            self._services.logs.container(app.name, self.revision.name, self.name, plan.name),
            context,
        )

    def _image_port(self, plan: ContainerPlan) -> int | None:
        image = self._services.images.find(plan.image)
        return image.port if image else None

    def _launch(self, plan: ContainerPlan) -> Launch:
        app = self._app()
        image = self._services.images.find(plan.image)
        if image is None:
            raise CannotStartError(
                "ImagePullBackOff", f"image {plan.image} is not known here: add an [[image]] for it to local-azure.toml"
            )
        if len(self.revision.containers("containers")) == 1:
            # What the container's earlier process listened on may belong to another process by now.
            self._files.forget_ports()
        directory = self._files.working_directory(plan, image)
        mounts = self._files.mounts(plan, image, app.secrets)
        platform = variables.PlatformVariables(
            replica=self.name,
            revision=self.revision.name,
            directory=directory.parent,
            shim=partial(self._services.shim, app.network, self._files.directory),
            trust=self._services.trust,
            identity_header=self._services.identity_header(app.id) if app.has_identity else None,
        )
        try:
            environment = variables.of_container(app, plan, image, mounts, platform)
        except variables.MissingSecretError as error:
            raise CannotStartError("CreateContainerConfigError", str(error)) from None
        except CommandFailedError as error:
            raise CannotStartError("ImagePullBackOff", f"image {plan.image}: {error}") from None
        # A template's command replaces the image's, and so do its arguments without a command.
        command = plan.command or (() if plan.arguments else image.command)
        arguments = tuple(in_container(item, mounts) for item in (*command, *plan.arguments))
        return Launch(arguments, {**environment, "LOCAL_AZURE_CONTAINER": plan.name}, directory)

    def _say(self, reason: str, message: str) -> None:
        try:
            self._services.logs.system(self._app().name, self.revision.name, self.name, reason, message)
        except OSError as error:  # what runs does not end for want of a line in a log
            _log.error("%s: the system log cannot be written: %s", self.name, error)


def new_name(revision: RevisionPlan) -> str:
    """Return a name as Container Apps gives it: the revision's, that of its template, and a part of its own."""
    template = sha256(f"{revision.id.key}{revision.restarted}".encode()).hexdigest()[:10]
    own = "".join(secrets.choice(_NAME_LETTERS) for _ in range(5))
    return f"{revision.name}-{template}-{own}"
