"""The wait until Azure Managed Redis is running, and what ends it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest import mock

import pulumi
import pytest

from components import redis_running
from components.placement import Placement
from components.private_dns import PrivateDnsZone
from components.private_endpoint import EndpointPlacement
from components.redis_cache import PRIVATE_DNS_ZONE, RedisCache
from components.redis_plan import RedisService
from tests.unit.pulumi_mocks import SUBSCRIPTION, Recorder, run_with_mocks


def _deploy(states: Sequence[str]) -> tuple[Recorder, list[float]]:
    """Register a managed cache whose cluster comes to these states, one after the other; return the pauses, too."""
    placement = Placement("group", "westeurope", {})
    pauses: list[float] = []
    left = list(states)
    answered = Recorder.call

    def call(self: Recorder, args: Any) -> dict[str, Any]:
        answer = answered(self, args)
        return {"resourceState": left.pop(0)} if args.token.endswith(":getRedisEnterprise") else answer

    asleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        # The SDK itself sleeps for no time, to let others run.
        if seconds:
            pauses.append(seconds)
        await asleep(0)

    def program() -> None:
        name = PRIVATE_DNS_ZONE[RedisService.MANAGED]
        zone = PrivateDnsZone("dns", placement=placement, zone_name=name, virtual_network_id=f"{SUBSCRIPTION}/vnet")
        endpoint = EndpointPlacement("pep", f"{SUBSCRIPTION}/subnet", zone)
        RedisCache("redis", placement=placement, cache_name="red", endpoint=endpoint)

    with mock.patch.object(Recorder, "call", call), mock.patch.object(redis_running.asyncio, "sleep", sleep):
        recorder, _ = run_with_mocks(program)
    return recorder, pauses


def test_the_database_is_made_once_the_cluster_is_running() -> None:
    recorder, pauses = _deploy(["Creating", "Updating", "Running"])
    assert len(pauses) == 2
    assert recorder.one("redisenterprise:Database").inputs["clusterName"] == "red"


class _States:
    """Answers as the Outputs of a state that changes with each reading."""

    def __init__(self, *states: str) -> None:
        self.left = list(states)

    async def future(self) -> str:
        return self.left.pop(0)


def test_a_final_state_ends_the_wait_at_once() -> None:
    states = _States("Creating", "CreateFailed", "Running")
    # Without the SDK's loop: what a failed program leaves undone there would be finished while the next test runs.
    with (
        mock.patch.object(redis_running.asyncio, "sleep", mock.AsyncMock()),
        mock.patch.object(pulumi.log, "info"),
        pytest.raises(pulumi.RunError, match="red is CreateFailed"),
    ):
        asyncio.run(redis_running._running(lambda: states, "red", mock.Mock()))  # pyright: ignore[reportArgumentType]
    assert states.left == ["Running"]


def test_a_preview_does_not_wait() -> None:
    async def waited() -> str:
        with mock.patch.object(pulumi.runtime, "is_dry_run", return_value=True):
            return await redis_running._running(lambda: pytest.fail("a preview reads nothing"), "red", mock.Mock())

    assert asyncio.run(waited()) == "red"
