"""What principals may do: the actions that their roles in force permit at a scope."""

from __future__ import annotations

from local_azure.core.state import Transaction
from local_azure.resource_types.authorization import roles_in_force
from local_azure.resource_types.role_definitions import built_in_role


def is_allowed(transaction: Transaction, principal_id: str, action: str, scope: str, *, data: bool = False) -> bool:
    """Return whether one of a principal's roles permits an action of the control plane or, with `data`, of the data
    plane.

    https://learn.microsoft.com/azure/role-based-access-control/overview: roles of the scope and of all above it count.
    `principal_id` is an object id.
    """
    roles = map(built_in_role, roles_in_force(transaction, principal_id, scope))
    return any(role.allows(action, data=data) for role in roles if role)
