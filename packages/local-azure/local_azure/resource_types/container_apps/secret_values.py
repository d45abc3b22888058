"""The values of an app's secrets: given directly, or read in a key vault.

https://learn.microsoft.com/azure/container-apps/manage-secrets: a reference is read when it is created; one without a
version is read again within 30 minutes, and a new value restarts the revisions that have it in a variable. One with a
version stays what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.environments import outbound_addresses, subnet_of
from local_azure.resource_types.container_apps.refusals import invalid_template
from local_azure.resource_types.key_vault.access import GET, Place, has_permission, no_way_in, vault_of_host
from local_azure.resource_types.key_vault.names import DOMAIN
from local_azure.resource_types.key_vault.secrets import version_of

RE_READ_AFTER = timedelta(minutes=30)
"""How long a reference without a version may stay as it was read."""

_AT = "properties.configuration.secrets"
_READ = "keyVaultReadings"
_URL = re.compile(
    rf"https://(?P<vault>[A-Za-z][A-Za-z0-9-]*)\.{re.escape(DOMAIN)}(?::443)?/secrets/(?P<name>[A-Za-z0-9-]+)"
    r"(?:/(?P<version>[0-9a-f]{32}))?/?",
    re.IGNORECASE,
)


class UnreadableError(Exception):
    """A reference that cannot be read, and why, in words without any value."""


@dataclass(frozen=True)
class Reference:
    """Where a value is read."""

    vault: str
    name: str
    version: str
    """Empty for whatever version is the newest."""

    @staticmethod
    def parse(url: str) -> Reference | None:
        """Read `https://VAULT.vault.azure.net/secrets/NAME[/VERSION]`; None for anything else."""
        match = _URL.fullmatch(url)
        return Reference(match["vault"].lower(), match["name"], (match["version"] or "").lower()) if match else None


class Reader:
    """Reads references as an identity of an app, from where the app's environment is."""

    def __init__(self, environment: Resource, transaction: Transaction) -> None:
        self._place = Place(subnet_of(environment), tuple(outbound_addresses(environment)))
        self._transaction = transaction
        self._ways: dict[str, str | None] = {}
        self._allowed: dict[tuple[str, str], bool] = {}

    def read(self, reference: Reference, principal_id: str | None) -> str:
        """Return the value behind a reference. Raises `UnreadableError`."""
        vault = vault_of_host(f"{reference.vault}.{DOMAIN}", self._transaction)
        if vault is None:
            raise UnreadableError(f"there is no vault '{reference.vault}'")
        if vault.id.key not in self._ways:
            self._ways[vault.id.key] = no_way_in(vault, self._place, self._transaction)
        if obstacle := self._ways[vault.id.key]:
            raise UnreadableError(obstacle)
        if principal_id is None or not self._may_read(vault, principal_id, reference.name):
            raise UnreadableError(f"the identity may not read secrets of the vault '{reference.vault}' (yet)")
        secret = self._transaction.get(vault.id.child("secrets", reference.name))
        version = version_of(secret, reference.version) if secret else None
        if version is None:
            words = f" in version {reference.version}" if reference.version else ""
            raise UnreadableError(f"the vault '{reference.vault}' has no secret '{reference.name}'{words}")
        if not version["attributes"].get("enabled", True):
            raise UnreadableError(f"the secret '{reference.name}' is disabled")
        if not version["value"]:
            # https://github.com/microsoft/azure-container-apps/issues/1291
            raise UnreadableError(f"the secret '{reference.name}' is empty")
        return str(version["value"])

    def _may_read(self, vault: Resource, principal_id: str, secret: str) -> bool:
        # A role on the vault is the usual case, and holds for all of its secrets.
        key = (vault.id.key, principal_id)
        if key not in self._allowed:
            self._allowed[key] = has_permission(vault, principal_id, GET, self._transaction)
        return self._allowed[key] or has_permission(vault, principal_id, GET, self._transaction, secret)


def principal_of(app: JsonObject, identity: str, transaction: Transaction) -> str | None:
    """Return the object id of an app's identity: `system`, or a resource id; None where there is none such."""
    if identity.lower() == "system":
        return get(app, "identity.principalId")
    found = transaction.get(identity)
    return get(found.body, "properties.principalId") if found else None


def read_references(change: Change, environment: Resource) -> None:
    """Read every Key Vault reference of an app on its way; raise Azure's refusal for the first that cannot be read.

    What was read before and has not changed keeps its value: only the regular re-reading brings a new one.
    """
    earlier: JsonObject = as_object(change.existing.secrets.get(_READ)) if change.existing else {}
    reader = Reader(environment, change.transaction)
    readings: JsonObject = {}
    for index, secret in enumerate(as_list(get(change.body, _AT))):
        url, name, identity = (str(get(secret, key, "")) for key in ("keyVaultUrl", "name", "identity"))
        reference = Reference.parse(url)
        if not url or reference is None:
            continue
        try:
            value = reader.read(reference, principal_of(change.body, identity, change.transaction))
        except UnreadableError as error:
            raise _unreadable(name, identity, str(error), f"{_AT}[{index}].keyVaultUrl") from None
        kept = as_object(earlier.get(name))
        is_same = kept.get("url") == url and str(kept.get("identity")).lower() == identity.lower()
        now = timestamp(change.now)
        readings[name] = kept if is_same else {"url": url, "identity": identity, "value": value, "readAt": now}
    change.secrets[_READ] = readings


def _unreadable(name: str, identity: str, why: str, at: str) -> AzureError:
    """Return the error for a secret that cannot be read from its vault. Azure does not say why, so that is added here.

    Source: https://github.com/microsoft/azure-container-apps/issues/1159, /930 and /739.
    """
    return invalid_template(
        "configuration.secrets",
        f'"{name}": Unable to get value using Managed identity {identity} for secret {name}. Error: unable to fetch '
        f"secret '{name}' using Managed identity '{identity}' ({why})",
        at,
    )


def secret_values(app: Resource) -> dict[str, str]:
    """Return the values of an app's secrets as they are now, by name; what is not known has none."""
    values: dict[str, str] = {}
    for index, secret in enumerate(as_list(get(app.body, _AT))):
        name = str(get(secret, "name"))
        value: Any = app.secrets.get(f"{_AT}[{index}].value")
        if value is None:
            value = get(as_object(app.secrets.get(_READ)).get(name), "value")
        if value is not None:
            values[name] = str(value)
    return values


def re_read(app: Resource, environment: Resource, transaction: Transaction) -> set[str]:
    """Read again what is due of an app's references without a version; returns the names whose value has changed.

    What cannot be read keeps its value, as on Azure.
    """
    readings = as_object(app.secrets.get(_READ))
    reader = Reader(environment, transaction)
    changed: set[str] = set()
    for name, reading in readings.items():
        reference = Reference.parse(reading["url"])
        if reference is None or reference.version or not _is_due(reading, transaction.now):
            continue
        try:
            value = reader.read(reference, principal_of(app.body, reading["identity"], transaction))
        except UnreadableError:
            value = reading["value"]
        if value != reading["value"]:
            changed.add(name)
        reading.update({"value": value, "readAt": timestamp(transaction.now)})
    return changed


def _is_due(reading: JsonObject, now: datetime) -> bool:
    return now - datetime.fromisoformat(reading["readAt"]) >= RE_READ_AFTER


def has_due_references(app: Resource, now: datetime) -> bool:
    """Return whether an app has a reference that is due to be read again."""
    return any(
        _is_due(reading, now) and not str(getattr(Reference.parse(reading["url"]), "version", ""))
        for reading in as_object(app.secrets.get(_READ)).values()
    )


def environment_of(app: Resource, transaction: Transaction) -> Resource | None:
    """Return the environment that an app is in."""
    return transaction.get(ArmId.parse(app.properties["environmentId"]))
