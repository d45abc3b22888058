"""`local-azure ready`: waits until the apps of a stack serve requests.

A stack is ready when each app runs its newest revision and each app with external ingress answers with 200 at the path
of its startup probe (else of its readiness probe, else of its liveness probe, else at `/`). An image that
no table of images has is an error at once, because waiting would not help.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_azure.cli import log_commands
from local_azure.core import options
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.core.values import as_object, find, get
from local_azure.data_plane import images
from local_azure.pulumi_engine.project_copy import Project, ProjectCopy
from local_azure.resource_types.container_apps.names import APP_TYPE
from local_azure.status import runtime_status
from local_azure.status.ingress_ports import read_ports
from local_azure.status.runtime_status import RunningRevision, RuntimeStatus
from local_azure.system import project_file
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import PROJECT_FILE, Home, command_name
from local_azure.system.progress import say

LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 15.0
_LAST_LINES = 15
_PROBES = ("startup", "readiness", "liveness")
_RUNNING_STATES = ("Running", "RunningAtMaxScale", "ScaledToZero")
_OK = 200


class NotReadyError(LocalAzureError):
    """A stack that is not ready. The message is for the user."""


@dataclass(frozen=True)
class ExpectedApp:
    """An app of the stack, and the revision and URL that are expected of it."""

    id: ArmId
    revision: str
    """The name of the newest revision."""
    host: str
    """The host name of its external HTTP ingress; empty when it has none."""
    path: str
    """The path of the health check."""
    images: tuple[str, ...] = ()
    """References of its containers' images."""

    @property
    def name(self) -> str:
        return self.id.name


@dataclass(frozen=True)
class HealthResponse:
    """An app's response to the health check."""

    status: int
    body: str


@dataclass(frozen=True)
class AppHealth:
    """The result of the health check of an app."""

    app: ExpectedApp
    state: str
    """A short description, such as `503 from http://localhost:8080/ready`."""
    is_ready: bool = False
    address: str = ""
    """The URL that a browser on this machine can open."""
    response: HealthResponse | None = None


def run(home: Home, stack: str | None, seconds: float = LIMIT_SECONDS) -> int:
    """Wait until every app is ready, at most `seconds`, and print the apps' URLs.

    Return the exit code: 0 when all are ready, 1 after a timeout. Raises `NotReadyError` when waiting cannot help: no
    project, no stack, no app, no data plane, or an unknown image.
    """
    project = _project(home)
    apps = _apps_of(home, project, stack)
    _refuse_unknown_images(home, project, apps)
    deadline = time.monotonic() + seconds
    reported = ""
    while True:
        results = [_check(home.directory, app, runtime_status.read(home.directory)) for app in apps]
        missing = [result for result in results if not result.is_ready]
        if not missing:
            _print_addresses(results)
            return 0
        waiting = ", ".join(f"{result.app.name} ({result.state})" for result in missing)
        if waiting != reported:
            say(f"Waiting for {waiting} ...")
            reported = waiting
        if time.monotonic() >= deadline:
            _print_failures(home.directory, missing, seconds)
            return 1
        time.sleep(_POLL_SECONDS)


# -- the expected apps


def _project(home: Home) -> ProjectCopy:
    project = Project.find(Path.cwd())
    if project is None:
        raise NotReadyError(f"there is no Pulumi project in {Path.cwd()} or its parent directories")
    return ProjectCopy(home, project)


def _apps_of(home: Home, copy: ProjectCopy, stack: str | None) -> list[ExpectedApp]:
    stack = stack or copy.selected_stack()
    if stack is None:
        raise NotReadyError("no stack is selected: choose a stack with --stack")
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            if not options.read(transaction).data_plane:
                raise NotReadyError(
                    f"the data plane is off, so that no app runs: {command_name()} start --data-plane yes"
                )
            deployed = [transaction.get(resource_id) for resource_id in _deployed(copy, stack)]
    finally:
        store.close()
    apps = [_app(resource) for resource in deployed if resource]
    if not apps:
        raise NotReadyError(f"the stack {stack} has no container app: {command_name()} run pulumi up --stack {stack}")
    return apps


def _deployed(copy: ProjectCopy, stack: str) -> list[ArmId]:
    """Return the ids of the container apps in a stack's state file. Raises `NotReadyError` when there is none."""
    file = copy.backend / ".pulumi" / "stacks" / copy.project.name / f"{stack}.json"
    try:
        state: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotReadyError(f"there is no stack {stack}: {command_name()} run pulumi up --stack {stack}") from None
    texts = [str(text) for _, text in find(state, "checkpoint.latest.resources[*].id")]
    ids = [ArmId.parse(text) for text in texts if "/microsoft.app/containerapps/" in text.lower()]
    return [resource_id for resource_id in ids if resource_id.type_key == APP_TYPE.lower()]


def _app(resource: Resource) -> ExpectedApp:
    ingress = as_object(get(resource.body, "properties.configuration.ingress"))
    return ExpectedApp(
        id=resource.id,
        revision=str(resource.properties["latestRevisionName"]),
        host=str(ingress["fqdn"]) if ingress.get("external") and ingress.get("transport") != "Tcp" else "",
        path=_path(resource),
        images=tuple(
            str(image)
            for kind in ("initContainers", "containers")
            for _, image in find(resource.body, f"properties.template.{kind}[*].image")
        ),
    )


def _refuse_unknown_images(home: Home, copy: ProjectCopy, apps: Sequence[ExpectedApp]) -> None:
    """Raise `NotReadyError` with the row to write, where the newest revision of an app has an image of no table."""
    known = images.read(home)
    unknown = sorted({image for app in apps for image in app.images if known.find(image) is None})
    if not unknown:
        return
    file = project_file.find(copy.project.directory) or copy.project.directory / PROJECT_FILE
    rows = "\n\n".join(dict.fromkeys(_row(image) for image in unknown))
    raise NotReadyError(
        f"the image {', '.join(unknown)} is not known on this machine, where images are folders: add to {file}, with "
        f"the folder and the command of yours, and run this again:\n\n{rows}\n"
    )


def _row(image: str) -> str:
    """Return a row of the table of images for a reference, with any tag or digest."""
    repository = re.sub(r"(?::[^:/@]*)?(?:@.*)?$", "", image)
    name = repository.rpartition("/")[2]
    return "\n".join(
        (
            "[[image]]",
            f'names = ["{repository}:*", "{repository}@*"]',
            f'folder = "../{name}"  # what the image holds in its working directory',
            f'requirements = "../{name}/requirements.txt"  # the Python packages in it',
            f'command = ["gunicorn", "{name}.wsgi"]',
            "port = 8000",
        )
    )


def _path(resource: Resource) -> str:
    probes = {
        str(get(probe, "type")).lower(): str(get(probe, "httpGet.path", "/"))
        for _, probe in find(resource.body, "properties.template.containers[*].probes[*]")
        if get(probe, "httpGet")
    }
    return next((probes[kind] for kind in _PROBES if kind in probes), "/")


# -- the health check


def _check(home: Path, app: ExpectedApp, status: RuntimeStatus | None) -> AppHealth:
    if status is None:
        return AppHealth(app, "the data plane is starting")
    running = status.app(app.id.text)
    revision = status.revision(f"{app.id}/revisions/{app.revision}")
    if running is None or revision is None:
        return AppHealth(app, "not started")
    if revision.state not in _RUNNING_STATES or (app.host and running.latest_ready_revision != app.revision):
        return AppHealth(app, _state(revision))
    if not app.host:
        return AppHealth(app, revision.state, is_ready=True)
    ports = read_ports(home)
    port = ports.hosts.get(app.host) if ports else None
    if port is None:
        return AppHealth(app, "no ingress")
    address = f"http://localhost:{port}"
    response = _request(port, app.path)
    if response is None:
        return AppHealth(app, f"no response from {address}{app.path}", address=address)
    return AppHealth(app, f"{response.status} from {address}{app.path}", response.status == _OK, address, response)


def _state(revision: RunningRevision) -> str:
    containers = [
        container
        for replica in revision.replicas
        for container in (*replica.init_containers, *replica.containers)
        if container.state == "Waiting" and container.details != "ContainerCreating"
    ]
    failing = ", ".join(sorted({f"{container.name}: {container.details}" for container in containers}))
    return f"{revision.state}: {failing}" if failing else revision.state


def _request(port: int, path: str) -> HealthResponse | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}", "Connection": "close"})
        response = connection.getresponse()
        return HealthResponse(response.status, response.read().decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


# -- the output


def _print_addresses(results: Sequence[AppHealth]) -> None:
    for result in results:
        if result.response:
            print(f"{result.app.name}: {result.address}/ (on Azure: https://{result.app.host}/)")
            print(f"  {result.app.path} answers {result.response.status} {result.response.body}")
        else:
            print(f"{result.app.name}: {result.state}")
    shown = next((result for result in results if result.response), results[0])
    print(f"Logs: {command_name()} logs {shown.app.name} --follow")


def _print_failures(home: Path, missing: Sequence[AppHealth], seconds: float) -> None:
    say(f"error: not ready after {seconds:.0f} s:")
    for result in missing:
        say(f"{result.app.name}: revision {result.app.revision}: {result.state}")
        if result.response:
            say(f"  {result.response.body[:500]}")
        for line in log_commands.latest(home, result.app.name, result.app.revision, _LAST_LINES):
            say(f"  {line}")
    say(f"More: {command_name()} logs {missing[0].app.name} [--system]")
