"""Create the apps' identity and its role assignments, and wait until these are in effect."""

import asyncio
import uuid
from collections.abc import Sequence
from enum import StrEnum

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, managedidentity

from components.placement import Placement

_REPORT_EVERY_SECONDS = 30


class Role(StrEnum):
    """Azure's built-in roles that apps need, by their GUID.

    Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
    """

    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


def role_assignment_name(scope: str, principal_id: str, role: Role) -> str:
    """Return the GUID of a role assignment, which is a function of scope, principal and role."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}|{principal_id}|{role}"))


def role_definition_id(scope: str, role: Role) -> str:
    """Return the resource id of a built-in role in the scope's subscription."""
    subscription = "/".join(scope.split("/")[:3])
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"


class AppIdentity(pulumi.ComponentResource):
    """A user-assigned identity and its role assignments.

    A user-assigned identity exists before the apps, so its roles can be in effect when the first app reads a secret.

    Attributes:
        identity_id: resource id of the identity.
        principal_id: object id of its service principal.
    """

    identity_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        identity_name: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("django-aca:identity:AppIdentity", name, None, opts)
        self._name = name
        self._assignments: dict[str, authorization.RoleAssignment] = {}
        identity = managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_name_=identity_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.identity_id = identity.id
        self.principal_id = identity.principal_id
        self.register_outputs({"identityId": self.identity_id, "principalId": self.principal_id})

    def grant(self, role: Role, scope: pulumi.Input[str]) -> None:
        """Assign a role at a scope: the resource id of a vault, of a registry, or of a group of them."""
        key = role.name.lower().replace("_", "-")
        target = pulumi.Output.from_input(scope)
        self._assignments[key] = authorization.RoleAssignment(
            f"{self._name}-{key}",
            scope=target,
            role_assignment_name=pulumi.Output.all(target, self.principal_id).apply(
                lambda args: role_assignment_name(args[0], args[1], role)
            ),
            role_definition_id=target.apply(lambda value: role_definition_id(value, role)),
            principal_id=self.principal_id,
            # Without it Azure looks the principal up in Microsoft Entra ID, where a new identity is not replicated yet.
            principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def roles_in_force(self, seconds: int) -> Sequence[pulumi.Resource]:
        """Return resources to depend on so that all roles granted so far are in effect; none if none was granted.

        An assignment takes effect minutes after Azure has accepted it, and no API reports when
        (https://learn.microsoft.com/azure/role-based-access-control/troubleshooting). The wait is a hook of a marker
        resource, not of the assignments: after an interrupted wait the marker is created again, and every assignment is
        in the state. The hook runs when the marker is created, that is, once for each set of assignments. An assignment
        that was created again, as for a recovered vault, has the same id and another time of creation.

        Args:
            seconds: length of the wait, in seconds.
        """
        if not self._assignments:
            return ()

        async def wait(_: pulumi.ResourceHookArgs) -> None:
            for elapsed in range(0, seconds, _REPORT_EVERY_SECONDS):
                pulumi.log.info(f"{seconds - elapsed} s until the apps' roles are taken to be in force", self)
                await asyncio.sleep(min(_REPORT_EVERY_SECONDS, seconds - elapsed))

        hook = pulumi.ResourceHook(f"{self._name}-wait-for-roles", wait)
        marker = random.RandomUuid(
            f"{self._name}-roles-in-force",
            keepers={
                key: pulumi.Output.concat(assignment.id, "@", assignment.created_on)
                for key, assignment in self._assignments.items()
            },
            opts=pulumi.ResourceOptions(parent=self, hooks=pulumi.ResourceHookBinding(before_create=[hook])),
        )
        return (marker,)
