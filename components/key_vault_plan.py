"""How the vault can be deleted and recovered."""

from components.section import Section


class KeyVaultPlan(Section):
    """The vault.

    Attributes:
        purge_protection: nobody can purge the vault before its retention ends; it cannot be turned off again.
        recover: take the soft-deleted vault of this name back; turn it off once it is back.
    """

    purge_protection: bool = False
    recover: bool = False
