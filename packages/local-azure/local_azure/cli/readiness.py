"""`local-azure ready`: waits until what a stack has deployed really serves.

Ready is a stack whose apps each run their newest revision, and whose apps with external ingress answer with 200 at the
path of their startup probe (or readiness or liveness probe, where they have none). An image that no table of images has
is an error at once: waiting would not help.
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
from local_azure.status.runtime_status import Running, RunningRevision
from local_azure.system import project_file
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import PROJECT_FILE, Home, command_name
from local_azure.system.progress import say

LIMIT_SECONDS = 120.0
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 15.0
_LAST_LINES = 15
_PROBES = ("startup", "readiness", "liveness")
_RUNS = ("Running", "RunningAtMaxScale", "ScaledToZero")
_OK = 200


class NotReadyError(LocalAzureError):
    """A stack that is not ready. The message is for the user."""


@dataclass(frozen=True)
class App:
    """What is expected of an app."""

    id: ArmId
    revision: str
    """The newest."""
    host: str
    """Where it is reached from outside; empty when it is not."""
    path: str
    """What is asked for there."""
    images: tuple[str, ...] = ()
    """References of its containers' images."""

    @property
    def name(self) -> str:
        return self.id.name


@dataclass(frozen=True)
class Answer:
    """What an app has answered."""

    status: int
    body: str


@dataclass(frozen=True)
class Found:
    """What an app was found to be."""

    app: App
    state: str
    """In a few words."""
    is_ready: bool = False
    address: str = ""
    """Where a browser on this machine reaches it."""
    answer: Answer | None = None


def run(home: Home, stack: str | None, seconds: float = LIMIT_SECONDS) -> int:
    """Wait, and say where the apps are; returns the exit code. Raises `NotReadyError` where waiting is of no use."""
    project = _project(home)
    apps = _apps_of(home, project, stack)
    _refuse_unknown_images(home, project, apps)
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        found = [_look(home.directory, app, runtime_status.read(home.directory)) for app in apps]
        if all(one.is_ready for one in found):
            _tell(found)
            return 0
        waiting = ", ".join(f"{one.app.name} ({one.state})" for one in found if not one.is_ready)
        if waiting != said:
            say(f"Waiting for {waiting} ...")
            said = waiting
        if time.monotonic() >= deadline:
            _explain(home.directory, [one for one in found if not one.is_ready], seconds)
            return 1
        time.sleep(_POLL_SECONDS)


# -- what is expected


def _project(home: Home) -> ProjectCopy:
    project = Project.find(Path.cwd())
    if project is None:
        raise NotReadyError(f"there is no Pulumi project in {Path.cwd()} or above it")
    return ProjectCopy(home, project)


def _apps_of(home: Home, copy: ProjectCopy, stack: str | None) -> list[App]:
    stack = stack or copy.selected_stack()
    if stack is None:
        raise NotReadyError("no stack is selected: name one with --stack")
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            if not options.read(transaction).data_plane:
                raise NotReadyError(f"nothing runs without the data plane: {command_name()} start --data-plane yes")
            deployed = [transaction.get(one) for one in _deployed(copy, stack)]
    finally:
        store.close()
    apps = [_app(resource) for resource in deployed if resource]
    if not apps:
        raise NotReadyError(f"the stack {stack} has no container app: {command_name()} run pulumi up --stack {stack}")
    return apps


def _deployed(copy: ProjectCopy, stack: str) -> list[ArmId]:
    """The apps in a stack's state, as the engine has written it."""
    file = copy.backend / ".pulumi" / "stacks" / copy.project.name / f"{stack}.json"
    try:
        state: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotReadyError(f"there is no stack {stack}: {command_name()} run pulumi up --stack {stack}") from None
    ids = [str(one) for _, one in find(state, "checkpoint.latest.resources[*].id")]
    parsed = [ArmId.parse(one) for one in ids if "/microsoft.app/containerapps/" in one.lower()]
    return [one for one in parsed if one.type_key == APP_TYPE.lower()]


def _app(resource: Resource) -> App:
    ingress = as_object(get(resource.body, "properties.configuration.ingress"))
    return App(
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


def _refuse_unknown_images(home: Home, copy: ProjectCopy, apps: Sequence[App]) -> None:
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


# -- what is there


def _look(home: Path, app: App, told: Running | None) -> Found:
    if told is None:
        return Found(app, "the data plane starts")
    there = told.app(app.id.text)
    revision = told.revision(f"{app.id}/revisions/{app.revision}")
    if there is None or revision is None:
        return Found(app, "not started")
    if revision.state not in _RUNS or (app.host and there.latest_ready_revision != app.revision):
        return Found(app, _state(revision))
    if not app.host:
        return Found(app, revision.state, is_ready=True)
    ports = read_ports(home)
    port = ports.hosts.get(app.host) if ports else None
    if port is None:
        return Found(app, "no ingress")
    address = f"http://localhost:{port}"
    answer = _ask(port, app.path)
    if answer is None:
        return Found(app, f"no answer from {address}{app.path}", address=address)
    return Found(app, f"{answer.status} from {address}{app.path}", answer.status == _OK, address, answer)


def _state(revision: RunningRevision) -> str:
    containers = [
        one
        for replica in revision.replicas
        for one in (*replica.init_containers, *replica.containers)
        if one.state == "Waiting" and one.details != "ContainerCreating"
    ]
    failing = ", ".join(sorted({f"{one.name}: {one.details}" for one in containers}))
    return f"{revision.state}: {failing}" if failing else revision.state


def _ask(port: int, path: str) -> Answer | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}", "Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


# -- what is said


def _tell(found: Sequence[Found]) -> None:
    for one in found:
        if one.answer:
            print(f"{one.app.name}: {one.address}/ (on Azure: https://{one.app.host}/)")
            print(f"  {one.app.path} answers {one.answer.status} {one.answer.body}")
        else:
            print(f"{one.app.name}: {one.state}")
    print(
        f"Logs: {command_name()} logs {next((one.app.name for one in found if one.answer), found[0].app.name)} --follow"
    )


def _explain(home: Path, missing: Sequence[Found], seconds: float) -> None:
    say(f"error: not ready after {seconds:.0f} s:")
    for one in missing:
        say(f"{one.app.name}: revision {one.app.revision}: {one.state}")
        if one.answer:
            say(f"  {one.answer.body[:500]}")
        for line in log_commands.latest(home, one.app.name, one.app.revision, _LAST_LINES):
            say(f"  {line}")
    say(f"More: {command_name()} logs {missing[0].app.name} [--system]")
