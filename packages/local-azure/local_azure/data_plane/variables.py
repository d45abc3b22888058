"""The variables of a container: its image's, its template's with the secrets' values, and those of Container Apps."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.data_plane.desired_state import AppPlan, ContainerPlan
from local_azure.data_plane.files import IDENTITY_PORT
from local_azure.data_plane.images import Image


class MissingSecretError(Exception):
    """A variable is set by reference to a secret that has no value."""


@dataclass(frozen=True)
class PlatformVariables:
    """What Container Apps itself gives to a replica."""

    replica: str
    revision: str
    directory: Path
    """A directory of the container, which is its user's home."""
    shim: Callable[[str], Mapping[str, str]]
    """Gives the variables that redirect its look-ups and connections; takes the PYTHONPATH that it has besides."""
    trust: Path
    """The authorities that its TLS clients trust."""
    identity_header: str | None
    """The secret that the endpoint of its identities asks for, if it has any."""


def of_container(
    app: AppPlan, container: ContainerPlan, image: Image, mounts: dict[str, Path], platform: PlatformVariables
) -> dict[str, str]:
    """Return all environment variables of a container; none of this machine's own.

    The template's win over the image's, and the platform's over none of both but where they hold it together. Raises
    `MissingSecretError` and `CommandFailedError`.
    """
    found = {
        "PATH": os.pathsep.join([str(image.python().parent), os.defpath]),
        "LANG": "C.UTF-8",
        "HOME": str(platform.directory),
        "TMPDIR": str(mounts["/tmp"]),
        "SSL_CERT_FILE": str(platform.trust),
        **image.variables(mounts),
        **_of_platform(app, platform),
        **_of_template(app, container),
    }
    return {**found, **platform.shim(found.get("PYTHONPATH", ""))}


def _of_platform(app: AppPlan, platform: PlatformVariables) -> dict[str, str]:
    """Return the variables that Container Apps sets by itself.

    Source: https://learn.microsoft.com/azure/container-apps/environment-variables#built-in-environment-variables.
    """
    given = {
        "CONTAINER_APP_NAME": app.name,
        "CONTAINER_APP_REVISION": platform.revision,
        "CONTAINER_APP_REPLICA_NAME": platform.replica,
        "CONTAINER_APP_ENV_DNS_SUFFIX": app.domain,
        "HOSTNAME": platform.replica,
    }
    if app.ingress:
        given["CONTAINER_APP_HOSTNAME"] = app.revision_fqdn(platform.revision)
        given["CONTAINER_APP_PORT"] = str(app.ingress.target_port)
    if platform.identity_header:
        endpoint = f"http://localhost:{IDENTITY_PORT}/msi/token"
        # Clients know the endpoint by its older names, too.
        given |= {"IDENTITY_ENDPOINT": endpoint, "MSI_ENDPOINT": endpoint}
        given |= {"IDENTITY_HEADER": platform.identity_header, "MSI_SECRET": platform.identity_header}
    return given


def _of_template(app: AppPlan, container: ContainerPlan) -> dict[str, str]:
    """Return the template's variables; a container sees one `$` for two.

    https://github.com/microsoft/azure-container-apps/issues/1540 has it of secrets from a vault. It is what Kubernetes
    does to the value of a variable, where `$$` escapes a reference
    (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables): that it
    holds for direct secrets and for plain values too is an assumption. References `$(NAME)` are not replaced here.
    """
    given: dict[str, str] = {}
    for variable in container.variables:
        name, secret = str(variable["name"]), variable.get("secretRef")
        if secret is None:
            given[name] = _unescaped(str(variable.get("value") or ""))
        elif secret in app.secrets:
            given[name] = _unescaped(app.secrets[secret])
        else:
            raise MissingSecretError(f"the secret {secret} of the variable {name} has no value")
    return given


def _unescaped(value: str) -> str:
    return value.replace("$$", "$")
