"""Virtual networks, their subnets, and private endpoints."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError
from local_azure.ids import ArmId
from local_azure.resource_types.addresses import allot, network, subnet_prefixes
from local_azure.resource_types.base import Change, Inputs, NameRule, Operations, PrivateLink, Reference, ResourceType
from local_azure.resource_types.generated import guid
from local_azure.state import Resource, Transaction
from local_azure.values import JsonObject, as_list, as_object, find, get

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

_NAME = NameRule(
    r"[A-Za-z0-9]([\w.-]{0,78}\w)?", "1 to 80 letters, digits, '_', '-' and '.', starting with a letter or digit"
)


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
    name_rule = _NAME
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
    name_rule = _NAME
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


# -- private endpoints

_CONNECTIONS = ("properties.privateLinkServiceConnections[*]", "properties.manualPrivateLinkServiceConnections[*]")


def _one_connection(change: Change) -> None:
    if sum(1 for path in _CONNECTIONS for _ in find(change.desired, path)) != 1:
        raise AzureError(
            "PrivateEndpointMustHaveOneConnection",
            f"Private endpoint {change.id} must have exactly one private link service connection.",
            target="properties.privateLinkServiceConnections",
        )


def _has_one_group_of_its_target(change: Change) -> None:
    """One sub-resource, and one that the target has: https://github.com/Azure/azure-cli/issues/15136,
    https://github.com/DFE-Digital/terraform-azurerm-container-apps-hosting/issues/352,
    https://github.com/hashicorp/terraform-provider-azurerm/issues/11778."""
    for path in _CONNECTIONS:
        for at, connection in find(change.desired, path):
            target = ArmId.parse(str(get(connection, "properties.privateLinkServiceId")), f"{at}.privateLinkServiceId")
            known = [link.group for link in change.operations.type_of(target).private_links]
            groups = as_list(get(connection, "properties.groupIds"))
            where = (
                f"Private link service connection {change.id}/privateLinkServiceConnections/{connection.get('name')}"
            )
            if known and not groups:
                raise AzureError(
                    "MissingParameterOnPrivateLinkServiceConnection",
                    f"{where} is missing required parameter 'group Id'.",
                    target=f"{at}.properties.groupIds",
                )
            if len(groups) > 1:
                raise AzureError(
                    "OnlyOneGroupIdPermitted",
                    f"{where} has the following group Ids: {', '.join(groups)}. Only one group Id is permitted when "
                    f"connecting to a first-party resource ({target}).",
                    target=f"{at}.properties.groupIds",
                )
            if known and groups[0] not in known:
                raise AzureError(
                    "BadRequest",
                    f"Call to {target.type} failed. Error message: Invalid groupId '{groups[0]}'; it has "
                    f"{', '.join(known)}.",
                    target=f"{at}.properties.groupIds",
                )


class PrivateEndpoint(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/private-endpoints"""

    token = "azure-native:network:PrivateEndpoint"
    arm_type = ENDPOINT_TYPE
    inputs = Inputs(name="privateEndpointName")
    shape = BodyShape(
        nested=("privateLinkServiceConnections[*]", "manualPrivateLinkServiceConnections[*]", "ipConfigurations[*]")
    )
    name_rule = _NAME
    create_only = (
        "properties.subnet.id",
        "properties.privateLinkServiceConnections[*].properties.privateLinkServiceId",
        "properties.privateLinkServiceConnections[*].properties.groupIds",
        "properties.customNetworkInterfaceName",
    )
    rules = (_one_connection, _has_one_group_of_its_target)
    references = (
        Reference("properties.subnet.id", (SUBNET_TYPE,), in_use=SUBNET_IN_USE),
        *(Reference(f"{path}.properties.privateLinkServiceId") for path in _CONNECTIONS),
    )

    def complete(self, change: Change) -> None:
        automatic, manual = _CONNECTIONS
        for _, connection in find(change.body, automatic):
            _set_state(change, connection, "Approved", "Auto-Approved")
        for _, connection in find(change.body, manual):
            _set_state(change, connection, "Pending", "Awaiting Approval")
        subnet = change.transaction.get(str(change.desires("properties.subnet.id")))
        if subnet is None:
            raise AzureError(
                "InvalidRequestFormat", f"Private endpoint {change.id} needs a subnet.", target="properties.subnet.id"
            )
        wanted = next((one for _, one in find(change.desired, _STATIC_ADDRESS)), None)
        address = change.keep_secret("address", lambda: allot(subnet, change.id, change.transaction, wanted))
        interface = _interface_id(change)
        change.properties["networkInterfaces"] = [{"id": interface.text}]
        change.properties["subnet"] = {"id": change.desires("properties.subnet.id")}
        change.default("properties.ipConfigurations", [])
        change.properties["customDnsConfigs"] = [
            {"fqdn": link.host(target), "ipAddresses": [address]}
            for target, link in linked_targets(change.body, change.transaction, change.operations)
        ]
        change.transaction.save(Resource(interface, _interface_body(change, interface, subnet.id, address)))

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        for interface in as_list(resource.properties.get("networkInterfaces")):
            operations.delete(ArmId.parse(interface["id"]))


_STATIC_ADDRESS = "properties.ipConfigurations[*].properties.privateIPAddress"


def _set_state(change: Change, connection: JsonObject, status: str, description: str) -> None:
    connection["id"] = f"{change.id}/privateLinkServiceConnections/{connection.get('name')}"
    inner = as_object(connection.setdefault("properties", {}))
    inner["provisioningState"] = "Succeeded"
    earlier = _earlier_connection(change, connection.get("name"))
    inner["privateLinkServiceConnectionState"] = earlier or {
        "status": status,
        "description": description,
        "actionsRequired": "None",
    }


def _earlier_connection(change: Change, name: Any) -> JsonObject | None:
    """The state of a connection is the target's to set: a PUT of the endpoint leaves it as it is."""
    for path in _CONNECTIONS if change.existing else ():
        for _, connection in find(change.existing.body if change.existing else {}, path):
            if connection.get("name") == name:
                return get(connection, "properties.privateLinkServiceConnectionState")
    return None


def _interface_id(change: Change) -> ArmId:
    earlier = get(change.existing.body, "properties.networkInterfaces") if change.existing else None
    if earlier:
        return ArmId.parse(earlier[0]["id"])
    name = change.desires("properties.customNetworkInterfaceName") or f"{change.id.name}.nic.{guid()}"
    return ArmId.build(change.id.scope, "Microsoft.Network/networkInterfaces", name)


def _interface_body(change: Change, interface: ArmId, subnet: ArmId, address: str) -> JsonObject:
    return {
        "id": interface.text,
        "name": interface.name,
        "type": interface.type,
        "location": change.location,
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": guid(),
            "macAddress": "-".join(f"{byte:02X}" for byte in b"\x00\x0d\x3a" + secrets.token_bytes(3)),
            "privateEndpoint": {"id": change.id.text},
            "ipConfigurations": [
                {
                    "name": "privateEndpointIpConfig",
                    "id": f"{interface}/ipConfigurations/privateEndpointIpConfig",
                    "properties": {
                        "privateIPAddress": address,
                        "privateIPAllocationMethod": "Dynamic",
                        "subnet": {"id": subnet.text},
                        "primary": True,
                    },
                }
            ],
        },
    }


def linked_targets(
    endpoint: JsonObject, transaction: Transaction, operations: Operations
) -> Iterator[tuple[Resource, PrivateLink]]:
    """What the body of a private endpoint connects to, with the sub-resource that it asks for."""
    for path in _CONNECTIONS:
        for _, connection in find(endpoint, path):
            target = transaction.get(str(get(connection, "properties.privateLinkServiceId")))
            if target is None:
                continue
            groups = as_list(get(connection, "properties.groupIds"))
            for link in operations.type_of(target.id).private_links:
                if link.group in groups:
                    yield target, link


def endpoint_connections(resource: Resource, transaction: Transaction) -> list[JsonObject]:
    """A resource's `privateEndpointConnections`: what the private endpoints that name it say of the connection."""
    shown: list[JsonObject] = []
    for reference in transaction.referring_to(resource.id):
        endpoint = transaction.get(reference.source)
        if endpoint is None or endpoint.id.type != ENDPOINT_TYPE:
            continue
        for path in _CONNECTIONS:
            for _, connection in find(endpoint.body, path):
                target = get(connection, "properties.privateLinkServiceId")
                if isinstance(target, str) and target.lower() == resource.id.key:
                    shown.append(_connection_body(resource, endpoint, connection))
    return shown


def _connection_body(resource: Resource, endpoint: Resource, connection: JsonObject) -> JsonObject:
    name = f"{endpoint.id.name}.{connection.get('name')}"
    return {
        "id": f"{resource.id}/privateEndpointConnections/{name}",
        "name": name,
        "type": f"{resource.id.type}/privateEndpointConnections",
        "properties": {
            "provisioningState": "Succeeded",
            "privateEndpoint": {"id": endpoint.id.text},
            "groupIds": get(connection, "properties.groupIds"),
            "privateLinkServiceConnectionState": get(connection, "properties.privateLinkServiceConnectionState"),
        },
    }


# -- zone groups


class PrivateDnsZoneGroup(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/private-dns-zone-groups

    It keeps the A records of an endpoint in the zones that it names. In a zone of another service it writes none and
    says nothing, as Azure does: names then go on resolving to public addresses.
    """

    token = "azure-native:network:PrivateDnsZoneGroup"
    arm_type = f"{ENDPOINT_TYPE}/privateDnsZoneGroups"
    inputs = Inputs(name="privateDnsZoneGroupName", parents=("privateEndpointName",))
    shape = BodyShape(nested=("privateDnsZoneConfigs[*]",))
    references = (Reference("properties.privateDnsZoneConfigs[*].properties.privateDnsZoneId", (ZONE_TYPE,)),)
    tracked = False

    def complete(self, change: Change) -> None:
        endpoint = change.transaction.get(change.id.parent) if change.id.parent else None
        if endpoint is None:
            return
        self._remove_records(change.existing, change.operations)
        written: list[str] = []
        for _, config in find(change.body, "properties.privateDnsZoneConfigs[*]"):
            zone = change.transaction.get(str(get(config, "properties.privateDnsZoneId")))
            if zone is None:
                continue
            records = [
                self._write_record(change, zone, endpoint, link.record_name(target))
                for target, link in linked_targets(endpoint.body, change.transaction, change.operations)
                if link.zone == zone.id.name.lower()
            ]
            written += [str(record.pop("id")) for record in records]
            config["properties"]["recordSets"] = records
        change.secrets["records"] = written

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        self._remove_records(resource, operations)

    @staticmethod
    def _remove_records(resource: Resource | None, operations: Operations) -> None:
        for record in as_list(resource.secrets.get("records")) if resource else ():
            operations.delete(ArmId.parse(record))

    @staticmethod
    def _write_record(change: Change, zone: Resource, endpoint: Resource, name: str) -> JsonObject:
        address = endpoint.secrets["address"]
        record = ArmId.build(zone.id.scope, RECORD_TYPE, zone.id.name, name)
        change.transaction.save(
            Resource(
                record,
                {
                    "id": record.text,
                    "name": name,
                    "type": RECORD_TYPE,
                    "properties": {
                        "fqdn": f"{name}.{zone.id.name}.",
                        "ttl": 10,
                        "aRecords": [{"ipv4Address": address}],
                        "isAutoRegistered": False,
                        "metadata": {"creator": f"created by private endpoint {endpoint.id.name}"},
                    },
                },
            )
        )
        return {
            "id": record.text,
            "recordType": "A",
            "recordSetName": name,
            "fqdn": f"{name}.{zone.id.name}",
            "ttl": 10,
            "ipAddresses": [address],
            "provisioningState": "Succeeded",
        }


TYPES = (VirtualNetwork(), _SUBNET, PrivateEndpoint(), PrivateDnsZoneGroup())
