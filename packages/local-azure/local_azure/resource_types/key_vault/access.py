"""Who is let in to a vault, and to what: one set of rules for the data plane and for whoever reads from within Azure.

A request passes the vault's network rule first, and then needs a permission
(https://learn.microsoft.com/azure/key-vault/general/network-security,
https://learn.microsoft.com/azure/key-vault/general/rbac-guide).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import as_list, as_object, get
from local_azure.resource_types.effective_roles import is_allowed
from local_azure.resource_types.key_vault.names import VAULT_TYPE, host_claim
from local_azure.resource_types.key_vault.settings import admits_address, admits_subnet
from local_azure.resource_types.key_vault.vaults import VAULT_LINK
from local_azure.resource_types.name_resolution import Resolution, resolve

_PREFIX = "Microsoft.KeyVault/vaults/secrets"


@dataclass(frozen=True)
class Permission:
    """What a call takes: a data action of a role, or a permission of an access policy."""

    action: str
    policy: str


GET = Permission(f"{_PREFIX}/getSecret/action", "get")
LIST = Permission(f"{_PREFIX}/readMetadata/action", "list")
SET = Permission(f"{_PREFIX}/setSecret/action", "set")
UPDATE = Permission(f"{_PREFIX}/update/action", "set")
DELETE = Permission(f"{_PREFIX}/delete", "delete")
RECOVER = Permission(f"{_PREFIX}/recover/action", "recover")
PURGE = Permission(f"{_PREFIX}/purge/action", "purge")


class ShutOut(Enum):
    """Why a vault's network rule refuses a request; the names are those of Azure's inner errors."""

    FORBIDDEN_BY_CONNECTION = "ForbiddenByConnection"
    FORBIDDEN_BY_FIREWALL = "ForbiddenByFirewall"


@dataclass(frozen=True)
class Place:
    """Where a caller is: in a subnet of Azure's, or outside; and the public addresses that it is seen by."""

    subnet: ArmId | None = None
    addresses: tuple[str, ...] = ()

    @property
    def network(self) -> ArmId | None:
        """Return the virtual network, if any."""
        return self.subnet.parent if self.subnet else None


def vault_of_host(host: str, transaction: Transaction) -> Resource | None:
    """Return the vault with a host name such as `contoso.vault.azure.net`, if it exists and is not deleted."""
    holder = transaction.holder(host_claim(host.partition(".")[0]))
    vault = transaction.get(holder) if holder else None
    return vault if vault and vault.id.type_key == VAULT_TYPE.lower() else None


def has_permission(
    vault: Resource, principal_id: str, permission: Permission, transaction: Transaction, secret: str = ""
) -> bool:
    """Return whether a principal (by its object id) has a permission on a vault, or on one secret of it."""
    if vault.properties.get("enableRbacAuthorization"):
        scope = f"{vault.id}/secrets/{secret}" if secret else vault.id.text
        return is_allowed(transaction, principal_id, permission.action, scope, data=True)
    for policy in map(as_object, as_list(vault.properties.get("accessPolicies"))):
        granted = {str(item).lower() for item in as_list(get(policy, "permissions.secrets"))}
        if policy.get("objectId") == principal_id and granted & {permission.policy, "all"}:
            return True
    return False


def shut_out(vault: Resource, place: Place) -> ShutOut | None:
    """Why a request to the vault's public address is refused, or None where it is let in."""
    if vault.properties.get("publicNetworkAccess") == "Disabled":
        return ShutOut.FORBIDDEN_BY_CONNECTION
    rules = as_object(vault.properties.get("networkAcls"))
    if rules.get("defaultAction") != "Deny" or (place.subnet and admits_subnet(rules, place.subnet)):
        return None
    if any(admits_address(rules, address) for address in place.addresses):
        return None
    return ShutOut.FORBIDDEN_BY_FIREWALL


def no_way_in(vault: Resource, place: Place, transaction: Transaction) -> str | None:
    """Why a request from a place that asks for the vault by its name does not get in, in words; None where it does."""
    resolution = resolve(vault, VAULT_LINK, place.network, transaction)
    if resolution is Resolution.PRIVATE:
        return None
    if resolution is not Resolution.PUBLIC:
        return f"the name of the vault leads to {resolution.value}"
    refused = shut_out(vault, place)
    return f"the name of the vault leads to the public address, and there it is {refused.value}" if refused else None
