"""Wait until the apps' newest revisions serve, and report why one does not (docs/decisions/0010)."""

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated

import pulumi
from pulumi_azure_native import app
from pydantic import Field

from components.resource_manager import Json, ResourceManager, UnreadableError, read_text
from components.section import Section

_VERSION = "2025-07-01"
_POLL_SECONDS = 2.0
_RESTARTS = 3
"""A container that was started again so often, and is not ready, is not waited for."""
_STUCK_SECONDS = 60.0
"""So long in a state that Azure seldom leaves by itself, and it is final: an image that cannot be pulled, for one."""
_RECENT_SECONDS = 600.0
"""A revision that is older is not watched for restarts: it was at an earlier deployment."""

_STUCK_STATES = ("Failed", "ActivationFailed", "Activation failed")
_STUCK_REASONS = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError")
_LINES, _EVENTS = 20, 100
_OF_THE_STREAM = re.compile(r"Connecting to the container|Successfully Connected to container|No logs since last")
_CREDENTIAL = re.compile(r"://[^/@\s]*@")


class Stage(Enum):
    """Where an app is on its way to serve."""

    SERVES = "serves"
    STARTING = "starting"
    STUCK = "stuck"
    """In a state that is seldom left."""
    FAILED = "failed"


@dataclass(frozen=True)
class Judgement:
    """What is to be thought of an app.

    Attributes:
        stage: where it is.
        words: what it waits for, or why it failed.
        restarts: how often each container of its newest revision was started again, by replica and container.
    """

    stage: Stage
    words: str = ""
    restarts: Mapping[str, int] = field(default_factory=dict[str, int])


def judge(app: Json, revision: Json, replicas: Sequence[Json]) -> Judgement:
    """Judge an app by what Resource Manager shows of it, of its newest revision and of that one's replicas."""
    properties: Json = app["properties"]
    latest = properties.get("latestRevisionName")
    shown: Json = revision.get("properties") or {}
    state = str(shown.get("runningState") or "Unknown")
    containers = {
        f"{replica.get('name')}/{container.get('name')}": container
        for replica in replicas
        for container in _containers(replica)
    }
    restarts = {name: int(one.get("restartCount") or 0) for name, one in containers.items()}
    if shown.get("provisioningState") == "Failed":
        return Judgement(Stage.FAILED, f"Azure could not provision it: {shown.get('provisioningError') or state}")
    for name, one in containers.items():
        if restarts[name] >= _RESTARTS and not one.get("ready"):
            container = name.rpartition("/")[2]
            return Judgement(Stage.FAILED, f"its container {container} was started {restarts[name] + 1} times")
    reasons = sorted({str(one.get("runningStateDetails")) for one in containers.values()} & {*_STUCK_REASONS})
    if reasons or state in _STUCK_STATES:
        return Judgement(Stage.STUCK, ", ".join([state, *reasons]), restarts)
    if properties.get("latestReadyRevisionName") != latest or state in ("Activating", "Processing", "Degraded"):
        return Judgement(Stage.STARTING, state, restarts)
    return Judgement(Stage.SERVES, state, restarts)


def _containers(replica: Json) -> Sequence[Json]:
    properties: Json = replica.get("properties") or {}
    return [*(properties.get("initContainers") or ()), *(properties.get("containers") or ())]


def _has_probes(app: Json) -> bool:
    template: Json = app["properties"].get("template") or {}
    return any(container.get("probes") for container in template.get("containers") or ())


class RollOutPlan(Section):
    """The wait at the end of a deployment, until the newest revision of every app serves.

    Attributes:
        limit_seconds: longest wait, in seconds; 0: no wait, so that a deployment can be green before the apps serve.
        steady_seconds: how long a new app without health probes, such as a worker, must run without a restart to count
            as serving, in seconds.
    """

    limit_seconds: Annotated[int, Field(ge=0, le=7200)] = 600
    steady_seconds: Annotated[int, Field(ge=0, le=600)] = 15


def wait_until_serving(
    apps: Sequence[app.ContainerApp], secrets: Sequence[pulumi.Input[str]], plan: RollOutPlan
) -> None:
    """Fail the deployment unless the newest revision of every app comes to serve; a preview does not wait.

    The wait is no resource and no hook of one: it also takes place in a targeted deployment, leaves nothing in the
    state when it is interrupted, and is repeated by the next deployment until the apps serve.

    Args:
        apps: container apps.
        secrets: values that are replaced where an app has logged them.
        plan: how long to wait.

    Raises:
        pulumi.RunError: in the program's outputs, when an app does not serve.
    """
    if pulumi.runtime.is_dry_run() or not plan.limit_seconds:
        return

    async def wait(args: Sequence[Sequence[str]]) -> None:
        ids, _, values = args
        manager = ResourceManager()
        watches = [_Watch(manager, id_, resource, values, plan) for id_, resource in zip(ids, apps, strict=True)]
        failures = [words for words in await asyncio.gather(*(watch.wait() for watch in watches)) if words]
        if failures:
            raise pulumi.RunError("\n".join(failures))

    # The revisions' names, so that every app has been written before the first question.
    revisions = [one.latest_revision_name for one in apps]
    pulumi.Output.all(pulumi.Output.all(*(one.id for one in apps)), revisions, list(secrets)).apply(wait)


class _Watch:
    """Watches one app."""

    def __init__(
        self,
        manager: ResourceManager,
        app_id: str,
        resource: pulumi.Resource,
        secrets: Sequence[str],
        plan: RollOutPlan,
    ) -> None:
        self._manager = manager
        self._id = app_id
        self._resource = resource
        self._secrets = secrets
        self._plan = plan
        self._steady_since: float | None = None
        self._steady: Mapping[str, int] = {}
        self._stuck_since: float | None = None

    async def wait(self) -> str:
        """Return nothing once the app serves, else what is wrong."""
        began = time.monotonic()
        said = ""
        while True:
            try:
                shown, judgement, replicas = await self._look()
            except UnreadableError as error:
                return (
                    f"whether {_name(self._id)} serves cannot be read: {error}; read it with `az containerapp show`, "
                    "or set rollOut.limitSeconds to 0 to deploy without the wait"
                )
            if judgement.stage is Stage.SERVES:
                return ""
            waited = time.monotonic() - began
            if judgement.stage is Stage.FAILED:
                return await self._failed(shown, judgement.words, replicas)
            if waited >= self._plan.limit_seconds:
                words = f"{judgement.words} after {waited:.0f} s (rollOut.limitSeconds)"
                return await self._failed(shown, words, replicas)
            if judgement.words != said:
                said = judgement.words
                revision = shown["properties"]["latestRevisionName"]
                pulumi.log.info(f"{revision} is {said} after {waited:.0f} s; waiting until it serves", self._resource)
            await asyncio.sleep(_POLL_SECONDS)

    async def _look(self) -> tuple[Json, Judgement, Sequence[Json]]:
        """Return the app, what is to be thought of it, and the replicas of its newest revision."""
        shown = await self._manager.get(self._id, _VERSION)
        path = f"{self._id}/revisions/{shown['properties']['latestRevisionName']}"
        revision = await self._manager.get(path, _VERSION)
        if not _is_recent(revision) and _is_ready(shown):
            return shown, Judgement(Stage.SERVES), ()
        replicas: Sequence[Json] = (await self._manager.get(f"{path}/replicas", _VERSION)).get("value") or ()
        return shown, self._over_time(judge(shown, revision, replicas), shown), replicas

    def _over_time(self, now: Judgement, shown: Json) -> Judgement:
        """Return a judgement that takes account of the earlier ones."""
        moment = time.monotonic()
        if now.stage is Stage.STUCK:
            self._stuck_since = moment if self._stuck_since is None else self._stuck_since
            if moment - self._stuck_since >= _STUCK_SECONDS:
                return Judgement(Stage.FAILED, f"it stays {now.words}")
            return now
        self._stuck_since = None
        if now.stage is not Stage.SERVES or not now.restarts or _has_probes(shown):
            self._steady_since = None
            return now
        # Without a probe a container is ready as soon as its process is there, which may end a moment later.
        if self._steady_since is None or now.restarts != self._steady:
            self._steady_since, self._steady = moment, now.restarts
        if moment - self._steady_since >= self._plan.steady_seconds:
            return now
        return Judgement(Stage.STARTING, f"{now.words}, not yet for {self._plan.steady_seconds} s", now.restarts)

    # -- what is said of an app that does not serve

    async def _failed(self, shown: Json, words: str, replicas: Sequence[Json]) -> str:
        properties: Json = shown["properties"]
        latest, ready = properties.get("latestRevisionName"), properties.get("latestReadyRevisionName")
        lines = [f"{_name(self._id)}: its new revision {latest} does not serve: {words}"]
        try:
            token = str((await self._manager.post(f"{self._id}/getAuthToken", _VERSION))["properties"]["token"])
            lines += [f"  last line of its log: {line}" for line in await self._log(replicas, token)]
            lines += [f"  last event: {line}" for line in await self._event(properties, str(latest), token)]
        except (UnreadableError, KeyError) as error:
            lines.append(f"  its log cannot be read: {error}")
        if ready and ready != latest:
            lines.append(f"  the old revision {ready} still serves; mend the new one and deploy again")
        else:
            lines.append("  no revision serves; mend it and deploy again")
        return "\n".join(self._without_secrets(line) for line in lines)

    async def _log(self, replicas: Sequence[Json], token: str) -> Sequence[str]:
        """Return the last line of the newest replica's container that is not ready."""
        newest = max(replicas, key=lambda one: str(one["properties"].get("createdTime")), default=None)
        found = [one for one in _containers(newest or {}) if not _is_done(one)]
        if not found or not found[0].get("logStreamEndpoint"):
            return ()
        text = await read_text(f"{found[0]['logStreamEndpoint']}?follow=false&output=text&tailLines={_LINES}", token)
        lines = [line.partition(" ")[2] or line for line in text.splitlines()]
        return [line for line in lines if line.strip() and not _OF_THE_STREAM.search(line)][-1:]

    @staticmethod
    async def _event(properties: Json, revision: str, token: str) -> Sequence[str]:
        """Return the last event of the newest revision that says more than that it is tried again."""
        url = properties.get("eventStreamEndpoint")
        if not url:
            return ()
        events: list[str] = []
        for line in (await read_text(f"{url}?follow=false&output=json&tailLines={_EVENTS}", token)).splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            # Kubernetes says over and over that it waits; the event before says why.
            if event.get("RevisionName") == revision and event.get("Reason") != "BackOff":
                events.append(f"{event.get('Reason')}: {event.get('Msg')}")
        return events[-1:]

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***") if secret else text
        return _CREDENTIAL.sub("://***@", text)


def _name(app_id: str) -> str:
    return app_id.rpartition("/")[2]


def _is_done(container: Json) -> bool:
    return bool(container.get("ready")) or container.get("runningStateDetails") == "Completed"


def _is_ready(shown: Json) -> bool:
    properties: Json = shown["properties"]
    return properties.get("latestReadyRevisionName") == properties.get("latestRevisionName")


def _is_recent(revision: Json) -> bool:
    """Return whether a revision was made so recently that this deployment may have made it."""
    properties: Json = revision.get("properties") or {}
    try:
        made = datetime.fromisoformat(str(properties.get("createdTime") or ""))
    except ValueError:
        return True
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return (datetime.now(UTC) - made).total_seconds() < _RECENT_SECONDS
