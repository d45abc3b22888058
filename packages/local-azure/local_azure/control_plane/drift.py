"""Drift: changes outside the program, made once, which `pulumi refresh` detects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local_azure.control_plane.model import Model, Work
from local_azure.core.faults import matches
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import find, get, put
from local_azure.resource_types.network import ENDPOINT_TYPE, ZONE_TYPE

_LINK_TYPE = f"{ZONE_TYPE}/virtualNetworkLinks"
_CONNECTION_STATES = (
    "properties.privateLinkServiceConnections[*].properties",
    "properties.manualPrivateLinkServiceConnections[*].properties",
)


@dataclass(frozen=True)
class Drift:
    """A kind of drift."""

    affects: Callable[[Resource, Work], bool]
    """Whether the change applies to a resource."""
    do: Callable[[Resource, Work], str]
    """Applies the change; returns a short description."""


def _is_link(resource: Resource, work: Work) -> bool:
    return resource.id.type_key == _LINK_TYPE.lower()


def _remove(resource: Resource, work: Work) -> str:
    work.delete(resource.id)
    return "removed"


def _is_endpoint(resource: Resource, work: Work) -> bool:
    return resource.id.type_key == ENDPOINT_TYPE.lower()


def _reject(resource: Resource, work: Work) -> str:
    """Reject the connection as the owner of the target does; both ends show it
    (https://learn.microsoft.com/azure/private-link/manage-private-endpoint)."""
    for path in _CONNECTION_STATES:
        for _, connection in find(resource.body, path):
            put(connection, "privateLinkServiceConnectionState.status", "Rejected")
            put(connection, "privateLinkServiceConnectionState.description", "Rejected by the owner of the resource")
    work.transaction.save(resource)
    return "connection rejected"


def _has_keys(resource: Resource, work: Work) -> bool:
    return any(action.name == "regenerateKey" for action in work.type_of(resource.id).actions)


def _regenerate(resource: Resource, work: Work) -> str:
    work.action(resource.id, "regenerateKey", {"keyType": "Primary"})
    return "primary key regenerated"


def _is_private(resource: Resource, work: Work) -> bool:
    return get(resource.body, "properties.publicNetworkAccess") == "Disabled"


def _open(resource: Resource, work: Work) -> str:
    desired = work.desired(resource)
    put(desired, "properties.publicNetworkAccess", "Enabled")
    work.put(resource.id, desired)
    return "public network access enabled"


DRIFTS = {
    "dns-link-removed": Drift(_is_link, _remove),
    "endpoint-rejected": Drift(_is_endpoint, _reject),
    "key-regenerated": Drift(_has_keys, _regenerate),
    "public-access-on": Drift(_is_private, _open),
}


def cause_drift(model: Model, kind: str, type_pattern: str, name_pattern: str) -> list[tuple[ArmId, str]]:
    """Apply a kind of drift to every matching resource that it applies to.

    Return the id of each changed resource with a description. Raises `AzureError` when Azure would refuse the change.
    """
    drift = DRIFTS[kind]
    with model.work() as work:
        affected = [
            resource
            for resource in work.transaction.under("")
            if matches(resource.id, type_pattern, name_pattern) and drift.affects(resource, work)
        ]
        return [(resource.id, drift.do(resource, work)) for resource in affected]
