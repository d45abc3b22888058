"""Built-in roles: who may do what where.

The ids and permissions are those of https://learn.microsoft.com/azure/role-based-access-control/built-in-roles, for the
services that the local Azure has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_azure.core.values import JsonObject

ROLE_DEFINITION_TYPE = "Microsoft.Authorization/roleDefinitions"


_ASSIGN = "microsoft.managedidentity/userassignedidentities/assign/action"
"""Roles permit it with a wildcard for the name of the identity, which the action does not have."""


@dataclass(frozen=True)
class RoleDefinition:
    """A built-in role. Actions may hold `*`."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def allows(self, action: str, *, data: bool) -> bool:
        """Return whether the role permits an action of the control plane, or of the data plane."""
        if data:
            return _matches(self.data_actions, action)
        spelled = (action, *((_ASSIGN.replace("/assign/", "/name/assign/"),) if action.lower() == _ASSIGN else ()))
        granted = any(_matches(self.actions, item) for item in spelled)
        return granted and not any(_matches(self.not_actions, item) for item in spelled)

    def body(self, scope: str) -> JsonObject:
        """Return the definition as it is shown at a scope."""
        return {
            "id": f"{scope}/providers/{ROLE_DEFINITION_TYPE}/{self.id}",
            "name": self.id,
            "type": ROLE_DEFINITION_TYPE,
            "properties": {
                "roleName": self.name,
                "type": "BuiltInRole",
                "description": self.description,
                "assignableScopes": ["/"],
                "permissions": [
                    {
                        "actions": list(self.actions),
                        "notActions": list(self.not_actions),
                        "dataActions": list(self.data_actions),
                        "notDataActions": [],
                    }
                ],
                "createdOn": "2015-02-02T21:55:09.8806423Z",
                "updatedOn": "2021-11-11T20:13:21.2829316Z",
                "createdBy": None,
                "updatedBy": None,
            },
        }


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None for pattern in patterns
    )


_VAULT_READER_ACTIONS = (
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)
_SECRET_METADATA = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"

BUILT_IN_ROLES = (
    RoleDefinition(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "Grants full access, roles included.", actions=("*",)
    ),
    RoleDefinition(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Grants full access, but for the assignment of roles.",
        actions=("*",),
        not_actions=(
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ),
    ),
    RoleDefinition(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "Shows all resources, and changes none.", actions=("*/read",)
    ),
    RoleDefinition(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Assigns roles to others.",
        actions=("*/read", "Microsoft.Authorization/*"),
    ),
    RoleDefinition(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        "Assigns roles to others.",
        actions=(
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
        ),
    ),
    RoleDefinition(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        "Does everything with the objects in a vault.",
        actions=_VAULT_READER_ACTIONS,
        data_actions=("Microsoft.KeyVault/vaults/*",),
    ),
    RoleDefinition(
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        "Manages vaults, and reads nothing in them.",
        actions=("Microsoft.KeyVault/*",),
        not_actions=("Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/hsmPools/*"),
    ),
    RoleDefinition(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        "Shows what is in a vault, but no value of a secret.",
        actions=_VAULT_READER_ACTIONS,
        data_actions=("Microsoft.KeyVault/vaults/*/read", _SECRET_METADATA),
    ),
    RoleDefinition(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        "Does everything with the secrets in a vault.",
        actions=_VAULT_READER_ACTIONS,
        data_actions=("Microsoft.KeyVault/vaults/secrets/*",),
    ),
    RoleDefinition(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        "Reads the values of secrets.",
        data_actions=("Microsoft.KeyVault/vaults/secrets/getSecret/action", _SECRET_METADATA),
    ),
    RoleDefinition(
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "AcrPull",
        "Pulls images from a registry.",
        actions=("Microsoft.ContainerRegistry/registries/pull/read",),
    ),
    RoleDefinition(
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        "AcrPush",
        "Pushes images to a registry, and pulls them.",
        actions=(
            "Microsoft.ContainerRegistry/registries/pull/read",
            "Microsoft.ContainerRegistry/registries/push/write",
        ),
    ),
    RoleDefinition(
        "e0f68234-74aa-48ed-b826-c38b57376e17",
        "Redis Cache Contributor",
        "Manages caches, but not access to them.",
        actions=("Microsoft.Authorization/*/read", "Microsoft.Cache/*", "Microsoft.Resources/deployments/*"),
    ),
    RoleDefinition(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        "Manages networks, but not access to them.",
        actions=("Microsoft.Authorization/*/read", "Microsoft.Network/*", "Microsoft.Resources/deployments/*"),
    ),
    RoleDefinition(
        "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
        "Private DNS Zone Contributor",
        "Manages private DNS zones, but not the networks that they are linked to.",
        actions=("Microsoft.Authorization/*/read", "Microsoft.Network/privateDnsZones/*"),
    ),
    RoleDefinition(
        "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
        "Log Analytics Contributor",
        "Reads all monitoring data and changes the settings of monitoring.",
        actions=("*/read", "Microsoft.OperationalInsights/*", "Microsoft.Insights/diagnosticSettings/*"),
    ),
    RoleDefinition(
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        "Shows user-assigned identities and assigns them to resources.",
        actions=(
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
        ),
    ),
)
_BY_ID = {role.id: role for role in BUILT_IN_ROLES}


def built_in_role(role_id: str) -> RoleDefinition | None:
    """Return the built-in role that an id (the GUID, or the resource id that ends in it) names."""
    return _BY_ID.get(role_id.rsplit("/", 1)[-1].lower())
