"""Changes of deployed caches that would lose queued tasks are refused, with the safe way."""

from typing import Any

import pytest

from components.redis_change import DeployedRedis, change_faults, deployed, target
from components.redis_plan import RedisPlan, RedisService

MANAGED = DeployedRedis(RedisService.MANAGED, "Balanced_B0", has_replica=False, dedicated_broker=False)
REPLICATED = DeployedRedis(RedisService.MANAGED, "Balanced_B1", has_replica=True, dedicated_broker=True)
BASIC = DeployedRedis(RedisService.CLASSIC, "Basic_C0", has_replica=False, dedicated_broker=False)
STANDARD = DeployedRedis(RedisService.CLASSIC, "Standard_C1", has_replica=True, dedicated_broker=False)


def _plan(**settings: Any) -> RedisPlan:
    return RedisPlan.model_validate(settings)


LOSSES = [
    (MANAGED, _plan(dedicatedBroker=True), "redis.dedicatedBroker"),
    (REPLICATED, _plan(sku="Balanced_B1", highAvailability=True), "redis.dedicatedBroker"),
    (MANAGED, _plan(service="classic"), "redis.service"),
    (STANDARD, _plan(), "redis.service"),
    (MANAGED, _plan(sku="Balanced_B1"), "redis.sku"),
    (MANAGED, _plan(sku="Balanced_B1", highAvailability=True), "redis.sku"),
    (BASIC, _plan(service="classic", sku="Basic_C1"), "redis.sku"),
]


@pytest.mark.parametrize(("before", "plan", "setting"), LOSSES)
def test_a_change_that_would_lose_tasks_is_refused_with_the_safe_way(
    before: DeployedRedis, plan: RedisPlan, setting: str
) -> None:
    (fault,) = change_faults("redis", plan, before)
    assert fault.setting == setting
    assert f"set redis.queueDrainedFor to {target(plan)!r}" in fault.remedy


@pytest.mark.parametrize(("before", "plan", "setting"), LOSSES)
def test_the_word_for_a_change_allows_it_and_no_other(before: DeployedRedis, plan: RedisPlan, setting: str) -> None:
    drained = plan.model_copy(update={"queue_drained_for": target(plan)})
    assert not list(change_faults("redis", drained, before))
    other = plan.model_copy(update={"queue_drained_for": "managed Balanced_B20 dedicated"})
    assert list(change_faults("redis", other, before))


@pytest.mark.parametrize(
    ("before", "plan"),
    [
        (None, _plan(dedicatedBroker=True)),
        (MANAGED, _plan()),
        (MANAGED, _plan(highAvailability=True)),
        (MANAGED, _plan(evictionPolicy="NoEviction", activeKey="secondary")),
        (REPLICATED, _plan(sku="Balanced_B3", highAvailability=True, dedicatedBroker=True)),
        (BASIC, _plan(service="classic", sku="Standard_C0")),
        (STANDARD, _plan(service="classic", sku="Standard_C2")),
    ],
)
def test_a_change_that_keeps_the_queue_is_allowed(before: DeployedRedis | None, plan: RedisPlan) -> None:
    assert not list(change_faults("redis", plan, before))


def _state(*resources: tuple[str, str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    parent = "urn:pulumi:dev::django-aca::django-aca:redis_cache:RedisCache$"
    return {f"{parent}{kind}::{name}": {"type": kind, "outputs": outputs} for kind, name, outputs in resources}


CLUSTER, DATABASE = "azure-native:redisenterprise:RedisEnterprise", "azure-native:redisenterprise:Database"
REDIS = (CLUSTER, "redis-cluster", {"sku": {"name": "Balanced_B0"}, "highAvailability": "Disabled"})
BROKER = (CLUSTER, "broker-cluster", {"sku": {"name": "Balanced_B1"}, "highAvailability": "Enabled"})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, None),
        (_state(REDIS), None),
        (_state(REDIS, (DATABASE, "redis-database", {})), MANAGED),
        (_state(BROKER, (DATABASE, "broker-database", {}), REDIS, (DATABASE, "redis-database", {})), REPLICATED),
        (_state(BROKER, REDIS, (DATABASE, "redis-database", {})), MANAGED),
        (
            _state(
                ("azure-native:redis:Redis", "redis-redis", {"sku": {"name": "Basic", "family": "C", "capacity": 0.0}})
            ),
            BASIC,
        ),
    ],
)
def test_the_caches_are_read_from_the_state(state: Any, expected: DeployedRedis | None) -> None:
    assert deployed(state) == expected
