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
    return lambda landscape: landscape.put(landscape.vnet, {"addressSpace": {"addressPrefixes": list(prefixes)}})


def subnet(prefix: str | None = "10.0.3.0/24", name: str = "more", **properties: Any) -> Step:
    """Return a subnet of the network."""
    given = {"addressPrefix": prefix} if prefix else {}
    return lambda landscape: landscape.put(f"{landscape.vnet}/subnets/{name}", {**given, **properties}, location=None)


def endpoint(
    subnet_name: str = "endpoints",
    group: str = "redisEnterprise",
    name: str = "pep",
    address: str = "",
    **envelope: Any,
) -> Step:
    """Return a private endpoint of the managed cache."""

    def step(landscape: Landscape) -> object:
        properties: JsonObject = endpoint_properties(f"{landscape.vnet}/subnets/{subnet_name}", landscape.cache, group)
        if address:
            properties["ipConfigurations"] = [{"name": "ip", "properties": {"privateIPAddress": address}}]
        return landscape.put(landscape.endpoint.replace("/pep", f"/{name}"), properties, **envelope)

    return step


def environment(subnet_name: str = "apps", name: str = "env", **envelope: Any) -> Step:
    """Return a Container Apps environment in a subnet."""
    return lambda landscape: landscape.put(
        landscape.environment.replace("/env", f"/{name}"),
        {"vnetConfiguration": {"infrastructureSubnetId": f"{landscape.vnet}/subnets/{subnet_name}"}},
        **envelope,
    )


def zone(name: str = "privatelink.redis.azure.net", **envelope: Any) -> Step:
    """Return a private zone."""
    return lambda landscape: landscape.put(zone_id(landscape, name), **{"location": "global", **envelope})


def zone_id(landscape: Landscape, name: str) -> str:
    return landscape.zone.replace("privatelink.redis.azure.net", name)


def link(name: str = "vnet", zone_name: str = "privatelink.redis.azure.net", **properties: Any) -> Step:
    """Return a link of a zone to the network."""
    return lambda landscape: landscape.put(
        f"{zone_id(landscape, zone_name)}/virtualNetworkLinks/{name}",
        {"virtualNetwork": {"id": landscape.vnet}, **properties},
        location="global",
    )


def link_tagged(tags: dict[str, str]) -> Step:
    """Return a link of the zone to the network with tags."""
    return lambda landscape: landscape.put(
        f"{landscape.zone}/virtualNetworkLinks/vnet",
        {"virtualNetwork": {"id": landscape.vnet}},
        location="global",
        tags=tags,
    )


def zone_group(*zones: str, name: str = "default", config_name: str = "") -> Step:
    """Return a zone group of the endpoint with a configuration for each zone."""

    def step(landscape: Landscape) -> object:
        configs = [
            {"name": config_name or f"zone{index}", "properties": {"privateDnsZoneId": zone_id(landscape, zone_name)}}
            for index, zone_name in enumerate(zones)
        ]
        group = f"{landscape.endpoint}/privateDnsZoneGroups/{name}"
        return landscape.put(group, {"privateDnsZoneConfigs": configs}, location=None)

    return step


def networked(landscape: Landscape) -> None:
    landscape.with_network()


def cached(landscape: Landscape) -> None:
    landscape.with_network().with_cache()


def connected(landscape: Landscape) -> None:
    landscape.with_network().with_cache().with_endpoint().with_zone()


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
        lambda landscape: landscape.put(f"{landscape.vnet}-", SPACE),
        "InvalidResourceName",
        "vnet-",
        lambda landscape: landscape.put(f"{landscape.vnet}_", SPACE),
    ),
    Refusal(
        "a name of a network of one letter",
        group,
        lambda landscape: landscape.put(landscape.vnet.replace("/vnet", "/v"), SPACE),
        "InvalidResourceName",
        "v",
        lambda landscape: landscape.put(landscape.vnet.replace("/vnet", "/v1"), SPACE),
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
        lambda landscape: subnet(
            networkSecurityGroup={"id": landscape.vnet.replace("virtualNetworks/vnet", "networkSecurityGroups/n")}
        )(landscape),
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
        lambda landscape: landscape.delete(landscape.apps_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/apps",
        lambda landscape: landscape.delete(landscape.endpoints_subnet),
    ),
    Refusal(
        "deleting a subnet with a private endpoint",
        connected,
        lambda landscape: landscape.delete(landscape.endpoints_subnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda landscape: landscape.delete(landscape.apps_subnet),
    ),
    Refusal(
        "deleting a network with a private endpoint in it",
        connected,
        lambda landscape: landscape.delete(landscape.vnet),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda landscape: (landscape.delete(landscape.endpoint), landscape.delete(landscape.vnet)),
    ),
    Refusal(
        "leaving a subnet in use out of the network's own list",
        connected,
        lambda landscape: landscape.put(landscape.vnet, {**SPACE, "subnets": []}),
        "InUseSubnetCannotBeDeleted",
        "subnets/endpoints",
        lambda landscape: landscape.put(
            landscape.vnet,
            {**SPACE, "subnets": [{"name": "endpoints", "properties": {"addressPrefix": "10.0.2.0/24"}}]},
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
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(landscape.vnet, landscape.cache, "redisEnterprise")
        ),
        "InvalidResourceReference",
        "properties.subnet.id",
        endpoint(),
    ),
    Refusal(
        "an endpoint whose subnet is no id",
        cached,
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties("endpoints", landscape.cache, "redisEnterprise")
        ),
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
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(landscape.endpoints_subnet, landscape.classic, "redisCache")
        ),
        "InvalidResourceReference",
        f"{FIRST}.properties.privateLinkServiceId",
        endpoint(),
    ),
    Refusal(
        "an endpoint without a connection",
        cached,
        lambda landscape: landscape.put(landscape.endpoint, {"subnet": {"id": landscape.endpoints_subnet}}),
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
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(landscape.endpoints_subnet, landscape.cache)
        ),
        "MissingParameterOnPrivateLinkServiceConnection",
        f"{FIRST}.properties.groupIds",
        endpoint(),
    ),
    Refusal(
        "an endpoint to two groups",
        cached,
        lambda landscape: landscape.put(
            landscape.endpoint,
            endpoint_properties(landscape.endpoints_subnet, landscape.cache, "redisEnterprise", "vault"),
        ),
        "OnlyOneGroupIdPermitted",
        f"{FIRST}.properties.groupIds",
        endpoint(),
    ),
    Refusal(
        "another target for an endpoint",
        all_of(connected, lambda landscape: landscape.with_vault()),
        lambda landscape: landscape.put(
            landscape.endpoint, endpoint_properties(landscape.endpoints_subnet, landscape.vault, "vault")
        ),
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
        lambda landscape: landscape.delete(landscape.zone),
        "CannotDeleteResource",
        "privatelink.redis.azure.net",
        lambda landscape: (
            landscape.delete(f"{landscape.zone}/virtualNetworkLinks/vnet"),
            landscape.delete(landscape.zone),
        ),
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
        lambda landscape: landscape.put(f"{landscape.zone}/virtualNetworkLinks/vnet", {}, location="global"),
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
            lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/two"),
            lambda landscape: landscape.put(landscape.zone.replace("/rg/", "/two/"), location="global"),
        ),
        lambda landscape: landscape.put(
            f"{landscape.zone.replace('/rg/', '/two/')}/virtualNetworkLinks/vnet",
            {"virtualNetwork": {"id": landscape.vnet.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")}},
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
        all_of(networked, zone(), link(), lambda landscape: landscape.put(f"{landscape.vnet}2", SPACE)),
        lambda landscape: landscape.put(
            f"{landscape.zone}/virtualNetworkLinks/vnet",
            {"virtualNetwork": {"id": f"{landscape.vnet}2"}},
            location="global",
        ),
        "PropertyChangeNotAllowed",
        "properties.virtualNetwork.id",
        lambda landscape: landscape.put(
            f"{landscape.zone}/virtualNetworkLinks/vnet2",
            {"virtualNetwork": {"id": f"{landscape.vnet}2"}},
            location="global",
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
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(networked, zone(), link())(landscape)
    landscape.delete(landscape.vnet)
    assert landscape.exists(landscape.zone)
    assert not landscape.exists(f"{landscape.zone}/virtualNetworkLinks/vnet")
    landscape.delete(landscape.zone)


def connection_status(landscape: Landscape) -> str:
    """Return what the endpoint says of its connection."""
    (connection,) = landscape.get(landscape.endpoint).properties["privateLinkServiceConnections"]
    return connection["properties"]["privateLinkServiceConnectionState"]["status"]


def test_an_endpoint_whose_target_is_made_anew_stays_disconnected(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    connected(landscape)
    landscape.delete(landscape.cache)
    assert connection_status(landscape) == "Disconnected"
    landscape.with_cache()
    endpoint()(landscape)
    assert connection_status(landscape) == "Disconnected", (
        "neither the same target nor another PUT of the endpoint mends it"
    )
    assert landscape.get(landscape.cache).properties["privateEndpointConnections"] == []
    landscape.delete(landscape.endpoint)
    endpoint()(landscape)
    assert connection_status(landscape) == "Approved"


def test_an_endpoint_of_a_recovered_vault_stays_disconnected(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    networked(landscape)
    landscape.with_vault().with_endpoint(landscape.vault, "vault")
    landscape.delete(landscape.vault)
    landscape.with_vault(createMode="recover")
    assert connection_status(landscape) == "Disconnected"
    assert "privateEndpointConnections" not in landscape.get(landscape.vault).properties


def test_a_range_that_a_subnet_had_is_free_when_it_moves_or_goes(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    networked(landscape)
    subnet("10.0.4.0/22", name="first")(landscape)
    subnet("10.0.8.0/24", name="first")(landscape)
    subnet("10.0.5.0/24", name="second")(landscape)
    landscape.delete(f"{landscape.vnet}/subnets/first")
    subnet("10.0.8.0/23", name="third")(landscape)


def test_a_large_subnet_gives_a_static_address_at_its_end(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    all_of(cached, network("10.0.0.0/16", "10.128.0.0/9"), subnet("10.128.0.0/9", name="large"))(landscape)
    endpoint("large", address="10.255.255.254")(landscape)
