"""Key vaults, deleted vaults that keep their name, and secrets."""

from __future__ import annotations

from local_azure.resource_types.key_vault.secrets import (
    DELETED_SECRET_TYPE,
    SECRET_TYPE,
    Secret,
    new_version,
    show_newest_version,
)
from local_azure.resource_types.key_vault.vaults import DELETED_VAULT_TYPE, VAULT_TYPE, DeletedVault, Vault

TYPES = (Vault(), DeletedVault(), Secret())

__all__ = [
    "DELETED_SECRET_TYPE",
    "DELETED_VAULT_TYPE",
    "SECRET_TYPE",
    "TYPES",
    "VAULT_TYPE",
    "new_version",
    "show_newest_version",
]
