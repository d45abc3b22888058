"""Virtual networks and their subnets."""

from __future__ import annotations

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError
from local_azure.resource_types.addresses import network, subnet_prefixes
from local_azure.resource_types.base import Change, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.generated import guid
from local_azure.state import Resource, Transaction
from local_azure.values import JsonObject, as_list, as_object, get

VNET_TYPE = "Microsoft.Network/virtualNetworks"
SUBNET_TYPE = "Microsoft.Network/virtualNetworks/subnets"
ENDPOINT_TYPE = "Microsoft.Network/privateEndpoints"
ZONE_TYPE = "Microsoft.Network/privateDnsZones"
RECORD_TYPE = "Microsoft.Network/privateDnsZones/A"

SUBNET_IN_USE = (
    "InUseSubnetCannotBeDeleted",
    "Subnet {target} is in use by {source} and cannot be deleted. In order to delete the subnet, delete all the "
    "resources within the subnet. See aka.ms/deletesubnet.",
)
"""What Azure answers when a subnet that holds something is to be deleted."""

NETWORK_NAME = NameRule(
    r"[A-Za-z0-9]([\w.-]{0,78}\w)?", "1 to 80 letters, digits, '_', '-' and '.', starting with a letter or digit"
)
"""The rule that the names of most network resources keep."""


# -- virtual networks


def _address_space_is_given(change: Change) -> None:
    prefixes = as_list(change.desires("properties.addressSpace.addressPrefixes"))
    if not prefixes and not change.desires("properties.addressSpace.ipamPoolPrefixAllocations"):
        raise AzureError(
            "InvalidRequestFormat",
            "A virtual network needs at least one address prefix.",
            target="properties.addressSpace.addressPrefixes",
        )
    for prefix in prefixes:
        network(prefix, "properties.addressSpace.addressPrefixes")


class VirtualNetwork(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/virtual-networks"""

    token = "azure-native:network:VirtualNetwork"
    arm_type = VNET_TYPE
    inputs = Inputs(name="virtualNetworkName")
    shape = BodyShape(nested=("subnets[*]", "subnets[*].delegations[*]", "virtualNetworkPeerings[*]"))
    name_rule = NETWORK_NAME
    rules = (_address_space_is_given,)
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
        named = {str(one.get("name")): one for one in map(as_object, as_list(wanted))}
        for subnet in change.transaction.of_type(SUBNET_TYPE, resource.id):
            if subnet.id.name.lower() not in map(str.lower, named):
                change.operations.delete(subnet.id)
        for name, subnet in named.items():
            change.operations.put(resource.id.child("subnets", name), {"properties": subnet.get("properties", {})})

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        subnets = transaction.of_type(SUBNET_TYPE, resource.id)
        resource.properties["subnets"] = [_SUBNET.present(one, transaction) for one in subnets]
        return resource.body


# -- subnets


def _fits_in_network(change: Change) -> None:
    """https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-subnet: inside the network, apart."""
    parent = change.id.parent
    vnet = change.transaction.get(parent) if parent else None
    if vnet is None:
        return
    spaces = [network(one, "") for one in as_list(get(vnet.body, "properties.addressSpace.addressPrefixes"))]
    for prefix in _asked_prefixes(change):
        own = network(prefix, "properties.addressPrefix")
        if spaces and not any(space.version == own.version and own.subnet_of(space) for space in spaces):  # pyright: ignore[reportArgumentType]  # the versions are the same
            raise AzureError(
                "NetcfgSubnetRangeOutsideVnet",
                f"Subnet '{change.id.name}' is not valid because its IP address range is outside the IP address range "
                f"of virtual network '{vnet.id.name}'.",
                target="properties.addressPrefix",
            )
        for other in change.transaction.of_type(SUBNET_TYPE, vnet.id):
            theirs = [network(one, "") for one in subnet_prefixes(other)]
            if other.id.key != change.id.key and any(own.overlaps(one) for one in theirs):
                raise AzureError(
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{change.id.name}' is not valid because its IP address range overlaps with that of an "
                    f"existing subnet in virtual network '{vnet.id.name}'.",
                    target="properties.addressPrefix",
                )


def _asked_prefixes(change: Change) -> list[str]:
    single = change.desires("properties.addressPrefix")
    prefixes = as_list(change.desires("properties.addressPrefixes")) or ([single] if single else [])
    if not prefixes:
        raise AzureError(
            "SubnetHasNoAddressPrefix",
            f"Subnet {change.id.name} has no address prefix; one is required.",
            target="properties.addressPrefix",
        )
    return prefixes


class Subnet(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/subnets"""

    token = "azure-native:network:Subnet"
    arm_type = SUBNET_TYPE
    inputs = Inputs(name="subnetName", parents=("virtualNetworkName",))
    shape = BodyShape(nested=("delegations[*]", "serviceEndpointPolicies[*]"))
    name_rule = NETWORK_NAME
    rules = (_fits_in_network,)
    references = (
        Reference("properties.networkSecurityGroup.id", ("Microsoft.Network/networkSecurityGroups",)),
        Reference("properties.routeTable.id", ("Microsoft.Network/routeTables",)),
        Reference("properties.natGateway.id", ("Microsoft.Network/natGateways",)),
    )
    tracked = False

    def complete(self, change: Change) -> None:
        change.default("properties.privateEndpointNetworkPolicies", "Disabled")
        change.default("properties.privateLinkServiceNetworkPolicies", "Enabled")
        change.default("properties.delegations", [])
        for delegation in map(as_object, as_list(change.properties["delegations"])):
            delegation["id"] = f"{change.id}/delegations/{delegation.get('name')}"
            delegation["properties"] = {**as_object(delegation.get("properties")), "provisioningState": "Succeeded"}

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
