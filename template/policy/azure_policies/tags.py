"""Resources have the tags that the team has chosen, so that a bill or an alert finds whom it is for."""

from collections.abc import Iterator, Mapping, Sequence

from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource
from azure_policies.rule import Level, ResourceRule

WITHOUT_TAGS: Mapping[str, Sequence[str]] = {
    "appconfiguration": ("Replica",),
    "applicationinsights": ("ProactiveDetectionConfiguration",),
    "appplatform": ("App",),
    "authorization": ("PolicyAssignment", "ResourceManagementPrivateLink"),
    "azurestack": ("LinkedSubscription", "Registration"),
    "azurestackhci": ("Update", "UpdateRun", "UpdateSummary"),
    "blueprint": ("Assignment",),
    "chaos": ("Target",),
    "cloudngfw": ("GlobalRulestack",),
    "cognitiveservices": ("PrivateEndpointConnection",),
    "compute": ("VirtualMachineScaleSetVMExtension",),
    "computelimit": ("GuestSubscription", "SharedLimit"),
    "containerregistry": ("ExportPipeline", "ImportPipeline", "TaskRun"),
    "costmanagement": ("Export",),
    "guestconfiguration": (
        "GuestConfigurationAssignment",
        "GuestConfigurationAssignmentsVMSS",
        "GuestConfigurationConnectedVMwarevSphereAssignment",
        "GuestConfigurationHCRPAssignment",
    ),
    "healthcareapis": ("IotConnectorFhirDestination",),
    "kusto": (
        "AttachedDatabaseConfiguration",
        "CosmosDbDataConnection",
        "EventGridDataConnection",
        "EventHubConnection",
        "EventHubDataConnection",
        "IotHubDataConnection",
        "ReadOnlyFollowingDatabase",
        "ReadWriteDatabase",
    ),
    "machinelearningservices": ("LinkedService",),
    "maintenance": (
        "ConfigurationAssignment",
        "ConfigurationAssignmentParent",
        "ConfigurationAssignmentsForResourceGroup",
        "ConfigurationAssignmentsForSubscription",
    ),
    "managednetwork": ("ManagedNetworkGroup", "ManagedNetworkPeeringPolicy", "ScopeAssignment"),
    "migrate": ("MigrateProjectsControllerMigrateProject",),
    "netapp": ("CapacityPoolBackup", "CapacityPoolSnapshot", "VolumeGroup"),
    "network": ("LoadBalancerBackendAddressPool", "RouteFilterRuleInit"),
    "operationsmanagement": ("ManagementAssociation", "ManagementConfiguration"),
    "portal": ("ConsoleWithLocation", "UserSettingsWithLocation"),
    "servicelinker": ("Connector", "ConnectorDryrun"),
    "sql": ("DatabaseThreatDetectionPolicy",),
    "synapse": (
        "EventGridDataConnection",
        "EventHubDataConnection",
        "IotHubDataConnection",
        "KustoPoolAttachedDatabaseConfiguration",
        "ReadOnlyFollowingDatabase",
        "ReadWriteDatabase",
    ),
}
"""Types that have a location and take no tags, by module: what the SDK (3.29.0) has of them.

Resource Manager keeps location and tags of the same resources, those that it tracks itself, but for these:
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-support.
"""


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield the required tags that a resource lacks which can carry tags."""
    kind = resource.type
    if not kind.module or resource.get("location") is None or kind.name in WITHOUT_TAGS.get(kind.module, ()):
        return
    if resource.get("tags") is UNKNOWN:
        return
    missing = [name for name in options.tags if not resource.tag(name)]
    if missing:
        yield f"tags lack {', '.join(missing)}: add them (the pack's required tags stand in policy/config.json)"


RULE = ResourceRule(
    "required-tags",
    "Resources carry the required tags.",
    Level.MANDATORY,
    judge,
    options=("tags",),
)
