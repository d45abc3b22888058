"""What the caller of the local Azure may do: it owns the subscription, unless an option says otherwise.

The role is one of the built-in ones, and actions can be taken from it, so that a deployment fails as it does for
a principal with fewer rights.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from local_azure.core import options
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import RESOURCE_GROUP_TYPE, SUBSCRIPTION_TYPE, ArmId
from local_azure.core.state import Transaction
from local_azure.core.tenant import Tenant
from local_azure.core.values import as_object, find
from local_azure.resource_types.base import Change
from local_azure.resource_types.effective_roles import is_allowed
from local_azure.resource_types.role_definitions import BUILT_IN_ROLES, RoleDefinition
from local_azure.system.errors import LocalAzureError

_JOINED = {
    "microsoft.app/managedenvironments": ("properties.vnetConfiguration.infrastructureSubnetId",),
    "microsoft.app/containerapps": ("properties.environmentId", "properties.managedEnvironmentId"),
    "microsoft.network/privateendpoints": ("properties.subnet.id",),
    "microsoft.network/privatednszones/virtualnetworklinks": ("properties.virtualNetwork.id",),
    "microsoft.network/privateendpoints/privatednszonegroups": (
        "properties.privateDnsZoneConfigs[*].properties.privateDnsZoneId",
    ),
}
"""Where a type names what the caller must be allowed to join."""
_CONNECTED = "properties.privateLinkServiceConnections[*].properties.privateLinkServiceId"
_VERBS = {"put": "write", "create": "write", "update": "write", "read": "read", "delete": "delete"}


class UnknownRoleError(LocalAzureError):
    """There is no built-in role of a name. The message is for the user."""


def known_role(name: str) -> str:
    """Return the name of a built-in role as Azure spells it. Raises `UnknownRoleError`."""
    for item in BUILT_IN_ROLES:
        if item.name.lower() == name.lower():
            return item.name
    raise UnknownRoleError(f"'{name}' is no built-in role; there are {', '.join(item.name for item in BUILT_IN_ROLES)}")


def role(transaction: Transaction) -> RoleDefinition:
    """Return the deployer's role, without the actions that were taken from it."""
    chosen = options.read(transaction)
    found = next(item for item in BUILT_IN_ROLES if item.name.lower() == chosen.deployer_role.lower())
    taken = tuple(item.strip() for item in chosen.deployer_without.split(",") if item.strip())
    return replace(found, not_actions=(*found.not_actions, *taken))


def action_name(resource_type: str, operation: str) -> str:
    """Return the action that an operation (`put`, `read`, `delete` or the name of a POST) on a type needs."""
    named = f"{SUBSCRIPTION_TYPE}/resourceGroups" if resource_type == RESOURCE_GROUP_TYPE else resource_type
    return f"{named}/{_VERBS[operation]}" if operation in _VERBS else f"{named}/{operation}/action"


def allows(transaction: Transaction, tenant: Tenant, action: str, scope: str) -> bool:
    """Return whether the deployer may do an action: by its role, or by a role that was assigned to it."""
    return role(transaction).allows(action, data=False) or is_allowed(transaction, tenant.object_id, action, scope)


def require(transaction: Transaction, tenant: Tenant, action: str, scope: str) -> None:
    """Raise Azure Resource Manager's `AuthorizationFailed` unless the deployer may do an action."""
    if not allows(transaction, tenant, action, scope):
        raise AzureError(
            "AuthorizationFailed",
            f"The client '{tenant.client_id}' with object id '{tenant.object_id}' does not have authorization to "
            f"perform action '{action}' over scope '{scope or '/'}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
            status=HTTPStatus.FORBIDDEN,
        )


def require_linked_actions(change: Change) -> None:
    """Raise `LinkedAuthorizationFailed` where the deployer may write a resource and not link it to another."""
    linked = [
        (target, f"{target.type}/join/action")
        for path in _JOINED.get(change.id.type_key, ())
        for target in _ids(change, path)
    ]
    if change.id.type_key == "microsoft.network/privateendpoints":
        linked += [
            (item, f"{item.type}/privateEndpointConnectionsApproval/action") for item in _ids(change, _CONNECTED)
        ]
    for text in as_object(as_object(change.desired.get("identity")).get("userAssignedIdentities")):
        identity = ArmId.parse(text)
        linked.append((identity, f"{identity.type}/assign/action"))
    for target, action in linked:
        if not allows(change.transaction, change.tenant, action, target.text):
            raise AzureError(
                "LinkedAuthorizationFailed",
                f"The client '{change.tenant.client_id}' with object id '{change.tenant.object_id}' has "
                f"permission to perform action '{change.id.type}/write' on scope '{change.id}'; however, it does not "
                f"have permission to perform action(s) '{action}' on the linked scope(s) '{target}' (respectively) or "
                "the linked scope(s) are invalid.",
                status=HTTPStatus.FORBIDDEN,
            )


def _ids(change: Change, path: str) -> list[ArmId]:
    return [ArmId.parse(value) for _, value in find(change.desired, path) if isinstance(value, str) and value]
