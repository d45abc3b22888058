"""What goes wrong in one round, of the autoscaler or of the data plane itself, does not end the rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.data_plane import main
from local_azure.data_plane.apps import Apps
from local_azure.data_plane.desired_state import AppPlan, RevisionPlan
from local_azure.data_plane.dns import NetworkViews
from local_azure.data_plane.main import DataPlane
from local_azure.data_plane.measures import Meter, Sources
from local_azure.data_plane.redis.servers import RedisServers
from local_azure.data_plane.replica import ReplicaServices
from local_azure.data_plane.revision import RevisionRunner
from local_azure.data_plane.scaling import Failure, Reading
from local_azure.status import runtime_status
from local_azure.status.runtime_status import RunningApp

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
APP = ArmId.parse(f"{GROUP}/providers/Microsoft.App/containerApps/shop")
ENVIRONMENT = ArmId.parse(f"{GROUP}/providers/Microsoft.App/managedEnvironments/env")
HOST = "redis-a.redis.azure.net"
SPEEDUP = 1_000_000.0


def revision(*rules: Mapping[str, Any]) -> RevisionPlan:
    scale = {"minReplicas": 0, "maxReplicas": 2, "rules": list(rules)}
    template = {"containers": [{"name": "web", "image": "test/app:1"}], "scale": scale}
    return RevisionPlan(APP.child("revisions", "shop--1"), True, "", "", template)


def app(plan: RevisionPlan) -> AppPlan:
    return AppPlan(APP, "", ENVIRONMENT, None, "calm.example", True, False, plan.name, None, (plan,), {})


class Logs:
    """Keeps what the platform says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def system(self, app: str, revision: str, replica: str, reason: str, message: str) -> None:
        self.said.append(message)


def runner(plan: RevisionPlan, count: Callable[[], int] = lambda: 0) -> RevisionRunner:
    """Runs a revision of one replica, whose processes are not started as nobody reconciles."""
    platform = replace(ReplicaServices(*[cast("Any", None)] * 9), logs=cast("Any", Logs()))
    sources = Sources(lambda _, host, port: (host, port), Path("trust.pem"), lambda _: count())
    return RevisionRunner(platform, sources, lambda: SPEEDUP, lambda: app(plan), plan, 1, lambda: None)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


# -- the autoscaler


@pytest.mark.parametrize("target", ["0", "-1", "abc", "nan"])
@pytest.mark.parametrize("kind", ["http", "tcp", "redis"])
def test_a_target_that_is_no_number_above_zero_is_the_rules_fault(kind: str, target: str) -> None:
    rules: dict[str, dict[str, Any]] = {
        "http": {"http": {"metadata": {"concurrentRequests": target}}},
        "tcp": {"tcp": {"metadata": {"concurrentConnections": target}}},
        "redis": {"custom": {"type": "redis", "metadata": {"address": f"{HOST}:10000", "listLength": target}}},
    }
    plan = revision({"name": "rule", **rules[kind]})
    meter = Meter(Sources(lambda _, host, port: (host, port), Path("trust.pem"), lambda _: 0))
    reading = asyncio.run(meter.measure(app(plan), plan))["rule"]
    assert isinstance(reading, Failure)
    assert reading.reason.endswith("is no number above 0")


def test_requests_from_before_are_not_counted_as_new_ones() -> None:
    plan = revision({"name": "rule", "http": {}})
    meter = Meter(Sources(lambda _, host, port: (host, port), Path("trust.pem"), lambda _: 1000))
    assert asyncio.run(meter.measure(app(plan), plan))["rule"] == Reading(0, 10)


def test_an_error_while_it_scales_neither_stops_the_revision_nor_its_scaling(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def count() -> int:
        asked.append(1)
        if len(asked) == 1:
            raise OSError("what nobody is to read")
        return 0

    async def test() -> None:
        tested = runner(revision({"name": "rule", "http": {}}), count)
        await until(lambda: len(asked) >= 3)
        assert not tested.is_ending
        assert tested.wanted == 1
        tested.end()
        assert tested.is_ending, "in the same step"
        assert tested.has_ended
        await tested.stop(0)

    asyncio.run(test())
    assert "shop--1: could not be scaled: OSError" in caplog.text
    assert "what nobody is to read" not in caplog.text


def test_a_revision_goes_down_to_zero_only_once_it_was_ready() -> None:
    asked: list[int] = []

    async def test() -> None:
        tested = runner(revision(), lambda: len(asked.append(1) or asked))
        await until(lambda: len(asked) > 10)
        assert tested.wanted == 1
        tested.was_ready = True
        await until(lambda: tested.wanted == 0)
        await tested.stop(0)

    asyncio.run(test())


# -- the data plane


class Caches:
    """Stands for the caches and the names; fails at its turn."""

    def __init__(self) -> None:
        self.reconciled = 0
        self.cuts: list[str] = []
        self.fail_at: set[int] = set()
        self.ports: dict[str, dict[int, int]] = {}
        self.running: tuple[runtime_status.RunningCache, ...] = ()

    async def reconcile(self) -> None:
        self.reconciled += 1
        if self.reconciled in self.fail_at:
            raise OSError("no space left on device")

    async def cut(self, host: str) -> None:
        self.cuts.append(host)
        if len(self.cuts) == 1:
            raise OSError("not now")

    def publish(self, *_: Any, **__: Any) -> set[str]:
        return {HOST} if self.reconciled == 1 else set()


class NoApps:
    def __init__(self) -> None:
        self.told = 0

    def reconcile(self, wanted: Any) -> None:
        pass

    def as_running(self) -> tuple[RunningApp, ...]:
        self.told += 1
        return (RunningApp("id", "shop", f"shop--{self.told}", ()),)


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Caches, NoApps, DataPlane]]:
    for name in ("_CHECK_SECONDS", "_RETRY_SECONDS", "_PUBLISH_SECONDS"):
        monkeypatch.setattr(main, name, 0.01)
    caches, store = Caches(), Store(tmp_path / "state.sqlite")
    yield caches, NoApps(), DataPlane(tmp_path, store, cast("RedisServers", caches), cast("NetworkViews", caches))
    store.close()


def test_an_error_between_changes_does_not_end_the_data_plane(followed: tuple[Caches, NoApps, DataPlane]) -> None:
    caches, apps, plane = followed
    caches.fail_at = {2, 4}

    async def test() -> None:
        ended = asyncio.Event()
        following = asyncio.create_task(plane.follow(cast("Apps", apps), ended))
        await until(lambda: caches.reconciled > 8)
        ended.set()
        await following

    asyncio.run(test())
    assert caches.cuts == [HOST, HOST], "a cut that failed is tried again, one that succeeded is not"


def test_what_runs_is_told_again_after_an_error(
    followed: tuple[Caches, NoApps, DataPlane], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, apps, plane = followed
    write, tried = runtime_status.write, [0]

    def full_at_first(home: Path, told: runtime_status.RuntimeStatus) -> None:
        tried[0] += 1
        if tried[0] == 1:
            raise OSError("no space left on device")
        write(home, told)

    monkeypatch.setattr(runtime_status, "write", full_at_first)

    async def test() -> None:
        ended = asyncio.Event()
        following = asyncio.create_task(plane.follow(cast("Apps", apps), ended))
        await until(lambda: runtime_status.read(tmp_path))
        ended.set()
        await following

    asyncio.run(test())


def test_a_data_plane_that_follows_nothing_any_more_ends_with_the_error(
    followed: tuple[Caches, NoApps, DataPlane], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, apps, plane = followed

    async def end(_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(plane, "_publish_status", end)

    async def test() -> None:
        async with asyncio.timeout(120):
            await plane.follow(cast("Apps", apps), asyncio.Event())

    with pytest.raises(MemoryError):
        asyncio.run(test())
