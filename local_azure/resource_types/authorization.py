"""Role assignments."""

from __future__ import annotations

import re
from collections.abc import Iterable

from local_azure.azure_error import AzureError
from local_azure.resource_types.base import Change, Claim, Inputs, NameRule, ResourceType
from local_azure.state import timestamp

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


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


class RoleAssignment(ResourceType):
    """https://learn.microsoft.com/rest/api/authorization/role-assignments: an extension resource of its scope."""

    token = "azure-native:authorization:RoleAssignment"
    arm_type = "Microsoft.Authorization/roleAssignments"
    inputs = Inputs(name="roleAssignmentName", scope="scope", auto_name="uuid")
    name_rule = NameRule(_GUID, "a GUID", code="InvalidRoleAssignmentId")
    create_only = ("properties.principalId", "properties.roleDefinitionId", "properties.principalType")
    rules = (_principal_is_guid, _role_is_an_id)
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
        caller, now = change.directory.object_id, timestamp(change.now)
        change.properties["scope"] = change.id.scope
        change.default("properties.principalType", "User")
        change.keep("properties.createdOn", lambda: now)
        change.keep("properties.createdBy", lambda: caller)
        change.properties.update({"updatedOn": now, "updatedBy": caller})


TYPES = (RoleAssignment(),)
