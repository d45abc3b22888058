"""What an app's containers may be: images, variables, probes and volumes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.names import STORAGE_TYPE
from local_azure.resource_types.container_apps.refusals import invalid_template, whole

CONTAINERS = ("properties.template.containers[*]", "properties.template.initContainers[*]")
_CONTAINER_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_PROBE_TYPES = ("Liveness", "Readiness", "Startup")
_MOUNTED_STORAGE = ("AzureFile", "NfsAzureFile")
_MOST_GRACE_SECONDS = 600

_PROBE_LIMITS = {
    "failureThreshold": range(1, 31),
    "initialDelaySeconds": range(0, 61),
    "periodSeconds": range(1, 241),
    "successThreshold": range(1, 2),
    "timeoutSeconds": range(1, 241),
}
"""The API's schema (ContainerAppProbe), but for what `_PROBE_LIMITS_OF` has."""

_PROBE_LIMITS_OF = {
    ("Readiness", "failureThreshold"): range(1, 49),
    ("Readiness", "successThreshold"): range(1, 11),
    ("Startup", "failureThreshold"): range(1, 241),
}
"""Where a type of probe has limits of its own. For `failureThreshold` the schema says 10; the service answers 30 for
liveness (https://github.com/microsoft/azure-container-apps/issues/1100), and takes 48 for readiness and 240 for startup
(https://github.com/hashicorp/terraform-provider-azurerm/pull/31989)."""


def containers_are_whole(change: Change) -> None:
    """There is a container, and each has a name of its own and an image."""
    if not as_list(change.desires("properties.template.containers")):
        raise invalid_template(
            "template.containers", '"": at least one container is required', "properties.template.containers"
        )
    seen: set[str] = set()
    for at, container in _containers(change):
        name = str(container.get("name") or "")
        if not re.fullmatch(_CONTAINER_NAME, name):
            words = f'"{name}": must be lower-case letters, digits and "-", 63 at most'
            raise invalid_template("template.containers.name", words, f"{at}.name")
        if name in seen:
            raise invalid_template(
                "template.containers.name", f'"{name}": more than one container has the name', f"{at}.name"
            )
        seen.add(name)
        if not container.get("image"):
            # https://learn.microsoft.com/azure/container-apps/troubleshooting
            raise AzureError(
                "ContainerAppImageRequired",
                f"Container with name '{name}' must have an 'Image' property specified.",
                target=f"{at}.image",
            )


def variables_are_whole(change: Change) -> None:
    """Enforce Azure's rule: a name, and a value or a secret.

    Source: https://learn.microsoft.com/azure/container-apps/environment-variables.
    """
    for at, container in _containers(change):
        for variable, value in find(container, "env[*]"):
            name = as_object(value).get("name")
            field = f"template.containers.{container.get('name')}.env"
            if not name:
                raise invalid_template(field, '"": a variable needs a name', f"{at}.{variable}.name")
            if as_object(value).get("value") and as_object(value).get("secretRef"):
                words = f'"{name}": a variable has a value or a secretRef, not both'
                raise invalid_template(field, words, f"{at}.{variable}")


def _containers(change: Change) -> Iterator[tuple[str, JsonObject]]:
    for path in CONTAINERS:
        for at, container in find(change.desired, path):
            yield at, as_object(container)


# -- probes


def probes_are_valid(change: Change) -> None:
    """Enforce Azure's rule: one of each type, by HTTP or TCP.

    Source: https://learn.microsoft.com/azure/container-apps/health-probes.
    """
    for at, container in find(change.desired, CONTAINERS[0]):
        seen: set[str] = set()
        for probe_at, probe in find(container, "probes[*]"):
            kind = str(get(probe, "type", "")).capitalize()
            where, field = f"{at}.{probe_at}", f"template.containers.{get(container, 'name')}.probes"
            if kind not in _PROBE_TYPES or kind in seen:
                words = f'"{kind}": a container has at most one probe of each type: {", ".join(_PROBE_TYPES)}'
                raise invalid_template(field, words, f"{where}.type")
            seen.add(kind)
            _probe_asks_one_way(as_object(probe), field, where)
            _probe_is_within_limits(as_object(probe), kind, str(get(container, "name")), where)


def _probe_asks_one_way(probe: JsonObject, field: str, at: str) -> None:
    ways = [name for name in ("httpGet", "tcpSocket") if probe.get(name)]
    if len(ways) != 1:
        raise invalid_template(field, f'"{probe.get("type")}": a probe has either httpGet or tcpSocket', at)
    where = f"{at}.{ways[0]}.port"
    if whole(get(probe, f"{ways[0]}.port"), where) not in range(1, 65536):
        raise invalid_template(field, f'"{get(probe, f"{ways[0]}.port")}": must be a port, 1 to 65535', where)


def _probe_is_within_limits(probe: JsonObject, kind: str, container: str, at: str) -> None:
    for name, usual in _PROBE_LIMITS.items():
        limits = _PROBE_LIMITS_OF.get((kind, name), usual)
        value = probe.get(name)
        if value is not None and whole(value, f"{at}.{name}") not in limits:
            title = f"{name[0].upper()}{name[1:]}"
            raise AzureError(
                f"ContainerAppProbe{title}OutOfRange",
                f"Container '{container}' '{kind}' probe's {title} must be in the range of ['{limits[0]}', "
                f"'{limits[-1]}'].",
                target=f"{at}.{name}",
            )


def grace_period_is_valid(change: Change) -> None:
    """Enforce Azure's rule: 0 to 600 seconds.

    Source: https://learn.microsoft.com/azure/container-apps/application-lifecycle-management#shutdown.
    """
    at = "properties.template.terminationGracePeriodSeconds"
    seconds = change.desires(at)
    if seconds is not None and not 0 <= whole(seconds, at) <= _MOST_GRACE_SECONDS:
        raise invalid_template(
            "template.terminationGracePeriodSeconds", f'"{seconds}": must be 0 to {_MOST_GRACE_SECONDS}', at
        )


# -- volumes


def volumes_are_there(change: Change, environment: Resource) -> None:
    """Check that every volume that is mounted is declared, and that its storage exists.

    Source: https://learn.microsoft.com/azure/container-apps/storage-mounts.
    """
    names: set[str] = set()
    for at, volume in find(change.desired, "properties.template.volumes[*]"):
        name = str(get(volume, "name", ""))
        if not name or name in names:
            words = f'"{name}": the name of a volume is missing or used more than once'
            raise invalid_template("template.volumes.name", words, f"{at}.name")
        names.add(name)
        _storage_is_there(change, environment, as_object(volume), at)
    for at, container in _containers(change):
        paths: set[str] = set()
        for mount, value in find(container, "volumeMounts[*]"):
            _mount_is_valid(change, as_object(value), names, paths, f"{at}.{mount}")


def _storage_is_there(change: Change, environment: Resource, volume: JsonObject, at: str) -> None:
    """Check that a volume's storage exists in the environment.

    Source: https://github.com/DFE-Digital/terraform-azurerm-container-apps-hosting/pull/281.
    """
    if volume.get("storageType") not in _MOUNTED_STORAGE:
        return
    name = str(volume.get("storageName") or "")
    storage = ArmId.parse(f"{environment.id}/{STORAGE_TYPE.rsplit('/', 1)[-1]}/{name}") if name else None
    if storage is None or change.transaction.get(storage) is None:
        raise AzureError(
            "ManagedEnvironmentStorageNotFound",
            f"Storage {name} not found under managed environment",
            target=f"{at}.storageName",
        )


def _mount_is_valid(change: Change, mount: JsonObject, volumes: set[str], paths: set[str], at: str) -> None:
    """Check the paths of a mount.

    Source: https://github.com/MicrosoftDocs/azure-docs/issues/103756,
    https://github.com/hashicorp/terraform-provider-azurerm/issues/29419.
    """
    name, path = str(mount.get("volumeName") or ""), str(mount.get("mountPath") or "")
    if name not in volumes:
        raise AzureError(
            "ContainerAppInvalidVolumeMount",
            f"Invalid Request: Volume '{name}' to mount doesn't defined in the Container App '{change.id.name}'.",
            target=f"{at}.volumeName",
        )
    if path in ("", "/") or ":" in path or path in paths:
        raise AzureError(
            "ContainerAppInvalidMountPath",
            "Invalid Request: Invalid mount path was given. mountPath is required when mounting volume "
            f"'{name}'. mountPath must not contain ':'.",
            target=f"{at}.mountPath",
        )
    paths.add(path)


def secrets_named_by(template: Any) -> set[str]:
    """Return the secrets that a template's containers have as variables."""
    names: set[str] = set()
    for containers in ("containers[*]", "initContainers[*]"):
        names |= {name for _, name in find(template, f"{containers}.env[*].secretRef")}
    return names
