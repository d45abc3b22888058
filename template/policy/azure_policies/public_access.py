"""No cache, vault or database answers on a public address."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from azure_policies.kinds import FLEXIBLE_SERVER, MANAGED_REDIS, SQL_MANAGED_INSTANCE
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Kind, Resource, items, same, value_at
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

_CLOSED = ("Disabled", "SecuredByPerimeter")
"""Values that close the public address; the second lets in what a network security perimeter allows.

Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts.
"""

_ADDRESS_LISTS = (
    (("ipRules",), "ipAddressOrRange"),
    (("properties", "networkAcls", "ipRules"), "value"),
    (("networkAcls", "ipRules"), "value"),
    (("networkRuleSet", "ipRules"), "iPAddressOrRange"),
    (("networkRuleSet", "ipRules"), "value"),
    (("networkRuleSet", "ipRules"), "ipMask"),
)
"""Where types list the addresses that they let in, and the property with an address or a range."""
_WIDE = 2**24
"""So many addresses are no office's: a range of a /8 or more."""

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
    yield from _open_firewalls(resource)
    if not resource.is_a(_PRIVATE_ONLY):
        return
    if resource.is_a(FLEXIBLE_SERVER) and resource.get("network", "delegatedSubnetResourceId") is not None:
        return  # a server inside a subnet has no public address at all
    # Of a template's resource, the same value is on two levels.
    path, value = next(((path, value) for path in _PLACES if (value := resource.get(*path)) is not None), ((), None))
    if value is None:
        since = resource.type.api_version
        if resource.is_a(MANAGED_REDIS) and since and since < _MANAGED_SINCE:
            yield f"API version {since} cannot turn public access off: use {_MANAGED_SINCE} or later"
        else:
            yield f"publicNetworkAccess is not set, and Azure's default is Enabled: set {_place(resource)} to Disabled"
    elif value is not UNKNOWN and not any(same(value, closed) for closed in _CLOSED):
        yield f"{'.'.join(path)} is {value}: set it to Disabled, and reach the service through a private endpoint"


def _open_firewalls(resource: Resource) -> Iterator[str]:
    """Yield firewall rules that let in the whole internet, or all of Azure."""
    if resource.type.module and "FirewallRule" in resource.type.name:
        first = resource.get("startIpAddress") or resource.get("startIP")
        last = resource.get("endIpAddress") or resource.get("endIP")
        if first == last == "0.0.0.0":
            yield "it lets in whatever runs in Azure, other tenants included: remove it, and use a private endpoint"
        elif _is_wide(first, last):
            yield f"it lets in {first} to {last}: remove it, and reach the service through a private endpoint"
    for path, name in _ADDRESS_LISTS:
        for rule in items(resource.get(*path)):
            allowed = value_at(rule, name)
            if not same(value_at(rule, "action") or "Allow", "Allow") or not isinstance(allowed, str):
                continue
            if allowed == "0.0.0.0":
                yield f"{'.'.join(path)} lets in whatever runs in Azure: remove 0.0.0.0, and use a private endpoint"
            elif "/" in allowed and _is_wide_network(allowed):
                yield f"{'.'.join(path)} lets in {allowed}: remove it, and reach the service through a private endpoint"


def _is_wide(first: object, last: object) -> bool:
    if not isinstance(first, str) or not isinstance(last, str):
        return False
    try:
        return int(ip_address(last)) - int(ip_address(first)) + 1 >= _WIDE
    except ValueError:
        return False


def _is_wide_network(text: str) -> bool:
    try:
        return ip_network(text, strict=False).num_addresses >= _WIDE
    except ValueError:
        return False


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
