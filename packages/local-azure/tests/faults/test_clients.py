"""Faults and latency as Microsoft's own clients meet them on the Resource Manager endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.redis import RedisManagementClient

from arm.landscape import GROUP, LOCATION, Azure, running
from local_azure.core import faults, options
from local_azure.core.faults import Fault

CACHE = {"location": LOCATION, "properties": {"sku": {"name": "Standard", "family": "C", "capacity": 1}}}
CACHES = "Microsoft.Cache/redis"


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    with running(tmp_path) as found:
        found.make_group()
        yield found


@pytest.fixture
def redis(azure: Azure) -> RedisManagementClient:
    return azure.client(RedisManagementClient, polling_interval=0.2, retry_total=3, retry_backoff_factor=0.1)


def add(azure: Azure, fault: Fault, times: int | None = 1) -> None:
    with azure.model.store.transaction() as transaction:
        faults.add(transaction, fault, times)


def test_a_refusal_has_azures_code(azure: Azure, redis: RedisManagementClient) -> None:
    add(azure, Fault("fail", type=CACHES, code="SkuNotAvailable", message="Not here."))
    with pytest.raises(HttpResponseError) as refused:
        redis.redis.begin_create(GROUP, "cache", CACHE)
    assert refused.value.status_code == 409
    assert refused.value.error
    assert (refused.value.error.code, refused.value.error.message) == ("SkuNotAvailable", "Not here.")
    assert redis.redis.begin_create(GROUP, "cache", CACHE).result().provisioning_state == "Succeeded"


def test_a_throttled_client_comes_back_by_itself(azure: Azure, redis: RedisManagementClient) -> None:
    add(azure, Fault("throttle", operation="any", code="TooManyRequests", status=429, retry_after=1), times=2)
    assert redis.redis.begin_create(GROUP, "cache", CACHE).result().name == "cache"
    with azure.model.store.transaction() as transaction:
        assert faults.active(transaction) == []


def test_an_action_fails_by_its_name(azure: Azure, redis: RedisManagementClient) -> None:
    redis.redis.begin_create(GROUP, "cache", CACHE).result()
    add(azure, Fault("fail", operation="listKeys", code="AuthorizationFailed"))
    with pytest.raises(HttpResponseError) as refused:
        redis.redis.list_keys(GROUP, "cache")
    assert refused.value.status_code == 403
    assert redis.redis.list_keys(GROUP, "cache").primary_key


def test_an_operation_is_polled_until_its_time_is_over(azure: Azure, redis: RedisManagementClient) -> None:
    add(azure, Fault("slow", type=CACHES, seconds=2), times=2)
    creation = redis.redis.begin_create(GROUP, "cache", CACHE)
    assert not creation.done()
    assert redis.redis.get(GROUP, "cache").provisioning_state == "Creating"
    with pytest.raises(ResourceExistsError) as refused:  # the client's class for a status of 409
        redis.redis.begin_create(GROUP, "cache", CACHE)
    assert refused.value.error
    assert refused.value.error.code == "Conflict"
    assert creation.result().provisioning_state == "Succeeded"


def test_a_deletion_is_seen_until_it_is_done(azure: Azure, redis: RedisManagementClient) -> None:
    redis.redis.begin_create(GROUP, "cache", CACHE).result()
    add(azure, Fault("slow", operation="delete", seconds=2))
    deletion = redis.redis.begin_delete(GROUP, "cache")
    assert redis.redis.get(GROUP, "cache").provisioning_state == "Deleting"
    deletion.result()
    assert list(redis.redis.list_by_resource_group(GROUP)) == []


def test_what_was_accepted_and_fails_ends_the_polling_with_its_code(azure: Azure, redis: RedisManagementClient) -> None:
    add(azure, Fault("fail", type=CACHES, code="NoCapacity", message="None left.", stage="accepted"))
    with pytest.raises(HttpResponseError) as failed:
        redis.redis.begin_create(GROUP, "cache", CACHE).result()
    assert "(NoCapacity) None left." in str(failed.value)
    assert redis.redis.get(GROUP, "cache").provisioning_state == "Failed"


def test_what_is_answered_when_done_takes_its_time_too(azure: Azure) -> None:
    identities = azure.client(ManagedServiceIdentityClient)
    add(azure, Fault("slow", seconds=0.5))
    assert identities.user_assigned_identities.create_or_update(GROUP, "one", {"location": LOCATION}).name == "one"
    assert azure.model.progress(azure.id("Microsoft.ManagedIdentity/userAssignedIdentities", "one")) == (0.0, None)


def test_latency_holds_for_clients_as_well(azure: Azure, redis: RedisManagementClient) -> None:
    with azure.model.store.transaction() as transaction:
        options.change(transaction, latency="azure", speedup=1000.0)
    creation = redis.redis.begin_create(GROUP, "cache", CACHE)
    assert redis.redis.get(GROUP, "cache").provisioning_state == "Creating"
    assert creation.result().provisioning_state == "Succeeded"
