"""Each module is a program of its own, with a resource group of its own; together they are one deployment."""

import apps_in_many_ways
import classic_premium
import hub_and_spoke
import internal_platform
import managed_cluster
import two_vaults

__all__ = [
    "apps_in_many_ways",
    "classic_premium",
    "hub_and_spoke",
    "internal_platform",
    "managed_cluster",
    "two_vaults",
]
