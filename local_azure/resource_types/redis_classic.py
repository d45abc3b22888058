"""Azure Cache for Redis."""

from __future__ import annotations

from collections.abc import Iterable

from local_azure.arm_body import BodyShape
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
from local_azure.state import Resource, Transaction
from local_azure.values import JsonObject, as_object

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
    references = (Reference("properties.subnetId", (SUBNET_TYPE,), in_use=SUBNET_IN_USE),)
    private_links = (
        PrivateLink("redisCache", "privatelink.redis.cache.windows.net", "redis.cache.windows.net", _host),
    )
    actions = (
        Action("listKeys", _KEYS.list, functions=("listRedisKeys",)),
        Action("regenerateKey", _regenerate_key),
    )

    def claims(self, change: Change) -> Iterable[Claim]:
        yield name_taken(change.id.name, _host_name(change), "NameNotAvailable", "The cache name")

    def complete(self, change: Change) -> None:
        change.properties["hostName"] = _host_name(change)
        for name, value in {
            "enableNonSslPort": False,
            "disableAccessKeyAuthentication": False,
            "publicNetworkAccess": "Enabled",
            "redisVersion": "6.0",
            "updateChannel": "Stable",
        }.items():
            change.default(f"properties.{name}", value)
        configuration = as_object(change.default("properties.redisConfiguration", {}))
        configuration.setdefault("maxclients", "1000")
        # The keys stand only in the answer to the creation, and not always there: a program must list them.
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
