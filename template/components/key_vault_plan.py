"""Settings of the Key Vault."""

from components.section import Section


class KeyVaultPlan(Section):
    """The Key Vault.

    Attributes:
        purge_protection: prevent purging of the deleted vault before its retention ends; cannot be turned off again.
        recover: recover the soft-deleted vault of this name; turn it off afterwards.
    """

    purge_protection: bool = False
    recover: bool = False
