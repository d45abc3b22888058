"""What server each cache is to have, by its size and settings."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_azure.core import faults, provisioning
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault
from local_azure.core.ids import ArmId
from local_azure.data_plane.redis.configuration import Administration, ServerFiles, configuration, user_rules
from local_azure.data_plane.redis.desired_state import RedisPlan, redis_plans
from modules.landscape import Landscape
from modules.timed import Timed

GIGABYTE = 1024**3


@pytest.fixture
def landscape(tmp_path: Path) -> Iterator[Landscape]:
    landscape = Landscape(tmp_path / "state.sqlite").with_network()
    yield landscape
    landscape.model.store.close()


def plans(landscape: Landscape) -> list[RedisPlan]:
    with landscape.model.store.transaction() as transaction:
        return redis_plans(transaction)


def classic(landscape: Landscape, size: str, **properties: Any) -> RedisPlan:
    tier = "Premium" if size[0] == "P" else "Standard"
    sku = {"name": tier, "family": size[0], "capacity": int(size[1])}
    landscape.put(landscape.classic, {"sku": sku, **properties})
    [plan] = plans(landscape)
    return plan


def managed(landscape: Landscape, size: str = "Balanced_B0", **properties: Any) -> RedisPlan:
    landscape.put(landscape.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": size})
    landscape.put(landscape.database, {"accessKeysAuthentication": "Enabled", **properties}, location=None)
    [plan] = plans(landscape)
    return plan


@pytest.mark.parametrize(
    ("size", "gigabytes", "databases", "clients"),
    [("C0", 0.25, 16, 256), ("C1", 1, 16, 1000), ("C4", 13, 32, 10000), ("C6", 53, 64, 20000), ("P1", 6, 16, 7500)],
)
def test_the_sizes_of_the_classic_service(
    landscape: Landscape, size: str, gigabytes: float, databases: int, clients: int
) -> None:
    plan = classic(landscape, size)
    assert (plan.max_memory, plan.databases, plan.max_clients) == (int(gigabytes * GIGABYTE), databases, clients)
    assert (plan.tls_port, plan.plain_port, plan.is_cluster) == (6380, None, False)
    assert (plan.eviction, plan.tls_protocols) == ("volatile-lru", "TLSv1.2 TLSv1.3")


def test_a_classic_cache_in_shards_is_a_cluster_with_one_database(landscape: Landscape) -> None:
    plan = classic(landscape, "P1", shardCount=3)
    assert (plan.max_memory, plan.databases, plan.clustering, plan.nodes) == (18 * GIGABYTE, 1, "OSSCluster", 3)
    assert plan.settings["maxmemory"] == str(6 * GIGABYTE), "each server has its share"
    assert plan.first_node_port == 15000


def test_the_settings_of_a_classic_cache(landscape: Landscape) -> None:
    plan = classic(
        landscape,
        "C1",
        enableNonSslPort=True,
        minimumTlsVersion="1.0",
        redisConfiguration={
            "maxmemory-policy": "allkeys-lfu",
            "maxmemory-reserved": "50",
            "maxfragmentationmemory-reserved": "50",
            "notify-keyspace-events": "KEA",
        },
    )
    assert plan.plain_port == 6379
    assert plan.max_memory == GIGABYTE - 100 * 1024**2
    assert plan.settings["maxmemory-policy"] == "allkeys-lfu"
    assert plan.settings["notify-keyspace-events"] == "KEA"
    assert plan.settings["tls-protocols"].split()[0] == "TLSv1"


@pytest.mark.parametrize(
    ("size", "gigabytes"),
    [("Balanced_B0", 0.5), ("Balanced_B5", 6), ("MemoryOptimized_M10", 12), ("ComputeOptimized_X3", 3)],
)
def test_a_managed_cache_has_four_fifths_of_its_size_and_one_database(
    landscape: Landscape, size: str, gigabytes: float
) -> None:
    plan = managed(landscape, size, clusteringPolicy="NoCluster")
    assert (plan.max_memory, plan.databases) == (int(0.8 * gigabytes * GIGABYTE), 1)
    assert (plan.host, plan.tls_port, plan.plain_port) == ("red.westeurope.redis.azure.net", 10000, None)


@pytest.mark.parametrize(
    ("azure", "redis"),
    [
        ("AllKeysLRU", "allkeys-lru"),
        ("VolatileTTL", "volatile-ttl"),
        ("VolatileRandom", "volatile-random"),
        ("NoEviction", "noeviction"),
    ],
)
def test_eviction_policies_by_redis_own_names(landscape: Landscape, azure: str, redis: str) -> None:
    assert managed(landscape, evictionPolicy=azure).eviction == redis


@pytest.mark.parametrize(
    ("size", "policy", "is_cluster", "nodes", "sees"),
    [
        ("Balanced_B5", "NoCluster", False, 1, "+cluster|slots"),
        ("Balanced_B5", "EnterpriseCluster", True, 1, "-cluster"),
        ("Balanced_B1", "OSSCluster", True, 1, "+cluster|shards"),
        ("Balanced_B3", "OSSCluster", True, 2, "+cluster|shards"),
    ],
)
def test_what_a_clustering_policy_makes_of_a_cache(
    landscape: Landscape, size: str, policy: str, is_cluster: bool, nodes: int, sees: str
) -> None:
    plan = managed(landscape, size, clusteringPolicy=policy)
    assert (plan.is_cluster, plan.nodes, plan.first_node_port) == (is_cluster, nodes, 8500)
    rules = user_rules(plan)
    assert sees in rules
    assert (policy == "EnterpriseCluster") == (not any(rule.startswith("+cluster") for rule in rules))


def test_a_plaintext_database_speaks_no_tls(landscape: Landscape) -> None:
    plan = managed(landscape, clientProtocol="Plaintext")
    assert (plan.tls_port, plan.plain_port) == (None, 10000)
    assert "tls-protocols" not in plan.settings


def test_a_cluster_without_its_database_has_no_server(landscape: Landscape) -> None:
    landscape.put(landscape.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": "Balanced_B0"})
    assert plans(landscape) == []


@pytest.mark.parametrize("resource", ["cache", "database"])
def test_a_cache_that_is_still_being_created_or_could_not_be_has_no_server(landscape: Landscape, resource: str) -> None:
    managed(landscape)
    key = ArmId.parse(getattr(landscape, resource))
    store = landscape.model.store

    def record(kind: str, seconds: float, error: AzureError | None = None) -> None:
        with store.transaction() as transaction:
            provisioning.record(transaction, key, kind, transaction.now + timedelta(seconds=seconds), (), error)

    record("create", 60)
    assert plans(landscape) == []
    record("create", -1, AzureError("SkuNotAvailable", "none left"))
    assert plans(landscape) == []
    record("create", -1)
    assert len(plans(landscape)) == 1
    record("delete", 60)
    assert len(plans(landscape)) == 1, "it serves until it is gone"


@pytest.mark.parametrize(("availability", "loses"), [("Enabled", False), ("Disabled", True)])
def test_only_a_managed_cache_with_high_availability_keeps_its_data_when_it_is_resized(
    landscape: Landscape, availability: str, loses: bool
) -> None:
    given = {"publicNetworkAccess": "Disabled", "highAvailability": availability}

    def resize(size: str) -> RedisPlan:
        landscape.put(landscape.cache, given, sku={"name": size})
        [plan] = plans(landscape)
        return plan

    landscape.put(landscape.cache, given, sku={"name": "Balanced_B0"})
    landscape.put(landscape.database, {"accessKeysAuthentication": "Enabled"}, location=None)
    [first] = plans(landscape)
    assert resize("Balanced_B0").created == first.created, "a PUT of the same size changes nothing"
    larger = resize("Balanced_B1")
    assert (larger.created != first.created) == loses
    assert resize("Balanced_B1").created == larger.created
    with landscape.model.store.transaction() as transaction:
        key = ArmId.parse(landscape.cache)
        provisioning.record(transaction, key, "update", transaction.now + timedelta(seconds=60), ())
    assert not resize_is_down(landscape), "an update of another kind takes no cache away"


def resize_is_down(landscape: Landscape) -> bool:
    [plan] = plans(landscape)
    return plan.is_down


@pytest.mark.parametrize(("tier", "loses"), [("Basic", True), ("Standard", False)])
def test_a_basic_cache_loses_its_data_when_it_is_resized(landscape: Landscape, tier: str, loses: bool) -> None:
    def resize(capacity: int) -> RedisPlan:
        landscape.put(landscape.classic, {"sku": {"name": tier, "family": "C", "capacity": capacity}})
        [plan] = plans(landscape)
        return plan

    assert (resize(1).created != resize(2).created) == loses


def test_a_cache_without_high_availability_is_away_while_it_is_resized(tmp_path: Path) -> None:
    timed = Timed(tmp_path / "timed.sqlite")
    sku = {"sku": {"name": "Balanced_B0"}, "location": "westeurope"}
    timed.put(timed.group)
    timed.put(timed.cache, {"highAvailability": "Disabled"}, **sku)
    timed.put(timed.database, {"accessKeysAuthentication": "Enabled"}, location=None)
    target = ArmId.parse(timed.cache)
    body = {**sku, "sku": {"name": "Balanced_B1"}, "properties": {"highAvailability": "Disabled"}}
    timed.model.put(target, body, outcome=timed.model.evaluate_faults("put", target))
    assert resize_is_down(timed)
    timed.complete_operations()
    assert not resize_is_down(timed)


def test_keys_are_hashes_and_without_key_authentication_there_are_none(landscape: Landscape) -> None:
    plan = managed(landscape)
    keys = landscape.action(landscape.database, "listKeys").values()
    files = ServerFiles(Path("/data"), Path("/certificate"), Path("/key"))
    text = configuration(plan, 0, Administration("ab" * 32, {"CONFIG": "CONFIG-x"}), files, {10000: 40000, 0: 40001})
    assert not any(key in text or key in repr(plan) for key in keys)
    assert text.count('"#') == 3, "the administrator's and the two keys"
    assert user_rules(plan)[0] == "on"
    assert user_rules(managed(landscape, accessKeysAuthentication="Disabled"))[:2] == ["off", "~*"]


def test_words_of_the_configuration_are_quoted(landscape: Landscape) -> None:
    files = ServerFiles(Path('/a "b" \\c'), Path("/certificate"), Path("/key"))
    plan = managed(landscape, clusteringPolicy="NoCluster")
    text = configuration(plan, 0, Administration("ab" * 32, {}), files, {10000: 1})
    assert '"dir" "/a \\"b\\" \\\\c"\n' in text


@pytest.mark.parametrize(
    ("kind", "policy", "is_down", "is_full"),
    [
        ("redis-down", "NoEviction", True, False),
        ("redis-full", "NoEviction", False, True),
        ("redis-full", "VolatileLRU", False, True),
        ("redis-full", "AllKeysLRU", False, False),
    ],
)
def test_faults(landscape: Landscape, kind: Any, policy: str, is_down: bool, is_full: bool) -> None:
    managed(landscape, evictionPolicy=policy)
    with landscape.model.store.transaction() as transaction:
        faults.add(transaction, Fault(kind, "Microsoft.Cache/*", "re?"), None)
    [plan] = plans(landscape)
    assert (plan.is_down, plan.max_memory == 1) == (is_down, is_full)
    landscape.put(landscape.database, landscape.get(landscape.database).properties, location=None)
    with landscape.model.store.transaction() as transaction:
        assert len(faults.active(transaction)) == 1, "an operation does not use it up"
