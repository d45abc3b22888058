"""The data plane of key vaults: access checks and secrets.

Requests are checked in Azure's order: a challenge without a token, then the vault's network rule,
then the caller's permission (https://learn.microsoft.com/azure/key-vault/general/network-security,
https://learn.microsoft.com/azure/key-vault/general/rbac-guide).
"""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import NoReturn

from aiohttp import web

from local_azure.arm.addresses import segments
from local_azure.arm.endpoint import Endpoint, origin
from local_azure.arm.paging import page
from local_azure.arm.tokens import InvalidTokenError, Principal
from local_azure.arm.vault_secrets import VaultSecrets
from local_azure.arm.web import AnsweredError, answer, read_object, refuse
from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject
from local_azure.resource_types.key_vault import access
from local_azure.resource_types.key_vault.access import Permission, Place, ShutOut
from local_azure.resource_types.key_vault.names import DOMAIN
from local_azure.resource_types.key_vault.vaults import VAULT_LINK
from local_azure.resource_types.name_resolution import Resolution, resolve

RESOURCE = f"https://{DOMAIN}"
"""The audience of tokens for the data plane."""
_API_VERSION = r"7\.\d+(-preview\.\d+)?|20\d{2}-\d{2}-\d{2}(-preview)?|2016-10-01"


class _ForbiddenError(AzureError):
    """Key Vault's error, with the reason in an inner error."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__("Forbidden", words, status=HTTPStatus.FORBIDDEN)
        self._reason = reason

    def body(self) -> JsonObject:
        body = super().body()
        body["error"]["innererror"] = {"code": self._reason}
        return body


def is_vault_host(host: str) -> bool:
    """Return whether a request's host is that of a vault."""
    return host.partition(":")[0].lower().endswith(f".{DOMAIN}")


class VaultDataPlane:
    """Answers requests to `https://NAME.vault.azure.net`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Raises `AzureError`."""
        principal = self._authenticate(request)
        if not re.fullmatch(_API_VERSION, request.query.get("api-version", "")):
            raise AzureError("BadParameter", "The api-version query parameter is missing or is no version.")
        parts = segments(request.rel_url.raw_path)
        body = await read_object(request) if request.method in ("PUT", "PATCH", "POST") else {}
        return await asyncio.to_thread(self._run, request, parts, body, principal)

    def _authenticate(self, request: web.Request) -> Principal:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            self._challenge("AKV10000: Request is missing a Bearer or PoP token.")
        try:
            return self._endpoint.issuer.verify(token.strip(), [RESOURCE])
        except InvalidTokenError as error:
            self._challenge(f"AKV10022: {error}")

    def _challenge(self, words: str) -> NoReturn:
        """https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses"""
        raise AnsweredError(
            refuse(
                AzureError("Unauthorized", words, status=HTTPStatus.UNAUTHORIZED),
                {"WWW-Authenticate": f'Bearer authorization="{self._endpoint.authority}", resource="{RESOURCE}"'},
            )
        )

    def _run(self, request: web.Request, parts: list[str], body: JsonObject, principal: Principal) -> web.Response:
        with self._endpoint.model.work() as work:
            vault = _find(work, request.host)
            gate = Gate(work, vault, principal)
            gate.require_way_in(self._endpoint.locate(request.remote or ""))
            return self._answer(request, parts, body, gate, VaultSecrets(work, vault))

    def _answer(
        self, request: web.Request, parts: list[str], body: JsonObject, gate: Gate, secrets: VaultSecrets
    ) -> web.Response:
        def listed(found: list[JsonObject]) -> web.Response:
            return answer(
                page(request, origin(request), found, lambda one: str(one["id"]), lambda one: one, limit="maxresults")
            )

        lowered = [one.lower() if index != 1 else one for index, one in enumerate(parts)]
        match request.method, lowered:
            case "GET", ["secrets"]:
                gate.require(access.LIST)
                return listed(secrets.list())
            case "PUT", ["secrets", name]:
                gate.require(access.SET, name)
                return answer(secrets.set(name, body) | {"value": body["value"]})
            case "GET", ["secrets", name, "versions"]:
                gate.require(access.LIST, name)
                return listed(secrets.versions(name))
            case "GET", ["secrets", name, *version] if len(version) < 2:
                gate.require(access.GET, name)
                return answer(secrets.get(name, *version))
            case "PATCH", ["secrets", name, *version] if len(version) < 2:
                gate.require(access.UPDATE, name)
                return answer(secrets.update(name, version[0] if version else "", body))
            case "DELETE", ["secrets", name]:
                gate.require(access.DELETE, name)
                return answer(secrets.delete(name))
            case "GET", ["deletedsecrets"]:
                gate.require(access.LIST)
                return listed(secrets.list_deleted())
            case "GET", ["deletedsecrets", name]:
                gate.require(access.LIST, name)
                return answer(secrets.get_deleted(name))
            case "POST", ["deletedsecrets", name, "recover"]:
                gate.require(access.RECOVER, name)
                return answer(secrets.recover(name))
            case "DELETE", ["deletedsecrets", name]:
                gate.require(access.PURGE, name)
                secrets.purge(name)
                return answer(None, HTTPStatus.NO_CONTENT)
            case _:
                raise AzureError(
                    "NotFound",
                    f"The local Azure has no data plane for '{request.method} /{'/'.join(parts)[:256]}' of a vault.",
                    status=HTTPStatus.NOT_FOUND,
                )


def _find(work: Work, host: str) -> Resource:
    """Return the vault with a host name. Without the vault, Azure has no such DNS name."""
    name = host.partition(":")[0].lower()
    if (vault := access.vault_of_host(name, work.transaction)) is None:
        raise AzureError("VaultNotFound", f"There is no vault at {name}.", status=HTTPStatus.NOT_FOUND)
    return vault


class Gate:
    """Access checks of a vault, with the data plane's error messages."""

    def __init__(self, work: Work, vault: Resource, principal: Principal) -> None:
        self._transaction = work.transaction
        self._vault = vault
        self._principal = principal

    @property
    def _caller(self) -> str:
        return f"appid={self._principal.client_id};oid={self._principal.object_id}"

    @property
    def _place(self) -> str:
        return f"Vault: {self._vault.id.name};location={self._vault.location}"

    def require_way_in(self, place: Place) -> None:
        """Raise `Forbidden` where the vault's network rule shuts a caller out."""
        if resolve(self._vault, VAULT_LINK, place.network, self._transaction) is Resolution.PRIVATE:
            return
        match access.shut_out(self._vault, place):
            case ShutOut.FORBIDDEN_BY_CONNECTION as reason:
                words = (
                    "Public network access is disabled and request is not from a trusted service nor via an approved "
                    f"private link. Caller: {self._caller} {self._place}"
                )
            case ShutOut.FORBIDDEN_BY_FIREWALL as reason:
                words = (
                    "Client address is not authorized and caller is not a trusted service. Client address: "
                    f"{', '.join(place.addresses)} Caller: {self._caller} {self._place}"
                )
            case None:
                return
        raise _ForbiddenError(reason.value, words)

    def require(self, permission: Permission, name: str = "") -> None:
        """Raise `Forbidden` unless the caller has a permission on the vault, or on the secret."""
        if access.has_permission(self._vault, self._principal.object_id, permission, self._transaction, name):
            return
        if self._vault.properties.get("enableRbacAuthorization"):
            scope = f"{self._vault.id}/secrets/{name}" if name else self._vault.id.text
            raise _ForbiddenError(
                "ForbiddenByRbac",
                "Caller is not authorized to perform action on resource. If role assignments, deny assignments or role "
                "definitions were changed recently, please observe propagation time. "
                f"Caller: {self._caller} Action: '{permission.action}' Resource: '{scope.lower()}' "
                f"Assignment: (not found) {self._place}",
            )
        raise _ForbiddenError(
            "AccessDenied",
            f"The user, group or application '{self._caller}' does not have secrets {permission.policy} permission on "
            f"key vault '{self._vault.id.name};location={self._vault.location}'.",
        )
