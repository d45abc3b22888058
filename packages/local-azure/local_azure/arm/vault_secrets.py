"""Secrets of a vault in the data plane: bundles with versions, and deleted secrets that can be recovered.

https://learn.microsoft.com/rest/api/keyvault/secrets. They are stored in the resources that the control plane shows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject, as_object, copied
from local_azure.resource_types.key_vault.secrets import (
    DELETED_SECRET_TYPE,
    SECRET_TYPE,
    new_version,
    require_fits,
    require_in_order,
    show_newest_version,
    version_of,
)

_TIMES = ("nbf", "exp")


class VaultSecrets:
    """The secrets of one vault, within one transaction."""

    def __init__(self, work: Work, vault: Resource) -> None:
        self._work = work
        self._transaction = work.transaction
        self._vault = vault

    # -- what is there

    def set(self, name: str, bundle: JsonObject) -> JsonObject:
        """Set a secret: always a new version. Raises `BadParameter`, or `Conflict` for the name of a deleted one."""
        value = bundle.get("value")
        if not isinstance(value, str):
            raise _bad_parameter("The property 'value' is required and must be a string.")
        require_fits(value, "value")
        details = _details(bundle, {"contentType": None, "attributes": {"enabled": True}, "tags": {}})
        secret_id = self._secret_id(name)
        if self._transaction.get(secret_id) is None:
            self._work.put(secret_id, {"properties": {"value": value}})
            version = self._existing(name).secrets["versions"][-1]
            return self._change(name, version["id"], details)
        version = new_version(value, self._transaction.now) | details
        secret = self._existing(name)
        secret.secrets["versions"].append(version)
        self._save(secret)
        return self._bundle(secret, version, value=True)

    def get(self, name: str, version_id: str = "") -> JsonObject:
        """Return a secret's value at a version, or the newest. Raises `SecretNotFound`, or `Forbidden` for a disabled
        secret."""
        secret = self._existing(name)
        version = _version(secret, version_id)
        if not version["attributes"].get("enabled", True):
            raise AzureError(
                "Forbidden",
                "Operation get is not allowed on a disabled secret.",
                status=HTTPStatus.FORBIDDEN,
            )
        return self._bundle(secret, version, value=True)

    def update(self, name: str, version_id: str, bundle: JsonObject) -> JsonObject:
        """Change what is said of a version; its value stays."""
        version = _version(self._existing(name), version_id)
        return self._change(name, version["id"], _details(bundle, version))

    def list(self) -> list[JsonObject]:
        """Return all secrets, without values."""
        return [
            self._bundle(one, one.secrets["versions"][-1], versioned=False)
            for one in self._transaction.of_type(SECRET_TYPE, self._vault.id)
        ]

    def versions(self, name: str) -> list[JsonObject]:
        """Return all versions of a secret, without values."""
        secret = self._existing(name)
        return [self._bundle(secret, one) for one in secret.secrets["versions"]]

    def delete(self, name: str) -> JsonObject:
        """Delete a secret: it keeps its name until it is purged or recovered, or its time is over."""
        secret = self._existing(name)
        deleted_id = self._vault.id.child("deletedSecrets", secret.id.name)
        now = self._transaction.now
        purged = now + timedelta(days=self._vault.properties["softDeleteRetentionInDays"])
        details: JsonObject = {"body": secret.body, "deleted": _seconds(now), "purged": _seconds(purged)}
        self._transaction.remove(secret.id)
        self._transaction.save(
            Resource(
                deleted_id,
                {"id": deleted_id.text, "name": deleted_id.name, "type": DELETED_SECRET_TYPE, "properties": {}},
                secret.secrets | details,
            )
        )
        return self.get_deleted(name)

    # -- what was there

    def get_deleted(self, name: str) -> JsonObject:
        """Return a deleted secret, without its value. Raises `SecretNotFound`."""
        return self._deleted_bundle(self._deleted(name))

    def list_deleted(self) -> list[JsonObject]:
        """Return all deleted secrets."""
        found = self._transaction.of_type(DELETED_SECRET_TYPE, self._vault.id)
        return [self._deleted_bundle(one, versioned=False) for one in found]

    def recover(self, name: str) -> JsonObject:
        """Bring a deleted secret back with all its versions."""
        deleted = self._deleted(name)
        self._transaction.remove(deleted.id)
        secret = Resource(
            self._secret_id(deleted.id.name),
            deleted.secrets["body"],
            {"versions": deleted.secrets["versions"]},
        )
        self._save(secret)
        return self._bundle(secret, secret.secrets["versions"][-1])

    def purge(self, name: str) -> None:
        """Delete a deleted secret for good. Raises `Forbidden` where purge protection is on."""
        deleted = self._deleted(name)
        if self._vault.properties.get("enablePurgeProtection"):
            raise AzureError(
                "Forbidden",
                'Operation "purge" is not allowed because purge protection is enabled for this vault.',
                status=HTTPStatus.FORBIDDEN,
            )
        self._transaction.remove(deleted.id)

    # -- parts

    def _secret_id(self, name: str) -> ArmId:
        return self._vault.id.child("secrets", name)

    def _existing(self, name: str) -> Resource:
        if (secret := self._transaction.get(self._secret_id(name))) is None:
            raise _not_found(name)
        return secret

    def _deleted(self, name: str) -> Resource:
        if (deleted := self._transaction.get(self._vault.id.child("deletedSecrets", name))) is None:
            raise AzureError("SecretNotFound", f"Deleted Secret not found: {name}", status=HTTPStatus.NOT_FOUND)
        return deleted

    def _change(self, name: str, version_id: str, details: JsonObject) -> JsonObject:
        secret = self._existing(name)
        versions = secret.secrets["versions"]
        changed = _version(secret, version_id) | details | {"updated": _seconds(self._transaction.now)}
        secret.secrets["versions"] = [changed if one["id"] == version_id else one for one in versions]
        self._save(secret)
        return self._bundle(secret, changed, value=False)

    def _save(self, secret: Resource) -> None:
        show_newest_version(secret.id, secret.body, secret.secrets["versions"][-1])
        self._transaction.save(secret)

    def _bundle(
        self, secret: Resource, version: JsonObject, *, value: bool = False, versioned: bool = True
    ) -> JsonObject:
        uri = f"{self._vault.properties['vaultUri']}secrets/{secret.id.name}"
        bundle: JsonObject = {
            "id": f"{uri}/{version['id']}" if versioned else uri,
            "attributes": {
                "enabled": True,
                **{name: one for name, one in version["attributes"].items() if one is not None},
                "created": version["created"],
                "updated": version.get("updated", version["created"]),
                **self._recovery(),
            },
        }
        if value:
            bundle["value"] = version["value"]
        if version.get("contentType"):
            bundle["contentType"] = version["contentType"]
        if version.get("tags"):
            bundle["tags"] = version["tags"]
        return bundle

    def _recovery(self) -> JsonObject:
        """Return the recovery level of a deleted secret."""
        purgeable = not self._vault.properties.get("enablePurgeProtection")
        return {
            "recoveryLevel": "Recoverable+Purgeable" if purgeable else "Recoverable",
            "recoverableDays": self._vault.properties["softDeleteRetentionInDays"],
        }

    def _deleted_bundle(self, deleted: Resource, *, versioned: bool = True) -> JsonObject:
        return {
            **self._bundle(deleted, deleted.secrets["versions"][-1], versioned=versioned),
            "recoveryId": f"{self._vault.properties['vaultUri']}deletedsecrets/{deleted.id.name}",
            "deletedDate": deleted.secrets["deleted"],
            "scheduledPurgeDate": deleted.secrets["purged"],
        }


def _version(secret: Resource, version_id: str) -> JsonObject:
    if (version := version_of(secret, version_id)) is None:
        raise _not_found(f"{secret.id.name}/{version_id[:64]}")
    return version


def _not_found(name: str) -> AzureError:
    return AzureError(
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command.",
        status=HTTPStatus.NOT_FOUND,
    )


def _bad_parameter(words: str) -> AzureError:
    return AzureError("BadParameter", words)


def _details(bundle: JsonObject, earlier: JsonObject) -> JsonObject:
    """Return the validated attributes of a version in a request; missing attributes keep their values."""
    details = copied({name: earlier[name] for name in ("contentType", "attributes", "tags")})
    content_type: Any = bundle.get("contentType")
    if content_type is not None:
        if not isinstance(content_type, str):
            raise _bad_parameter("The property 'contentType' must be a string.")
        details["contentType"] = content_type
    if bundle.get("tags") is not None:
        tags = as_object(bundle["tags"])
        if not isinstance(bundle["tags"], dict) or not all(isinstance(one, str) for one in tags.values()):
            raise _bad_parameter("The property 'tags' must be an object of strings.")
        details["tags"] = tags
    if bundle.get("attributes") is not None:
        details["attributes"] |= _attributes(bundle["attributes"])
        require_in_order(details["attributes"], "attributes.exp")
    return details


def _attributes(given: object) -> JsonObject:
    if not isinstance(given, dict):
        raise _bad_parameter("The property 'attributes' must be an object.")
    attributes = as_object(given)  # pyright: ignore[reportUnknownArgumentType]  # a dict of what is checked below
    enabled = attributes.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise _bad_parameter("The property 'attributes.enabled' must be a boolean.")
    for name in _TIMES:
        seconds = attributes.get(name)
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int)):
            raise _bad_parameter(f"The property 'attributes.{name}' must be a time in seconds.")
    return {name: attributes[name] for name in ("enabled", *_TIMES) if attributes.get(name) is not None}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
