"""Collect the vault's facts, and resolve the apps' references to it."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from doctor.client import Client, RefusedError, UnreachableError, known
from doctor.facts import Absent, Vault, VaultReference
from doctor.values import JsonObject, get, moment, objects, text, texts

_GET_SECRET = "microsoft.keyvault/vaults/secrets/getsecret/action"
_REFERENCES_AT_ONCE = 8


@dataclass(frozen=True)
class Reference:
    """A reference to a secret: its address, and the object id of the identity that reads it."""

    url: str
    principal: str

    @property
    def host(self) -> str:
        """The vault's host name."""
        return self.url.partition("://")[2].partition("/")[0].lower()

    @property
    def secret(self) -> str:
        """The secret's name in the vault."""
        return self.url.partition("/secrets/")[2].partition("/")[0]


@dataclass(frozen=True)
class Referred:
    """A resolved reference: its facts, and the secret's value."""

    reference: VaultReference
    value: SecretStr | Absent


def vault(body: JsonObject) -> Vault:
    """Return the facts of a vault."""
    return Vault(
        id=text(body, "id").lower(),
        uri=text(body, "properties.vaultUri"),
        public_access=text(body, "properties.publicNetworkAccess") != "Disabled",
    )


def referred(
    client: Client, body: JsonObject | Absent, references: Collection[Reference]
) -> Mapping[Reference, Referred]:
    """Return references to the stack's vault, resolved."""
    if not references:
        return {}
    principals = sorted({one.principal for one in references if one.principal})
    with ThreadPoolExecutor(_REFERENCES_AT_ONCE) as pool:
        granted = {one: pool.submit(_granted_scopes, client, body, one) for one in principals}
        found = {one: pool.submit(_look, client, body, one) for one in references}
        scopes = {principal: one.result() for principal, one in granted.items()}
        return {one: _referred(one, body, scopes, look.result()) for one, look in found.items()}


@dataclass(frozen=True)
class _Look:
    """Both views of a secret: its current version by Resource Manager, the one referred to by the data plane."""

    current: JsonObject | Absent
    read: JsonObject | Absent


def _look(client: Client, body: JsonObject | Absent, one: Reference) -> _Look:
    if isinstance(body, Absent):
        current: JsonObject | Absent = body
    elif _host_of(body) != one.host:
        current = Absent(f"{one.host} is not the stack's vault")
    else:
        current = known(partial(client.get, f"{text(body, 'id')}/secrets/{one.secret}"))
    return _Look(current, _read(client, one.url))


def _read(client: Client, url: str) -> JsonObject | Absent:
    try:
        return client.vault_secret(url)
    except RefusedError as error:
        if error.code.endswith("/ForbiddenByConnection") or error.code.endswith("/ForbiddenByFirewall"):
            return Absent(f"the vault's network rules refuse the doctor ({error.code.rpartition('/')[2]})")
        if error.code.endswith("/ForbiddenByRbac") or error.code.endswith("/AccessDenied"):
            return Absent("the doctor's caller may not read the vault's secrets")
        return Absent(str(error))
    except UnreachableError as error:
        return Absent(f"the vault cannot be reached from here: {error}")


def _referred(
    one: Reference,
    body: JsonObject | Absent,
    scopes: Mapping[str, Sequence[str] | Absent],
    look: _Look,
) -> Referred:
    exists, enabled, created = _state(one, look)
    value = look.read if isinstance(look.read, Absent) else SecretStr(text(look.read, "value"))
    return Referred(
        VaultReference(
            url=one.url,
            principal=one.principal,
            exists=exists,
            enabled=enabled,
            created=created,
            permitted=_permitted(one, body, scopes),
        ),
        value,
    )


def _state(one: Reference, look: _Look) -> tuple[bool | Absent, bool | Absent, datetime | Absent]:
    """Return whether the version referred to exists, whether it is enabled, and when it was made."""
    if not isinstance(look.read, Absent):
        created = moment(look.read, "attributes.created")
        return True, bool(get(look.read, "attributes.enabled", True)), created or Absent("the vault does not say")
    if "SecretDisabled" in look.read.reason:
        return True, False, Absent("the vault does not say")
    if isinstance(look.current, Absent):
        gone = "NotFound" in look.current.reason
        return False if gone else look.current, look.current, look.current
    newest = text(look.current, "properties.secretUriWithVersion").lower()
    versioned = one.url.lower().rstrip("/") != text(look.current, "properties.secretUri").lower().rstrip("/")
    if versioned and one.url.lower() != newest:
        older = Absent("the app refers to an older version, and only the vault itself shows that")
        return older, older, older
    attributes = get(look.current, "properties.attributes", {})
    created = moment(attributes, "created")
    return True, bool(get(attributes, "enabled", True)), created or Absent("Azure does not say")


# -- who may read


def _granted_scopes(client: Client, body: JsonObject | Absent, principal: str) -> list[str] | Absent:
    """Return the scopes at which a principal may read secrets: the vault, one of its secrets, or its parents."""
    if isinstance(body, Absent):
        return body
    vault_id = text(body, "id")
    if not get(body, "properties.enableRbacAuthorization", False):
        return [vault_id.lower()] if _has_policy(body, principal) else []
    query = {"$filter": f"assignedTo('{principal}')"}
    listed = known(partial(client.list, f"{vault_id}/providers/Microsoft.Authorization/roleAssignments", query))
    if isinstance(listed, Absent):
        return listed
    scopes: list[str] = []
    for assignment in listed:
        # At the vault's scope (https://learn.microsoft.com/rest/api/authorization/role-definitions/get takes any): an
        # assignment names the definition at the subscription, where a Reader of the resource group may not read it.
        definition = text(assignment, "properties.roleDefinitionId").rpartition("/")[2]
        path = f"{vault_id}/providers/Microsoft.Authorization/roleDefinitions/{definition}"
        role = known(partial(client.get, path))
        if isinstance(role, Absent):
            return role
        if _reads_secrets(role):
            scopes.append(text(assignment, "properties.scope").lower().rstrip("/"))
    return scopes


def _has_policy(body: JsonObject, principal: str) -> bool:
    return any(
        text(policy, "objectId") == principal
        and {"get", "all"} & {one.lower() for one in texts(policy, "permissions.secrets")}
        for policy in objects(body, "properties.accessPolicies")
    )


def _reads_secrets(role: JsonObject) -> bool:
    """Return whether a role definition has the data action that reads a secret's value."""

    def named(permissions: JsonObject, kind: str) -> bool:
        return any(fnmatch.fnmatchcase(_GET_SECRET, one.lower()) for one in texts(permissions, kind))

    return any(
        named(one, "dataActions") and not named(one, "notDataActions")
        for one in objects(role, "properties.permissions")
    )


def _permitted(
    one: Reference, body: JsonObject | Absent, scopes: Mapping[str, Sequence[str] | Absent]
) -> bool | Absent:
    if not one.principal:
        return False
    granted = scopes[one.principal]
    if isinstance(granted, Absent):
        return granted
    if isinstance(body, Absent):
        return body
    secret = f"{text(body, 'id')}/secrets/{one.secret}/".lower()
    return any(secret.startswith(f"{scope}/") for scope in granted)


def _host_of(body: JsonObject) -> str:
    return text(body, "properties.vaultUri").partition("://")[2].rstrip("/").lower()
