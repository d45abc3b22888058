"""Approve or reject private endpoint connections, as the owner of the target resource.

https://learn.microsoft.com/azure/private-link/manage-private-endpoint: a PUT of the connection at the resource's end
approves or rejects it, and the endpoint shows the same state.
"""

from __future__ import annotations

from http import HTTPStatus

from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject, find, get, put

LEVEL = "privateendpointconnections"
"""The last segment of the connections' type, in lower case."""
_STATE = "properties.privateLinkServiceConnectionState"
_DECISIONS = ("Approved", "Rejected")
_CONNECTIONS = ("properties.privateLinkServiceConnections[*]", "properties.manualPrivateLinkServiceConnections[*]")


def decide(work: Work, target: str, connection: JsonObject, body: JsonObject) -> None:
    """Approve or reject a connection of a resource, as the body requests. Raises `AzureError`."""
    status = get(body, f"{_STATE}.status")
    if status not in _DECISIONS:
        raise AzureError(
            "InvalidRequestContent",
            f"A private endpoint connection becomes {' or '.join(_DECISIONS)}, not '{status}'.",
            status=HTTPStatus.BAD_REQUEST,
            target=f"{_STATE}.status",
        )
    endpoint = work.existing(ArmId.parse(str(get(connection, "properties.privateEndpoint.id"))))
    for path in _CONNECTIONS:
        for _, one in find(endpoint.body, path):
            if str(get(one, "properties.privateLinkServiceId")).lower() == target.lower():
                put(one, f"{_STATE}.status", status)
                put(one, f"{_STATE}.description", get(body, f"{_STATE}.description", ""))
    work.transaction.save(endpoint)
