"""User-assigned identities, and the identities that other resources have."""

from __future__ import annotations

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import as_object, put
from local_azure.resource_types.base import Change, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.generated import guid

USER_ASSIGNED_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


class UserAssignedIdentity(ResourceType):
    """https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities"""

    token = "azure-native:managedidentity:UserAssignedIdentity"
    arm_type = USER_ASSIGNED_TYPE
    inputs = Inputs(name="resourceName")
    name_rule = NameRule(
        r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", "3 to 128 letters, digits, '-' and '_', starting with a letter or digit"
    )
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        principal = change.keep("properties.principalId", guid)
        change.transaction.claim(_principal(principal), change.id)
        change.keep("properties.clientId", guid)
        change.keep("properties.tenantId", lambda: change.tenant.tenant_id)


def _principal(principal_id: str) -> str:
    return f"principal/{principal_id}"


def identity_of_principal(principal_id: str, transaction: Transaction) -> Resource | None:
    """Return the resource whose identity a principal is: a user-assigned identity, or what has one of its own."""
    owner = transaction.holder(_principal(principal_id))
    return transaction.get(owner) if owner else None


IDENTITY_REFERENCE = Reference(
    "identity.userAssignedIdentities", (USER_ASSIGNED_TYPE,), missing="FailedIdentityOperation", keys=True
)
"""The identities that any resource may carry."""


def complete_identity(change: Change) -> None:
    """Fill in the ids of a resource's own identity and of the user-assigned ones that it carries."""
    identity = as_object(change.body.get("identity"))
    if not identity:
        return
    kinds = str(identity.get("type", "None")).replace(" ", "").lower().split(",")
    assigned = as_object(identity.get("userAssignedIdentities"))
    if assigned and "userassigned" not in kinds:
        raise AzureError(
            "InvalidIdentityValues",
            "The identity has user-assigned identities, but its type does not include 'UserAssigned'.",
            target="identity.type",
        )
    if "systemassigned" in kinds:
        principal = change.keep("identity.principalId", guid)
        change.transaction.claim(_principal(principal), change.id)
        change.keep("identity.tenantId", lambda: change.tenant.tenant_id)
    for identity_id in assigned:
        found = change.transaction.get(identity_id)
        if found:
            assigned[identity_id] = {name: found.properties[name] for name in ("clientId", "principalId")}
    if assigned:
        put(change.body, "identity.userAssignedIdentities", assigned)


TYPES = (UserAssignedIdentity(),)
