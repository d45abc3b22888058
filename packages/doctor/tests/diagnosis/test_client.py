"""Requests of the doctor's client: retries, waits, addresses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
import requests
from azure.core.credentials import AccessToken

from doctor.client import Client, RefusedError, why_unreachable
from doctor.cloud import Cloud
from doctor.collecting import logs, vault
from doctor.facts import Container, Replica

GROUP = "/subscriptions/s/resourceGroups/g"
APP = f"{GROUP}/providers/Microsoft.App/containerApps/shop"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


class _Credential:
    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("token", 0)


class Azure:
    """A server that gives a list of answers, each a status with its headers, and then 200; it counts the requests."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        self.asked: list[str] = []
        outer, waiting = self, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(f"{self.command} {self.path.partition('?')[0]}")
                status, headers = waiting.pop(0) if waiting else (200, cast("dict[str, str]", {}))
                body = json.dumps(
                    {"error": {"code": "Busy", "message": "m"}} if status > 200 else {"value": []}
                ).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def client(self) -> Client:
        """A client of this server."""
        return Client(Cloud(self.url, self.url, self.url, self.url), cast("Any", _Credential()))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Azure]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made: list[Azure] = []

    def make(*answers: tuple[int, dict[str, str]]) -> Azure:
        made.append(Azure(*answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


AT_ONCE = {"Retry-After": "0"}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_fails_for_a_moment_is_asked_again(azure: Callable[..., Azure], status: int) -> None:
    made = azure((status, AT_ONCE))
    assert made.client.list(APP) == []
    assert made.asked == [f"GET {APP}"] * 2


def test_keys_are_asked_for_again_after_as_long_as_azure_says(
    azure: Callable[..., Azure], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    made = azure((429, {"Retry-After": "7"}), (429, {"Retry-After": "4000"}))
    assert made.client.read_action(f"{APP}/listSecrets") == {"value": []}
    assert waits == [7, 30], "as Azure says, and never for longer than 30 s"


def test_azures_last_word_is_told_when_it_stays_busy(
    azure: Callable[..., Azure], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    made = azure(*[(429, {})] * 9)
    with pytest.raises(RefusedError, match="Busy") as refused:
        made.client.get(APP)
    assert (refused.value.status, len(made.asked)) == (429, 4)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_is_not_asked_again(azure: Callable[..., Azure], status: int) -> None:
    made = azure((status, AT_ONCE))
    with pytest.raises(RefusedError):
        made.client.get(APP)
    assert len(made.asked) == 1


def test_a_time_out_after_another_is_told_as_one() -> None:
    last = "HTTPConnectionPool(host='h', port=1): Max retries exceeded (Caused by ReadTimeoutError('Read timed out.'))"
    assert why_unreachable(requests.ConnectionError(last)) == "no answer in time"


class _ReaderOfTheGroup:
    """A client of somebody who may read the resource group, and nothing at the subscription."""

    def get(self, path: str) -> Any:
        if not path.startswith(GROUP):
            raise RefusedError(403, "AuthorizationFailed", "no right to read")
        if not path.startswith(f"{VAULT}/providers/"):
            raise RefusedError(404, "SecretNotFound", "no such secret")
        assert path == f"{VAULT}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"
        reads = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
        return {"properties": {"permissions": [{"dataActions": [reads]}]}}

    def list(self, path: str, query: Any) -> Any:
        definition = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"
        return [{"properties": {"roleDefinitionId": definition, "scope": VAULT}}]

    def vault_secret(self, url: str) -> Any:
        raise RefusedError(403, "Forbidden/ForbiddenByRbac", "no")


def test_a_reader_of_the_group_sees_whether_the_role_is_there() -> None:
    body = {"id": VAULT, "properties": {"vaultUri": "https://kv.vault.azure.net/", "enableRbacAuthorization": True}}
    one = vault.Reference("https://kv.vault.azure.net/secrets/redis-url/1", "principal")
    found = vault.referred(cast("Client", _ReaderOfTheGroup()), body, [one])
    assert found[one].reference.permitted is True


class _Streaming:
    """A client that is asked for a log, and keeps the address."""

    def __init__(self) -> None:
        self.url = ""
        self.session = self

    def read_action(self, path: str) -> Any:
        return {"properties": {"token": "t"}}

    def get(self, url: str, **_: Any) -> Any:
        self.url = url
        raise requests.ConnectionError


def test_the_log_is_that_of_the_templates_container_and_not_of_a_sidecar() -> None:
    body = {
        "id": APP,
        "properties": {
            "eventStreamEndpoint": "https://westeurope.azurecontainerapps.dev/subscriptions/s/x/eventstream",
            "template": {"containers": [{"name": "web"}]},
        },
    }
    containers = [Container(name, started=True, ready=True, restarts=0, state="Running") for name in ("daprd", "web")]
    client = _Streaming()
    stream = logs.open_stream(cast("Client", client), body)
    logs.read(stream, body, "shop--1", [Replica("shop--1-a", None, "Running", containers)])
    assert client.url.endswith("/replicas/shop--1-a/containers/web/logstream")
