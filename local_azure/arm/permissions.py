"""What a caller may do: its role assignments at a scope and above it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from local_azure.arm.role_definitions import RoleDefinition, built_in_role
from local_azure.arm.tokens import Principal
from local_azure.azure_error import AzureError
from local_azure.resource_types.authorization import assignments_in_force
from local_azure.state import Transaction


def roles_of(transaction: Transaction, object_id: str, scope: str) -> Iterator[RoleDefinition]:
    """The roles that a principal has at a scope by now, inherited ones included."""
    for assignment in assignments_in_force(transaction, object_id, scope):
        if role := built_in_role(str(assignment.properties.get("roleDefinitionId"))):
            yield role


def is_allowed(transaction: Transaction, principal: Principal, action: str, scope: str, *, data: bool = False) -> bool:
    """Whether one of a principal's roles permits an action."""
    return any(role.allows(action, data=data) for role in roles_of(transaction, principal.object_id, scope))


def require_action(transaction: Transaction, principal: Principal, action: str, scope: str) -> None:
    """Raise Azure Resource Manager's `AuthorizationFailed` unless a role permits an action of the control plane."""
    if not is_allowed(transaction, principal, action, scope):
        raise AzureError(
            "AuthorizationFailed",
            f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have authorization to "
            f"perform action '{action}' over scope '{scope or '/'}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
            status=HTTPStatus.FORBIDDEN,
        )
