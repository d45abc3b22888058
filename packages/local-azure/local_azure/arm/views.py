"""Lists that are computed from other resources on each read, instead of being stored in the model."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from local_azure.arm import planning, resource_health, running_state
from local_azure.arm.addresses import Address
from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject, as_list, as_object, find
from local_azure.resource_types.container_apps import REVISION_TYPE
from local_azure.resource_types.key_vault import DELETED_VAULT_TYPE
from local_azure.resource_types.network import ZONE_TYPE
from local_azure.resource_types.role_definitions import BUILT_IN_ROLES, ROLE_DEFINITION_TYPE
from local_azure.status.runtime_status import RunningContainer, RunningReplica, RuntimeStatus

View = Callable[[Work, Address], list[JsonObject]]
_REPLICA_TYPE = f"{REVISION_TYPE}/replicas".lower()


def view_of(address: Address, running: Callable[[], RuntimeStatus | None]) -> View | None:
    """Return the view of a computed type, or None for any other type."""
    if address.type.lower() == _REPLICA_TYPE:
        return _replicas_that_run(running)
    if address.type.lower() == resource_health.TYPE.lower():
        return resource_health.statuses(running)
    by_type = _BY_TYPE.get(address.type.lower())
    return by_type or (_BY_LEVEL.get(address.last.lower()) if len(address.types) > 2 else None)


def one_of(listed: list[JsonObject], address: Address) -> JsonObject:
    """Return the element with the name at the end of a path. Raises `ResourceNotFound`."""
    name = address.names[-1]
    for body in listed:
        if str(body.get("name")).lower() == name.lower():
            return body
    raise AzureError(
        "ResourceNotFound", f"The resource '{address.type}/{name}' was not found.", status=HTTPStatus.NOT_FOUND
    )


def _parent(address: Address) -> ArmId:
    """Return the parent of a list, whether or not the path names an element of the list."""
    names = address.names[: len(address.types) - 2]
    return ArmId.build(address.scope, "/".join(address.types[:-1]), *names)


def _endpoint_connections(work: Work, address: Address) -> list[JsonObject]:
    shown = work.present(work.existing(_parent(address)))
    return [as_object(one) for one in as_list(shown.properties.get("privateEndpointConnections"))]


def _private_link_resources(work: Work, address: Address) -> list[JsonObject]:
    resource = work.existing(_parent(address))
    return [
        {
            "id": f"{resource.id}/privateLinkResources/{link.group}",
            "name": link.group,
            "type": f"{resource.id.type}/privateLinkResources",
            "properties": {
                "groupId": link.group,
                "requiredMembers": [link.group],
                "requiredZoneNames": [link.zone],
            },
        }
        for link in work.type_of(resource.id).private_links
    ]


def _replicas_that_run(running: Callable[[], RuntimeStatus | None]) -> View:
    def replicas(work: Work, address: Address) -> list[JsonObject]:
        revision = work.existing(_parent(address))
        found = running()
        if found is None:
            return _expected_replicas(revision)
        app = work.existing(revision.id.parent) if revision.id.parent else revision
        return running_state.replicas(revision.id, app.location, found)

    return replicas


def _expected_replicas(revision: Resource) -> list[JsonObject]:
    """Return the expected number of replicas, each running."""
    count = int(revision.properties.get("replicas") or 0)
    containers = tuple(
        RunningContainer(str(name), "Running", ready=True, started=True)
        for _, name in find(revision.body, "properties.template.containers[*].name")
    )
    created = str(revision.properties.get("createdTime") or "")
    return [
        running_state.replica_body(
            revision.id,
            "",
            RunningReplica(f"{revision.id.name}-{number:05d}", created, "Running", ready=True, containers=containers),
        )
        for number in range(count)
    ]


def _record_sets(work: Work, address: Address) -> list[JsonObject]:
    """https://learn.microsoft.com/rest/api/dns/privatedns/record-sets/list"""
    zone = work.existing(_parent(address))
    prefix = f"{ZONE_TYPE}/".lower()
    records = [
        work.present(one).body
        for one in work.transaction.under(zone.id)
        if one.id.type_key.startswith(prefix) and not one.id.type_key.endswith("virtualnetworklinks")
    ]
    return [*_start_of_authority(work, address), *records]


def _start_of_authority(work: Work, address: Address) -> list[JsonObject]:
    zone = work.existing(_parent(address))
    return [
        {
            "id": f"{zone.id}/SOA/@",
            "name": "@",
            "type": f"{ZONE_TYPE}/SOA",
            "etag": zone.etag,
            "properties": {
                "fqdn": f"{zone.id.name}.",
                "ttl": 3600,
                "isAutoRegistered": False,
                "soaRecord": {
                    "email": "azureprivatedns-host.microsoft.com",
                    "expireTime": 2419200,
                    "host": "azureprivatedns.net",
                    "minimumTtl": 10,
                    "refreshTime": 3600,
                    "retryTime": 300,
                    "serialNumber": 1,
                },
            },
        }
    ]


def _role_definitions(work: Work, address: Address) -> list[JsonObject]:
    # Wherever they are asked for, built-in roles have the ids that they have in the subscription.
    subscription = "/".join(address.scope.split("/")[:3])
    return [role.body(subscription) for role in BUILT_IN_ROLES]


def _deleted_vaults(work: Work, address: Address) -> list[JsonObject]:
    return [work.present(one).body for one in work.transaction.of_type(DELETED_VAULT_TYPE, address.scope)]


def _nothing(work: Work, address: Address) -> list[JsonObject]:
    """Return an empty list, for types that clients list beside vaults and that the emulator does not have."""
    return []


_BY_LEVEL: dict[str, View] = {
    "privateendpointconnections": _endpoint_connections,
    "privatelinkresources": _private_link_resources,
}
_BY_TYPE: dict[str, View] = {
    ROLE_DEFINITION_TYPE.lower(): _role_definitions,
    "microsoft.app/locations/usages": planning.usages,
    "microsoft.app/managedenvironments/usages": planning.environment_usages,
    "microsoft.app/locations/availablemanagedenvironmentsworkloadprofiletypes": planning.workload_profiles,
    "microsoft.keyvault/deletedvaults": _deleted_vaults,
    "microsoft.keyvault/deletedmanagedhsms": _nothing,
    "microsoft.keyvault/managedhsms": _nothing,
    f"{ZONE_TYPE}/ALL".lower(): _record_sets,
    f"{ZONE_TYPE}/SOA".lower(): _start_of_authority,
}
