"""Typical durations of Azure's operations, in seconds.

Measured times are those of public logs of deployments (of Terraform's provider and its acceptance tests, mostly), each
with its page. They are typical values; Azure guarantees none. Without a log the value is an estimate from a similar
type, and its source says so. The deletion of a resource group takes as long as its slowest resource.
"""

from __future__ import annotations

from dataclasses import dataclass

_ESTIMATE = "estimate: answers within a request, or no public log found"


@dataclass(frozen=True)
class Typical:
    """The durations of the operations on a type, in seconds."""

    create: float
    update: float
    delete: float
    source: str
    action: float = 1.0

    def seconds(self, operation: str) -> float:
        """Return the seconds that an operation takes: `create`, `update`, `delete`, `read`, or the name of an
        action."""
        match operation:
            case "create":
                return self.create
            case "update":
                return self.update
            case "delete":
                return self.delete
            case "read":
                return READ
            case _:
                return self.action


READ = 0.2
"""The seconds of a GET or a list. Estimate."""

_TURBOT = "https://github.com/turbot/steampipe-plugin-azure/pull"
_DEFAULT = Typical(5, 5, 5, _ESTIMATE)
_TYPICAL = {
    "Microsoft.App/containerApps": Typical(
        60,
        30,
        20,
        "create: about 1 minute, https://github.com/microsoft/azure-container-apps/issues/1374; rest: estimate",
    ),
    "Microsoft.App/managedEnvironments": Typical(
        720,
        60,
        300,
        "create: 12 minutes, https://github.com/hashicorp/terraform-provider-azurerm/issues/20435; rest: estimate",
    ),
    "Microsoft.Authorization/roleAssignments": Typical(
        20,
        20,
        10,
        "create: more than 10 s, https://github.com/Azure/terraform-azurerm-avm-res-keyvault-vault/pull/79; "
        "rest: estimate",
    ),
    "Microsoft.Cache/redis": Typical(
        1080,
        300,
        600,
        f"create: more than 14 minutes, {_TURBOT}/203; rest: estimate",
        action=2.0,
    ),
    "Microsoft.Cache/redisEnterprise": Typical(
        480,
        300,
        300,
        "create and delete together 865 to 1073 s, "
        "https://github.com/hashicorp/terraform-provider-azurerm/pull/29073; how they share it: estimate",
    ),
    "Microsoft.Cache/redisEnterprise/databases": Typical(120, 60, 60, _ESTIMATE),
    "Microsoft.ContainerRegistry/registries": Typical(15, 10, 10, _ESTIMATE),
    "Microsoft.Insights/actionGroups": Typical(3, 3, 2, _ESTIMATE),
    "Microsoft.Insights/diagnosticSettings": Typical(5, 5, 5, _ESTIMATE),
    "Microsoft.Insights/metricAlerts": Typical(5, 5, 3, _ESTIMATE),
    "Microsoft.Insights/scheduledQueryRules": Typical(5, 5, 3, _ESTIMATE),
    "Microsoft.KeyVault/vaults": Typical(
        180,
        20,
        20,
        "create: 186 s, https://github.com/Azure/terraform-azurerm-avm-res-keyvault-vault/pull/79; rest: estimate",
    ),
    "Microsoft.KeyVault/vaults/secrets": Typical(2, 2, 2, _ESTIMATE),
    "Microsoft.ManagedIdentity/userAssignedIdentities": Typical(3, 3, 3, _ESTIMATE),
    "Microsoft.Network/privateDnsZones": Typical(35, 10, 35, _ESTIMATE),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": Typical(35, 10, 35, _ESTIMATE),
    "Microsoft.Network/privateEndpoints": Typical(
        100,
        60,
        60,
        "create: more than 90 s, https://github.com/aztfmod/terraform-azurerm-caf/pull/1478; rest: estimate",
    ),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": Typical(15, 15, 15, _ESTIMATE),
    "Microsoft.Network/virtualNetworks": Typical(6, 6, 12, _ESTIMATE),
    "Microsoft.Network/virtualNetworks/subnets": Typical(
        6,
        6,
        12,
        "43 s when ten wait for one another, https://github.com/hashicorp/terraform-provider-azurerm/pull/28112; "
        "alone: estimate",
    ),
    "Microsoft.OperationalInsights/workspaces": Typical(40, 10, 10, _ESTIMATE),
    "Microsoft.Resources/resourceGroups": Typical(
        2, 1, 15, f"create: 1 s and 5 s, https://github.com/Azure/caf-terraform-landingzones/issues/20, {_TURBOT}/220"
    ),
    "Microsoft.Storage/storageAccounts": Typical(40, 5, 5, f"create: 35 s and 45 s, {_TURBOT}/96, {_TURBOT}/220"),
}
_BY_KEY = {name.lower(): typical for name, typical in _TYPICAL.items()}


def typical(arm_type: str) -> Typical:
    """Return the durations of a type; types without an entry have those of a small resource."""
    return _BY_KEY.get(arm_type.lower(), _DEFAULT)
