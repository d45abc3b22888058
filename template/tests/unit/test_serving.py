"""The wait until the apps serve: what ends it, and what it says."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pulumi
import pytest

from components import resource_manager, serving
from components.resource_manager import UnreadableError, metadata_host
from components.serving import RollOutPlan, Stage, judge, wait_until_serving

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/shop"
PROBED = {"containers": [{"name": "web", "probes": [{"type": "Startup"}]}]}


def _app(ready: str = "shop--2", template: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "properties": {
            "latestRevisionName": "shop--2",
            "latestReadyRevisionName": ready,
            "template": template or {"containers": [{"name": "worker"}]},
            "eventStreamEndpoint": "https://logs/eventstream",
        }
    }


def _revision(state: str = "Running", **properties: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"properties": {"runningState": state, "provisioningState": "Provisioned", "createdTime": now, **properties}}


def _replica(restarts: int = 0, *, ready: bool = True, details: str = "") -> dict[str, Any]:
    container = {
        "name": "worker",
        "ready": ready,
        "restartCount": restarts,
        "runningStateDetails": details,
        "logStreamEndpoint": "https://logs/logstream",
    }
    return {"name": "r", "properties": {"createdTime": "2026-11-28T12:00:00Z", "containers": [container]}}


@pytest.mark.parametrize(
    ("app", "revision", "replicas", "stage"),
    [
        (_app(), _revision(), [_replica()], Stage.SERVES),
        (_app(), _revision("RunningAtMaxScale"), [_replica()], Stage.SERVES),
        (_app(), _revision("ScaledToZero"), [], Stage.SERVES),
        (_app("shop--1"), _revision("Running"), [_replica()], Stage.STARTING),
        (_app("shop--1"), _revision("Activating"), [_replica(2, ready=False)], Stage.STARTING),
        (_app("shop--1"), _revision("Activating"), [_replica(3, ready=False)], Stage.FAILED),
        (_app(), _revision(), [_replica(3)], Stage.SERVES),
        (_app("shop--1"), _revision("ActivationFailed"), [_replica(0, ready=False)], Stage.STUCK),
        (_app("shop--1"), _revision("Processing"), [_replica(0, ready=False, details="ImagePullBackOff")], Stage.STUCK),
        (_app("shop--1"), _revision(provisioningState="Failed", provisioningError="no room"), [], Stage.FAILED),
        (_app(), _revision("Degraded"), [_replica()], Stage.STARTING),
    ],
)
def test_an_app_is_judged(app: Any, revision: Any, replicas: Sequence[Any], stage: Stage) -> None:
    assert judge(app, revision, replicas).stage is stage


class Azure:
    """Answers with one state after the other, the last one for ever."""

    def __init__(self, *states: tuple[Any, Any, Sequence[Any]]) -> None:
        self.left = list(states)
        self.looks = 0

    async def get(self, path: str, version: str) -> Any:
        app, revision, replicas = self.left[0]
        if path.endswith("/replicas"):
            self.left = self.left[1:] or self.left
            return {"value": replicas}
        if "/revisions/" in path:
            return revision
        self.looks += 1
        return app

    async def post(self, path: str, version: str) -> Any:
        return {"properties": {"token": "t"}}


def _wait(azure: Any, *, secrets: Sequence[str] = (), limit: int = 600, steady: int = 15) -> tuple[str, float]:
    """What the wait says, and how long it took by a clock that only its pauses move."""
    clock = [0.0]
    event = {"RevisionName": "shop--2", "Reason": "ContainerTerminated", "Msg": "exit code 3"}
    back_off = {"RevisionName": "shop--2", "Reason": "BackOff", "Msg": "Back-off 10 s"}
    older = {"RevisionName": "shop--1", "Reason": "Old", "Msg": "of before"}

    def monotonic() -> float:
        return clock[0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    async def read_text(url: str, token: str) -> str:
        if "eventstream" in url:
            return "\n".join(map(json.dumps, (event, back_off, older)))
        return "2026-11-28T12:00:00Z Connecting to the container 'worker'...\n2026-11-28T12:00:01Z no rediss://:key@red"

    with (
        mock.patch.object(serving, "read_text", read_text),
        mock.patch.object(serving.asyncio, "sleep", sleep),
        mock.patch.object(serving.time, "monotonic", monotonic),
        mock.patch.object(pulumi.log, "info"),
    ):
        plan = RollOutPlan(limit_seconds=limit, steady_seconds=steady)
        said = asyncio.run(serving._Watch(azure, APP, mock.Mock(), secrets, plan).wait())
    return said, clock[0]


def test_an_app_with_probes_serves_when_its_revision_is_ready() -> None:
    starting = (_app("shop--1", PROBED), _revision("Activating"), [_replica(ready=False)])
    azure = Azure(starting, starting, (_app(template=PROBED), _revision(), [_replica()]))
    said, seconds = _wait(azure)
    assert said == ""
    assert seconds == 2 * serving._POLL_SECONDS


def test_an_app_without_probes_serves_when_it_has_run_for_a_while_without_a_restart() -> None:
    azure = Azure(*[(_app(), _revision(), [_replica(count)]) for count in (0, 0, 1)])
    said, seconds = _wait(azure, steady=10)
    assert said == ""
    assert seconds == 2 * serving._POLL_SECONDS + 10


def test_a_worker_that_ends_again_and_again_fails_with_its_last_words_and_without_secrets() -> None:
    crashing = [(_app(), _revision(), [_replica(count, ready=count % 2 == 0)]) for count in range(9)]
    said, _ = _wait(Azure(*crashing), secrets=["red"])
    assert "shop: its new revision shop--2 does not serve: its container worker was started 4 times" in said
    assert "last line of its log: no ***iss://***@***" in said
    assert "last event: ContainerTerminated: exit code 3" in said
    assert "no revision serves" in said
    assert "key" not in said


def test_the_old_revision_is_named_while_it_serves() -> None:
    said, seconds = _wait(Azure((_app("shop--1"), _revision("Failed"), [_replica(ready=False)])))
    assert "the old revision shop--1 still serves" in said
    assert seconds == serving._STUCK_SECONDS


def test_a_final_state_ends_the_wait_at_once() -> None:
    azure = Azure((_app("shop--1"), _revision(provisioningState="Failed", provisioningError="no room"), []))
    said, seconds = _wait(azure)
    assert "no room" in said
    assert seconds == 0


def test_the_wait_has_a_limit() -> None:
    said, seconds = _wait(Azure((_app("shop--1"), _revision("Activating"), [])), limit=30)
    assert "Activating after 30 s (rollOut.limitSeconds)" in said
    assert seconds == 30


def test_an_old_revision_is_not_watched_again() -> None:
    azure = Azure((_app(), _revision("Degraded", createdTime="2026-01-01T00:00:00Z"), []))
    assert _wait(azure) == ("", 0)


def test_what_cannot_be_read_ends_the_wait_with_the_way_out() -> None:
    azure = mock.Mock()
    azure.get = mock.AsyncMock(side_effect=UnreadableError(403, "403 Forbidden"))
    said, _ = _wait(azure)
    assert "403 Forbidden" in said
    assert "rollOut.limitSeconds to 0" in said


@pytest.mark.parametrize(("dry_run", "limit"), [(True, 600), (False, 0)])
def test_a_preview_and_a_limit_of_nothing_do_not_wait(dry_run: bool, limit: int) -> None:
    with mock.patch.object(pulumi.runtime, "is_dry_run", return_value=dry_run):
        wait_until_serving([], [pytest.fail], RollOutPlan(limit_seconds=limit))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("environment", "cloud", "host"),
    [
        ({}, None, "management.azure.com"),
        ({"ARM_ENVIRONMENT": "usgovernment"}, None, "management.usgovcloudapi.net"),
        ({"ARM_ENVIRONMENT": "usgovernment"}, "china", "management.chinacloudapi.cn"),
        ({"ARM_METADATA_HOSTNAME": "localhost:1"}, "china", "localhost:1"),
    ],
)
def test_the_cloud_is_that_of_the_provider(environment: Mapping[str, str], cloud: str | None, host: str) -> None:
    assert metadata_host(environment, cloud) == host


def test_what_fails_for_a_moment_is_asked_again() -> None:
    answers = itertools.chain([UnreadableError(429, "429"), UnreadableError(0, "timeout")], itertools.repeat("{}"))

    def send(*_: str) -> str:
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    with (
        mock.patch.object(resource_manager, "_send", send),
        mock.patch.object(resource_manager.asyncio, "sleep", mock.AsyncMock()),
    ):
        assert asyncio.run(resource_manager.read_text("https://arm", "t")) == "{}"


def test_what_is_refused_is_not_asked_again() -> None:
    send = mock.Mock(side_effect=UnreadableError(403, "403"))
    with mock.patch.object(resource_manager, "_send", send), pytest.raises(UnreadableError):
        asyncio.run(resource_manager.read_text("https://arm", "t"))
    send.assert_called_once()
