"""The managed-identity endpoint: a process in an app gets tokens for the app's identities.

https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference: the process finds its address
and a secret in `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`. As on Azure it uses plain HTTP and is reachable from the app
only: it is bound to loopback, and each app has its own secret.
"""

from __future__ import annotations

import asyncio
import hmac
from http import HTTPStatus
from time import time

from aiohttp import web

from local_azure.arm import resource_manager, vault
from local_azure.arm.endpoint import Endpoint
from local_azure.arm.tokens import LIFETIME_SECONDS, Principal
from local_azure.arm.web import answer
from local_azure.core.identity_headers import IdentityHeaders
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import as_object
from local_azure.resource_types.container_apps import APP_TYPE

PATH = "/msi/token"


class ManagedIdentityEndpoint:
    """Answers `GET /msi/token`."""

    def __init__(self, endpoint: Endpoint, headers: IdentityHeaders) -> None:
        self._endpoint = endpoint
        self._headers = headers

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path != PATH or request.method != "GET":
            return _refused(HTTPStatus.NOT_FOUND, "not_found", f"Only GET {PATH} is served here.")
        return await asyncio.to_thread(self._token, request)

    def _token(self, request: web.Request) -> web.Response:
        with self._endpoint.model.work() as work:
            app = self._caller(request, work.transaction)
            if app is None:
                return _refused(
                    HTTPStatus.UNAUTHORIZED, "unauthorized", "The X-IDENTITY-HEADER is missing or belongs to no app."
                )
            principal = _principal(app, request, work.transaction)
        if principal is None:
            return _refused(
                HTTPStatus.BAD_REQUEST,
                "invalid_request",
                "Unable to load the proper Managed Identity: the app has none such.",
            )
        resource = request.query.get("resource", "")
        known = (*resource_manager.AUDIENCES, vault.RESOURCE, self._endpoint.base_url, "https://redis.azure.com")
        if resource.rstrip("/") not in {one.rstrip("/") for one in known}:
            return _refused(
                HTTPStatus.BAD_REQUEST,
                "invalid_resource",
                f"The resource '{resource[:128]}' was not found in the tenant.",
            )
        expires = int(time()) + LIFETIME_SECONDS
        return answer(
            {
                "access_token": self._endpoint.issuer.issue(principal, resource),
                "client_id": principal.client_id,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
            }
        )

    def _caller(self, request: web.Request, transaction: Transaction) -> Resource | None:
        """Return the app that the secret in the request belongs to."""
        shown = request.headers.get("X-IDENTITY-HEADER", "").encode()
        for app in transaction.of_type(APP_TYPE):
            if hmac.compare_digest(shown, self._headers.header(app.id).encode()):
                return app
        return None


def _principal(app: Resource, request: web.Request, transaction: Transaction) -> Principal | None:
    """Return the requested identity of the app; the default is its system-assigned identity."""
    identity = as_object(app.body.get("identity"))
    query = request.query
    resource_id = (query.get("mi_res_id") or query.get("msi_res_id") or "").lower()
    client_id, object_id = query.get("client_id", ""), query.get("principal_id") or query.get("object_id") or ""
    if not (resource_id or client_id or object_id):
        system = identity.get("principalId")
        return Principal(system, system, app.id.text) if system else None
    for text in as_object(identity.get("userAssignedIdentities")):
        found = transaction.get(text)
        if found is None:
            continue
        properties = found.properties
        principal = Principal(properties["principalId"], properties["clientId"], found.id.text)
        if resource_id == found.id.key or client_id == principal.client_id or object_id == principal.object_id:
            return principal
    return None


def _refused(status: HTTPStatus, error: str, words: str) -> web.Response:
    return answer({"statusCode": int(status), "error": error, "message": words, "error_description": words}, status)
