"""The Redis plan: sizes, eviction policies and high availability of both services."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from components.redis_plan import (
    MANAGED_SIZES_GB,
    ClassicSku,
    EvictionPolicy,
    RedisPlan,
    classic_sku,
    redis_policy_name,
)
from components.section import Fault


def faults(**settings: Any) -> list[Fault]:
    return list(RedisPlan.model_validate(settings).faults("redis"))


def faults_of(**settings: Any) -> list[tuple[str, str]]:
    """Return setting and rule of each fault."""
    return [(fault.setting.removeprefix("redis."), fault.rule) for fault in faults(**settings)]


CLASSIC_SIZES = [
    *(f"{name}_C{capacity}" for name in ("Basic", "Standard") for capacity in range(7)),
    *(f"Premium_P{capacity}" for capacity in range(1, 6)),
]


def test_the_smallest_size_is_the_default_of_either_service() -> None:
    assert RedisPlan().size == "Balanced_B0"
    assert RedisPlan.model_validate({"service": "classic"}).size == "Basic_C0"
    assert RedisPlan(sku="").size == "Balanced_B0", "empty is unset"
    assert faults_of() == []
    assert faults_of(service="classic") == []


@pytest.mark.parametrize("sku", MANAGED_SIZES_GB)
def test_managed_accepts_every_size_up_to_25_gb(sku: str) -> None:
    assert MANAGED_SIZES_GB[sku] <= 25
    assert faults_of(sku=sku) == []


def test_the_managed_sizes_are_the_ones_that_need_no_clustering() -> None:
    balanced = {f"Balanced_B{size}" for size in (0, 1, 3, 5, 10, 20)}
    memory = {f"MemoryOptimized_M{size}" for size in (10, 20)}
    compute = {f"ComputeOptimized_X{size}" for size in (3, 5, 10, 20)}
    assert balanced | memory | compute == MANAGED_SIZES_GB.keys()


@pytest.mark.parametrize("sku", ["Balanced_B50", "Balanced_B1000", "MemoryOptimized_M50", "ComputeOptimized_X700"])
@pytest.mark.parametrize("dedicated", [False, True])
def test_managed_refuses_a_size_over_25_gb(sku: str, dedicated: bool) -> None:
    (fault,) = faults(sku=sku, dedicatedBroker=dedicated)
    assert (fault.setting, fault.value) == ("redis.sku", sku)
    assert fault.rule == "Celery needs a cache without clustering, which holds at most 25 GB"
    assert "Balanced_B20" in fault.remedy


@pytest.mark.parametrize(
    "sku",
    ["B0", "balanced_b0", "Balanced_B7", "Balanced_B", "Balanced_B0 ", "MemoryOptimized_M0", "Enterprise_E10"],
)
def test_managed_refuses_an_unknown_size(sku: str) -> None:
    assert faults_of(sku=sku) == [("sku", "Azure Managed Redis has no such size")]


@pytest.mark.parametrize("sku", CLASSIC_SIZES)
def test_classic_accepts_its_sizes_and_managed_refuses_them(sku: str) -> None:
    assert faults_of(service="classic", sku=sku) == []
    (fault,) = faults(sku=sku)
    assert (fault.setting, fault.rule) == ("redis.sku", "the size belongs to classic")
    assert "set redis.service to classic" in fault.remedy


@pytest.mark.parametrize("sku", [*MANAGED_SIZES_GB, "Balanced_B50", "FlashOptimized_A250"])
def test_classic_refuses_the_sizes_of_managed(sku: str) -> None:
    (fault,) = faults(service="classic", sku=sku)
    assert (fault.setting, fault.rule) == ("redis.sku", "the size belongs to managed")
    assert "set redis.service to managed" in fault.remedy


@pytest.mark.parametrize(
    "sku", ["Basic_C7", "Standard_C7", "Premium_P0", "Premium_P6", "Premium_C1", "Basic_P1", "basic_c0", "C0", "Basic"]
)
def test_classic_refuses_an_unknown_size(sku: str) -> None:
    (fault,) = faults(service="classic", sku=sku)
    assert (fault.setting, fault.rule) == ("redis.sku", "Azure Cache for Redis has no such size")
    assert fault.remedy == "choose Basic_C0 to Basic_C6, Standard_C0 to Standard_C6 or Premium_P1 to Premium_P5"
    with pytest.raises(ValueError, match="choose Basic_C0"):
        classic_sku(sku)


def test_a_classic_size_has_three_parts() -> None:
    assert classic_sku("Standard_C1") == ClassicSku("Standard", "C", 1)
    assert classic_sku("Premium_P5") == ClassicSku("Premium", "P", 5)


POLICIES = {
    "AllKeysLFU": "allkeys-lfu",
    "AllKeysLRU": "allkeys-lru",
    "AllKeysRandom": "allkeys-random",
    "NoEviction": "noeviction",
    "VolatileLFU": "volatile-lfu",
    "VolatileLRU": "volatile-lru",
    "VolatileRandom": "volatile-random",
    "VolatileTTL": "volatile-ttl",
}
"""Redis's own policy names by those of Azure Managed Redis."""


@pytest.mark.parametrize("policy", get_args(EvictionPolicy))
def test_classic_uses_rediss_own_policy_names(policy: EvictionPolicy) -> None:
    assert redis_policy_name(policy) == POLICIES[policy]


def test_every_policy_of_redis_has_an_azure_name() -> None:
    assert {*get_args(EvictionPolicy)} == POLICIES.keys()
    for spelling in ("allkeys-lru", "volatilelru", "noEviction", ""):
        with pytest.raises(ValidationError):
            RedisPlan.model_validate({"evictionPolicy": spelling})


@pytest.mark.parametrize("service", ["managed", "classic"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_shared_cache_only_evicts_keys_with_a_time_to_live(service: str, policy: str) -> None:
    shared = faults_of(service=service, evictionPolicy=policy)
    drops_tasks = policy.startswith("AllKeys")
    assert [setting for setting, _ in shared] == (["evictionPolicy"] if drops_tasks else [])
    assert faults_of(service=service, evictionPolicy=policy, dedicatedBroker=True) == [], "the queue has its own cache"


@pytest.mark.parametrize("service", ["managed", "classic"])
def test_the_default_policy_depends_on_whether_the_queue_shares_the_cache(service: str) -> None:
    assert RedisPlan.model_validate({"service": service}).cache_policy == "VolatileLRU"
    assert RedisPlan.model_validate({"service": service, "dedicatedBroker": True}).cache_policy == "AllKeysLRU"
    assert RedisPlan.model_validate({"service": service, "evictionPolicy": "VolatileTTL"}).cache_policy == "VolatileTTL"


@pytest.mark.parametrize("dedicated", [False, True])
def test_managed_has_one_database_and_classic_gives_the_queue_its_own(dedicated: bool) -> None:
    assert RedisPlan.model_validate({"dedicatedBroker": dedicated}).broker_database == 0
    assert RedisPlan.model_validate({"service": "classic", "dedicatedBroker": dedicated}).broker_database == 1


@pytest.mark.parametrize(
    ("sku", "high_availability", "rule"),
    [
        ("Basic_C0", None, None),
        ("Basic_C0", False, None),
        ("Basic_C0", True, "Basic sizes have no replica"),
        (None, True, "Basic sizes have no replica"),
        ("Standard_C0", None, None),
        ("Standard_C0", True, None),
        ("Standard_C0", False, "Standard sizes always have a replica"),
        ("Premium_P1", True, None),
        ("Premium_P1", False, "Premium sizes always have a replica"),
    ],
)
def test_on_classic_the_size_determines_high_availability(
    sku: str | None, high_availability: bool | None, rule: str | None
) -> None:
    rules = faults_of(service="classic", sku=sku, highAvailability=high_availability)
    assert rules == ([("highAvailability", rule)] if rule else [])


@pytest.mark.parametrize("high_availability", [None, False, True])
def test_on_managed_high_availability_is_optional(high_availability: bool | None) -> None:
    for sku in MANAGED_SIZES_GB:
        assert faults_of(sku=sku, highAvailability=high_availability) == []


@pytest.mark.parametrize("key", ["primary", "secondary"])
def test_the_active_key_is_one_of_the_two(key: str) -> None:
    assert RedisPlan.model_validate({"activeKey": key}).active_key == key
    with pytest.raises(ValidationError):
        RedisPlan.model_validate({"activeKey": key.upper()})
