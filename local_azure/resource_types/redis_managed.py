"""Azure Managed Redis: the cluster and its database."""

from __future__ import annotations

from collections.abc import Iterable

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError
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
from local_azure.state import Resource, Transaction
from local_azure.values import JsonObject

CLUSTER_TYPE = "Microsoft.Cache/redisEnterprise"
_NAME = NameRule(r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "1 to 60 letters, digits and single '-' between them")


def _host(cluster: Resource) -> str:
    return str(cluster.properties["hostName"])


class RedisEnterprise(ResourceType):
    """https://learn.microsoft.com/rest/api/redis/redisenterprisecache"""

    token = "azure-native:redisenterprise:RedisEnterprise"
    arm_type = CLUSTER_TYPE
    inputs = Inputs(name="clusterName")
    shape = BodyShape(nested=("privateEndpointConnections[*]",))
    name_rule = _NAME
    private_links = (PrivateLink("redisEnterprise", "privatelink.redis.azure.net", "redis.azure.net", _host),)

    def claims(self, change: Change) -> Iterable[Claim]:
        host = _host_name(change)
        yield name_taken(change.id.name, host, "NameNotAvailable", "The cluster name")

    def complete(self, change: Change) -> None:
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


_KEYS = Keys()


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


class Database(ResourceType):
    """https://learn.microsoft.com/rest/api/redis/redisenterprisecache/databases: one, named `default`."""

    token = "azure-native:redisenterprise:Database"
    arm_type = f"{CLUSTER_TYPE}/databases"
    inputs = Inputs(name="databaseName", parents=("clusterName",))
    name_rule = NameRule("default", "'default', the one database that a cluster has", code="InvalidDatabaseName")
    create_only = ("properties.port", "properties.modules", "properties.geoReplication")
    actions = (
        Action("listKeys", _list_keys, functions=("listDatabaseKeys",)),
        Action("regenerateKey", _regenerate_key),
    )
    tracked = False

    def complete(self, change: Change) -> None:
        for name, value in {
            "accessKeysAuthentication": "Disabled",
            "clientProtocol": "Encrypted",
            "clusteringPolicy": "OSSCluster",
            "deferUpgrade": "NotDeferred",
            "evictionPolicy": "VolatileLRU",
            "port": 10000,
        }.items():
            change.default(f"properties.{name}", value)
        change.properties.update({"redisVersion": "7.4", "resourceState": "Running"})
        _KEYS.make(change, access_key)


TYPES = (RedisEnterprise(), Database())
