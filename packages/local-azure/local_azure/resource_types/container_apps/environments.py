"""Container Apps environments: their network, logs and workload profiles, and the storages that apps mount."""

from __future__ import annotations

import re

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.regions import REGIONS_WITHOUT_ZONES
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, find, get, put
from local_azure.resource_types import service_links
from local_azure.resource_types.addresses import allot
from local_azure.resource_types.base import Change, Inputs, NameRule, Operations, ResourceType
from local_azure.resource_types.container_apps.names import (
    APP_TYPE,
    CONSUMPTION,
    ENVIRONMENT_TYPE,
    STORAGE_TYPE,
    stream_address,
)
from local_azure.resource_types.container_apps.refusals import invalid_request, whole
from local_azure.resource_types.container_apps.workload_profiles import PROFILE_CORES
from local_azure.resource_types.environment_subnet import (
    SUBNET_PATH,
    SUBNET_REFERENCE,
    environment_subnet,
    subnet_suits_an_environment,
)
from local_azure.resource_types.generated import domain_label, public_address, suffix
from local_azure.resource_types.private_endpoint import endpoint_connections

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_LONGEST_PROFILE_NAME = 15


# -- network


def _invalid_network(words: str, at: str) -> AzureError:
    """Return the error for a subnet that an environment cannot use.

    Source: https://github.com/microsoft/azure-container-apps/issues/425.
    """
    return AzureError(
        "ManagedEnvironmentInvalidNetworkConfiguration",
        f"The environment network configuration is invalid: {words}",
        target=at,
    )


def _network_is_needed(change: Change) -> None:
    """Enforce Azure's rule: zones need a subnet of one's own, and so does an environment that only the network
    reaches; not every region has zones
    (https://github.com/Azure/terraform-azurerm-avm-ptn-cicd-agents-and-runners/issues/125).

    Source: https://learn.microsoft.com/azure/reliability/reliability-container-apps.
    """
    if change.desires("properties.zoneRedundant") and not change.desires(SUBNET_PATH):
        raise _invalid_network(
            "ZoneRedundant must be disabled if InfrastructureSubnetId is not provided.", "properties.zoneRedundant"
        )
    if change.desires("properties.vnetConfiguration.internal") and not change.desires(SUBNET_PATH):
        raise _invalid_network(
            "InfrastructureSubnetId must be provided if Internal is enabled.", "properties.vnetConfiguration.internal"
        )
    if change.desires("properties.zoneRedundant") and change.location in REGIONS_WITHOUT_ZONES:
        raise AzureError(
            "ManagedEnvironmentZoneRedundantNotSupportedInRegion",
            "Zone redundancy is not currently supported in this region.",
            target="properties.zoneRedundant",
        )


def _network_is_in_the_subscription(change: Change) -> None:
    """Check that an environment's network is in the environment's subscription.

    Source: https://github.com/microsoft/azure-container-apps/issues/1534.
    """
    subnet = environment_subnet(change)
    if subnet and (subnet.id.subscription or "").lower() != (change.id.subscription or "").lower():
        raise _invalid_network(
            "Invalid vnet resource ID provided, or the virtual network could not be found.", SUBNET_PATH
        )


# -- logs


def _logs_have_their_workspace(change: Change) -> None:
    """Check that logs for Log Analytics name a workspace and its key. A later PUT may leave the key out
    (https://github.com/microsoft/azure-container-apps/issues/990).

    Source: https://learn.microsoft.com/azure/container-apps/log-options.
    """
    at = "properties.appLogsConfiguration"
    destination = str(change.desires(f"{at}.destination") or "")
    if destination not in ("", "log-analytics", "azure-monitor", "none"):
        raise invalid_request(
            f"AppLogsConfiguration.Destination '{destination}' is invalid. It must be one of 'log-analytics', "
            "'azure-monitor' and 'none'.",
            f"{at}.destination",
        )
    given = as_object(change.desires(f"{at}.logAnalyticsConfiguration"))
    if destination != "log-analytics":
        return
    known = bool(change.existing and change.existing.secrets.get(f"{at}.logAnalyticsConfiguration.sharedKey"))
    if not given.get("customerId") or not (given.get("sharedKey") or known):
        raise invalid_request(
            "LogAnalyticsConfiguration is invalid. Must provide a valid LogAnalyticsConfiguration",
            f"{at}.logAnalyticsConfiguration",
        )
    if not re.fullmatch(_GUID, str(given["customerId"])):
        raise invalid_request(
            "LogAnalyticsConfiguration.CustomerId is invalid. CustomerId must be a GUID without additional whiteSpace.",
            f"{at}.logAnalyticsConfiguration.customerId",
        )


# -- workload profiles


def _profiles_are_valid(change: Change) -> None:
    """Check the workload profiles of an environment.

    Source: https://learn.microsoft.com/azure/container-apps/workload-profiles-overview; the code of a name that is too
    long is that of https://github.com/Azure/azure-cli/issues/31239.
    """
    seen: set[str] = set()
    for index, profile in enumerate(as_list(change.desires("properties.workloadProfiles"))):
        at = f"properties.workloadProfiles[{index}]"
        name, kind = str(get(profile, "name", "")), str(get(profile, "workloadProfileType", ""))
        if not name or name in seen:
            raise invalid_request(
                f"The workload profile name '{name}' is missing or used more than once.", f"{at}.name"
            )
        seen.add(name)
        if kind not in PROFILE_CORES:
            raise invalid_request(f"The workload profile type '{kind}' is invalid.", f"{at}.workloadProfileType")
        if len(name) > _LONGEST_PROFILE_NAME:
            raise AzureError(
                "WorkloadProfileInvalidNameTooLong",
                f"The workload profile name '{name}' is too long: it may have {_LONGEST_PROFILE_NAME} characters.",
                target=f"{at}.name",
            )
        _counts_are_valid(as_object(profile), kind, at)


def _counts_are_valid(profile: JsonObject, kind: str, at: str) -> None:
    least, most = profile.get("minimumCount"), profile.get("maximumCount")
    if kind.startswith(CONSUMPTION):
        if least is not None or most is not None:
            raise invalid_request(f"A {kind} workload profile takes no minimumCount or maximumCount.", at)
        return
    if least is None or most is None:
        raise invalid_request(f"A {kind} workload profile needs a minimumCount and a maximumCount.", at)
    if not 0 <= whole(least, f"{at}.minimumCount") <= whole(most, f"{at}.maximumCount"):
        raise invalid_request(
            f"The minimumCount {least} must be at least 0 and at most the maximumCount {most}.", f"{at}.minimumCount"
        )


def _profiles_in_use_stay(change: Change) -> None:
    """Enforce Azure's rule: only an unused one is removed.

    Source: https://learn.microsoft.com/azure/container-apps/workload-profiles-manage-cli.
    """
    if change.existing is None or change.desires("properties.workloadProfiles") is None:
        return
    wanted = {name for _, name in find(change.desired, "properties.workloadProfiles[*].name")} | {CONSUMPTION}
    removed = {name for _, name in find(change.existing.body, "properties.workloadProfiles[*].name")} - wanted
    for reference in change.transaction.referring_to(change.id) if removed else ():
        app = change.transaction.get(reference.source)
        if app and app.id.type_key == APP_TYPE.lower() and app.properties.get("workloadProfileName") in removed:
            raise conflict(
                f"The workload profile '{app.properties['workloadProfileName']}' is in use by '{app.id}' and cannot be "
                "removed.",
                "WorkloadProfileInUse",
                "properties.workloadProfiles",
            )


class ManagedEnvironment(ResourceType):
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments"""

    token = "azure-native:app:ManagedEnvironment"
    arm_type = ENVIRONMENT_TYPE
    inputs = Inputs(name="environmentName")
    name_rule = NameRule(
        r"(?=.{2,60}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*",
        "2 to 60 letters, digits and single '-', starting with a letter",
        code="ManagedEnvironmentInvalidName",
    )
    create_only = (
        SUBNET_PATH,
        "properties.vnetConfiguration.internal",
        "properties.zoneRedundant",
        "properties.infrastructureResourceGroup",
    )
    write_only = (
        "properties.appLogsConfiguration.logAnalyticsConfiguration.sharedKey",
        "properties.daprAIInstrumentationKey",
        "properties.daprAIConnectionString",
    )
    rules = (
        _network_is_needed,
        _network_is_in_the_subscription,
        subnet_suits_an_environment,
        _logs_have_their_workspace,
        _profiles_are_valid,
        _profiles_in_use_stay,
    )
    references = (SUBNET_REFERENCE,)

    def complete(self, change: Change) -> None:
        change.keep("properties.defaultDomain", lambda: f"{domain_label()}.{change.location}.azurecontainerapps.io")
        change.keep("properties.staticIp", lambda: self._address(change))
        change.keep_secret("outboundAddress", public_address)
        change.default("properties.zoneRedundant", False)
        change.default("properties.publicNetworkAccess", "Enabled")
        if not change.desires("properties.workloadProfiles"):
            change.properties["workloadProfiles"] = [{"name": CONSUMPTION, "workloadProfileType": CONSUMPTION}]
        change.keep("properties.customDomainConfiguration.customDomainVerificationId", lambda: suffix(64).upper())
        if change.existing:
            for path in self.write_only:  # What a PUT leaves out of these stays.
                if path in change.existing.secrets:
                    change.secrets.setdefault(path, change.existing.secrets[path])
        if environment_subnet(change):
            change.keep(
                "properties.infrastructureResourceGroup",
                lambda: (
                    change.desires("properties.infrastructureResourceGroup")
                    or f"ME_{change.id.name}_{change.id.resource_group}_{change.location}"
                ),
            )
        change.properties.update(
            {
                "eventStreamEndpoint": f"{stream_address(change.location, change.id)}/eventstream",
                "kedaConfiguration": {"version": "2.17.2"},
                "daprConfiguration": {"version": "1.13.6"},
            }
        )

    @staticmethod
    def _address(change: Change) -> str:
        subnet = environment_subnet(change)
        if subnet and change.desires("properties.vnetConfiguration.internal"):
            return allot(subnet, change.id, change.transaction)
        return public_address()

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        if subnet := subnet_of(resource):
            service_links.leave(subnet, transaction)

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        if connections := endpoint_connections(resource, transaction):
            resource.properties["privateEndpointConnections"] = connections
        return resource.body


def subnet_of(environment: Resource) -> ArmId | None:
    """Return the subnet of an environment, if it is in a network of its owner's."""
    subnet = get(environment.body, SUBNET_PATH)
    return ArmId.parse(subnet) if isinstance(subnet, str) else None


def outbound_addresses(environment: Resource) -> list[str]:
    """Return the public addresses that requests from an environment are seen by."""
    return [str(environment.secrets["outboundAddress"])]


class EnvironmentStorage(ResourceType):
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environments-storages"""

    token = "azure-native:app:ManagedEnvironmentsStorage"
    arm_type = STORAGE_TYPE
    inputs = Inputs(name="storageName", parents=("environmentName",))
    shape = BodyShape(flat=False)
    write_only = ("properties.azureFile.accountKey",)
    has_provisioning_state = False
    tracked = False

    def complete(self, change: Change) -> None:
        for kind in ("azureFile", "nfsAzureFile"):
            if change.desires(f"properties.{kind}"):
                put(change.body, f"properties.{kind}", {"accessMode": "ReadOnly", **change.properties[kind]})
