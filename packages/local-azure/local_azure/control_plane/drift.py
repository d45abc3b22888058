"""What somebody changes in Azure behind the program's back: done once, at once, and seen by `pulumi refresh`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local_azure.control_plane.model import Model, Work
from local_azure.core.faults import concerns
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
    """A kind of change."""

    help: str
    affects: Callable[[Resource, Work], bool]
    """Whether it can be done to a resource."""
    do: Callable[[Resource, Work], str]
    """Does it; return what was done, in a few words."""


def _is_link(resource: Resource, work: Work) -> bool:
    return resource.id.type_key == _LINK_TYPE.lower()


def _remove(resource: Resource, work: Work) -> str:
    work.delete(resource.id)
    return "removed"


def _is_endpoint(resource: Resource, work: Work) -> bool:
    return resource.id.type_key == ENDPOINT_TYPE.lower()


def _reject(resource: Resource, work: Work) -> str:
    """The owner of the target rejects the connection; its side and the endpoint's both show it
    (https://learn.microsoft.com/azure/private-link/manage-private-endpoint)."""
    for path in _CONNECTION_STATES:
        for _, connection in find(resource.body, path):
            put(connection, "privateLinkServiceConnectionState.status", "Rejected")
            put(connection, "privateLinkServiceConnectionState.description", "Rejected by the owner of the resource")
    work.transaction.save(resource)
    return "connection rejected"


def _has_keys(resource: Resource, work: Work) -> bool:
    return any(one.name == "regenerateKey" for one in work.type_of(resource.id).actions)


def _regenerate(resource: Resource, work: Work) -> str:
    work.action(resource.id, "regenerateKey", {"keyType": "Primary"})
    return "primary key regenerated"


def _is_private(resource: Resource, work: Work) -> bool:
    return get(resource.body, "properties.publicNetworkAccess") == "Disabled"


def _open(resource: Resource, work: Work) -> str:
    desired = work.desired(resource)
    put(desired, "properties.publicNetworkAccess", "Enabled")
    work.put(resource.id, desired)
    return "public network access switched on"


DRIFTS = {
    "dns-link-removed": Drift("remove the link of a private DNS zone to a virtual network", _is_link, _remove),
    "endpoint-rejected": Drift("reject the connection of a private endpoint", _is_endpoint, _reject),
    "key-regenerated": Drift("regenerate the primary key of a Redis", _has_keys, _regenerate),
    "public-access-on": Drift("switch public network access on where it is off", _is_private, _open),
}


def happen(model: Model, kind: str, type_pattern: str, name_pattern: str) -> list[tuple[ArmId, str]]:
    """Let a change happen to every resource that it can happen to and that the patterns name.

    Returns their ids and what was done to each; raises `AzureError` when Azure would refuse the change.
    """
    drift = DRIFTS[kind]
    with model.work() as work:
        affected = [
            one
            for one in work.transaction.under("")
            if concerns(one.id, type_pattern, name_pattern) and drift.affects(one, work)
        ]
        return [(one.id, drift.do(one, work)) for one in affected]
