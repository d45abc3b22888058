"""Virtual networks and their subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types import service_links
from local_azure.resource_types.addresses import Network, contains, free_ranges, network, subnet_prefixes, take_range
from local_azure.resource_types.base import Change, Inputs, NameRule, Operations, Reference, ResourceType, Tenant
from local_azure.resource_types.generated import guid

VNET_TYPE = "Microsoft.Network/virtualNetworks"
SUBNET_TYPE = "Microsoft.Network/virtualNetworks/subnets"
ENDPOINT_TYPE = "Microsoft.Network/privateEndpoints"
ZONE_TYPE = "Microsoft.Network/privateDnsZones"
LINK_TYPE = f"{ZONE_TYPE}/virtualNetworkLinks"
RECORD_TYPE = f"{ZONE_TYPE}/A"

SUBNET_IN_USE = (
    "InUseSubnetCannotBeDeleted",
    "Subnet {target} is in use by {source} and cannot be deleted. In order to delete the subnet, delete all the "
    "resources within the subnet. See aka.ms/deletesubnet.",
)
"""What Azure answers when a subnet that holds something is to be deleted."""

NETWORK_NAME = NameRule(
    r"[A-Za-z0-9]([\w.-]{0,78}\w)?",
    "1 to 80 letters, digits, '_', '-' and '.', starting with a letter or digit and ending with one or '_'",
)
"""The rule that the names of most network resources keep."""

_SMALLEST_SUBNET = 29
_IPV6_SUBNET = 64
_FORBIDDEN = tuple(
    ipaddress.ip_network(item)
    for item in ("224.0.0.0/4", "255.255.255.255/32", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32")
)
_SPACE = "properties.addressSpace.addressPrefixes"


# -- virtual networks


def _spaces(body: JsonObject) -> list[Network]:
    return [network(item, f"{_SPACE}[{index}]") for index, item in enumerate(as_list(get(body, _SPACE)))]


def _address_space_is_given(change: Change) -> None:
    if not _spaces(change.desired) and not change.desires("properties.addressSpace.ipamPoolPrefixAllocations"):
        raise AzureError("InvalidRequestFormat", "A virtual network needs at least one address prefix.", target=_SPACE)


def _address_space_is_allowed(change: Change) -> None:
    """Check a network's address ranges: none that Azure reserves.

    Source:
    https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq#what-address-ranges-can-i-use-in-my-virtual-networks.
    """
    spaces = _spaces(change.desired)
    for index, space in enumerate(spaces):
        for forbidden in _FORBIDDEN:
            if space.version == forbidden.version and space.overlaps(forbidden):
                raise AzureError(
                    "NetcfgInvalidIPAddressPrefix",
                    f"The address prefix {space} of virtual network '{change.id.name}' is not allowed: it overlaps "
                    f"{forbidden}.",
                    target=f"{_SPACE}[{index}]",
                )
        for other in spaces[:index]:
            if space.version == other.version and space.overlaps(other):
                raise AzureError(
                    "NetcfgInvalidVirtualNetworkSite",
                    f"The address prefixes {other} and {space} of virtual network '{change.id.name}' overlap.",
                    target=f"{_SPACE}[{index}]",
                )


def _subnets_still_fit(change: Change) -> None:
    """Check that no subnet lies in a prefix that is removed. What a PUT says of its subnets is checked with each of
    them.
    """
    if not change.existing or not change.changed(_SPACE) or change.desires("properties.subnets") is not None:
        return
    spaces = _spaces(change.desired)
    for subnet in change.transaction.of_type(SUBNET_TYPE, change.id):
        for prefix in subnet_prefixes(subnet):
            if not _is_in(network(prefix, _SPACE), spaces):
                raise _outside(subnet.id.name, change.id.name, _SPACE)


class VirtualNetwork(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/virtual-networks"""

    token = "azure-native:network:VirtualNetwork"
    arm_type = VNET_TYPE
    inputs = Inputs(name="virtualNetworkName")
    shape = BodyShape(nested=("subnets[*]", "subnets[*].delegations[*]", "virtualNetworkPeerings[*]"))
    name_rule = NameRule(
        r"[A-Za-z0-9][\w.-]{0,62}\w",
        "2 to 64 letters, digits, '_', '-' and '.', starting with a letter or digit and ending with one or '_'",
    )
    rules = (_address_space_is_given, _address_space_is_allowed, _subnets_still_fit)
    collections = ("properties.subnets", "properties.virtualNetworkPeerings")

    def complete(self, change: Change) -> None:
        change.keep("properties.resourceGuid", guid)
        change.default("properties.enableDdosProtection", False)
        # Subnets are resources of their own, shown here again when the network is read.
        change.properties.pop("subnets", None)

    def applied(self, change: Change, resource: Resource) -> None:
        wanted = change.desires("properties.subnets")
        if wanted is None:
            return  # A PUT without subnets leaves them as they are.
        named = {str(item.get("name")): item for item in map(as_object, as_list(wanted))}
        for subnet in change.transaction.of_type(SUBNET_TYPE, resource.id):
            if subnet.id.name.lower() not in map(str.lower, named):
                change.operations.delete(subnet.id)
        for name, subnet in named.items():
            change.operations.put(resource.id.child("subnets", name), {"properties": subnet.get("properties", {})})

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        subnets = transaction.of_type(SUBNET_TYPE, resource.id)
        resource.properties["subnets"] = [_SUBNET.present(subnet, transaction) for subnet in subnets]
        return resource.body

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        """Delete a network's links to private zones with it.

        Source: https://learn.microsoft.com/azure/dns/dns-faq-private.
        """
        for reference in transaction.referring_to(resource.id):
            link = transaction.get(reference.source)
            if link and link.id.type == LINK_TYPE:
                operations.delete(link.id)


# -- subnets


def _is_in(own: Network, spaces: Iterable[Network]) -> bool:
    return any(contains(space, own) for space in spaces)


def _outside(subnet: str, vnet: str, target: str) -> AzureError:
    return AzureError(
        "NetcfgSubnetRangeOutsideVnet",
        f"Subnet '{subnet}' is not valid because its IP address range is outside the IP address range of virtual "
        f"network '{vnet}'.",
        target=target,
    )


def _prefix_path(change: Change) -> str:
    return (
        f"properties.{'addressPrefixes' if as_list(change.desires('properties.addressPrefixes')) else 'addressPrefix'}"
    )


def _has_ranges(change: Change) -> None:
    """Check the sizes of a subnet's ranges: /29 is the smallest, in IPv6 /64 the only size.

    Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq.
    """
    for own in _ranges(change):
        if own.prefixlen > _SMALLEST_SUBNET if own.version == 4 else own.prefixlen != _IPV6_SUBNET:
            raise AzureError(
                "NetcfgInvalidSubnet",
                f"Subnet '{change.id.name}' is not valid in virtual network '{change.id.names[0]}': its prefix {own} "
                f"is not {'of the size /64' if own.version == 6 else f'/{_SMALLEST_SUBNET} or larger'}.",
                target=_prefix_path(change),
            )


def _fits_in_network(change: Change) -> None:
    """Check that a subnet lies inside its network and overlaps no other subnet.

    Source: https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-subnet.
    """
    vnet = change.transaction.get(change.id.parent) if change.id.parent else None
    if vnet is None:
        return
    spaces = _spaces(vnet.body)
    free_ranges(vnet.id, _earlier_prefixes(change), change.transaction)
    for own in _ranges(change):
        if spaces and not _is_in(own, spaces):
            raise _outside(change.id.name, vnet.id.name, _prefix_path(change))
        if take_range(vnet.id, own, change.id, change.transaction):
            raise AzureError(
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{change.id.name}' is not valid because its IP address range overlaps with that of an "
                f"existing subnet in virtual network '{vnet.id.name}'.",
                target=_prefix_path(change),
            )


def _earlier_prefixes(change: Change) -> list[str]:
    return subnet_prefixes(change.existing) if change.existing else []


def _ranges(change: Change) -> list[Network]:
    path = _prefix_path(change)
    asked = change.desires(path)
    prefixes = as_list(asked) or ([asked] if asked else [])
    if not prefixes:
        raise AzureError(
            "SubnetHasNoAddressPrefix",
            f"Subnet {change.id.name} has no address prefix; one is required.",
            target="properties.addressPrefix",
        )
    return [network(prefix, path) for prefix in prefixes]


def holders(subnet: Resource | ArmId, transaction: Transaction, operations: Operations) -> list[tuple[Resource, str]]:
    """Return what has addresses in a subnet, with the path by which it names the subnet."""
    found: list[tuple[Resource, str]] = []
    for stored in transaction.referring_to(subnet if isinstance(subnet, ArmId) else subnet.id):
        source = transaction.get(stored.source)
        for reference in operations.type_of(source.id).references if source else ():
            if source and reference.path == stored.path and reference.in_use == SUBNET_IN_USE:
                found.append((source, stored.path))
    return found


def _ranges_in_use_stay(change: Change) -> None:
    """Check that the ranges of a subnet in use do not change, not even to larger ones. Code and words are those of
    public logs of deployments.
    """
    earlier = _earlier_prefixes(change)
    asked = [str(item) for item in _ranges(change)]
    if not earlier or sorted(earlier) == sorted(asked) or not holders(change.id, change.transaction, change.operations):
        return
    gone = next((item for item in earlier if item not in asked), None)
    if gone:
        raise AzureError(
            "InUsePrefixCannotBeDeleted",
            f"IpPrefix {gone} on Subnet {change.id.name} has active allocations and cannot be deleted.",
            target=_prefix_path(change),
        )


def delegated_services(body: JsonObject) -> list[str]:
    """Return the services that a subnet is delegated to."""
    return [str(item) for _, item in find(body, "properties.delegations[*].properties.serviceName")]


def _delegations_in_use_stay(change: Change) -> None:
    """Check that a delegation that is in use is not removed.

    Source: https://learn.microsoft.com/azure/virtual-network/subnet-delegation-overview; the code is that of public
    logs.
    """
    if not change.existing:
        return
    asked = [service.lower() for service in delegated_services(change.desired)]
    gone = [service for service in delegated_services(change.existing.body) if service.lower() not in asked]
    if not gone:
        return
    for holder, _ in holders(change.id, change.transaction, change.operations):
        if holder.id.type != ENDPOINT_TYPE:
            raise AzureError(
                "SubnetMissingRequiredDelegation",
                f"Subnet {change.id} requires any of the following delegation(s) [{', '.join(gone)}] to reference "
                f"service association link {change.id}/serviceAssociationLinks/{holder.id.name}.",
                target="properties.delegations",
            )


class Subnet(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/subnets"""

    token = "azure-native:network:Subnet"
    arm_type = SUBNET_TYPE
    inputs = Inputs(name="subnetName", parents=("virtualNetworkName",))
    shape = BodyShape(nested=("delegations[*]", "serviceEndpointPolicies[*]"))
    name_rule = NETWORK_NAME
    rules = (_has_ranges, _ranges_in_use_stay, _fits_in_network, _delegations_in_use_stay)
    references = (
        Reference("properties.networkSecurityGroup.id", ("Microsoft.Network/networkSecurityGroups",)),
        Reference("properties.routeTable.id", ("Microsoft.Network/routeTables",)),
        Reference("properties.natGateway.id", ("Microsoft.Network/natGateways",)),
    )
    tracked = False

    def locks(self, resource_id: ArmId) -> Iterable[str]:
        """Return the network: two writes of subnets of a network at a time are refused."""
        return (resource_id.parent.key,) if resource_id.parent else ()

    def complete(self, change: Change) -> None:
        change.default("properties.privateEndpointNetworkPolicies", "Disabled")
        change.default("properties.privateLinkServiceNetworkPolicies", "Enabled")
        change.default("properties.delegations", [])
        for delegation in map(as_object, as_list(change.properties["delegations"])):
            delegation["id"] = f"{change.id}/delegations/{delegation.get('name')}"
            delegation["properties"] = {**as_object(delegation.get("properties")), "provisioningState": "Succeeded"}

    def refuse_delete(self, resource: Resource, transaction: Transaction, tenant: Tenant) -> None:
        if service_links.is_held(resource.id, transaction, by_fault_only=True):
            code, words = SUBNET_IN_USE
            source = f"{resource.id}/serviceAssociationLinks/legionservicelink"
            raise conflict(words.format(target=resource.id.name, source=source), code, resource.id.text)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        resource.body["etag"] = f'W/"{resource.etag}"'
        endpoints = [
            {"id": source.id.text}
            for reference in transaction.referring_to(resource.id)
            if (source := transaction.get(reference.source)) and source.id.type == ENDPOINT_TYPE
        ]
        if endpoints:
            resource.properties["privateEndpoints"] = endpoints
        return resource.body


_SUBNET = Subnet()


TYPES = (VirtualNetwork(), _SUBNET)
