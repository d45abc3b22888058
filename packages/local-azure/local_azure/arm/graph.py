"""The part of Microsoft Graph that clients use to show the principals of role assignments.

https://learn.microsoft.com/graph/api/directoryobject-getbyids and
https://learn.microsoft.com/graph/api/serviceprincipal-list, for the service principal and the managed identities.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import web

from local_azure.arm.endpoint import Endpoint, origin
from local_azure.arm.tokens import SERVICE_PRINCIPAL_NAME, InvalidTokenError
from local_azure.arm.web import answer, read_object, refuse
from local_azure.control_plane.model import Work
from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject, as_list, as_object
from local_azure.resource_types.managed_identity import USER_ASSIGNED_TYPE

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


async def handle(endpoint: Endpoint, request: web.Request, parts: list[str]) -> web.Response:
    """Answer a request for directory objects."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    try:
        endpoint.issuer.verify(token, [endpoint.base_url, origin(request)])
    except InvalidTokenError as error:
        return refuse(AzureError("InvalidAuthenticationToken", str(error), status=HTTPStatus.UNAUTHORIZED))
    body = await read_object(request) if request.method == "POST" else {}
    principals = await asyncio.to_thread(_principals, endpoint)
    match request.method, parts:
        case "POST", ["directoryobjects", "getbyids"]:
            wanted = {str(one).lower() for one in as_list(body.get("ids"))}
            return answer({"value": [one for one in principals if one["id"] in wanted]})
        case "GET", ["serviceprincipals"]:
            # However a filter names it (appId, servicePrincipalNames, id), it is the GUID in it that is looked for.
            wanted = set(re.findall(_GUID, request.query.get("$filter", "").lower()))
            return answer({"value": [one for one in principals if not wanted or wanted & {one["id"], one["appId"]}]})
        case "GET", ["serviceprincipals" | "directoryobjects", object_id]:
            for one in principals:
                if one["id"] == object_id:
                    return answer(one)
        case _:
            pass
    return refuse(
        AzureError(
            "Request_ResourceNotFound",
            f"Resource '{'/'.join(parts)[:256]}' does not exist or one of its queried reference-property objects are "
            "not present.",
            status=HTTPStatus.NOT_FOUND,
        )
    )


def _principals(endpoint: Endpoint) -> list[JsonObject]:
    with endpoint.model.work() as work:
        return list(_service_principals(endpoint, work))


def _service_principals(endpoint: Endpoint, work: Work) -> Iterator[JsonObject]:
    own = endpoint.issuer.service_principal
    yield _body(own.object_id, own.client_id, SERVICE_PRINCIPAL_NAME, "Application")
    for identity in work.transaction.of_type(USER_ASSIGNED_TYPE):
        properties = identity.properties
        yield _body(properties["principalId"], properties["clientId"], identity.id.name, "ManagedIdentity")
    for resource in work.transaction.under(""):
        if principal := as_object(resource.body.get("identity")).get("principalId"):
            yield _body(principal, principal, resource.id.name, "ManagedIdentity")


def _body(object_id: str, client_id: str, name: str, kind: str) -> JsonObject:
    return {
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": object_id,
        "appId": client_id,
        "displayName": name,
        "appDisplayName": name,
        "servicePrincipalNames": [client_id],
        "servicePrincipalType": kind,
    }
