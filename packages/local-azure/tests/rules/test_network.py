"""What Azure refuses in networks, private endpoints and private DNS, and the nearest thing that it accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure.core.values import JsonObject
from modules.landscape import Landscape, endpoint_properties
from rules.cases import Refusal, Step, all_of, check, group

DELEGATED = [{"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}]
SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
PREFIXES = "properties.addressSpace.addressPrefixes"
SUBNET_OF_ENVIRONMENT = "properties.vnetConfiguration.infrastructureSubnetId"
FIRST = "properties.privateLinkServiceConnections[0]"


def network(*prefixes: str) -> Step:
    """Return a network with these prefixes."""
    return lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": list(prefixes)}})


def subnet(prefix: str | None = "10.0.3.0/24", name: str = "more", **properties: Any) -> Step:
    """Return a subnet of the network."""
    given = {"addressPrefix": prefix} if prefix else {}
    return lambda one: one.put(f"{one.vnet}/subnets/{name}", {**given, **properties}, location=None)


def endpoint(
    subnet_name: str = "endpoints",
    group: str = "redisEnterprise",
    name: str = "pep",
    address: str = "",
    **envelope: Any,
) -> Step:
    """Return a private endpoint of the managed cache."""

    def step(one: Landscape) -> object:
        properties: JsonObject = endpoint_properties(f"{one.vnet}/subnets/{subnet_name}", one.cache, group)
        if address:
            properties["ipConfigurations"] = [{"name": "ip", "properties": {"privateIPAddress": address}}]
        return one.put(one.endpoint.replace("/pep", f"/{name}"), properties, **envelope)

    return step


def environment(subnet_name: str = "apps", name: str = "env", **envelope: Any) -> Step:
    """Return a Container Apps environment in a subnet."""
    return lambda one: one.put(
        one.environment.replace("/env", f"/{name}"),
        {"vnetConfiguration": {"infrastructureSubnetId": f"{one.vnet}/subnets/{subnet_name}"}},
        **envelope,
    )


def zone(name: str = "privatelink.redis.azure.net", **envelope: Any) -> Step:
    """Return a private zone."""
    return lambda one: one.put(zone_id(one, name), **{"location": "global", **envelope})


def zone_id(one: Landscape, name: str) -> str:
    return one.zone.replace("privatelink.redis.azure.net", name)


def link(name: str = "vnet", zone_name: str = "privatelink.redis.azure.net", **properties: Any) -> Step:
    """Return a link of a zone to the network."""
    return lambda one: one.put(
        f"{zone_id(one, zone_name)}/virtualNetworkLinks/{name}",
        {"virtualNetwork": {"id": one.vnet}, **properties},
        location="global",
    )


def link_tagged(tags: dict[str, str]) -> Step:
    """Return a link of the zone to the network with tags."""
    return lambda one: one.put(
        f"{one.zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": one.vnet}}, location="global", tags=tags
    )


def zone_group(*zones: str, name: str = "default", config_name: str = "") -> Step:
    """Return a zone group of the endpoint with a configuration for each zone."""

    def step(one: Landscape) -> object:
        configs = [
            {"name": config_name or f"zone{index}", "properties": {"privateDnsZoneId": zone_id(one, zone_name)}}
            for index, zone_name in enumerate(zones)
        ]
        group = f"{one.endpoint}/privateDnsZoneGroups/{name}"
        return one.put(group, {"privateDnsZoneConfigs": configs}, location=None)

    return step


def networked(one: Landscape) -> None:
    one.with_network()


def cached(one: Landscape) -> None:
    one.with_network().with_cache()


def connected(one: Landscape) -> None:
    one.with_network().with_cache().with_endpoint().with_zone()


FIVE = ("a.example", "b.example", "c.example", "d.example", "e.example")


NETWORKS = [
    Refusal(
        "a network without range",
        group,
        network(),
        "InvalidRequestFormat",
        PREFIXES,
        network("10.0.0.0/16"),
    ),
    Refusal(
        "a range that is no range",
        group,
        network("10.0.0.0"),
        "InvalidAddressPrefixFormat",
        f"{PREFIXES}[0]",
        network("10.0.0.0/16"),
    ),
    Refusal(
        "a range with bits after its length",
        group,
        network("10.0.0.0/16", "10.1.0.1/16"),
        "InvalidCIDRNotation",
        f"{PREFIXES}[1]",
        network("10.0.0.0/16", "10.1.0.0/16"),
        "should be 10.1.0.0/16",
    ),
    Refusal(
        "a network in the multicast range",
        group,
        network("224.0.0.0/24"),
        "NetcfgInvalidIPAddressPrefix",
        f"{PREFIXES}[0]",
        network("223.255.255.0/24"),
    ),
    Refusal(
        "ranges of one network that overlap",
        group,
        network("10.0.0.0/16", "10.0.128.0/17"),
        "NetcfgInvalidVirtualNetworkSite",
        f"{PREFIXES}[1]",
        network("10.0.0.0/17", "10.0.128.0/17"),
    ),
    Refusal(
        "taking away the range in which a subnet lies",
        networked,
        network("10.1.0.0/16"),
        "NetcfgSubnetRangeOutsideVnet",
        PREFIXES,
        network("10.0.0.0/22", "10.1.0.0/16"),
    ),
    Refusal(
        "a name of a network with a dash at its end",
        group,
        lambda one: one.put(f"{one.vnet}-", SPACE),
        "InvalidResourceName",
        "vnet-",
        lambda one: one.put(f"{one.vnet}_", SPACE),
    ),
    Refusal(
        "a name of a network of one letter",
        group,
        lambda one: one.put(one.vnet.replace("/vnet", "/v"), SPACE),
        "InvalidResourceName",
        "v",
        lambda one: one.put(one.vnet.replace("/vnet", "/v1"), SPACE),
    ),
]
SUBNETS = [
    Refusal(
        "a subnet without range",
        networked,
        subnet(None),
        "SubnetHasNoAddressPrefix",
        "properties.addressPrefix",
        subnet(None, addressPrefixes=["10.0.3.0/24"]),
    ),
    Refusal(
        "a subnet outside its network",
        networked,
        subnet("10.1.0.0/24"),
        "NetcfgSubnetRangeOutsideVnet",
        "properties.addressPrefix",
        subnet("10.0.255.0/24"),
    ),
    Refusal(
        "a subnet within another",
        networked,
        subnet("10.0.2.128/25"),
        "NetcfgSubnetRangesOverlap",
        "properties.addressPrefix",
        subnet("10.0.3.0/25"),
    ),
    Refusal(
        "a subnet around another",
        networked,
        subnet("10.0.0.0/22"),
        "NetcfgSubnetRangesOverlap",
        "properties.addressPrefix",
        subnet("10.0.4.0/22"),
    ),
    Refusal(
        "a subnet of two ranges, the second of which is taken",
        networked,
        subnet(None, addressPrefixes=["10.0.3.0/24", "10.0.2.0/25"]),
        "NetcfgSubnetRangesOverlap",
        "properties.addressPrefixes",
        subnet(None, addressPrefixes=["10.0.3.0/24", "10.0.4.0/25"]),
    ),
    Refusal(
        "a subnet of four addresses",
        networked,
        subnet("10.0.3.0/30"),
        "NetcfgInvalidSubnet",
        "properties.addressPrefix",
        subnet("10.0.3.0/29"),
    ),
    Refusal(
        "a subnet in IPv6 of another size",
        all_of(group, network("10.0.0.0/16", "fd00:1::/48")),
        subnet("fd00:1::/63"),
        "NetcfgInvalidSubnet",
        "properties.addressPrefix",
        subnet("fd00:1::/64"),
    ),
    Refusal(
        "a subnet with bits after its length",
        networked,
        subnet("10.0.3.5/24"),
        "InvalidCIDRNotation",
        "properties.addressPrefix",
        subnet("10.0.3.0/24"),
        "should be 10.0.3.0/24",
    ),
    Refusal(
        "a subnet in a network that is not there",
        group,
        subnet(),
        "ParentResourceNotFound",
        "",
        all_of(network("10.0.0.0/16"), subnet()),
        "Parent resource 'vnet' not found",
    ),
    Refusal(
        "a subnet with a security group that is not there",
        networked,
        lambda one: subnet(
            networkSecurityGroup={"id": one.vnet.replace("virtualNetworks/vnet", "networkSecurityGroups/n")}
        )(one),
        "InvalidResourceReference",
        "properties.networkSecurityGroup.id",
        subnet(),
    ),
    Refusal(
        "another range for a subnet in use",
        connected,
        subnet("10.0.2.0/25", name="endpoints"),
        "InUsePrefixCannotBeDeleted",
        "properties.addressPrefix",
        subnet("10.0.2.0/24", name="endpoints", privateEndpointNetworkPolicies="Enabled"),
        "IpPrefix 10.0.2.0/24 on Subnet endpoints has active allocations",
    ),
    Refusal(
        "taking the delegation from a subnet with an environment",
        all_of(networked, environment()),
        subnet("10.0.0.0/23", name="apps"),
        "SubnetMissingRequiredDelegation",
        "properties.delegations",
        subnet("10.0.0.0/23", name="apps", delegations=DELEGATED),
    ),
    Refusal(
        "deleting a subnet with an environment",
        all_of(networked, environment()),
        lambda one: one.delete(one.apps_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/apps",
        lambda one: one.delete(one.endpoints_subnet),
    ),
    Refusal(
        "deleting a subnet with a private endpoint",
        connected,
        lambda one: one.delete(one.endpoints_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda one: one.delete(one.apps_subnet),
    ),
    Refusal(
        "deleting a network with a private endpoint in it",
        connected,
        lambda one: one.delete(one.vnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda one: (one.delete(one.endpoint), one.delete(one.vnet)),
    ),
    Refusal(
        "leaving a subnet in use out of the network's own list",
        connected,
        lambda one: one.put(one.vnet, {**SPACE, "subnets": []}),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda one: one.put(
            one.vnet, {**SPACE, "subnets": [{"name": "endpoints", "properties": {"addressPrefix": "10.0.2.0/24"}}]}
        ),
    ),
    Refusal(
        "a name of a subnet with a blank",
        networked,
        subnet(name="my net"),
        "InvalidResourceName",
        "my net",
        subnet(name="my_net"),
    ),
]
ENVIRONMENT_SUBNETS = [
    Refusal(
        "an environment in a subnet that is not delegated to it",
        networked,
        environment("endpoints"),
        "ManagedEnvironmentSubnetDelegationError",
        SUBNET_OF_ENVIRONMENT,
        environment("apps"),
    ),
    Refusal(
        "an environment in a subnet that is too small",
        all_of(
            networked,
            subnet("10.0.3.0/28", name="small", delegations=DELEGATED),
            subnet("10.0.3.32/27", name="least", delegations=DELEGATED),
        ),
        environment("small"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment("least"),
        "at least /27",
    ),
    Refusal(
        "an environment in a subnet of two ranges",
        all_of(
            networked, subnet(None, name="two", addressPrefixes=["10.0.4.0/24", "10.0.5.0/24"], delegations=DELEGATED)
        ),
        environment("two"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment(),
        "multiple addressPrefixes",
    ),
    Refusal(
        "an environment in a range that the platform reserves",
        all_of(
            group,
            network("172.16.0.0/12"),
            subnet("172.31.8.0/23", name="reserved", delegations=DELEGATED),
            subnet("172.29.8.0/23", name="free", delegations=DELEGATED),
        ),
        environment("reserved"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment("free"),
        "reserves",
    ),
    Refusal(
        "an environment in a subnet that is not there",
        networked,
        environment("none"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment(),
        "the virtual network could not be found",
    ),
    Refusal(
        "an environment in another region than its network",
        networked,
        environment(location="northeurope"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment(),
    ),
    Refusal(
        "a second environment in a subnet",
        all_of(networked, environment(), subnet("10.0.4.0/27", name="apps2", delegations=DELEGATED)),
        environment(name="two"),
        "ManagedEnvironmentSubnetInUse",
        SUBNET_OF_ENVIRONMENT,
        environment("apps2", name="two"),
    ),
    Refusal(
        "an environment in a subnet with a private endpoint",
        all_of(
            cached,
            endpoint(),
            subnet("10.0.2.0/24", name="endpoints", delegations=DELEGATED),
        ),
        environment("endpoints"),
        "ManagedEnvironmentInvalidNetworkConfiguration",
        SUBNET_OF_ENVIRONMENT,
        environment(),
        "cannot be used by any other Azure resources",
    ),
]
ENDPOINTS = [
    Refusal(
        "an endpoint in a subnet that is not there",
        cached,
        endpoint("none"),
        "InvalidResourceReference",
        "properties.subnet.id",
        endpoint(),
    ),
    Refusal(
        "an endpoint whose subnet is a network",
        cached,
        lambda one: one.put(one.endpoint, endpoint_properties(one.vnet, one.cache, "redisEnterprise")),
        "InvalidResourceReference",
        "properties.subnet.id",
        endpoint(),
    ),
    Refusal(
        "an endpoint whose subnet is no id",
        cached,
        lambda one: one.put(one.endpoint, endpoint_properties("endpoints", one.cache, "redisEnterprise")),
        "LinkedInvalidPropertyId",
        "properties.subnet.id",
        endpoint(),
    ),
    Refusal(
        "an endpoint in another region than its network",
        cached,
        endpoint(location="northeurope"),
        "InvalidResourceReference",
        "properties.subnet.id",
        endpoint(),
        "both resources are in the same region",
    ),
    Refusal(
        "an endpoint in a delegated subnet",
        cached,
        endpoint("apps"),
        "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
        "properties.subnet.id",
        endpoint(),
    ),
    Refusal(
        "an endpoint to what is not there",
        cached,
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.classic, "redisCache")),
        "InvalidResourceReference",
        f"{FIRST}.properties.privateLinkServiceId",
        endpoint(),
    ),
    Refusal(
        "an endpoint without a connection",
        cached,
        lambda one: one.put(one.endpoint, {"subnet": {"id": one.endpoints_subnet}}),
        "PrivateEndpointMustHaveOneConnection",
        "properties.privateLinkServiceConnections",
        endpoint(),
    ),
    Refusal(
        "an endpoint to another service's group",
        cached,
        endpoint(group="redisCache"),
        "BadRequest",
        f"{FIRST}.properties.groupIds",
        endpoint(group="redisEnterprise"),
        "Invalid groupId 'redisCache'",
    ),
    Refusal(
        "an endpoint to no group",
        cached,
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache)),
        "MissingParameterOnPrivateLinkServiceConnection",
        f"{FIRST}.properties.groupIds",
        endpoint(),
    ),
    Refusal(
        "an endpoint to two groups",
        cached,
        lambda one: one.put(
            one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise", "vault")
        ),
        "OnlyOneGroupIdPermitted",
        f"{FIRST}.properties.groupIds",
        endpoint(),
    ),
    Refusal(
        "another target for an endpoint",
        all_of(connected, lambda one: one.with_vault()),
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.vault, "vault")),
        "CannotChangePrivateLinkConnectionOnPrivateEndpoint",
        "properties.privateLinkServiceConnections",
        endpoint(tags={"a": "b"}),
        "/privateLinkServiceConnections/one'. That is not allowed.",
    ),
    Refusal(
        "an address outside the subnet",
        cached,
        endpoint(address="10.0.3.4"),
        "PrivateIPAddressNotInSubnet",
        "properties.ipConfigurations[0].properties.privateIPAddress",
        endpoint(address="10.0.2.4"),
    ),
    Refusal(
        "one of the first addresses of the subnet",
        cached,
        endpoint(address="10.0.2.3"),
        "PrivateIPAddressInReservedRange",
        "properties.ipConfigurations[0].properties.privateIPAddress",
        endpoint(address="10.0.2.4"),
    ),
    Refusal(
        "the last address of the subnet",
        cached,
        endpoint(address="10.0.2.255"),
        "PrivateIPAddressInReservedRange",
        "properties.ipConfigurations[0].properties.privateIPAddress",
        endpoint(address="10.0.2.254"),
    ),
    Refusal(
        "an address that another endpoint has",
        connected,
        endpoint(address="10.0.2.4", name="two"),
        "PrivateIPAddressIsAllocated",
        "properties.ipConfigurations[0].properties.privateIPAddress",
        endpoint(address="10.0.2.5", name="two"),
    ),
    Refusal(
        "an address that is none",
        cached,
        endpoint(address="10.0.2"),
        "InvalidIPAddressFormat",
        "properties.ipConfigurations[0].properties.privateIPAddress",
        endpoint(address="10.0.2.20"),
    ),
    Refusal(
        "a fourth endpoint in a subnet with three addresses",
        all_of(
            cached,
            subnet("10.0.3.0/29", name="tiny"),
            *(endpoint("tiny", name=name) for name in ("one", "two", "three")),
        ),
        endpoint("tiny", name="four"),
        "SubnetIsFull",
        "subnets/tiny",
        endpoint(name="four"),
    ),
]
ZONES = [
    Refusal(
        "a zone in a region",
        group,
        zone(location="westeurope"),
        "LocationNotAvailableForResourceType",
        "location",
        zone(location="Global"),
    ),
    Refusal(
        "a zone of one label",
        group,
        zone("local"),
        "InvalidResourceName",
        "local",
        zone("contoso.local"),
    ),
    Refusal(
        "a zone with sixteen tags",
        group,
        zone(tags={f"tag{number}": "x" for number in range(16)}),
        "BadRequest",
        "tags",
        zone(tags={f"tag{number}": "x" for number in range(15)}),
        "A maximum of 15 tags are allowed",
    ),
    Refusal(
        "a zone with a tag whose name has a space",
        group,
        zone(tags={"cost center": "x"}),
        "BadRequest",
        "tags.cost center",
        zone(tags={"cost-center": "any (value) 1"}),
    ),
    Refusal(
        "a link with a tag whose name begins with a digit",
        all_of(networked, zone()),
        link_tagged({"2nd": "x"}),
        "BadRequest",
        "tags.2nd",
        link_tagged({"second2": "x"}),
    ),
    Refusal(
        "deleting a zone with a link",
        all_of(networked, zone(), link()),
        lambda one: one.delete(one.zone),
        "CannotDeleteResource",
        "privatelink.redis.azure.net",
        lambda one: (one.delete(f"{one.zone}/virtualNetworkLinks/vnet"), one.delete(one.zone)),
    ),
    Refusal(
        "a link to a network that is not there",
        all_of(group, zone()),
        link(),
        "InvalidResourceReference",
        "properties.virtualNetwork.id",
        all_of(network("10.0.0.0/16"), link()),
    ),
    Refusal(
        "a link to no network",
        all_of(networked, zone()),
        lambda one: one.put(f"{one.zone}/virtualNetworkLinks/vnet", {}, location="global"),
        "BadRequest",
        "properties.virtualNetwork.id",
        link(),
    ),
    Refusal(
        "a second link of a network to a zone",
        all_of(networked, zone(), link()),
        link("again"),
        "BadRequest",
        "properties.virtualNetwork.id",
        link("vnet"),
        "multiple zones with overlapping namespaces",
    ),
    Refusal(
        "a link of a network to two zones of one name",
        all_of(
            networked,
            zone(),
            link(),
            lambda one: one.put(f"{one.subscription}/resourceGroups/two"),
            lambda one: one.put(one.zone.replace("/rg/", "/two/"), location="global"),
        ),
        lambda one: one.put(
            f"{one.zone.replace('/rg/', '/two/')}/virtualNetworkLinks/vnet",
            {"virtualNetwork": {"id": one.vnet.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")}},
            location="global",
        ),
        "BadRequest",
        "properties.virtualNetwork.id",
        all_of(zone("privatelink.vaultcore.azure.net"), link(zone_name="privatelink.vaultcore.azure.net")),
        "multiple zones with overlapping namespaces",
    ),
    Refusal(
        "a second zone that registers a network",
        all_of(networked, zone("a.example"), zone("b.example"), link(zone_name="a.example", registrationEnabled=True)),
        link(zone_name="b.example", registrationEnabled=True),
        "BadRequest",
        "properties.registrationEnabled",
        all_of(
            link(zone_name="a.example", registrationEnabled=False),
            link(zone_name="b.example", registrationEnabled=True),
        ),
    ),
    Refusal(
        "another network for a link",
        all_of(networked, zone(), link(), lambda one: one.put(f"{one.vnet}2", SPACE)),
        lambda one: one.put(
            f"{one.zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": f"{one.vnet}2"}}, location="global"
        ),
        "PropertyChangeNotAllowed",
        "properties.virtualNetwork.id",
        lambda one: one.put(
            f"{one.zone}/virtualNetworkLinks/vnet2", {"virtualNetwork": {"id": f"{one.vnet}2"}}, location="global"
        ),
    ),
    Refusal(
        "a zone group with a zone that is not there",
        connected,
        zone_group("privatelink.vaultcore.azure.net"),
        "InvalidPrivateDnsZoneIds",
        "properties.privateDnsZoneConfigs[0].properties.privateDnsZoneId",
        zone_group("privatelink.redis.azure.net"),
    ),
    Refusal(
        "a second zone group of an endpoint",
        all_of(connected, zone_group("privatelink.redis.azure.net")),
        zone_group("privatelink.redis.azure.net", name="two"),
        "InvalidRequestFormat",
        "privateDnsZoneGroups/two",
        zone_group("privatelink.redis.azure.net"),
    ),
    Refusal(
        "another zone for a zone group's configuration",
        all_of(connected, zone("a.example"), zone_group("privatelink.redis.azure.net")),
        zone_group("a.example"),
        "InvalidRequestFormat",
        "properties.privateDnsZoneConfigs[0].properties.privateDnsZoneId",
        zone_group("privatelink.redis.azure.net", "a.example"),
        "cannot be changed",
    ),
    Refusal(
        "a zone group of six zones",
        all_of(connected, *(zone(name) for name in FIVE)),
        zone_group(*FIVE, "privatelink.redis.azure.net"),
        "InvalidRequestFormat",
        "properties.privateDnsZoneConfigs",
        zone_group(*FIVE),
    ),
    Refusal(
        "a zone group with two configurations of one name",
        all_of(connected, zone("a.example")),
        zone_group("privatelink.redis.azure.net", "a.example", config_name="same"),
        "InvalidRequestFormat",
        "properties.privateDnsZoneConfigs",
        zone_group("privatelink.redis.azure.net", "a.example"),
        "two child resources with the same name (same)",
    ),
]


@pytest.mark.parametrize("refusal", [*NETWORKS, *SUBNETS, *ENVIRONMENT_SUBNETS, *ENDPOINTS, *ZONES], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_a_network_goes_with_its_links_and_the_zone_stays(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    all_of(networked, zone(), link())(one)
    one.delete(one.vnet)
    assert one.exists(one.zone)
    assert not one.exists(f"{one.zone}/virtualNetworkLinks/vnet")
    one.delete(one.zone)


def connection_status(one: Landscape) -> str:
    """Return what the endpoint says of its connection."""
    (connection,) = one.get(one.endpoint).properties["privateLinkServiceConnections"]
    return connection["properties"]["privateLinkServiceConnectionState"]["status"]


def test_an_endpoint_whose_target_is_made_anew_stays_disconnected(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    connected(one)
    one.delete(one.cache)
    assert connection_status(one) == "Disconnected"
    one.with_cache()
    endpoint()(one)
    assert connection_status(one) == "Disconnected", "neither the same target nor another PUT of the endpoint mends it"
    assert one.get(one.cache).properties["privateEndpointConnections"] == []
    one.delete(one.endpoint)
    endpoint()(one)
    assert connection_status(one) == "Approved"


def test_an_endpoint_of_a_recovered_vault_stays_disconnected(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    networked(one)
    one.with_vault().with_endpoint(one.vault, "vault")
    one.delete(one.vault)
    one.with_vault(createMode="recover")
    assert connection_status(one) == "Disconnected"
    assert "privateEndpointConnections" not in one.get(one.vault).properties


def test_a_range_that_a_subnet_had_is_free_when_it_moves_or_goes(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    networked(one)
    subnet("10.0.4.0/22", name="first")(one)
    subnet("10.0.8.0/24", name="first")(one)
    subnet("10.0.5.0/24", name="second")(one)
    one.delete(f"{one.vnet}/subnets/first")
    subnet("10.0.8.0/23", name="third")(one)


def test_a_large_subnet_gives_a_static_address_at_its_end(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    all_of(cached, network("10.0.0.0/16", "10.128.0.0/9"), subnet("10.128.0.0/9", name="large"))(one)
    endpoint("large", address="10.255.255.254")(one)
