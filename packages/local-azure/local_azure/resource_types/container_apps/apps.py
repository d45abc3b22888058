"""Container apps."""

from __future__ import annotations

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource
from local_azure.core.values import as_object, get, put
from local_azure.resource_types.base import Action, Change, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.container_apps.containers import (
    containers_are_whole,
    grace_period_is_valid,
    probes_are_valid,
    variables_are_whole,
    volumes_are_there,
)
from local_azure.resource_types.container_apps.environments import outbound_addresses
from local_azure.resource_types.container_apps.identities import (
    identities_are_assigned,
    images_can_be_pulled,
    registries_are_whole,
)
from local_azure.resource_types.container_apps.ingress import (
    complete_ingress,
    infix_of,
    ingress_is_valid,
    traffic_is_shared_out,
)
from local_azure.resource_types.container_apps.names import APP_TYPE, CONSUMPTION, ENVIRONMENT_TYPE, stream_address
from local_azure.resource_types.container_apps.revisions import (
    complete_revision,
    inactive_limit_is_valid,
    make_revision,
    suffix_is_new,
    suffix_is_valid,
)
from local_azure.resource_types.container_apps.scaling import replicas_are_in_order, rules_are_whole
from local_azure.resource_types.container_apps.secret_values import read_references
from local_azure.resource_types.container_apps.secrets import (
    list_secrets,
    mentions_are_known,
    references_are_addresses,
    removed_secrets_are_unused,
    secrets_are_whole,
)
from local_azure.resource_types.container_apps.workload_profiles import resources_fit

_ENVIRONMENT_PATHS = ("properties.managedEnvironmentId", "properties.environmentId")


def _environment(change: Change) -> Resource:
    for path in _ENVIRONMENT_PATHS:
        environment = change.desires(path)
        if isinstance(environment, str) and (found := change.transaction.get(environment)):
            return found
    raise AzureError(
        "ContainerAppInvalidEnvironmentId",
        f"The container app '{change.id.name}' names no environment.",
        target="properties.environmentId",
    )


def _environment_is_near(change: Change) -> None:
    environment = _environment(change)
    if environment.location != change.location:
        raise AzureError(
            "ContainerAppInvalidLocation",
            f"The container app '{change.id.name}' is in '{change.location}', its environment in "
            f"'{environment.location}'; they must be in the same region.",
            target="location",
        )


def _resources_fit(change: Change) -> None:
    resources_fit(change, _environment(change))


def _volumes_are_there(change: Change) -> None:
    volumes_are_there(change, _environment(change))


def _ingress_is_valid(change: Change) -> None:
    ingress_is_valid(change, _environment(change))


class ContainerApp(ResourceType):
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps

    A changed template makes a revision; a changed configuration, secrets included, makes none and restarts nothing.
    """

    token = "azure-native:app:ContainerApp"
    arm_type = APP_TYPE
    inputs = Inputs(name="containerAppName")
    name_rule = NameRule(
        r"(?=.{2,32}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
        "2 to 32 lower-case letters, digits and single '-', starting with a letter and ending with a letter or digit",
        code="ContainerAppInvalidName",
    )
    create_only = _ENVIRONMENT_PATHS
    write_only = ("properties.configuration.secrets[*].value",)
    rules = (
        _environment_is_near,
        containers_are_whole,
        variables_are_whole,
        _resources_fit,
        probes_are_valid,
        grace_period_is_valid,
        _volumes_are_there,
        replicas_are_in_order,
        rules_are_whole,
        secrets_are_whole,
        references_are_addresses,
        mentions_are_known,
        removed_secrets_are_unused,
        identities_are_assigned,
        registries_are_whole,
        _ingress_is_valid,
        suffix_is_valid,
        suffix_is_new,
        inactive_limit_is_valid,
        traffic_is_shared_out,
        images_can_be_pulled,
    )
    references = tuple(
        Reference(
            path,
            (ENVIRONMENT_TYPE,),
            missing="ContainerAppInvalidEnvironmentId",
            in_use=(
                "ManagedEnvironmentHasContainerApps",
                "The specified environment {target} cannot be deleted because it still contains the container app "
                "{source}.",
            ),
        )
        for path in _ENVIRONMENT_PATHS
    )
    actions = (Action("listSecrets", list_secrets, functions=("listContainerAppSecrets",)),)

    def complete(self, change: Change) -> None:
        environment = _environment(change)
        read_references(change, environment)
        for path in _ENVIRONMENT_PATHS:
            put(change.body, path, environment.id.text)
        change.default("properties.workloadProfileName", CONSUMPTION)
        change.default("properties.configuration.activeRevisionsMode", "Single")
        change.properties.update(
            {
                "runningStatus": "Running",
                "eventStreamEndpoint": f"{stream_address(change.location, change.id)}/eventstream",
                "customDomainVerificationId": get(
                    environment.body, "properties.customDomainConfiguration.customDomainVerificationId"
                ),
                "outboundIpAddresses": outbound_addresses(environment),
            }
        )
        complete_ingress(change, environment)
        complete_revision(change)
        ingress = as_object(get(change.body, "properties.configuration.ingress"))
        revision, domain = change.properties["latestRevisionName"], environment.properties["defaultDomain"]
        change.properties["latestRevisionFqdn"] = f"{revision}{infix_of(ingress)}.{domain}" if ingress else ""

    def applied(self, change: Change, resource: Resource) -> None:
        make_revision(change, resource)
