"""Who an app acts as: the identities that read its secrets, pull its images and ask its scalers."""

from __future__ import annotations

from local_azure.core import faults
from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.containers import CONTAINERS
from local_azure.resource_types.container_apps.refusals import invalid_request, revision_failed
from local_azure.resource_types.container_apps.scaling import RULE_KINDS
from local_azure.resource_types.container_apps.secret_values import principal_of
from local_azure.resource_types.effective_roles import is_allowed

_REGISTRIES = "properties.configuration.registries"
_REGISTRY_DOMAIN = ".azurecr.io"
_PULL = "Microsoft.ContainerRegistry/registries/pull/read"
_USERS = (
    f"{_REGISTRIES}[*].identity",
    "properties.configuration.secrets[*].identity",
    "properties.configuration.identitySettings[*].identity",
    *(f"properties.template.scale.rules[*].{kind}.identity" for kind in RULE_KINDS),
)


def identities_are_assigned(change: Change) -> None:
    """Enforce Azure's rule: an identity that an app names anywhere is one of its own.

    Source: https://learn.microsoft.com/azure/container-apps/managed-identity.
    """
    kinds = str(change.desires("identity.type", "")).replace(" ", "").lower().split(",")
    assigned = {assigned_id.lower() for assigned_id in as_object(change.desires("identity.userAssignedIdentities"))}
    for path in _USERS:
        for at, identity in find(change.desired, path):
            own = "systemassigned" in kinds if str(identity).lower() == "system" else str(identity).lower() in assigned
            if identity and not own:
                raise AzureError(
                    "ContainerAppIdentityNotAssigned",
                    f"The identity '{identity}' is not assigned to the container app '{change.id.name}'.",
                    target=at,
                )


def registries_are_whole(change: Change) -> None:
    """Enforce Azure's rule: by identity, or by user name and a secret.

    Source: https://learn.microsoft.com/azure/container-apps/containers#container-registries.
    """
    servers: set[str] = set()
    for index, registry in enumerate(as_list(change.desires(_REGISTRIES))):
        at, server = f"{_REGISTRIES}[{index}]", str(get(registry, "server", "")).lower()
        if not server or "://" in server or server in servers:
            raise invalid_request(
                f"Registries.Server '{server}' is missing, has a scheme, or is used more than once.", f"{at}.server"
            )
        servers.add(server)
        by_password = bool(get(registry, "username")) and bool(get(registry, "passwordSecretRef"))
        if bool(get(registry, "identity")) == by_password:
            raise invalid_request(
                f"The registry '{server}' needs either an identity, or a username and a passwordSecretRef.", at
            )


def images_can_be_pulled(change: Change) -> None:
    """Enforce Azure's rule: the identity has AcrPull, in force when the app is made;
    https://github.com/microsoft/azure-container-apps/issues/1598 has the wording.

    Source: https://learn.microsoft.com/azure/container-apps/managed-identity-image-pull.

    An image that the registry does not have is refused as the operation ends, too:
    https://github.com/Azure-Samples/call-center-voice-agent-accelerator/issues/3,
    https://github.com/PacktPublishing/Pragmatic-Microservices-with-CSharp-and-Azure/issues/81.

    Only a registry that is here can be asked; any other is taken to let the app in and to have the image.
    """
    identities = {
        str(get(registry, "server")).lower(): str(get(registry, "identity"))
        for registry in as_list(change.desires(_REGISTRIES))
        if get(registry, "identity")
    }
    for path in CONTAINERS:
        for at, container in find(change.desired, path):
            image = str(get(container, "image"))
            server = image.partition("/")[0].lower()
            if server in identities and not _may_pull(change, server, identities[server]):
                raise revision_failed(
                    change.id.name,
                    f"template.containers.{get(container, 'name')}.image",
                    f'"{image}": unable to pull image using Managed identity {identities[server]} for registry '
                    f"{server}",
                    f"{at}.image",
                )
            if _registry(change, server) and not change.operations.has_image(image):
                tag = image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else "latest"
                raise revision_failed(
                    change.id.name,
                    f"template.containers.{get(container, 'name')}.image",
                    f'"{image}": GET https:: MANIFEST_UNKNOWN: manifest tagged by "{tag}" is not found; map[Tag:{tag}]',
                    f"{at}.image",
                )
            if faults.platform_of(change.transaction, image) != faults.PLATFORM:
                # The words are those of public logs of deployments.
                raise revision_failed(
                    change.id.name,
                    f"template.containers.{get(container, 'name')}.image",
                    f'"{image}": no child with platform {faults.PLATFORM} in index {image}',
                    f"{at}.image",
                )


def _registry(change: Change, server: str) -> str | None:
    """Return the key of the registry with a login server, if it exists here."""
    return change.transaction.holder(f"host/{server}") if server.endswith(_REGISTRY_DOMAIN) else None


def _may_pull(change: Change, server: str, identity: str) -> bool:
    holder = _registry(change, server)
    if holder is None:
        return True
    # A system-assigned identity is there from the first PUT on, but it can have no role before.
    app: JsonObject = change.existing.body if change.existing else change.desired
    principal = principal_of(app, identity, change.transaction)
    return principal is not None and is_allowed(change.transaction, principal, _PULL, holder)
