"""No cache, vault or database answers on a public address."""

from collections.abc import Iterator

from azure_policies.kinds import FLEXIBLE_SERVER, MANAGED_REDIS, SQL_MANAGED_INSTANCE
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Kind, Resource, same
from azure_policies.rule import Level, ResourceRule

_PRIVATE_ONLY = Kind(
    *("redis:Redis", "cache:Redis", "redisenterprise:RedisEnterprise", "cache:RedisEnterprise"),
    *("keyvault:Vault", "keyvault:ManagedHsm"),
    *("cosmosdb:DatabaseAccount", "documentdb:DatabaseAccount"),
    *("cosmosdb:MongoCluster", "documentdb:MongoCluster", "mongocluster:MongoCluster"),
    *("sql:Server", "dbforpostgresql:Server", "dbforpostgresql:SingleServer", "dbforpostgresql:FlexibleServer"),
    *("dbformysql:Server", "dbformysql:SingleServer", "dbformysql:FlexibleServer", "dbformariadb:Server"),
    *("synapse:Workspace", "kusto:Cluster"),
)
"""Types that are reached from everywhere unless they say otherwise."""

_PLACES = (("publicNetworkAccess",), ("properties", "publicNetworkAccess"), ("network", "publicNetworkAccess"))
"""Where the types have the property."""

_CLUSTERED_POSTGRESQL = Kind("dbforpostgresql:ServerGroupCluster")
_CLUSTERED_SWITCHES = ("coordinatorEnablePublicIpAccess", "nodeEnablePublicIpAccess")
"""Assumed: off unless switched on. The reference has no default
(https://learn.microsoft.com/rest/api/postgresqlhsc/clusters/create).
"""

_MANAGED_SINCE = "2025-07-01"
"""First API version in which a managed cache has the property.

Source: https://github.com/Azure/azure-rest-api-specs/tree/main/specification/redisenterprise.
"""


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield what leaves the resource open to the public network."""
    del options
    if resource.is_a(SQL_MANAGED_INSTANCE) and resource.get("publicDataEndpointEnabled") is True:
        yield "publicDataEndpointEnabled is true: turn it off, and reach the instance from its own network"
    if resource.is_a(_CLUSTERED_POSTGRESQL):
        for switch in _CLUSTERED_SWITCHES:
            if resource.get(switch) is True:
                yield f"{switch} is true: turn it off, and reach the cluster through a private endpoint"
    if not resource.is_a(_PRIVATE_ONLY):
        return
    if resource.is_a(FLEXIBLE_SERVER) and resource.get("network", "delegatedSubnetResourceId") is not None:
        return  # a server inside a subnet has no public address at all
    found = {".".join(path): value for path in _PLACES if (value := resource.get(*path)) is not None}
    if not found:
        since = resource.type.api_version
        if resource.is_a(MANAGED_REDIS) and since and since < _MANAGED_SINCE:
            yield f"API version {since} cannot turn public access off: use {_MANAGED_SINCE} or later"
        else:
            yield f"publicNetworkAccess is not set, and Azure's default is Enabled: set {_place(resource)} to Disabled"
    for path, value in found.items():
        if value is not UNKNOWN and not same(value, "Disabled"):
            yield f"{path} is {value}: set it to Disabled, and reach the service through a private endpoint"


def _place(resource: Resource) -> str:
    if resource.type.module == "keyvault" or resource.type.name in ("SingleServer", "MongoCluster"):
        return "properties.publicNetworkAccess"
    return "network.publicNetworkAccess" if resource.is_a(FLEXIBLE_SERVER) else "publicNetworkAccess"


RULE = ResourceRule(
    "no-public-network-access",
    "Caches, vaults and databases are reached through private endpoints only.",
    Level.MANDATORY,
    judge,
)
