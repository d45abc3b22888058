"""The types of Key Vault, and the host names of vaults."""

from __future__ import annotations

VAULT_TYPE = "Microsoft.KeyVault/vaults"
DELETED_VAULT_TYPE = "Microsoft.KeyVault/locations/deletedVaults"
SECRET_TYPE = f"{VAULT_TYPE}/secrets"
DELETED_SECRET_TYPE = f"{VAULT_TYPE}/deletedSecrets"
"""A secret that was deleted in the data plane and keeps its name until it is purged or recovered."""

DOMAIN = "vault.azure.net"


def host_name(vault: str) -> str:
    """Return the host name of the vault of a name."""
    return f"{vault}.{DOMAIN}".lower()


def host_claim(vault: str) -> str:
    """Return the claim by which a vault, or the deleted one that keeps the name, has its host name."""
    return f"host/{host_name(vault)}"
