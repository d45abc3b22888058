"""Azure Cache for Redis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_azure.core import options
from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.resource_types.allowed_values import between, one_of
from local_azure.resource_types.base import (
    Action,
    Change,
    Claim,
    Inputs,
    Keys,
    NameRule,
    PrivateLink,
    Reference,
    Request,
    ResourceType,
    name_taken,
)
from local_azure.resource_types.generated import access_key
from local_azure.resource_types.network import SUBNET_IN_USE, SUBNET_TYPE
from local_azure.resource_types.private_endpoint import endpoint_connections
from local_azure.resource_types.redis_data import record_resize

_CONFIGURATION = {
    "aadEnabled": "aad-enabled",
    "aofBackupEnabled": "aof-backup-enabled",
    "aofStorageConnectionString0": "aof-storage-connection-string-0",
    "aofStorageConnectionString1": "aof-storage-connection-string-1",
    "maxfragmentationmemoryReserved": "maxfragmentationmemory-reserved",
    "maxmemoryDelta": "maxmemory-delta",
    "maxmemoryPolicy": "maxmemory-policy",
    "maxmemoryReserved": "maxmemory-reserved",
    "notifyKeyspaceEvents": "notify-keyspace-events",
    "preferredDataArchiveAuthMethod": "preferred-data-archive-auth-method",
    "preferredDataPersistenceAuthMethod": "preferred-data-persistence-auth-method",
    "rdbBackupEnabled": "rdb-backup-enabled",
    "rdbBackupFrequency": "rdb-backup-frequency",
    "rdbBackupMaxSnapshotCount": "rdb-backup-max-snapshot-count",
    "rdbStorageConnectionString": "rdb-storage-connection-string",
    "storageSubscriptionId": "storage-subscription-id",
    "zonalConfiguration": "zonal-configuration",
}
"""How the SDK and the body spell the settings of Redis itself."""

_KEYS = Keys()


def _regenerate_key(request: Request) -> JsonObject:
    return _KEYS.regenerate(request, access_key)


def _host(cache: Resource) -> str:
    return str(cache.properties["hostName"])


def _is_in_a_network(cache: Resource) -> str | None:
    """Return why a cache takes no private endpoint, or None: one that is injected into a network takes none.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-private-link.
    """
    if not cache.properties.get("subnetId"):
        return None
    return "Private endpoints are not supported for a cache that is injected into a virtual network."


# -- rules


_SKU = "properties.sku"
_CAPACITIES = {"C": range(0, 7), "P": range(1, 6)}
_FAMILY = {"Basic": "C", "Standard": "C", "Premium": "P"}
_TIERS = tuple(_FAMILY)
_PREMIUM = (
    "properties.shardCount",
    "properties.staticIP",
    "properties.subnetId",
    "properties.replicasPerMaster",
    "properties.replicasPerPrimary",
    "properties.redisConfiguration.aof-backup-enabled",
    "properties.redisConfiguration.rdb-backup-enabled",
)
"""What only Premium has: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-overview#feature-comparison."""
_NOT_BASIC = (
    "zones",
    "properties.redisConfiguration.maxmemory-reserved",
    "properties.redisConfiguration.maxfragmentationmemory-reserved",
    "properties.redisConfiguration.maxmemory-delta",
    "properties.redisConfiguration.notify-keyspace-events",
)
"""What Basic lacks: https://github.com/Azure/azure-cli/issues/2902, the feature comparison, and
https://learn.microsoft.com/azure/azure-cache-for-redis/cache-configure."""
_POLICIES = (
    *("allkeys-lfu", "allkeys-lru", "allkeys-random", "noeviction"),
    *("volatile-lfu", "volatile-lru", "volatile-random", "volatile-ttl"),
)


def _new_caches_are_allowed(change: Change) -> None:
    """Enforce Azure's rule: since April 2026 only those who had one create any.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/retirement-faq; code and words as public logs of
    deployments have them.
    """
    if not change.existing and not options.read(change.transaction).classic_redis:
        raise AzureError(
            "BadRequest",
            "Azure Cache for Redis is retiring, create Azure Managed Redis instance instead. Learn more: "
            "https://aka.ms/AzureCacheForRedisRetirement",
            target=change.id.text,
        )


def _size_exists(change: Change) -> None:
    """Enforce Azure's rule: Basic and Standard C0 to C6, Premium P1 to P5.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-overview#service-tiers; the words are those
    that azure-cli looks for.
    """
    name, family = change.desires(f"{_SKU}.name"), change.desires(f"{_SKU}.family")
    if name not in _FAMILY:
        raise _invalid_value(f"{_SKU}.name")
    if family != _FAMILY[name]:
        raise _invalid_value(f"{_SKU}.family")
    if change.desires(f"{_SKU}.capacity") not in _CAPACITIES[family]:
        raise _invalid_value(f"{_SKU}.family/{_SKU}.capacity", f"{_SKU}.capacity")


def _invalid_value(parameter: str, target: str | None = None) -> AzureError:
    return AzureError("BadRequest", f"The value of the parameter '{parameter}' is invalid.", target=target or parameter)


def _tier_has_what_is_asked(change: Change) -> None:
    tier = change.desires(f"{_SKU}.name")
    lacking = (*(_PREMIUM if tier != "Premium" else ()), *(_NOT_BASIC if tier == "Basic" else ()))
    for path in lacking:
        asked = change.desires(path)
        if asked and str(asked).lower() != "false":
            name = path.rsplit(".", 1)[-1]
            raise AzureError(
                "BadRequest", f"The setting '{name}' is not allowed on '{tier}' cache instances.", target=path
            )


def _scales_one_step_up(change: Change) -> None:
    """Enforce Azure's rule: up by one tier at a time, never down; Basic becomes Standard of the same size; nothing
    becomes C0.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-scale.
    """
    if not change.existing:
        return
    earlier, asked = (as_object(get(item, _SKU)) for item in (change.existing.body, change.desired))
    steps = _TIERS.index(asked["name"]) - _TIERS.index(earlier["name"])
    shrinks_to_least = asked["capacity"] == 0 < earlier["capacity"] and asked["family"] == "C"
    if (
        steps in (0, 1)
        and not shrinks_to_least
        and not (earlier["name"] == "Basic" and steps and asked["capacity"] != earlier["capacity"])
    ):
        return
    changed = next(name for name in ("name", "capacity") if earlier[name] != asked[name])
    raise AzureError(
        "BadRequest",
        f"The requested update to the resource is not permitted. The following properties(s) cannot be modified: "
        f"'{_SKU}.{changed}'. A cache scales from {earlier['name']} {earlier['family']}{earlier['capacity']} not to "
        f"{asked['name']} {asked['family']}{asked['capacity']}.",
        target=f"{_SKU}.{changed}",
    )


_ONE_AT_A_TIME: dict[str, Any] = {
    "identity": None,
    "properties.publicNetworkAccess": "Enabled",
    "properties.redisVersion": None,
    "properties.replicasPerPrimary": None,
    "properties.shardCount": None,
    "properties.sku": None,
}
"""What takes an operation of its own, and its value where a PUT leaves it out (None: the present one)."""


def _large_changes_come_one_at_a_time(change: Change) -> None:
    """Refuse a PUT that makes more than one large change. That sizes, shards and replicas count among them is an
    assumption.

    Source: https://github.com/Azure/azure-cli/issues/20997 (publicNetworkAccess, identity) and /26204 (redisVersion,
    publicNetworkAccess), https://github.com/hashicorp/terraform-provider-azurerm/issues/26026.
    """
    if change.existing is None:
        return
    changed = [
        path
        for path, default in _ONE_AT_A_TIME.items()
        if (asked := _comparable(path, change.desires(path, default))) is not None
        and asked != _comparable(path, get(change.existing.body, path))
    ]
    if len(changed) > 1:
        raise AzureError(
            "BadRequest",
            "The following updates can't be processed in one single request, please send seperate request to update "
            f"them: '{','.join(changed)}'.",
            target=changed[0],
        )


def _comparable(path: str, value: Any) -> Any:
    if value is None:
        return None
    if path == "identity":
        identities = as_object(get(value, "userAssignedIdentities"))
        return str(get(value, "type")).lower(), sorted(map(str.lower, identities))
    return str(value).split(".")[0] if path.endswith("redisVersion") else value


def _zones_stay(change: Change) -> None:
    """Enforce Azure's rule: zones can be allotted later, and are never given up.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-zone-redundancy.
    """
    path = "properties.zonalAllocationPolicy"
    earlier = get(change.existing.body, path) if change.existing else None
    if earlier not in (None, "NoZones") and change.desires(path, earlier) == "NoZones":
        code, words = Redis.fixed
        raise AzureError(code, words.format(path=path, id=change.id), target=path)


def _version_is_supported(change: Change) -> None:
    """Enforce Azure's rule: version 4 is retired.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-retired-features.
    """
    asked = change.desires("properties.redisVersion")
    if asked is not None and str(asked).split(".")[0] not in ("6", "latest"):
        raise AzureError(
            "BadRequest", f"The Redis version '{asked}' is not supported; use 6.", target="properties.redisVersion"
        )


def _address_lies_in_a_subnet(change: Change) -> None:
    if change.desires("properties.staticIP") and not change.desires("properties.subnetId"):
        raise AzureError(
            "BadRequest", "A static address needs a subnet: 'properties.subnetId'.", target="properties.staticIP"
        )


def _zones_are_zones(change: Change) -> None:
    """Check that each availability zone is one of Azure's.

    Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-zone-redundancy.
    """
    zones = [str(zone) for zone in as_list(change.desires("zones"))]
    if any(zone not in ("1", "2", "3") for zone in zones) or len(set(zones)) != len(zones):
        raise AzureError(
            "BadRequest", f"The zones {', '.join(zones)} are not of 1, 2 and 3, each once.", target="zones"
        )


class Redis(ResourceType):
    """https://learn.microsoft.com/rest/api/redis/redis"""

    token = "azure-native:redis:Redis"
    arm_type = "Microsoft.Cache/redis"
    inputs = Inputs(name="name")
    shape = BodyShape(
        inside=frozenset({"sku"}),
        nested=("privateEndpointConnections[*]",),
        renamed={f"redisConfiguration.{sdk}": name for sdk, name in _CONFIGURATION.items()},
    )
    name_rule = NameRule(
        r"(?=.{1,63}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "1 to 63 letters, digits and single '-' between them"
    )
    create_only = ("properties.subnetId", "properties.staticIP", "zones")
    write_only = (
        "properties.redisConfiguration.rdb-storage-connection-string",
        "properties.redisConfiguration.aof-storage-connection-string-0",
        "properties.redisConfiguration.aof-storage-connection-string-1",
    )
    fixed = (
        "BadRequest",
        "The requested update to the resource is not permitted. The following properties(s) cannot be modified: "
        "'{path}'.",
    )
    rules = (
        _new_caches_are_allowed,
        _size_exists,
        _address_lies_in_a_subnet,
        _tier_has_what_is_asked,
        _zones_are_zones,
        one_of("properties.redisConfiguration.maxmemory-policy", *_POLICIES),
        one_of("properties.redisConfiguration.aad-enabled", "true", "false"),
        one_of("properties.minimumTlsVersion", "1.0", "1.1", "1.2"),
        one_of("properties.publicNetworkAccess", "Enabled", "Disabled"),
        between("properties.shardCount", 1, 10),
        _version_is_supported,
        _scales_one_step_up,
        _large_changes_come_one_at_a_time,
        one_of("properties.zonalAllocationPolicy", "Automatic", "UserDefined", "NoZones"),
        _zones_stay,
    )
    references = (Reference("properties.subnetId", (SUBNET_TYPE,), in_use=SUBNET_IN_USE, same_region=True),)
    private_links = (
        PrivateLink(
            "redisCache", "privatelink.redis.cache.windows.net", "redis.cache.windows.net", _host, _is_in_a_network
        ),
    )
    actions = (
        Action("listKeys", _KEYS.list, functions=("listRedisKeys",)),
        Action("regenerateKey", _regenerate_key),
    )

    def claims(self, change: Change) -> Iterable[Claim]:
        yield name_taken(change.id.name, _host_name(change), "NameNotAvailable", "The cache name")

    def complete(self, change: Change) -> None:
        record_resize(
            change,
            loses_data=change.existing is not None
            and change.desires(f"{_SKU}.name") == "Basic"
            and change.changed(f"{_SKU}.capacity"),
        )
        change.properties["hostName"] = _host_name(change)
        for name, value in {
            "enableNonSslPort": False,
            "disableAccessKeyAuthentication": False,
            "publicNetworkAccess": "Enabled",
            "redisVersion": "6.0",
            "updateChannel": "Stable",
        }.items():
            change.default(f"properties.{name}", value)
        if change.existing and (zones := get(change.existing.body, "properties.zonalAllocationPolicy")):
            change.default("properties.zonalAllocationPolicy", zones)
        configuration = as_object(change.default("properties.redisConfiguration", {}))
        configuration.setdefault("maxclients", "1000")
        # Only the answer to the creation has the keys, and not always: a program must list them.
        change.properties.update(
            {
                "port": 6379,
                "sslPort": 6380,
                "accessKeys": None,
                "linkedServers": [],
                "instances": [{"sslPort": 15000, "isMaster": True, "isPrimary": True}],
            }
        )
        _KEYS.make(change, access_key)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        resource.properties["privateEndpointConnections"] = endpoint_connections(resource, transaction)
        return resource.body


def _host_name(change: Change) -> str:
    return f"{change.id.name}.redis.cache.windows.net".lower()


TYPES = (Redis(),)
