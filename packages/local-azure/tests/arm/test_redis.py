"""Microsoft's clients of both Redis services."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.redis import RedisManagementClient
from azure.mgmt.redisenterprise import RedisEnterpriseManagementClient

from arm.landscape import GROUP, Azure

CACHE = "red-westeurope-magictoolbox-01"


@pytest.fixture
def classic(azure: Azure, deployed: dict[str, str]) -> RedisManagementClient:
    return azure.client(RedisManagementClient)


@pytest.fixture
def managed(azure: Azure, deployed: dict[str, str]) -> RedisEnterpriseManagementClient:
    return azure.client(RedisEnterpriseManagementClient)


def test_a_cache_reads_back_as_it_was_asked_for(classic: RedisManagementClient, deployed: dict[str, str]) -> None:
    cache = classic.redis.get(GROUP, CACHE)
    assert cache.id == deployed["redis"]
    assert cache.type == "Microsoft.Cache/redis"
    assert cache.location == "westeurope"
    assert (cache.sku.name, cache.sku.family, cache.sku.capacity) == ("Basic", "C", 0)
    assert cache.host_name == f"{CACHE}.redis.cache.windows.net"
    assert (cache.ssl_port, cache.enable_non_ssl_port, cache.minimum_tls_version) == (6380, False, "1.2")
    assert cache.public_network_access == "Disabled"
    assert cache.provisioning_state == "Succeeded"
    assert [one.private_endpoint.id for one in cache.private_endpoint_connections] == [deployed["endpoint"]]


def test_caches_are_listed_by_group_and_by_subscription(classic: RedisManagementClient) -> None:
    assert [one.name for one in classic.redis.list_by_resource_group(GROUP)] == [CACHE]
    assert [one.name for one in classic.redis.list_by_subscription()] == [CACHE]


def test_a_regenerated_key_is_the_only_one_that_changes(classic: RedisManagementClient) -> None:
    before = classic.redis.list_keys(GROUP, CACHE)
    after = classic.redis.regenerate_key(GROUP, CACHE, {"keyType": "Primary"})
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key
    assert classic.redis.list_keys(GROUP, CACHE).primary_key == after.primary_key


def test_a_cache_is_created_changed_and_deleted(classic: RedisManagementClient) -> None:
    made = classic.redis.begin_create(
        GROUP,
        "second",
        {
            "location": "West Europe",
            "properties": {"sku": {"name": "Standard", "family": "C", "capacity": 1}, "minimumTlsVersion": "1.2"},
        },
    ).result()
    assert (made.name, made.location, made.provisioning_state) == ("second", "westeurope", "Succeeded")
    changed = classic.redis.begin_update(
        GROUP, "second", {"properties": {"redisConfiguration": {"maxmemory-policy": "noeviction"}}}
    ).result()
    assert changed.redis_configuration.maxmemory_policy == "noeviction"
    assert changed.sku.name == "Standard", "what a PATCH leaves out stays"
    classic.redis.begin_delete(GROUP, "second").result()
    with pytest.raises(ResourceNotFoundError) as refused:
        classic.redis.get(GROUP, "second")
    assert refused.value.error
    assert refused.value.error.code == "ResourceNotFound"


def test_a_taken_cache_name_is_refused_with_azures_code(classic: RedisManagementClient) -> None:
    cache = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    classic.redis.begin_create(GROUP, "mine", cache).result()
    with pytest.raises(HttpResponseError) as refused:
        classic.redis.begin_create("another", "mine", cache).result()
    assert refused.value.error
    assert refused.value.error.code == "ResourceGroupNotFound"


def test_a_bad_enum_value_is_refused_with_its_path(classic: RedisManagementClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        classic.redis.begin_create(
            GROUP,
            "bad",
            {"location": "westeurope", "properties": {"sku": {"name": "Huge", "family": "C", "capacity": 0}}},
        )
    assert refused.value.error
    assert refused.value.error.code == "InvalidRequestContent"
    assert "sku.name" in str(refused.value)


def test_a_cluster_and_its_database_read_back(
    managed: RedisEnterpriseManagementClient, deployed: dict[str, str]
) -> None:
    cluster = managed.redis_enterprise.get(GROUP, "amr-dev")
    assert (cluster.id, cluster.sku.name) == (deployed["cluster"], "Balanced_B0")
    assert cluster.host_name == "amr-dev.westeurope.redis.azure.net"
    assert [one.name for one in managed.redis_enterprise.list()] == ["amr-dev"]
    assert [one.name for one in managed.redis_enterprise.list_by_resource_group(GROUP)] == ["amr-dev"]
    database = managed.databases.get(GROUP, "amr-dev", "default")
    assert (database.port, database.clustering_policy, database.client_protocol) == (10000, "NoCluster", "Encrypted")
    assert [one.name for one in managed.databases.list_by_cluster(GROUP, "amr-dev")] == ["default"]


def test_database_keys_are_listed_and_regenerated(managed: RedisEnterpriseManagementClient) -> None:
    before = managed.databases.list_keys(GROUP, "amr-dev", "default")
    after = managed.databases.begin_regenerate_key(GROUP, "amr-dev", "default", {"keyType": "Secondary"}).result()
    assert (after.primary_key, after.secondary_key != before.secondary_key) == (before.primary_key, True)


def test_keys_are_refused_while_key_authentication_is_off(managed: RedisEnterpriseManagementClient) -> None:
    managed.databases.begin_update(
        GROUP, "amr-dev", "default", {"properties": {"accessKeysAuthentication": "Disabled"}}
    ).result()
    with pytest.raises(HttpResponseError) as refused:
        managed.databases.list_keys(GROUP, "amr-dev", "default")
    assert refused.value.error
    assert refused.value.error.code


def test_a_cluster_is_created_and_deleted(managed: RedisEnterpriseManagementClient) -> None:
    cluster = {
        "location": "westeurope",
        "sku": {"name": "Balanced_B1"},
        "properties": {"publicNetworkAccess": "Disabled", "minimumTlsVersion": "1.2"},
    }
    assert managed.redis_enterprise.begin_create(GROUP, "amr-two", cluster).result().provisioning_state == "Succeeded"
    database = {"properties": {"clientProtocol": "Encrypted", "port": 10000}}
    managed.databases.begin_create(GROUP, "amr-two", "default", database).result()
    managed.databases.begin_delete(GROUP, "amr-two", "default").result()
    managed.redis_enterprise.begin_delete(GROUP, "amr-two").result()
    assert [one.name for one in managed.redis_enterprise.list()] == ["amr-dev"]
