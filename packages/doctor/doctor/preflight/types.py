"""The resource types that are known: what Azure calls each, how the SDK names it, and what writing it takes beside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownType:
    """A resource type.

    Attributes:
        arm: Azure's name of the type.
        name: the SDK's input with the resource's name.
        version: API version of a body, for Azure Policy.
        parents: the SDK's inputs with the names of what it is nested in.
    """

    arm: str
    name: str
    version: str
    parents: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """The resource provider."""
        return self.arm.split("/")[0]


GROUP_TOKEN = "azure-native:resources:ResourceGroup"
GROUP_TYPE = "Microsoft.Resources/subscriptions/resourceGroups"
ENVIRONMENT = "Microsoft.App/managedEnvironments"
APP = "Microsoft.App/containerApps"
JOB = "Microsoft.App/jobs"
VAULT = "Microsoft.KeyVault/vaults"
CLASSIC_REDIS = "Microsoft.Cache/redis"
MANAGED_REDIS = "Microsoft.Cache/redisEnterprise"
REGISTRY = "Microsoft.ContainerRegistry/registries"
STORAGE = "Microsoft.Storage/storageAccounts"
NETWORK = "Microsoft.Network/virtualNetworks"
PEERING = f"{NETWORK}/virtualNetworkPeerings"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
PRIVATE_ENDPOINT = "Microsoft.Network/privateEndpoints"
ZONE = "Microsoft.Network/privateDnsZones"
ZONE_LINK = f"{ZONE}/virtualNetworkLinks"
ZONE_GROUP = f"{PRIVATE_ENDPOINT}/privateDnsZoneGroups"

_NETWORKING = "2024-05-01"
_TYPES = {
    GROUP_TOKEN: KnownType(GROUP_TYPE, "resourceGroupName", "2024-11-01"),
    "azure-native:app:Certificate": KnownType(
        f"{ENVIRONMENT}/certificates", "certificateName", "2025-01-01", ("environmentName",)
    ),
    "azure-native:app:ContainerApp": KnownType(APP, "containerAppName", "2025-01-01"),
    "azure-native:app:Job": KnownType(JOB, "jobName", "2025-01-01"),
    "azure-native:app:ManagedCertificate": KnownType(
        f"{ENVIRONMENT}/managedCertificates", "managedCertificateName", "2025-01-01", ("environmentName",)
    ),
    "azure-native:app:ManagedEnvironment": KnownType(ENVIRONMENT, "environmentName", "2025-01-01"),
    "azure-native:app:ManagedEnvironmentsStorage": KnownType(
        f"{ENVIRONMENT}/storages", "storageName", "2025-01-01", ("environmentName",)
    ),
    "azure-native:authorization:RoleAssignment": KnownType(ROLE_ASSIGNMENT, "roleAssignmentName", "2022-04-01"),
    "azure-native:containerregistry:Registry": KnownType(REGISTRY, "registryName", "2023-07-01"),
    "azure-native:dbforpostgresql:Server": KnownType(
        "Microsoft.DBforPostgreSQL/flexibleServers", "serverName", "2024-08-01"
    ),
    "azure-native:keyvault:Secret": KnownType(f"{VAULT}/secrets", "secretName", "2023-07-01", ("vaultName",)),
    "azure-native:keyvault:Vault": KnownType(VAULT, "vaultName", "2023-07-01"),
    "azure-native:managedidentity:UserAssignedIdentity": KnownType(
        "Microsoft.ManagedIdentity/userAssignedIdentities", "resourceName", "2023-01-31"
    ),
    "azure-native:monitor:ActionGroup": KnownType("Microsoft.Insights/actionGroups", "actionGroupName", "2023-01-01"),
    "azure-native:monitor:DiagnosticSetting": KnownType(
        "Microsoft.Insights/diagnosticSettings", "name", "2021-05-01-preview"
    ),
    "azure-native:monitor:MetricAlert": KnownType("Microsoft.Insights/metricAlerts", "ruleName", "2018-03-01"),
    "azure-native:monitor:ScheduledQueryRule": KnownType(
        "Microsoft.Insights/scheduledQueryRules", "ruleName", "2023-12-01"
    ),
    "azure-native:network:NatGateway": KnownType("Microsoft.Network/natGateways", "natGatewayName", _NETWORKING),
    "azure-native:network:NetworkSecurityGroup": KnownType(
        "Microsoft.Network/networkSecurityGroups", "networkSecurityGroupName", _NETWORKING
    ),
    "azure-native:network:PrivateDnsZoneGroup": KnownType(
        ZONE_GROUP, "privateDnsZoneGroupName", _NETWORKING, ("privateEndpointName",)
    ),
    "azure-native:network:PrivateEndpoint": KnownType(PRIVATE_ENDPOINT, "privateEndpointName", _NETWORKING),
    "azure-native:network:PublicIPAddress": KnownType(
        "Microsoft.Network/publicIPAddresses", "publicIpAddressName", _NETWORKING
    ),
    "azure-native:network:Subnet": KnownType(f"{NETWORK}/subnets", "subnetName", _NETWORKING, ("virtualNetworkName",)),
    "azure-native:network:VirtualNetwork": KnownType(NETWORK, "virtualNetworkName", _NETWORKING),
    "azure-native:network:VirtualNetworkPeering": KnownType(
        PEERING, "virtualNetworkPeeringName", _NETWORKING, ("virtualNetworkName",)
    ),
    "azure-native:operationalinsights:Workspace": KnownType(
        "Microsoft.OperationalInsights/workspaces", "workspaceName", "2023-09-01"
    ),
    "azure-native:privatedns:PrivateRecordSet": KnownType(
        f"{ZONE}/A", "relativeRecordSetName", "2024-06-01", ("privateZoneName",)
    ),
    "azure-native:privatedns:PrivateZone": KnownType(ZONE, "privateZoneName", "2024-06-01"),
    "azure-native:privatedns:VirtualNetworkLink": KnownType(
        ZONE_LINK, "virtualNetworkLinkName", "2024-06-01", ("privateZoneName",)
    ),
    "azure-native:redis:Redis": KnownType(CLASSIC_REDIS, "name", "2024-11-01"),
    "azure-native:redisenterprise:Database": KnownType(
        f"{MANAGED_REDIS}/databases", "databaseName", "2025-04-01", ("clusterName",)
    ),
    "azure-native:redisenterprise:RedisEnterprise": KnownType(MANAGED_REDIS, "clusterName", "2025-04-01"),
    "azure-native:storage:FileShare": KnownType(
        f"{STORAGE}/fileServices/shares", "shareName", "2024-01-01", ("accountName",)
    ),
    "azure-native:storage:StorageAccount": KnownType(STORAGE, "accountName", "2024-01-01"),
}


def canonical(token: str) -> str:
    """Return an SDK token without its API version: `azure-native:app/v20250101:ContainerApp` has one."""
    package, module, name = token.split(":")
    return f"{package}:{module.split('/')[0]}:{name}"


def known(token: str) -> KnownType | None:
    """Return the type that the SDK calls so, or None for one that is not known here."""
    return _TYPES.get(canonical(token))
