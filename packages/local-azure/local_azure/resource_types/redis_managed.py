"""Azure Managed Redis: the cluster and its database."""

from __future__ import annotations

from collections.abc import Iterable

from local_azure.core import provisioning
from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.allowed_values import one_of
from local_azure.resource_types.base import (
    Action,
    Change,
    Claim,
    Inputs,
    Keys,
    NameRule,
    PrivateLink,
    Request,
    ResourceType,
    name_taken,
)
from local_azure.resource_types.generated import access_key
from local_azure.resource_types.private_endpoint import endpoint_connections
from local_azure.resource_types.redis_data import record_resize

CLUSTER_TYPE = "Microsoft.Cache/redisEnterprise"
DATABASE_TYPE = f"{CLUSTER_TYPE}/databases"
_NAME = NameRule(r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "1 to 60 letters, digits and single '-' between them")

_SIZES: dict[str, tuple[int, ...]] = {
    "Balanced_B": (0, 1, 3, 5, 10, 20, 50, 100, 150, 250, 350, 500, 700, 1000),
    "MemoryOptimized_M": (10, 20, 50, 100, 150, 250, 350, 500, 700, 1000, 1500, 2000),
    "ComputeOptimized_X": (3, 5, 10, 20, 50, 100, 150, 250, 350, 500, 700),
    "FlashOptimized_A": (250, 500, 700, 1000, 1500, 2000, 4500),
}
"""The sizes on offer: `SkuName` in azure-rest-api-specs, specification/redisenterprise/.../2025-07-01. Those of the
older Enterprise tiers, which are in it too, cannot be created any more: https://github.com/langchain-ai/terraform/pull/107."""
_LARGEST_WITHOUT_CLUSTER = 20
"""The number of the largest size of up to 25 GB: https://learn.microsoft.com/azure/redis/architecture."""
_FLASH = "FlashOptimized"

_CLUSTER_SETTLES = 30.0
_DATABASE_SETTLES = 15.0
"""Operations end before `resourceState` is Running: azurerm waits for it after each (cluster_state_poller in
internal/services/managedredis), https://github.com/Azure/azure-cli/issues/21448 has the conflict for the older service.
For how many seconds, and that each following request is refused meanwhile, are assumptions."""


def _number(size: str) -> int:
    return int("".join(filter(str.isdigit, size.rsplit("_", 1)[-1])) or 0)


def _host(cluster: Resource) -> str:
    return str(cluster.properties["hostName"])


# -- clusters


def _size_is_on_offer(change: Change) -> None:
    size = str(change.desires("sku.name"))
    known = {f"{tier}{number}".lower() for tier, numbers in _SIZES.items() for number in numbers}
    if size.lower() not in known:
        raise AzureError(
            "BadRequest",
            f"The SKU '{size}' is not supported; Azure Managed Redis has Balanced_B*, MemoryOptimized_M*, "
            "ComputeOptimized_X* and FlashOptimized_A*.",
            target="sku.name",
        )
    if change.desires("sku.capacity") is not None:
        raise AzureError(
            "BadRequest",
            f"The SKU '{size}' takes no capacity; only the Enterprise tiers did.",
            target="sku.capacity",
        )


def _size_takes_no_zones(change: Change) -> None:
    """Refuse zones where the size takes none.

    Source: https://github.com/langchain-ai/terraform/pull/107.
    """
    if as_list(change.desires("zones")):
        raise AzureError(
            "BadRequest",
            f"Specifying zones for SKU '{change.desires('sku.name')}' is not supported. Zone redundancy is enabled by "
            "default for this SKU in regions with zones.",
            target="zones",
        )


def _high_availability_stays(change: Change) -> None:
    """`highAvailability` in azure-rest-api-specs, specification/redisenterprise/.../2025-07-01: enabled by default;
    https://learn.microsoft.com/azure/redis/high-availability: it can be turned on later, never off."""
    earlier = change.existing.properties.get("highAvailability") if change.existing else None
    if earlier == "Enabled" and change.desires("properties.highAvailability") == "Disabled":
        raise AzureError(
            "BadRequest",
            "High availability cannot be disabled once it is enabled; another cluster is needed.",
            target="properties.highAvailability",
        )


def _scales_within_bounds(change: Change) -> None:
    """Enforce Azure's rule: never between memory and flash; without clustering up to 25 GB.

    Source: https://learn.microsoft.com/azure/redis/how-to-scale.
    """
    earlier = get(change.existing.body, "sku.name") if change.existing else None
    asked = str(change.desires("sku.name"))
    if not earlier or earlier == asked:
        return
    if earlier.startswith(_FLASH) != asked.startswith(_FLASH):
        raise AzureError(
            "BadRequest", f"Scaling from '{earlier}' to '{asked}' is not supported between tiers.", target="sku.name"
        )
    database = change.transaction.get(change.id.child("databases", "default"))
    if database and _exceeds_policy(asked, database.properties):
        raise _too_large(asked, "sku.name")


def _exceeds_policy(size: str, database: JsonObject) -> bool:
    return database.get("clusteringPolicy") == "NoCluster" and _number(size) > _LARGEST_WITHOUT_CLUSTER


def _too_large(size: str, target: str) -> AzureError:
    return AzureError(
        "BadRequest",
        f"The clustering policy 'NoCluster' is not supported for SKU '{size}'; it takes one of 25 GB or less.",
        target=target,
    )


_CAPACITY_FAILURES = frozenset({"AllocationFailed", "InsufficientCapacity", "OperationFailed"})


def _failed_creation_stays_failed(change: Change) -> None:
    """Refuse a write of a cluster for which Azure had no capacity: it stays in the state Failed until it is deleted.

    Source: https://github.com/Azure-Samples/ai-hub-gateway-solution-accelerator/issues/108,
    https://github.com/langchain-ai/terraform/issues/258, https://github.com/microsoft/aspire/issues/19174.
    """
    earlier = provisioning.recorded(change.transaction).get(change.id.key)
    error = earlier.error() if earlier and earlier.kind == "create" else None
    if change.existing and error and error.code in _CAPACITY_FAILURES:
        raise conflict("A resource with this name already exists or is in a conflicting state.", "Conflict")


class RedisEnterprise(ResourceType):
    """https://learn.microsoft.com/rest/api/redis/redisenterprisecache"""

    token = "azure-native:redisenterprise:RedisEnterprise"
    arm_type = CLUSTER_TYPE
    inputs = Inputs(name="clusterName")
    shape = BodyShape(nested=("privateEndpointConnections[*]",))
    name_rule = _NAME
    rules = (
        _failed_creation_stays_failed,
        _size_is_on_offer,
        _size_takes_no_zones,
        one_of("properties.highAvailability", "Enabled", "Disabled"),
        one_of("properties.minimumTlsVersion", "1.0", "1.1", "1.2"),
        one_of("properties.publicNetworkAccess", "Enabled", "Disabled"),
        _high_availability_stays,
        _scales_within_bounds,
    )
    busy_seconds = _CLUSTER_SETTLES
    private_links = (PrivateLink("redisEnterprise", "privatelink.redis.azure.net", "redis.azure.net", _host),)

    def claims(self, change: Change) -> Iterable[Claim]:
        host = _host_name(change)
        yield name_taken(change.id.name, host, "NameNotAvailable", "The cluster name")

    def complete(self, change: Change) -> None:
        earlier = change.existing
        record_resize(
            change,
            loses_data=earlier is not None
            and change.changed("sku.name")
            and earlier.properties.get("highAvailability") == "Disabled",
        )
        change.properties["hostName"] = _host_name(change)
        available = change.default("properties.highAvailability", "Enabled")
        change.default("properties.minimumTlsVersion", "1.2")
        change.default("properties.publicNetworkAccess", "Enabled")
        change.properties.update(
            {
                "redisVersion": "7.4",
                "resourceState": "Running",
                "redundancyMode": "None" if available == "Disabled" else "LR",
            }
        )
        change.body["kind"] = "v2"

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        resource.properties["privateEndpointConnections"] = endpoint_connections(resource, transaction)
        return resource.body


def _host_name(change: Change) -> str:
    return f"{change.id.name}.{change.location}.redis.azure.net".lower()


# -- databases


_KEYS = Keys()
_MODULES = ("RediSearch", "RedisBloom", "RedisJSON", "RedisTimeSeries")


def _keys_are_in_use(request: Request) -> None:
    if request.resource.properties.get("accessKeysAuthentication") != "Enabled":
        raise AzureError(
            "AccessKeysDisabled",
            f"The keys of {request.resource.id} cannot be listed or regenerated while its access keys authentication "
            "is disabled.",
            target="properties.accessKeysAuthentication",
        )


def _list_keys(request: Request) -> JsonObject:
    _keys_are_in_use(request)
    return _KEYS.list(request)


def _regenerate_key(request: Request) -> JsonObject:
    _keys_are_in_use(request)
    return _KEYS.regenerate(request, access_key)


def _policy_fits_the_size(change: Change) -> None:
    """Check that a cache without clustering has at most 25 GB.

    Source: https://learn.microsoft.com/azure/redis/architecture.
    """
    cluster = change.transaction.get(change.id.parent) if change.id.parent else None
    size = str(get(cluster.body, "sku.name")) if cluster else ""
    if _exceeds_policy(size, as_object(change.desired.get("properties"))):
        raise _too_large(size, "properties.clusteringPolicy")


def _policy_changes_only_from_none(change: Change) -> None:
    """`clusteringPolicy` in azure-rest-api-specs, specification/redisenterprise/.../2025-07-01: it can be updated only
    if the current value is NoCluster."""
    earlier = change.existing.properties.get("clusteringPolicy") if change.existing else None
    asked = change.desires("properties.clusteringPolicy")
    if earlier in ("OSSCluster", "EnterpriseCluster") and asked not in (None, earlier):
        raise AzureError(
            "BadRequest",
            f"The clustering policy '{earlier}' cannot be changed to '{asked}' without deleting the database.",
            target="properties.clusteringPolicy",
        )


def _modules_fit(change: Change) -> None:
    """Check that each module has the size and policies that it needs.

    Source: https://learn.microsoft.com/azure/redis/redis-modules.
    """
    for at, module in find(change.desired, "properties.modules[*].name"):
        if module not in _MODULES:
            raise AzureError("BadRequest", f"The module '{module}' is not one of {', '.join(_MODULES)}.", target=at)
        if module != "RediSearch":
            continue
        if change.desires("properties.clusteringPolicy", "OSSCluster") == "OSSCluster":
            raise AzureError(
                "BadRequest",
                "The module 'RediSearch' is not supported with the clustering policy 'OSSCluster'; it needs "
                "'EnterpriseCluster'.",
                target="properties.clusteringPolicy",
            )
        if change.desires("properties.evictionPolicy", "VolatileLRU") != "NoEviction":
            raise AzureError(
                "BadRequest",
                "The module 'RediSearch' needs the eviction policy 'NoEviction'.",
                target="properties.evictionPolicy",
            )


def _one_way_to_persist(change: Change) -> None:
    """Check that data is persisted by append-only file or by snapshots, not by both.

    Source: https://learn.microsoft.com/azure/redis/how-to-persistence.
    """
    ways = as_object(change.desires("properties.persistence"))
    if ways.get("aofEnabled") and ways.get("rdbEnabled"):
        raise AzureError(
            "BadRequest",
            "Persistence by append-only file and by snapshots cannot both be enabled.",
            target="properties.persistence",
        )


class Database(ResourceType):
    """https://learn.microsoft.com/rest/api/redis/redisenterprisecache/databases: one, named `default`."""

    token = "azure-native:redisenterprise:Database"
    arm_type = DATABASE_TYPE
    inputs = Inputs(name="databaseName", parents=("clusterName",))
    name_rule = NameRule("default", "'default', the one database that a cluster has", code="InvalidDatabaseName")
    create_only = ("properties.port", "properties.modules", "properties.geoReplication")
    rules = (
        one_of("properties.accessKeysAuthentication", "Enabled", "Disabled"),
        one_of("properties.clientProtocol", "Encrypted", "Plaintext"),
        one_of("properties.clusteringPolicy", "EnterpriseCluster", "NoCluster", "OSSCluster"),
        one_of(
            "properties.evictionPolicy",
            *("AllKeysLFU", "AllKeysLRU", "AllKeysRandom", "NoEviction"),
            *("VolatileLFU", "VolatileLRU", "VolatileRandom", "VolatileTTL"),
        ),
        _policy_fits_the_size,
        _policy_changes_only_from_none,
        _modules_fit,
        _one_way_to_persist,
    )
    busy_seconds = _DATABASE_SETTLES
    actions = (
        Action("listKeys", _list_keys, functions=("listDatabaseKeys",)),
        Action("regenerateKey", _regenerate_key),
    )
    tracked = False

    def locks(self, resource_id: ArmId) -> Iterable[str]:
        """Return the cluster: it takes one write at a time, its database's included."""
        return (resource_id.parent.key,) if resource_id.parent else ()

    def complete(self, change: Change) -> None:
        for name, value in {
            "accessKeysAuthentication": "Disabled",
            "clientProtocol": "Encrypted",
            "clusteringPolicy": "OSSCluster",
            "deferUpgrade": "NotDeferred",
            "evictionPolicy": "VolatileLRU",
            "port": 10000,
        }.items():
            earlier = change.existing.properties.get(name) if change.existing else None
            change.default(f"properties.{name}", earlier or value)
        change.properties.update({"redisVersion": "7.4", "resourceState": "Running"})
        _KEYS.make(change, access_key)


TYPES = (RedisEnterprise(), Database())
