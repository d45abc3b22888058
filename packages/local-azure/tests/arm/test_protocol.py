"""The rules of Azure Resource Manager that no client breaks: tested with bare requests."""

from __future__ import annotations

import copy
import http.client
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arm.landscape import VERSION, Azure, Raw, deploy, running
from local_azure.arm import serving
from local_azure.arm.tokens import Principal, TokenIssuer
from local_azure.core.state import Resource
from local_azure.system.files import kept_text


def _code(response: requests.Response) -> str:
    body = response.json()
    assert set(body) == {"error"}
    assert body["error"]["message"]
    return str(body["error"]["code"])


# -- who calls


def test_without_a_token_the_answer_says_where_to_sign_in(raw: Raw) -> None:
    response = raw.send("GET", raw.group, token=None)
    assert (response.status_code, _code(response)) == (401, "AuthenticationFailed")
    assert f'authorization_uri="{raw.azure.url}/{raw.azure.tenant}"' in response.headers["WWW-Authenticate"]


def test_a_token_for_something_else_is_refused(raw: Raw) -> None:
    response = raw.send("GET", raw.group, token=raw.token("https://vault.azure.net"))
    assert (response.status_code, _code(response)) == (401, "InvalidAuthenticationTokenAudience")


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_none_is_refused(raw: Raw, token: str) -> None:
    response = raw.send("GET", raw.group, token=token)
    assert (response.status_code, _code(response)) == (401, "InvalidAuthenticationToken")


def test_a_token_of_another_key_is_refused(raw: Raw, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = TokenIssuer(tmp_path_factory.mktemp("other"), raw.azure.model.tenant)
    token = other.issue(other.service_principal, "https://management.azure.com/")
    assert _code(raw.send("GET", raw.group, token=token)) == "InvalidAuthenticationToken"


def test_a_token_that_has_ended_is_refused(raw: Raw) -> None:
    claims = jwt.decode(raw.token(), options={"verify_signature": False})
    claims["exp"] = int(time.time()) - 10
    key = kept_text(raw.azure.home / "token.key", str)
    response = raw.send("GET", raw.group, token=jwt.encode(claims, key, "RS256"))
    assert (response.status_code, _code(response)) == (401, "ExpiredAuthenticationToken")


def test_a_caller_without_a_role_is_refused_until_it_has_one(raw: Raw) -> None:
    someone = Principal("99999999-0000-0000-0000-000000000000", "88888888-0000-0000-0000-000000000000")
    token = raw.token(principal=someone)
    response = raw.send("GET", raw.group, token=token)
    assert (response.status_code, _code(response)) == (403, "AuthorizationFailed")
    assert someone.object_id in response.json()["error"]["message"]
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    name = "11111111-2222-3333-4444-555555555555"
    assignment = {"properties": {"principalId": someone.object_id, "roleDefinitionId": reader}}
    path = f"{raw.group}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert raw.send("PUT", path, json=assignment).status_code == 201
    assert raw.send("GET", raw.group, token=token).status_code == 200
    assert raw.send("GET", f"{raw.group}/resources", token=token).status_code in (200, 403)
    assert _code(raw.send("DELETE", raw.group, token=token)) == "AuthorizationFailed"


# -- paths, versions and methods


def test_the_api_version_is_required_and_has_a_form(raw: Raw) -> None:
    assert _code(raw.send("GET", raw.group, params={})) == "MissingApiVersionParameter"
    for version in ("latest", "2024-13-01", "2024-11-01-", "24-11-01"):
        response = raw.send("GET", raw.group, params={"api-version": version})
        assert (response.status_code, _code(response)) == (400, "InvalidApiVersionParameter")
    assert raw.send("GET", raw.group, params={"api-version": "2031-01-01-preview"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/subscriptions/00000000-0000-0000-0000-000000000000", 404, "SubscriptionNotFound"),
        ("GET", "{group}/providers/Microsoft.Nothing/things/x", 404, "InvalidResourceNamespace"),
        ("GET", "{group}/providers/Microsoft.Cache/nothings/x", 404, "InvalidResourceType"),
        ("PUT", "{group}/providers/Microsoft.Cache/nothings/x", 404, "InvalidResourceType"),
        ("GET", "{group}/providers/Microsoft.Cache/redis/x", 404, "ResourceNotFound"),
        ("GET", "{subscription}/resourceGroups/no/providers/Microsoft.Cache/redis/x", 404, "ResourceGroupNotFound"),
        ("DELETE", "{subscription}/resourceGroups/no", 404, "ResourceGroupNotFound"),
        ("DELETE", "{subscription}/resourceGroups/no/providers/Microsoft.Cache/redis/x", 404, "ResourceGroupNotFound"),
        ("PATCH", "{group}/providers/Microsoft.Cache/redis/x", 404, "ResourceNotFound"),
        ("POST", "{group}/providers/Microsoft.Cache/redis/x/listKeys", 404, "ResourceNotFound"),
        ("POST", "{group}/providers/Microsoft.Cache/redis/x/explode", 404, "InvalidResourceType"),
        ("PUT", "{group}/providers/Microsoft.Cache/redis", 405, "MethodNotAllowed"),
        ("POST", "{group}", 405, "MethodNotAllowed"),
        ("DELETE", "{subscription}/resourceGroups", 405, "MethodNotAllowed"),
        ("OPTIONS", "{group}", 405, "MethodNotAllowed"),
        ("TRACE", "{group}", 405, "MethodNotAllowed"),
        ("GET", "/nothing/of/the/kind", 404, "InvalidResourceType"),
        ("GET", "/", 404, "NotFound"),
        (
            "GET",
            "{subscription}/providers/Microsoft.App/locations/x/operationStatuses/nothing",
            404,
            "OperationNotFound",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_azures_code(
    raw: Raw, method: str, path: str, status: int, code: str
) -> None:
    subscription = f"/subscriptions/{raw.azure.subscription}"
    response = raw.send(method, path.format(group=raw.group, subscription=subscription))
    assert (response.status_code, _code(response)) == (status, code)


def test_a_path_with_an_encoded_slash_or_control_character_is_refused(raw: Raw) -> None:
    for name in ("a%2Fb", "a%00b", "a%0Ab", "%FF"):
        response = raw.send("GET", f"{raw.group}/providers/Microsoft.Cache/redis/{name}")
        assert (response.status_code, _code(response)) == (400, "InvalidRequestUri")


def test_ids_come_back_in_azures_letter_case(raw: Raw) -> None:
    path = raw.group.replace("resourceGroups", "resourcegroups").upper().replace("/SUBSCRIPTIONS", "/subscriptions")
    path += "/providers/MICROSOFT.managedidentity/USERASSIGNEDIDENTITIES/My-Identity"
    made = raw.send("PUT", path, json={"location": "West Europe"})
    assert made.status_code == 201
    wanted = f"{raw.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/My-Identity"
    assert (made.json()["id"], made.json()["location"]) == (wanted, "westeurope")
    assert made.json()["systemData"]["createdAt"]
    assert raw.send("PUT", path.lower(), json={"location": "westeurope"}).json()["id"] == wanted


def test_existence_is_asked_for_by_head(raw: Raw) -> None:
    assert raw.send("HEAD", raw.group).status_code == 204
    assert raw.send("HEAD", f"{raw.group}x").status_code == 404


def test_answers_carry_ids_for_support(raw: Raw) -> None:
    response = raw.send("GET", raw.group, headers={"x-ms-client-request-id": "mine"})
    assert response.headers["x-ms-client-request-id"] == "mine"
    assert response.headers["x-ms-request-id"]
    assert response.headers["x-ms-correlation-request-id"]


# -- bodies


def test_a_body_that_is_no_json_object_is_refused(raw: Raw) -> None:
    path = f"{raw.group}/providers/Microsoft.Cache/redis/x"
    bodies = [b"{", b"[]", b'"x"', b"nul", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff\xfe", b"[" * 200_000]
    bodies.append(b'{"a":' + b"9" * 5000 + b"}")
    for body in bodies:
        response = raw.send("PUT", path, data=body)
        assert (response.status_code, _code(response)) == (400, "InvalidRequestContent"), body[:20]


def test_a_body_over_four_megabytes_is_refused(raw: Raw) -> None:
    path = f"{raw.group}/providers/Microsoft.Cache/redis/x"
    response = raw.send("PUT", path, data=b'{"a": "' + b"x" * (4 * 1024 * 1024) + b'"}')
    assert (response.status_code, _code(response)) == (413, "RequestContentTooLarge")


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"location": 5, "properties": {}}, "location"),
        ({"location": "westeurope", "properties": []}, "properties"),
        ({"location": "westeurope", "tags": {"a": 1}}, "tags.a"),
        ({"location": "westeurope", "id": "/subscriptions/x", "properties": {}}, "id"),
        ({"location": "westeurope", "properties": {"sku": "Basic"}}, "sku"),
        ({"location": "westeurope", "properties": {}}, "sku"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_with_its_path(raw: Raw, body: object, target: str) -> None:
    response = raw.send("PUT", f"{raw.group}/providers/Microsoft.Cache/redis/x", json=body)
    assert (response.status_code, _code(response)) == (400, "InvalidRequestContent")
    assert response.json()["error"]["target"] == target


_LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_NAMES = st.sampled_from(
    [
        *("location", "tags", "sku", "identity", "properties", "name", "id", "zones", "kind", "type", "addressSpace"),
        *("subnets", "configuration", "template", "containers", "secrets", "environmentId", "managedEnvironmentId"),
        *("subnet", "privateLinkServiceConnections", "value", "attributes", "accessPolicies", "userAssignedIdentities"),
    ]
)
_JSON = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5), max_leaves=20
)
_TYPES = st.sampled_from(
    [
        *("Microsoft.Cache/redis/x", "Microsoft.Cache/redisEnterprise/x", "Microsoft.Network/virtualNetworks/x"),
        *("Microsoft.App/containerApps/x", "Microsoft.App/managedEnvironments/x", "Microsoft.KeyVault/vaults/x-vault"),
        *("Microsoft.Network/privateEndpoints/x", "Microsoft.OperationalInsights/workspaces/xxxx"),
        *(
            "Microsoft.Network/privateDnsZones/a.b",
            "Microsoft.Insights/metricAlerts/x",
            "Microsoft.Insights/actionGroups/x",
        ),
        *("Microsoft.Insights/diagnosticSettings/x", "Microsoft.ContainerRegistry/registries/xxxxx"),
        "Microsoft.Authorization/roleAssignments/11111111-2222-3333-4444-555555555555",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=_TYPES,
    properties=_JSON,
    extra=st.dictionaries(_NAMES, _JSON, max_size=3),
    method=st.sampled_from(["PUT", "PATCH"]),
)
def test_no_body_brings_a_failure_or_a_hang(
    raw: Raw, path: str, properties: object, extra: dict[str, object], method: str
) -> None:
    body = {"location": "westeurope", "properties": properties, **extra}
    response = raw.send(method, f"{raw.group}/providers/{path}", data=json.dumps(body).encode())
    assert response.status_code < 500, response.text
    assert response.status_code < 400 or _code(response)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"GET ", b"GET / HTTP/1.1\r\n", b"PUT /a HTTP/1.1\r\nHost: localhost\r\n"]),
)
def test_bytes_that_are_no_request_do_no_harm(raw: Raw, noise: bytes, start: bytes) -> None:
    context = ssl.create_default_context(cafile=raw.azure.authority_file)
    address = ("127.0.0.1", raw.azure.served.ports["arm"])
    with (
        socket.create_connection(address, timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        # Whatever the noise left open, the request after it gets an answer, or the noise has got one.
        secure.sendall(start + noise + b"\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = secure.recv(4096)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
    assert b"Traceback" not in answer
    assert raw.send("HEAD", raw.group).status_code == 204


def test_a_connection_that_brings_no_whole_head_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 2)
    with running(tmp_path) as azure:
        context = ssl.create_default_context(cafile=azure.authority_file)
        address = ("127.0.0.1", azure.served.ports["arm"])
        for head in (b"", b"GET / HTTP/1.1\r\nHost: local"):
            with (
                socket.create_connection(address, timeout=60) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secure,
            ):
                secure.sendall(head)
                assert secure.recv(4096) == b"", "ended without an answer"
        busy = http.client.HTTPSConnection("localhost", address[1], context=context, timeout=60)
        for pause in (0, 2.2):  # longer than a head may take
            time.sleep(pause)
            kept = busy.sock
            busy.request("GET", "/metadata/endpoints")
            response = busy.getresponse()
            assert (response.status, bool(response.read()), response.isclosed()) == (200, True, True)
        assert busy.sock is kept is not None, "one connection for both"
        busy.close()


# -- operations, pages and etags


def test_a_long_running_operation_is_polled(raw: Raw) -> None:
    path = f"{raw.group}/providers/Microsoft.Cache/redis/polled"
    body = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    made = raw.send("PUT", path, json=body)
    assert (made.status_code, made.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert int(made.headers["Retry-After"]) >= 1
    status = made.headers["Azure-AsyncOperation"].removeprefix(raw.azure.url)
    assert raw.send("GET", status, params={}).json()["status"] == "Succeeded"
    assert raw.send("GET", path).json()["properties"]["provisioningState"] == "Succeeded"
    gone = raw.send("DELETE", path)
    assert (gone.status_code, gone.content) == (202, b"")
    assert raw.send("GET", gone.headers["Location"].removeprefix(raw.azure.url), params={}).status_code == 200
    assert raw.send("DELETE", path).status_code == 204


def test_a_list_comes_in_pages(raw: Raw) -> None:
    kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
    for number in range(7):
        raw.azure.put(kind, f"identity-{number}", location="westeurope")
    page = raw.send("GET", f"{raw.group}/providers/{kind}", params={**VERSION, "$top": "3"}).json()
    names = [one["name"] for one in page["value"]]
    while "nextLink" in page:
        link = page["nextLink"].removeprefix(raw.azure.url)
        page = raw.send("GET", link, params={}).json()
        names += [one["name"] for one in page["value"]]
    assert names == [f"identity-{number}" for number in range(7)]
    for wrong in ({"$top": "0"}, {"$top": "x"}, {"$skiptoken": "!"}, {"$filter": "name eq"}):
        response = raw.send("GET", f"{raw.group}/providers/{kind}", params={**VERSION, **wrong})
        assert (response.status_code, bool(_code(response))) == (400, True)


def test_a_reader_with_the_newest_form_is_told_so(raw: Raw) -> None:
    first = raw.send("GET", raw.group)
    again = raw.send("GET", raw.group, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    raw.send("PATCH", raw.group, json={"tags": {"new": "tag"}})
    assert raw.send("GET", raw.group, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    stale = raw.send("DELETE", raw.group, headers={"If-Match": first.headers["ETag"]})
    assert (stale.status_code, _code(stale)) == (412, "PreconditionFailed")


def test_a_patch_merges_and_null_removes(raw: Raw) -> None:
    raw.send("PATCH", raw.group, json={"tags": {"a": "1", "b": "2"}})
    tags = raw.send("PATCH", raw.group, json={"tags": {"a": None, "c": "3"}}).json()["tags"]
    assert tags == {"environment": "dev", "b": "2", "c": "3"}


def test_a_refused_change_leaves_everything_as_it_was(raw: Raw) -> None:
    before = raw.send("GET", raw.group).json()
    response = raw.send("PUT", raw.group, json={"location": "northeurope"})
    assert (response.status_code, _code(response)[:15]) == (409, "InvalidResource")
    assert raw.send("GET", raw.group).json() == before


def test_a_diagnostic_setting_is_put_listed_and_deleted(raw: Raw) -> None:
    raw.azure.put("Microsoft.OperationalInsights/workspaces", "logs", location="westeurope")
    workspace = f"{raw.group}/providers/Microsoft.OperationalInsights/workspaces/logs"
    settings_of = f"{workspace}/providers/Microsoft.Insights/diagnosticSettings"
    body = {"properties": {"workspaceId": workspace, "logs": [{"categoryGroup": "audit", "enabled": True}]}}
    assert raw.send("PUT", f"{settings_of}/audit", json=body).status_code == 200
    assert [one["name"] for one in raw.send("GET", settings_of).json()["value"]] == ["audit"]
    assert raw.send("DELETE", f"{settings_of}/audit").status_code == 200
    assert raw.send("GET", settings_of).json() == {"value": []}


# -- what is kept secret


def test_the_log_tells_of_requests_and_not_of_secrets(
    raw: Raw, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING, "urllib3")  # the client's own log
    caplog.set_level(logging.DEBUG)
    body = {"location": "westeurope", "properties": {"sku": {"name": "Basic", "family": "C", "capacity": 0}}}
    raw.send("PUT", f"{raw.group}/providers/Microsoft.Cache/redis/logged", json=body)
    path = f"{raw.group}/providers/Microsoft.Cache/redis/logged/listKeys"
    token = raw.token()
    key = raw.send("POST", path, token=token, params={**VERSION, "sig": "in-the-query"}).json()["primaryKey"]

    def fail(resource: Resource) -> None:
        raise RuntimeError(key)

    monkeypatch.setattr("local_azure.arm.resource_manager._resource_answer", fail)
    broken = raw.send("GET", raw.group)
    assert (broken.status_code, _code(broken)) == (500, "InternalServerError")
    assert key not in broken.text
    assert f"POST {path} 200" in caplog.text
    assert "RuntimeError at" in caplog.text, "the log says where it failed"
    for secret in (key, token, "in-the-query", raw.azure.client_secret):
        assert secret not in caplog.text


def test_keys_and_secrets_are_for_their_owner_alone(azure: Azure) -> None:
    for name in ("tls/ca.key", "tls/server.key", "token.key", "service-principal-secret", "identity-header.key"):
        assert (azure.home / name).stat().st_mode & 0o777 == 0o600, name
    assert (azure.home / "tls").stat().st_mode & 0o777 == 0o700


def _places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield every place in a body below its top."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from _places(one, (*path, key))


def _with(body: Any, path: tuple[str | int, ...], value: object) -> Any:
    changed = holder = copy.deepcopy(body)
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


def test_no_wrong_value_in_a_right_body_brings_a_failure(raw: Raw) -> None:
    tried = 0
    for resource_id in deploy(raw.azure).values():
        body = raw.send("GET", resource_id).json()
        for path in _places(body):
            for value in (5, "/subscriptions/x", [5], {"a": None}):
                response = raw.send("PUT", resource_id, json=_with(body, path, value))
                assert response.status_code < 500, (resource_id, path, value, response.text)
                tried += 1
    assert tried > 1000
