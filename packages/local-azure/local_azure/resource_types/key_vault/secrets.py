"""Secrets of a vault and their versions, as the control plane has them."""

from __future__ import annotations

import secrets as random_values
from datetime import datetime
from http import HTTPStatus
from typing import Any

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, as_object
from local_azure.resource_types.base import Change, Inputs, NameRule, ResourceType, Tenant
from local_azure.resource_types.key_vault import access
from local_azure.resource_types.key_vault.access import Place, ShutOut
from local_azure.resource_types.key_vault.names import DELETED_SECRET_TYPE, SECRET_TYPE, host_name

__all__ = [
    "DELETED_SECRET_TYPE",
    "SECRET_TYPE",
    "Secret",
    "new_version",
    "require_fits",
    "require_in_order",
    "show_newest_version",
    "version_of",
]

MOST_BYTES = 25 * 1024
"""https://learn.microsoft.com/azure/key-vault/secrets/about-secrets: a secret holds at most 25 kB."""


def _value_is_given(change: Change) -> None:
    value = change.desires("properties.value")
    if change.existing is None and not isinstance(value, str):
        raise AzureError("BadParameter", "The secret has no value; one is required.", target="properties.value")
    if isinstance(value, str):
        require_fits(value, "properties.value")


def _times_are_in_order(change: Change) -> None:
    require_in_order(as_object(change.desires("properties.attributes")), "properties.attributes.exp")


def _name_is_not_deleted(change: Change) -> None:
    """Enforce Azure's rule: a deleted secret keeps its name.

    Source: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview.
    """
    vault = change.id.parent
    if vault and change.transaction.get(vault.child("deletedSecrets", change.id.name)):
        raise conflict(
            f"Secret {change.id.name} is currently in a deleted but recoverable state, and its name cannot be reused; "
            "in this state, the secret can only be recovered or purged.",
            target=change.id.text,
        )


def require_fits(value: str, at: str) -> None:
    """Raise `BadParameter` for a value that is too long for a secret; `at` is its path in the request."""
    if len(value.encode()) > MOST_BYTES:
        raise AzureError("BadParameter", f"The secret is longer than {MOST_BYTES} bytes, the most there is.", target=at)


def require_in_order(attributes: JsonObject, at: str) -> None:
    """Raise `BadParameter` for a secret that would expire before it is valid (times in seconds).

    https://learn.microsoft.com/azure/key-vault/secrets/about-secrets#secret-attributes
    """
    begins, ends = attributes.get("nbf"), attributes.get("exp")
    if isinstance(begins, int) and isinstance(ends, int) and begins >= ends:
        raise AzureError("BadParameter", "The secret would expire (exp) before it becomes valid (nbf).", target=at)


def new_version(value: str, now: datetime) -> JsonObject:
    """Return a version of a secret as it is stored: id and value, times in seconds, and its writer's attributes."""
    seconds = _seconds(now)
    return {
        "id": random_values.token_hex(16),
        "value": value,
        "created": seconds,
        "updated": seconds,
        "contentType": None,
        "attributes": {"enabled": True},
        "tags": {},
    }


def version_of(secret: Resource, version_id: str = "") -> JsonObject | None:
    """Return a version of a secret by its id, or the newest; None when there is none such."""
    versions: list[JsonObject] = secret.secrets["versions"]
    return next((version for version in reversed(versions) if version_id in ("", version["id"])), None)


def show_newest_version(secret: ArmId, body: JsonObject, version: JsonObject) -> None:
    """Write into the body of a secret what the control plane shows of its newest version."""
    uri = f"https://{host_name(secret.names[0])}/secrets/{secret.name}"
    properties = body.setdefault("properties", {})
    properties.update({"secretUri": uri, "secretUriWithVersion": f"{uri}/{version['id']}"})
    given = {name: value for name, value in version["attributes"].items() if value is not None}
    properties["attributes"] = given | {"created": version["created"], "updated": version["updated"]}
    for holder, name in ((properties, "contentType"), (body, "tags")):
        if version[name]:
            holder[name] = version[name]
        else:
            holder.pop(name, None)


class Secret(ResourceType):
    """https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets

    A changed value is a new version; the value itself is never returned. Deleting one takes the vault's data plane.
    """

    token = "azure-native:keyvault:Secret"
    arm_type = SECRET_TYPE
    inputs = Inputs(name="secretName", parents=("vaultName",))
    shape = BodyShape(flat=False)
    name_rule = NameRule(r"[A-Za-z0-9-]{1,127}", "1 to 127 letters, digits and '-'", code="InvalidSecretName")
    write_only = ("properties.value",)
    rules = (_value_is_given, _times_are_in_order, _name_is_not_deleted)
    has_provisioning_state = False
    tracked = False

    def complete(self, change: Change) -> None:
        value: str | None = change.secrets.pop("properties.value", None)
        versions: list[JsonObject] = change.keep_secret("versions", list[Any])
        if not versions or (value is not None and versions[-1]["value"] != value):
            versions = [*versions, new_version(str(value), change.now)]
        newest = versions[-1] | {
            "updated": _seconds(change.now),
            "contentType": change.desires("properties.contentType"),
            "attributes": {"enabled": True, **as_object(change.desires("properties.attributes"))},
            "tags": as_object(change.desires("tags")),
        }
        change.secrets["versions"] = [*versions[:-1], newest]
        show_newest_version(change.id, change.body, newest)
        vault = change.transaction.get(change.id.parent) if change.id.parent else None
        if vault:
            change.body["location"] = vault.location

    def refuse_delete(self, resource: Resource, transaction: Transaction, tenant: Tenant) -> None:
        """Refuse a deletion through the control plane: the provider deletes in the data plane, from outside of any
        network.
        """
        vault = transaction.get(resource.id.parent) if resource.id.parent else None
        if vault is None:
            return
        remedy = "delete it from within the network, or keep it (retain_on_delete)"
        match access.shut_out(vault, Place()):
            case ShutOut.FORBIDDEN_BY_CONNECTION:
                why = "Public network access is disabled and request is not from a trusted service nor via an approved "
                why += "private link."
            case ShutOut.FORBIDDEN_BY_FIREWALL:
                why = "Client address is not authorized and caller is not a trusted service."
            case None:
                if access.has_permission(vault, tenant.object_id, access.DELETE, transaction, resource.id.name):
                    return
                why = "Caller is not authorized to perform action on resource."
                remedy = "give the caller a role for secrets, such as Key Vault Secrets Officer, or keep it "
                remedy += "(retain_on_delete)"
        raise AzureError(
            "Forbidden",
            f"{why} Vault: {vault.id.name};location={vault.location}. Deleting a secret takes the vault's data plane: "
            f"{remedy}.",
            target=resource.id.text,
            status=HTTPStatus.FORBIDDEN,
        )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
