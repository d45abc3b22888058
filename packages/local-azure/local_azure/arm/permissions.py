"""The error for a caller whose roles do not permit the operation."""

from __future__ import annotations

from http import HTTPStatus

from local_azure.arm.tokens import Principal
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Transaction
from local_azure.resource_types.effective_roles import is_allowed


def require_action(transaction: Transaction, principal: Principal, action: str, scope: str) -> None:
    """Raise Azure Resource Manager's `AuthorizationFailed` unless a role permits an action of the control plane."""
    if not is_allowed(transaction, principal.object_id, action, scope):
        raise AzureError(
            "AuthorizationFailed",
            f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have authorization to "
            f"perform action '{action}' over scope '{scope or '/'}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
            status=HTTPStatus.FORBIDDEN,
        )
