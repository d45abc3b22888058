"""What a caller may do: its role assignments at a scope and above it."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from local_azure.arm.role_definitions import RoleDefinition, built_in_role
from local_azure.arm.tokens import Principal
from local_azure.azure_error import AzureError
from local_azure.state import Resource, Transaction

ROLE_ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"


def scopes_above(scope: str) -> Iterator[str]:
    """A scope and all that it inherits from: the resource it is nested in, the group, the subscription, the root."""
    parts = scope.rstrip("/").split("/")
    while len(parts) > 1:
        yield "/".join(parts)
        # A group and a subscription take two segments each, so does each level of a type; a namespace takes two more.
        parts = parts[:-2]
        if len(parts) >= 2 and parts[-2].lower() == "providers":
            parts = parts[:-2]
    yield ""


def roles_of(transaction: Transaction, object_id: str, scope: str) -> Iterator[RoleDefinition]:
    """The roles that a principal has at a scope, inherited ones included."""
    for above in scopes_above(scope):
        for assignment in assignments_at(transaction, above):
            role = built_in_role(str(assignment.properties.get("roleDefinitionId")))
            if role and assignment.properties.get("principalId") == object_id:
                yield role


def assignments_at(transaction: Transaction, scope: str) -> list[Resource]:
    """The role assignments at one scope, without inherited ones."""
    return transaction.of_type(ROLE_ASSIGNMENT_TYPE, f"{scope}/providers/{ROLE_ASSIGNMENT_TYPE}")


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
