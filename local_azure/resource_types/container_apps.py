"""Container Apps environments and apps, with the revisions that an app's changes make."""

from __future__ import annotations

from collections.abc import Iterator

from local_azure.azure_error import AzureError, conflict
from local_azure.ids import ArmId
from local_azure.resource_types.addresses import allot
from local_azure.resource_types.base import (
    Action,
    Change,
    Inputs,
    NameRule,
    Reference,
    Request,
    ResourceType,
)
from local_azure.resource_types.generated import domain_label, public_address, suffix
from local_azure.resource_types.network import SUBNET_IN_USE, SUBNET_TYPE
from local_azure.resource_types.private_endpoint import endpoint_connections
from local_azure.state import Resource, Transaction, timestamp
from local_azure.values import JsonObject, as_list, as_object, find, get, put

ENVIRONMENT_TYPE = "Microsoft.App/managedEnvironments"
APP_TYPE = "Microsoft.App/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"
_DELEGATION = "Microsoft.App/environments"


# -- environments


def _subnet(change: Change) -> Resource | None:
    subnet = change.desires("properties.vnetConfiguration.infrastructureSubnetId")
    return change.transaction.get(subnet) if isinstance(subnet, str) else None


def _subnet_is_delegated(change: Change) -> None:
    """https://learn.microsoft.com/azure/container-apps/custom-virtual-networks#subnet"""
    subnet = _subnet(change)
    if subnet is None or change.existing:
        return
    services = [service for _, service in find(subnet.body, "properties.delegations[*].properties.serviceName")]
    if _DELEGATION.lower() not in map(str.lower, services):
        raise AzureError(
            "ManagedEnvironmentSubnetDelegationError",
            f"The subnet of the environment '{change.id.name}' must be delegated to the service '{_DELEGATION}'.",
            target="properties.vnetConfiguration.infrastructureSubnetId",
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
        "properties.vnetConfiguration.infrastructureSubnetId",
        "properties.vnetConfiguration.internal",
        "properties.zoneRedundant",
        "properties.infrastructureResourceGroup",
    )
    write_only = (
        "properties.appLogsConfiguration.logAnalyticsConfiguration.sharedKey",
        "properties.daprAIInstrumentationKey",
        "properties.daprAIConnectionString",
    )
    rules = (_subnet_is_delegated,)
    references = (
        Reference("properties.vnetConfiguration.infrastructureSubnetId", (SUBNET_TYPE,), in_use=SUBNET_IN_USE),
    )

    def complete(self, change: Change) -> None:
        change.keep("properties.defaultDomain", lambda: f"{domain_label()}.{change.location}.azurecontainerapps.io")
        change.keep("properties.staticIp", lambda: self._address(change))
        change.default("properties.zoneRedundant", False)
        change.default("properties.publicNetworkAccess", "Enabled")
        if not change.desires("properties.workloadProfiles"):
            change.properties["workloadProfiles"] = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
        change.keep("properties.customDomainConfiguration.customDomainVerificationId", lambda: suffix(64).upper())
        if _subnet(change):
            change.keep(
                "properties.infrastructureResourceGroup",
                lambda: (
                    change.desires("properties.infrastructureResourceGroup")
                    or f"ME_{change.id.name}_{change.id.resource_group}_{change.location}"
                ),
            )
        change.properties.update(
            {
                "eventStreamEndpoint": f"https://{change.location}.azurecontainerapps.dev{change.id}/eventstream",
                "kedaConfiguration": {"version": "2.17.2"},
                "daprConfiguration": {"version": "1.13.6"},
            }
        )

    @staticmethod
    def _address(change: Change) -> str:
        subnet = _subnet(change)
        if subnet and change.desires("properties.vnetConfiguration.internal"):
            return allot(subnet, change.id, change.transaction)
        return public_address()

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        if connections := endpoint_connections(resource, transaction):
            resource.properties["privateEndpointConnections"] = connections
        return resource.body


# -- apps


_ENVIRONMENT_PATHS = ("properties.managedEnvironmentId", "properties.environmentId")
_CONTAINERS = ("properties.template.containers[*]", "properties.template.initContainers[*]")


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


def _has_an_environment(change: Change) -> None:
    environment = _environment(change)
    if environment.location != change.location:
        raise AzureError(
            "ContainerAppInvalidLocation",
            f"The container app '{change.id.name}' is in '{change.location}', its environment in "
            f"'{environment.location}'; they must be in the same region.",
            target="location",
        )


def _secrets_are_whole(change: Change) -> None:
    secrets = [as_object(one) for one in as_list(change.desires("properties.configuration.secrets"))]
    names = [str(one.get("name")) for one in secrets]
    invalid = [
        name
        for name, one in zip(names, secrets, strict=True)
        if not one.get("value") and not (one.get("keyVaultUrl") and one.get("identity"))
    ]
    if invalid:
        listed = "', '".join(invalid)
        raise AzureError(
            "ContainerAppSecretInvalid",
            f"Invalid Request: Container app secret(s) with name(s) '{listed}' are invalid: value or keyVaultUrl and "
            "identity should be provided.",
            target="properties.configuration.secrets",
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise AzureError(
            "ContainerAppSecretNameDuplicate",
            f"Secret name(s) {', '.join(repeated)} are used more than once.",
            target="properties.configuration.secrets",
        )


def _secret_references(body: JsonObject) -> Iterator[tuple[str, str, str]]:
    """Every mention of a secret: its path, the secret's name, and who mentions it."""
    for containers in _CONTAINERS:
        for at, container in find(body, containers):
            for variable, name in find(container, "env[*].secretRef"):
                yield f"{at}.{variable}", name, f"container '{container.get('name')}'"
    for at, rule in find(body, "properties.template.scale.rules[*]"):
        for kind in ("azureQueue", "custom", "http", "tcp"):
            for auth, name in find(rule, f"{kind}.auth[*].secretRef"):
                yield f"{at}.{auth}", name, f"scale rule '{rule.get('name')}'"
    for at, volume in find(body, "properties.template.volumes[*]"):
        for secret, name in find(volume, "secrets[*].secretRef"):
            yield f"{at}.{secret}", name, f"volume '{volume.get('name')}'"
    for at, registry in find(body, "properties.configuration.registries[*]"):
        if name := registry.get("passwordSecretRef"):
            yield f"{at}.passwordSecretRef", name, f"registry '{registry.get('server')}'"


def _secret_references_are_known(change: Change) -> None:
    known = {name for _, name in find(change.desired, "properties.configuration.secrets[*].name")}
    for at, name, mentioned_by in _secret_references(change.desired):
        if name not in known:
            raise AzureError(
                "ContainerAppSecretRefNotFound",
                f"SecretRef '{name}' defined for {mentioned_by} not found.",
                target=at,
            )


def _identities_are_assigned(change: Change) -> None:
    """An identity that pulls an image or reads a vault must be one of the app's own."""
    assigned = {one.lower() for one in as_object(change.desires("identity.userAssignedIdentities"))}
    for path in ("properties.configuration.registries[*].identity", "properties.configuration.secrets[*].identity"):
        for at, identity in find(change.desired, path):
            if identity and identity.lower() != "system" and identity.lower() not in assigned:
                raise AzureError(
                    "ContainerAppIdentityNotAssigned",
                    f"The identity '{identity}' is not assigned to the container app '{change.id.name}'.",
                    target=at,
                )


def _list_secrets(request: Request) -> JsonObject:
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/list-secrets"""
    listed: list[JsonObject] = []
    for index, secret in enumerate(as_list(get(request.resource.body, "properties.configuration.secrets"))):
        value = request.resource.secrets.get(f"properties.configuration.secrets[{index}].value")
        listed.append({**secret, **({"value": value} if value is not None else {})})
    return {"value": listed}


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
    create_only = ("properties.managedEnvironmentId", "properties.environmentId")
    write_only = ("properties.configuration.secrets[*].value",)
    rules = (
        _has_an_environment,
        _secrets_are_whole,
        _secret_references_are_known,
        _identities_are_assigned,
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
    actions = (Action("listSecrets", _list_secrets, functions=("listContainerAppSecrets",)),)

    def complete(self, change: Change) -> None:
        environment = _environment(change)
        for path in _ENVIRONMENT_PATHS:
            put(change.body, path, environment.id.text)
        change.default("properties.workloadProfileName", "Consumption")
        change.default("properties.configuration.activeRevisionsMode", "Single")
        change.properties.update(
            {
                "runningStatus": "Running",
                "eventStreamEndpoint": f"https://{change.location}.azurecontainerapps.dev{change.id}/eventstream",
                "customDomainVerificationId": get(
                    environment.body, "properties.customDomainConfiguration.customDomainVerificationId"
                ),
            }
        )
        change.keep("properties.outboundIpAddresses", lambda: [public_address()])
        domain = str(environment.properties["defaultDomain"])
        ingress = as_object(change.desires("properties.configuration.ingress"))
        infix = "" if not ingress or ingress.get("external") else ".internal"
        if ingress:
            put(change.body, "properties.configuration.ingress.fqdn", f"{change.id.name}{infix}.{domain}")
        revision = self._revision_name(change)
        change.properties.update(
            {
                "latestRevisionName": revision,
                "latestReadyRevisionName": revision,
                "latestRevisionFqdn": f"{revision}{infix}.{domain}" if ingress else "",
            }
        )

    @staticmethod
    def _revision_name(change: Change) -> str:
        if change.existing and not change.changed("properties.template"):
            return str(change.existing.properties["latestRevisionName"])
        asked = change.desires("properties.template.revisionSuffix")
        name = f"{change.id.name}--{asked or suffix(7)}"
        if change.transaction.get(change.id.child("revisions", name)):
            raise conflict(
                f"Invalid request: revision suffix '{asked}' is already in use by the container app "
                f"'{change.id.name}'.",
                "ContainerAppRevisionSuffixInUse",
                "properties.template.revisionSuffix",
            )
        return name

    def applied(self, change: Change, resource: Resource) -> None:
        newest = resource.id.child("revisions", str(resource.properties["latestRevisionName"]))
        if change.transaction.get(newest):
            return
        if get(resource.body, "properties.configuration.activeRevisionsMode") == "Single":
            for earlier in change.transaction.of_type(REVISION_TYPE, resource.id):
                earlier.properties.update(
                    {"active": False, "replicas": 0, "runningState": "Stopped", "trafficWeight": 0}
                )
                change.transaction.save(earlier)
        change.transaction.save(Resource(newest, _revision_body(newest, resource, change)))


def _revision_body(revision: ArmId, app: Resource, change: Change) -> JsonObject:
    return {
        "id": revision.text,
        "name": revision.name,
        "type": REVISION_TYPE,
        "properties": {
            "createdTime": timestamp(change.now),
            "fqdn": app.properties["latestRevisionFqdn"],
            "template": app.properties.get("template", {}),
            "active": True,
            "replicas": 1,
            "trafficWeight": 100,
            "healthState": "Healthy",
            "provisioningState": "Provisioned",
            "runningState": "Running",
        },
    }


def _activate(request: Request) -> JsonObject:
    request.resource.properties.update({"active": True, "replicas": 1, "runningState": "Running"})
    request.transaction.save(request.resource)
    return {}


def _deactivate(request: Request) -> JsonObject:
    request.resource.properties.update({"active": False, "replicas": 0, "runningState": "Stopped", "trafficWeight": 0})
    request.transaction.save(request.resource)
    return {}


def _restart(request: Request) -> JsonObject:
    if not request.resource.properties["active"]:
        raise AzureError(
            "RevisionInactive",
            f"The revision '{request.resource.id.name}' is not active and cannot be restarted.",
            target=request.resource.id.text,
        )
    request.resource.properties["restartedTime"] = timestamp(request.transaction.now)
    request.transaction.save(request.resource)
    return {}


class Revision(ResourceType):
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revisions: made by its app."""

    arm_type = REVISION_TYPE
    actions = (Action("activate", _activate), Action("deactivate", _deactivate), Action("restart", _restart))


TYPES = (ManagedEnvironment(), ContainerApp(), Revision())
