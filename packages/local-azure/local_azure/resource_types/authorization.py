"""Role assignments: who has which role where, and from when on.

Code and words of the refusals:
https://learn.microsoft.com/azure/role-based-access-control/troubleshooting and, where it has none, public logs of
deployments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from local_azure.core import faults, options
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.resource_types.allowed_values import one_of
from local_azure.resource_types.base import Change, Claim, Inputs, NameRule, ResourceType
from local_azure.resource_types.managed_identity import identity_of_principal

ROLE_ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
IN_FORCE_FROM = "inForceFrom"
"""The secret of an assignment that says from when on it is in force; no GET shows it."""
_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PRINCIPAL_TYPES = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")


# -- what assignments give


def scopes_above(scope: str) -> Iterator[str]:
    """Yield a scope and all that it inherits from: the resource it is nested in, the group, the subscription, the root.

    https://learn.microsoft.com/azure/role-based-access-control/scope-overview
    """
    parts = scope.rstrip("/").split("/")
    while len(parts) > 1:
        yield "/".join(parts)
        # A group and a subscription take two segments each, so does each level of a type; a namespace takes two more.
        parts = parts[:-2]
        if len(parts) >= 2 and parts[-2].lower() == "providers":
            parts = parts[:-2]
    yield ""


def is_in_force(assignment: Resource, transaction: Transaction) -> bool:
    """Return whether an assignment has taken effect by now."""
    moment = assignment.secrets.get(IN_FORCE_FROM)
    is_due = moment is None or datetime.fromisoformat(moment) <= transaction.now
    return is_due and not faults.is_never_effective(transaction, assignment.id)


def assignments_in_force(transaction: Transaction, principal_id: str, scope: str) -> Iterator[Resource]:
    """Yield the assignments of a principal at a scope and above it that have taken effect by now."""
    for above in scopes_above(scope):
        for assignment in transaction.of_type(ROLE_ASSIGNMENT_TYPE, f"{above}/providers/{ROLE_ASSIGNMENT_TYPE}"):
            principal = str(assignment.properties.get("principalId"))
            if principal.lower() == principal_id.lower() and is_in_force(assignment, transaction):
                yield assignment


def roles_in_force(transaction: Transaction, principal_id: str, scope: str) -> set[str]:
    """Return the GUIDs, in lower case, of the roles that a principal has at a scope by now, inherited ones included."""
    found = assignments_in_force(transaction, principal_id, scope)
    return {str(item.properties.get("roleDefinitionId")).rsplit("/", 1)[-1].lower() for item in found}


# -- assignments


def _principal_is_guid(change: Change) -> None:
    if not re.fullmatch(_GUID, str(change.desires("properties.principalId"))):
        raise AzureError(
            "InvalidPrincipalId",
            "A valid principal ID must be provided for role assignment.",
            target="properties.principalId",
        )


def _role_is_an_id(change: Change) -> None:
    role = str(change.desires("properties.roleDefinitionId"))
    if not re.fullmatch(rf"(/.*)?/providers/Microsoft\.Authorization/roleDefinitions/{_GUID}", role, re.IGNORECASE):
        raise AzureError(
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{role}' does not exist.",
            target="properties.roleDefinitionId",
        )


def _principal_is_of_the_type(change: Change) -> None:
    """Only the principals of the local Azure's own directory are known: its caller and the managed identities."""
    principal, given = str(change.desires("properties.principalId")), change.desires("properties.principalType")
    identity = identity_of_principal(principal, change.transaction)
    known = identity or principal.lower() == change.tenant.object_id.lower()
    if known and given not in (None, "ServicePrincipal"):
        raise AzureError(
            "UnmatchedPrincipalType",
            f"The PrincipalId '{principal}' has type 'ServicePrincipal', which is different from specified "
            f"PrinciaplType '{given}'.",
            target="properties.principalType",
        )
    age = (change.now - identity.created_at).total_seconds() if identity else 0.0
    if identity and given is None and not change.existing and age < options.read(change.transaction).role_delay:
        raise AzureError(
            "PrincipalNotFound",
            f"Principal {principal} does not exist in the directory {change.tenant.tenant_id}. Check that you have "
            "the correct principal ID. If you are creating this principal and then immediately assigning a role, this "
            "error might be related to a replication delay. In this case, set the role assignment principalType "
            "property to a value, such as ServicePrincipal, User, or Group.",
            target="properties.principalType",
        )


class RoleAssignment(ResourceType):
    """https://learn.microsoft.com/rest/api/authorization/role-assignments: an extension resource of its scope."""

    token = "azure-native:authorization:RoleAssignment"
    arm_type = ROLE_ASSIGNMENT_TYPE
    inputs = Inputs(name="roleAssignmentName", scope="scope", auto_name="uuid")
    name_rule = NameRule(_GUID, "a GUID", code="InvalidRoleAssignmentId")
    create_only = ("properties.principalId", "properties.roleDefinitionId", "properties.principalType")
    fixed = (
        "RoleAssignmentUpdateNotPermitted",
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
    )
    rules = (
        _principal_is_guid,
        _role_is_an_id,
        one_of("properties.principalType", *_PRINCIPAL_TYPES, code="InvalidPrincipalType"),
        _principal_is_of_the_type,
    )
    has_provisioning_state = False
    tracked = False

    def claims(self, change: Change) -> Iterable[Claim]:
        principal = change.desires("properties.principalId")
        role = change.desires("properties.roleDefinitionId").rsplit("/", 1)[-1]
        name = f"role{change.id.scope}/{principal}/{role}"
        holder = change.transaction.holder(name) or change.id.key
        yield Claim(
            name,
            "RoleAssignmentExists",
            "The role assignment already exists. The ID of the existing role assignment is "
            f"{holder.rsplit('/', 1)[-1].replace('-', '')}.",
        )

    def complete(self, change: Change) -> None:
        caller, now = change.tenant.object_id, timestamp(change.now)
        principal = str(change.desires("properties.principalId"))
        known = identity_of_principal(principal, change.transaction) or principal.lower() == caller.lower()
        change.properties["scope"] = change.id.scope
        change.default("properties.principalType", "ServicePrincipal" if known else "User")
        change.keep("properties.createdOn", lambda: now)
        change.keep("properties.createdBy", lambda: caller)
        change.properties.update({"updatedOn": now, "updatedBy": caller})
        delay = timedelta(seconds=options.read(change.transaction).role_delay)
        change.keep_secret(IN_FORCE_FROM, lambda: (change.now + delay).isoformat())


TYPES = (RoleAssignment(),)
