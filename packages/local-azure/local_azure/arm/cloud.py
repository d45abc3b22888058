"""The cloud's metadata and the tenant's sign-in.

The forms are those of `/metadata/endpoints` of Azure Resource Manager, of OpenID Connect Discovery and of Microsoft
Entra's client-credentials flow (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from local_azure.arm import graph, resource_manager, vault
from local_azure.arm.addresses import segments
from local_azure.arm.endpoint import Endpoint, origin
from local_azure.arm.tokens import LIFETIME_SECONDS, trace_id
from local_azure.arm.web import AnsweredError, answer, read_bytes
from local_azure.core.values import JsonObject

CLOUD_NAME = "LocalAzure"
_ONE_CLOUD_SINCE = "2022"
"""Before this API version the response was a list of clouds."""


class Cloud:
    """Answers requests that need no token."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._tenant = endpoint.issuer.tenant.tenant_id

    async def handle(self, request: web.Request) -> web.StreamResponse | None:
        """Answer a request, or None when it is not for the cloud but for a service in it."""
        parts = segments(request.rel_url.raw_path)
        lowered = [one.lower() for one in parts]
        match request.method, lowered:
            case "GET", ["metadata", "endpoints"]:
                return self._metadata(request)
            case "GET", ["common", "discovery", "instance"]:
                return self._instance(request)
            case "GET", [tenant, ".well-known", "openid-configuration"]:
                return self._discovery(request, tenant, "")
            case "GET", [tenant, "v2.0", ".well-known", "openid-configuration"]:
                return self._discovery(request, tenant, "/v2.0")
            case "GET", [tenant, "discovery", "keys"] | [tenant, "discovery", "v2.0", "keys"]:
                self._require_tenant(tenant)
                return answer(self._endpoint.issuer.key_set())
            case "POST", [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"]:
                return await self._token(request, tenant)
            case _, ["v1.0", *rest]:
                return await graph.handle(self._endpoint, request, rest)
            case _:
                return None

    def _metadata(self, request: web.Request) -> web.Response:
        base = origin(request)
        cloud: JsonObject = {
            "name": CLOUD_NAME,
            "portal": base,
            "authentication": {
                "loginEndpoint": base,
                "audiences": [f"{base}/", *resource_manager.AUDIENCES],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "resourceManager": base,
            "graph": f"{base}/",
            "graphAudience": f"{base}/",
            "microsoftGraphResourceId": f"{base}/",
            "gallery": base,
            "batch": base,
            "media": base,
            "sqlManagement": base,
            "vmImageAliasDoc": base,
            "activeDirectoryDataLake": base,
            "logAnalyticsResourceId": base,
            "appInsightsResourceId": base,
            "suffixes": {
                "keyVaultDns": vault.DOMAIN,
                "acrLoginServer": "azurecr.io",
                "storage": "core.windows.net",
                "sqlServerHostname": "database.windows.net",
            },
        }
        one = request.query.get("api-version", "2019") >= _ONE_CLOUD_SINCE
        return answer(cloud if one else [cloud])

    def _instance(self, request: web.Request) -> web.Response:
        return answer(
            {
                "tenant_discovery_endpoint": f"{origin(request)}/{self._tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [
                    {
                        "preferred_network": request.host,
                        "preferred_cache": request.host,
                        "aliases": [request.host],
                    }
                ],
            }
        )

    def _discovery(self, request: web.Request, tenant: str, version: str) -> web.Response:
        self._require_tenant(tenant)
        base = f"{origin(request)}/{self._tenant}"
        issuer = f"{base}{version}" if version else self._endpoint.issuer.issuer
        return answer(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{base}/oauth2{version}/authorize",
                "token_endpoint": f"{base}/oauth2{version}/token",
                "jwks_uri": f"{base}/discovery{version}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["token"],
                "grant_types_supported": ["client_credentials"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "tenant_region_scope": None,
                "cloud_instance_name": request.host,
            }
        )

    def _require_tenant(self, tenant: str) -> None:
        if tenant.lower() not in (self._tenant, "common", "organizations"):
            raise _refused(
                "invalid_request",
                90002,
                f"Tenant '{tenant[:64]}' not found. Check to make sure you have the correct tenant ID and are signing "
                "into the correct cloud.",
            )

    async def _token(self, request: web.Request, tenant: str) -> web.Response:
        self._require_tenant(tenant)
        form = await _form(request)
        if form.get("grant_type") != "client_credentials":
            raise _refused(
                "unsupported_grant_type",
                70003,
                "The app requested an unsupported grant type; only client_credentials is.",
            )
        principal = self._endpoint.issuer.service_principal
        if form.get("client_id", "").lower() != principal.client_id:
            raise _refused(
                "unauthorized_client",
                700016,
                f"Application with identifier '{form.get('client_id', '')[:64]}' was not found in the directory.",
            )
        if not self._endpoint.secret.matches(form.get("client_secret", "")):
            raise _refused("invalid_client", 7000215, "Invalid client secret provided.", status=HTTPStatus.UNAUTHORIZED)
        audience = self._audience(request, form)
        return answer(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "ext_expires_in": LIFETIME_SECONDS,
                "access_token": self._endpoint.issuer.issue(principal, audience),
            }
        )

    def _audience(self, request: web.Request, form: Mapping[str, str]) -> str:
        """Return the audience of the requested token: a resource, or a scope that ends in `/.default`."""
        asked = form.get("resource") or form.get("scope", "")
        if not form.get("resource") and not re.fullmatch(r"\S+/\.default", asked):
            raise _refused("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
        audience = asked.removesuffix("/.default")
        known = (self._endpoint.base_url, origin(request), *resource_manager.AUDIENCES, vault.RESOURCE)
        if audience.rstrip("/") not in {one.rstrip("/") for one in known}:
            raise _refused(
                "invalid_resource",
                500011,
                f"The resource principal named {audience[:128]} was not found in the tenant named Local Azure.",
            )
        return audience


async def _form(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a form; the body is read first, so that its size and time are limited as anywhere."""
    await read_bytes(request)
    try:
        fields = await request.post()
    except (ValueError, web.HTTPException):
        raise _refused("invalid_request", 900144, "The request body is no form.") from None
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def _refused(error: str, number: int, words: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> AnsweredError:
    """Return an error response in Microsoft Entra's format."""
    trace, moment = trace_id(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return AnsweredError(
        answer(
            {
                "error": error,
                "error_description": f"AADSTS{number}: {words} Trace ID: {trace} Timestamp: {moment}",
                "error_codes": [number],
                "timestamp": moment,
                "trace_id": trace,
                "correlation_id": trace_id(),
            },
            status,
        )
    )
