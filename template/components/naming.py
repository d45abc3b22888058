"""Build names of Azure resources: naming convention, limits of each type, and the suffix of globally unique names."""

from dataclasses import dataclass
from hashlib import sha256

REGION_CODES = {
    "australiacentral": "acl",
    "australiacentral2": "acl2",
    "australiaeast": "ae",
    "australiasoutheast": "ase",
    "austriaeast": "ate",
    "belgiumcentral": "bec",
    "brazilsouth": "brs",
    "brazilsoutheast": "bse",
    "canadacentral": "cnc",
    "canadaeast": "cne",
    "centralindia": "inc",
    "centralus": "cus",
    "chilecentral": "clc",
    "denmarkeast": "dke",
    "eastasia": "ea",
    "eastus": "eus",
    "eastus2": "eus2",
    "francecentral": "frc",
    "francesouth": "frs",
    "germanynorth": "gn",
    "germanywestcentral": "gwc",
    "indonesiacentral": "idc",
    "israelcentral": "ilc",
    "italynorth": "itn",
    "japaneast": "jpe",
    "japanwest": "jpw",
    "jioindiacentral": "jic",
    "jioindiawest": "jiw",
    "koreacentral": "krc",
    "koreasouth": "krs",
    "malaysiawest": "myw",
    "mexicocentral": "mxc",
    "newzealandnorth": "nzn",
    "northcentralus": "ncus",
    "northeurope": "ne",
    "norwayeast": "nwe",
    "norwaywest": "nww",
    "polandcentral": "plc",
    "qatarcentral": "qac",
    "southafricanorth": "san",
    "southafricawest": "saw",
    "southcentralus": "scus",
    "southeastasia": "sea",
    "southindia": "ins",
    "spaincentral": "spc",
    "swedencentral": "sdc",
    "swedensouth": "sds",
    "switzerlandnorth": "szn",
    "switzerlandwest": "szw",
    "uaecentral": "uac",
    "uaenorth": "uan",
    "uksouth": "uks",
    "ukwest": "ukw",
    "westcentralus": "wcus",
    "westeurope": "we",
    "westindia": "inw",
    "westus": "wus",
    "westus2": "wus2",
    "westus3": "wus3",
}
"""Short codes of regions, as the geo-codes of Azure Backup. A region without a code is written in full.

A code here says nothing about which services the region has.
"""

CONTAINER_APP_LIMIT = 32
"""Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (Microsoft.App)."""
KEY_VAULT_LIMIT = 24
"""Source: the same page, Microsoft.KeyVault."""
REDIS_LIMIT = 60
"""Azure Managed Redis allows 60, Azure Cache for Redis 63; the shorter serves both. Source: the same page."""
RESOURCE_GROUP_LIMIT = 90
"""Source: the same page, Microsoft.Resources."""
COMMON_LIMIT = 60
"""The shortest limit among the other types named here, that of Container Apps environments.

Source: https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ContainerApp.EnvNaming; the others, such as workspaces
with 63, are on the same page as above.
"""

_HASH_LENGTH = 6
_ROLE_LIMIT = 16


def normalize_region(region: str) -> str:
    """Return Azure's name of a region, ``westeurope``, from that or from its display name, ``West Europe``."""
    return region.replace(" ", "").lower()


def fit(base: str, limit: int, suffix: str = "") -> str:
    """Join ``base`` and ``suffix`` with a hyphen; shorten the base if the result would exceed ``limit`` characters.

    A shortened base is truncated and ends in six hexadecimal digits of its SHA-256, so that two bases with the same
    beginning have different names; the suffix is never shortened. The result has no double, leading or trailing hyphen
    if the base has none.

    Raises:
        ValueError: if the limit leaves no room for the hash and the suffix.
    """
    tail = f"-{suffix}" if suffix else ""
    room = limit - len(tail)
    if len(base) <= room:
        return base + tail
    head = room - _HASH_LENGTH - 1
    if head < 1:
        raise ValueError(f"{limit} characters leave no room for a name that ends in {suffix!r}")
    digest = sha256(base.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{base[:head].rstrip('-')}-{digest}{tail}"


@dataclass(frozen=True)
class Names:
    """The names of one stack's resources.

    Globally unique names take the suffix as an argument, because a random suffix is known only as an Output.

    Attributes:
        app: the application's name: lower-case letters, digits and single hyphens, starting with a letter.
        environment: ``dev`` or the like; it appears in the resource group's name.
        region: Azure's name of the region or its display name.
        instance: number of this deployment, such as ``01``.
    """

    app: str
    environment: str
    region: str
    instance: str

    def _regional(self, kind: str, *roles: str) -> str:
        return "-".join((kind, normalize_region(self.region), self.app, *roles, self.instance))

    def _short(self, kind: str) -> str:
        region = normalize_region(self.region)
        return "-".join((kind, REGION_CODES.get(region, region), self.app, self.instance))

    def resource_group(self, suffix: str = "") -> str:
        """Return ``rg-westeurope-magictoolbox-dev``."""
        base = "-".join(("rg", normalize_region(self.region), self.app, self.environment))
        return fit(base, RESOURCE_GROUP_LIMIT, suffix)

    def redis(self, role: str = "", suffix: str = "") -> str:
        """Return ``red-westeurope-magictoolbox-01``, or with a role ``red-westeurope-magictoolbox-broker-01``."""
        return fit(self._regional("red", *filter(None, (role,))), REDIS_LIMIT, suffix)

    def key_vault(self, suffix: str = "") -> str:
        """Return ``kv-we-magictoolbox-01``; a vault's name has at most 24 characters."""
        return fit(self._short("kv"), KEY_VAULT_LIMIT, suffix)

    def container_app(self, role: str = "") -> str:
        """Return ``app-we-magictoolbox-01``, or with a role ``app-we-magictoolbox-01-worker``."""
        return fit(self._short("app"), CONTAINER_APP_LIMIT, fit(role, _ROLE_LIMIT))

    def common(self, kind: str, *roles: str) -> str:
        """Return ``{kind}-westeurope-magictoolbox-01``, for a type whose names are unique per resource group."""
        return fit(self._regional(kind, *roles), COMMON_LIMIT)
