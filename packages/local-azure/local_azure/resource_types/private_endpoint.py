"""Private endpoints, the connections that they make, and the zone groups that keep their DNS records."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.addresses import STATIC_ADDRESS, allot
from local_azure.resource_types.base import Change, Claim, Inputs, Operations, PrivateLink, Reference, ResourceType
from local_azure.resource_types.generated import guid
from local_azure.resource_types.network import (
    ENDPOINT_TYPE,
    NETWORK_NAME,
    RECORD_TYPE,
    SUBNET_IN_USE,
    SUBNET_TYPE,
    ZONE_TYPE,
    delegated_services,
)

DISCONNECTED = "Disconnected"
"""The status of a connection whose target was deleted."""
_CONNECTIONS = ("properties.privateLinkServiceConnections[*]", "properties.manualPrivateLinkServiceConnections[*]")


def _subnet_is_not_delegated(change: Change) -> None:
    """Microsoft Learn, "Troubleshoot private endpoint creation that fails or stalls in Azure Private Link"."""
    subnet = change.transaction.get(str(change.desires("properties.subnet.id")))
    if subnet and not change.existing and delegated_services(subnet.body):
        raise AzureError(
            "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
            f"Private endpoint {change.id} cannot be created as subnet {subnet.id} is delegated.",
            target="properties.subnet.id",
        )


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
            found = change.transaction.get(target)
            for link in change.operations.type_of(target).private_links:
                if found and link.group in groups and (reason := link.lacking(found)):
                    raise AzureError(
                        "BadRequest",
                        f"Call to {target.type} failed. Error message: {reason}",
                        target=f"{at}.properties.privateLinkServiceId",
                    )


def _connection_stays(change: Change) -> None:
    """Check that an endpoint's connection does not change; another name is another connection.

    Source: https://github.com/Azure/bicep-registry-modules/issues/7285 and
    https://learn.microsoft.com/azure/postgresql/network/how-to-networking-servers-deployed-public-access-add-private-endpoint.
    """
    if change.existing is None:
        return
    earlier, asked = _connections(change.existing.body), _connections(change.desired)
    if asked == earlier:
        return
    path = _CONNECTIONS[0].removesuffix("[*]")
    raise AzureError(
        "CannotChangePrivateLinkConnectionOnPrivateEndpoint",
        f"Cannot change the private link connection on private endpoint {change.id}. Please ensure you are not "
        "updating the details of existing private link connection: "
        f"'{change.id}/privateLinkServiceConnections/{earlier[0][0]}'. That is not allowed.",
        target=path,
    )


def _connections(endpoint: JsonObject) -> list[tuple[str, str, list[Any]]]:
    """Return each connection's name, target and groups."""
    return [
        (
            str(connection.get("name")).lower(),
            str(get(connection, "properties.privateLinkServiceId")).lower(),
            as_list(get(connection, "properties.groupIds")),
        )
        for path in _CONNECTIONS
        for _, connection in find(endpoint, path)
    ]


class PrivateEndpoint(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/private-endpoints

    Pulumi's provider replaces an endpoint only where its subnet changes (forceNewMap in provider/pkg/gen/replacement.go
    of pulumi-azure-native): for another target it sends an update, which Azure refuses.
    """

    token = "azure-native:network:PrivateEndpoint"
    arm_type = ENDPOINT_TYPE
    inputs = Inputs(name="privateEndpointName")
    shape = BodyShape(
        nested=("privateLinkServiceConnections[*]", "manualPrivateLinkServiceConnections[*]", "ipConfigurations[*]")
    )
    name_rule = NETWORK_NAME
    create_only = (
        "properties.subnet.id",
        "properties.customNetworkInterfaceName",
    )
    rules = (_subnet_is_not_delegated, _one_connection, _has_one_group_of_its_target, _connection_stays)
    references = (
        Reference("properties.subnet.id", (SUBNET_TYPE,), in_use=SUBNET_IN_USE, same_region=True),
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
        wanted = next((item for _, item in find(change.desired, STATIC_ADDRESS)), None)
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
    """Return a connection's earlier state, which the target sets: a PUT of the endpoint does not change it."""
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
    """Yield what the body of a private endpoint connects to, with the sub-resource that it asks for."""
    for path in _CONNECTIONS:
        for _, connection in find(endpoint, path):
            target = transaction.get(str(get(connection, "properties.privateLinkServiceId")))
            if target is None:
                continue
            groups = as_list(get(connection, "properties.groupIds"))
            for link in operations.type_of(target.id).private_links:
                if link.group in groups:
                    yield target, link


def disconnect(target: Resource, transaction: Transaction) -> None:
    """Disconnect the private endpoints of a resource that is being deleted; they stay, and stay disconnected.

    A resource that is made anew or recovered under the same id does not know their connections: only another endpoint
    connects to it (https://learn.microsoft.com/azure/private-link/private-endpoint-overview#access-to-a-private-link-
    resource-using-approval-workflow, https://github.com/hashicorp/terraform-provider-azurerm/issues/20776 and /15051,
    https://github.com/crossplane-contrib/provider-upjet-azure/issues/989).
    """
    for reference in transaction.referring_to(target.id, ENDPOINT_TYPE):
        endpoint = transaction.get(reference.source)
        for path in _CONNECTIONS if endpoint else ():
            for _, connection in find(endpoint.body if endpoint else {}, path):
                state = get(connection, "properties.privateLinkServiceConnectionState")
                if state and str(get(connection, "properties.privateLinkServiceId")).lower() == target.id.key:
                    state["status"] = DISCONNECTED
        if endpoint:
            transaction.save(endpoint)


def endpoint_connections(resource: Resource, transaction: Transaction) -> list[JsonObject]:
    """Return a resource's `privateEndpointConnections`: what the private endpoints that name it say of the connection.

    Disconnected endpoints are known at their own end only.
    """
    shown: list[JsonObject] = []
    for reference in transaction.referring_to(resource.id, ENDPOINT_TYPE):
        endpoint = transaction.get(reference.source)
        if endpoint is None:
            continue
        for path in _CONNECTIONS:
            for _, connection in find(endpoint.body, path):
                target = get(connection, "properties.privateLinkServiceId")
                status = get(connection, "properties.privateLinkServiceConnectionState.status")
                if isinstance(target, str) and target.lower() == resource.id.key and status != DISCONNECTED:
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


_ZONES = 5
_CONFIGS = "properties.privateDnsZoneConfigs"


def _zones_are_few_and_named_apart(change: Change) -> None:
    """Enforce Azure's rule: at most five zones; https://github.com/hashicorp/terraform-provider-azurerm/issues/28966:
    names that differ.

    Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns#private-dns-zone-group.
    """
    configs = [as_object(config) for config in as_list(change.desires(_CONFIGS))]
    if len(configs) > _ZONES:
        raise AzureError(
            "InvalidRequestFormat",
            f"Private Dns Zone group {change.id} has {len(configs)} private dns zone configs; {_ZONES} are allowed.",
            target=_CONFIGS,
        )
    names = [str(config.get("name")).lower() for config in configs]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise AzureError(
            "InvalidRequestFormat",
            f"Cannot parse the request. DuplicateResourceName: Resource {change.id} has two child resources with the "
            f"same name ({repeated}).",
            target=_CONFIGS,
        )


def _zones_of_configs_stay(change: Change) -> None:
    """Check that a configuration keeps its zone; another zone needs a new group. Which code Azure answers is not known.

    Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/27559.
    """
    earlier = {
        str(get(item, "name")).lower(): str(get(item, "properties.privateDnsZoneId")).lower()
        for _, item in find(change.existing.body if change.existing else {}, f"{_CONFIGS}[*]")
    }
    for at, config in find(change.desired, f"{_CONFIGS}[*]"):
        name, zone = str(get(config, "name")).lower(), str(get(config, "properties.privateDnsZoneId")).lower()
        if earlier.get(name, zone) != zone:
            raise AzureError(
                "InvalidRequestFormat",
                f"The private DNS zone of configuration '{name}' of Private Dns Zone group {change.id} cannot be "
                "changed.",
                target=f"{at}.properties.privateDnsZoneId",
            )


class PrivateDnsZoneGroup(ResourceType):
    """https://learn.microsoft.com/rest/api/virtualnetwork/private-dns-zone-groups

    It keeps the A records of an endpoint in the zones that it names. In a zone of another service it writes none and
    says nothing, as Azure does: names then go on resolving to public addresses.
    """

    token = "azure-native:network:PrivateDnsZoneGroup"
    arm_type = f"{ENDPOINT_TYPE}/privateDnsZoneGroups"
    inputs = Inputs(name="privateDnsZoneGroupName", parents=("privateEndpointName",))
    shape = BodyShape(nested=("privateDnsZoneConfigs[*]",))
    name_rule = NETWORK_NAME
    rules = (_zones_are_few_and_named_apart, _zones_of_configs_stay)
    references = (
        # https://github.com/Azure/missionlz/issues/1029, https://github.com/ansible-collections/azure/issues/734
        Reference(
            f"{_CONFIGS}[*].properties.privateDnsZoneId",
            (ZONE_TYPE,),
            missing="InvalidPrivateDnsZoneIds",
            words="Private Dns Zone group {source} has invalid private dns zone ids {target}.",
        ),
    )
    tracked = False

    def locks(self, resource_id: ArmId) -> Iterable[str]:
        return (resource_id.parent.key,) if resource_id.parent else ()

    def claims(self, change: Change) -> Iterable[Claim]:
        """Claim the endpoint: it has at most one zone group.

        Source: https://github.com/pulumi/pulumi-azure-native/issues/2179.

        Source: https://github.com/pulumi/pulumi-azure-native/issues/2179.
        """
        endpoint = change.id.names[0]
        yield Claim(
            f"zone-group{change.id.parent.key if change.id.parent else ''}",
            "InvalidRequestFormat",
            f"Cannot create more than one private dns zone groups in the private endpoint {endpoint}.",
        )

    def complete(self, change: Change) -> None:
        endpoint = change.transaction.get(change.id.parent) if change.id.parent else None
        if endpoint is None:
            return
        self._remove_records(change.existing, change.operations)
        written: list[str] = []
        for _, config in find(change.body, f"{_CONFIGS}[*]"):
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


TYPES = (PrivateEndpoint(), PrivateDnsZoneGroup())
