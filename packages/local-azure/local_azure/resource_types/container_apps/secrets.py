"""An app's secrets: their names, who mentions them, and what keeps them from being removed.

https://learn.microsoft.com/azure/container-apps/manage-secrets
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_list, as_object, find, get
from local_azure.resource_types.base import Change, Request
from local_azure.resource_types.container_apps.containers import CONTAINERS, secrets_named_by
from local_azure.resource_types.container_apps.names import APP_TYPE
from local_azure.resource_types.container_apps.revisions import active_revisions, mode_of, restart_replicas
from local_azure.resource_types.container_apps.scaling import RULE_KINDS
from local_azure.resource_types.container_apps.secret_values import (
    Reference,
    environment_of,
    has_due_references,
    re_read,
)

_AT = "properties.configuration.secrets"
_NAME = r"[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?"


def secrets_are_whole(change: Change) -> None:
    """Check that each secret has a valid, unique name and a value or the address of a secret in a vault.

    Source: https://github.com/pulumi/pulumi-azure-native/issues/2673,
    https://github.com/Azure/container-apps-deploy-action/issues/116.
    """
    secrets = [as_object(item) for item in as_list(change.desires(_AT))]
    names = [str(secret.get("name")) for secret in secrets]
    for index, name in enumerate(names):
        if not re.fullmatch(_NAME, name):
            raise AzureError(
                "ContainerAppInvalidSecretName",
                f"Secret name has an invalid value '{name}'. A value must consist of lower case alphanumeric "
                "characters, '-', and must start and end with an alphanumeric character. The length must not be more "
                "than 253 characters.",
                target=f"{_AT}[{index}].name",
            )
    invalid = [
        name
        for name, item in zip(names, secrets, strict=True)
        if not item.get("value") and not (item.get("keyVaultUrl") and item.get("identity"))
    ]
    if invalid:
        listed = "', '".join(invalid)
        raise AzureError(
            "ContainerAppSecretInvalid",
            f"Invalid Request: Container app secret(s) with name(s) '{listed}' are invalid: value or keyVaultUrl and "
            "identity should be provided.",
            target=_AT,
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise AzureError(
            "ContainerAppSecretNameDuplicate",
            f"Secret name(s) {', '.join(repeated)} are used more than once.",
            target=_AT,
        )


def references_are_addresses(change: Change) -> None:
    """Enforce Azure's rule: addresses of secrets in vaults of this cloud.

    Source: https://github.com/microsoft/azure-container-apps/issues/733.
    """
    for at, secret in find(change.desired, f"{_AT}[*]"):
        url = get(secret, "keyVaultUrl")
        if url and Reference.parse(str(url)) is None:
            raise AzureError(
                "ContainerAppSecretKeyVaultUrlInvalid",
                f"Container app secret(s) with name(s) '{get(secret, 'name')}' are invalid: keyVaultUrl must be "
                "https://VAULT.vault.azure.net/secrets/NAME, or that and /VERSION.",
                target=f"{at}.keyVaultUrl",
            )


# -- who mentions them


def _mentions(body: JsonObject) -> Iterator[tuple[str, str, str]]:
    """Yield every mention of a secret: its path, the secret's name, and who mentions it."""
    for containers in CONTAINERS:
        for at, container in find(body, containers):
            for variable, name in find(container, "env[*].secretRef"):
                yield f"{at}.{variable}", name, f"container '{get(container, 'name')}'"
    for at, rule in find(body, "properties.template.scale.rules[*]"):
        for kind in RULE_KINDS:
            for auth, name in find(rule, f"{kind}.auth[*].secretRef"):
                yield f"{at}.{auth}", name, f"scale rule '{get(rule, 'name')}'"
    for at, volume in find(body, "properties.template.volumes[*]"):
        for secret, name in find(volume, "secrets[*].secretRef"):
            yield f"{at}.{secret}", name, f"volume '{get(volume, 'name')}'"
    for at, registry in find(body, "properties.configuration.registries[*]"):
        if name := get(registry, "passwordSecretRef"):
            yield f"{at}.passwordSecretRef", name, f"registry '{get(registry, 'server')}'"


def mentions_are_known(change: Change) -> None:
    """Check that every secret that an app mentions is one of its secrets.

    Source: https://github.com/microsoft/azure-container-apps/issues/370, /231.
    """
    known = _names(change.desired)
    for at, name, mentioned_by in _mentions(change.desired):
        if name not in known:
            raise AzureError(
                "ContainerAppSecretRefNotFound", f"SecretRef '{name}' defined for {mentioned_by} not found.", target=at
            )


def removed_secrets_are_unused(change: Change) -> None:
    """Enforce Azure's rule: a secret that an active revision has cannot go. In Single mode the new revision is the
    only one that stays active, and what it mentions is checked by itself
    (https://github.com/microsoft/vscode-azurecontainerapps/issues/1098).

    Source: https://github.com/microsoft/azure-container-apps/issues/395.
    """
    if change.existing is None or mode_of(change.desired) == "Single":
        return
    removed = _names(change.existing.body) - _names(change.desired)
    users = {
        item.id.name: used
        for item in (active_revisions(change.id, change.transaction) if removed else ())
        if (used := {name for _, name, _ in _mentions({"properties": item.properties})} & removed)
    }
    if users:
        raise AzureError(
            "ContainerAppSecretInUse",
            f"Container App '{change.id.name}' has an active revision referencing a secret you are trying to delete. "
            f"Please add secrets: {', '.join(sorted(set[str]().union(*users.values())))} or deactive the revisions: "
            f"{', '.join(sorted(users))}",
            target=_AT,
        )


def _names(body: JsonObject) -> set[str]:
    return {str(name) for _, name in find(body, f"{_AT}[*].name")}


# -- reading again


def re_read_references(transaction: Transaction) -> list[Resource]:
    """Read again, in every app, the references without a version that were read 30 minutes ago; returns the revisions
    that were restarted for it. To be called every minute or so: Azure promises no exact time."""
    return [
        revision
        for app in transaction.of_type(APP_TYPE)
        if has_due_references(app, transaction.now)
        for revision in _re_read(app, transaction)
    ]


def _re_read(app: Resource, transaction: Transaction) -> Iterator[Resource]:
    environment = environment_of(app, transaction)
    changed = re_read(app, environment, transaction) if environment else set[str]()
    transaction.save(app)
    for revision in active_revisions(app.id, transaction) if changed else ():
        if secrets_named_by(revision.properties.get("template")) & changed:
            restart_replicas(revision, app, transaction)
            yield revision


def list_secrets(request: Request) -> JsonObject:
    """Return the answer of the action listSecrets.

    Source: https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/list-secrets.
    """
    listed: list[JsonObject] = []
    for index, secret in enumerate(as_list(get(request.resource.body, _AT))):
        value = request.resource.secrets.get(f"{_AT}[{index}].value")
        listed.append({**secret, **({"value": value} if value is not None else {})})
    return {"value": listed}
