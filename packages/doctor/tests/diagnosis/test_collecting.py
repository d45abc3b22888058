"""Missing answers: a fault only if Azure says that the resource does not exist."""

from __future__ import annotations

from typing import Any, cast

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from doctor import draining, waiting
from doctor.client import Client, RefusedError, UnreachableError
from doctor.cloud import Cloud
from doctor.collecting import collect, network
from doctor.errors import CannotLookError
from doctor.facts import Absent, Address, Stack

_CONNECTION = {
    "id": "/cache/privateEndpointConnections/one",
    "properties": {
        "privateEndpoint": {"id": "/endpoint"},
        "privateLinkServiceConnectionState": {"status": "Approved"},
    },
}
_TARGET = {"id": "/cache", "properties": {"privateEndpointConnections": [_CONNECTION]}}
_MANAGEMENT, _VAULT = "https://management.example", "https://vault.example"
_CLOUD = Cloud(resource_manager=_MANAGEMENT, audience=_MANAGEMENT, authority="login.example", vault_audience=_VAULT)


class _Refusing:
    """A client whose requests all fail with the same error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get(self, path: str) -> Any:
        raise self._error

    list = get


def _endpoints(error: Exception) -> Any:
    return network.endpoints(cast("Client", _Refusing(error)), [_TARGET])


@pytest.mark.parametrize(
    "error",
    [RefusedError(403, "AuthorizationFailed", "no right to read"), UnreachableError("no answer in time")],
    ids=["refused", "no answer"],
)
def test_an_endpoint_that_cannot_be_read_is_not_taken_for_missing(error: Exception) -> None:
    assert _endpoints(error) == Absent(str(error))


def test_an_endpoint_that_azure_does_not_have_is_missing() -> None:
    assert _endpoints(RefusedError(404, "ResourceNotFound", "it was not found")) == []


class _Credential:
    """Gives tokens for Resource Manager alone."""

    def __init__(self, allowed: str) -> None:
        self._allowed = allowed

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if scopes != (f"{self._allowed}/.default",):
            raise ClientAuthenticationError("a rule of the tenant says no")
        return AccessToken("token", 0)


def test_a_vault_token_that_is_refused_keeps_only_the_vault_from_being_read() -> None:
    client = Client(_CLOUD, cast("Any", _Credential(_MANAGEMENT)))
    client.sign_in()
    with pytest.raises(UnreachableError, match="a rule of the tenant says no"):
        client.vault_secret("https://kv.vault.example/secrets/redis-url")


def test_without_a_token_for_resource_manager_nothing_can_be_seen() -> None:
    with pytest.raises(CannotLookError, match="az login"):
        Client(_CLOUD, cast("Any", _Credential(_VAULT))).sign_in()


_APP = "/group/providers/Microsoft.App/containerApps/shop"
_STACK = Stack("dev", "/group", Address("r", 1), Address("b", 1), "https://kv", "https://shop.example/ready/")
_LISTS = {
    "/group/providers/Microsoft.App/containerApps": [
        {
            "id": _APP,
            "name": "shop",
            "properties": {
                "latestRevisionName": "shop--2",
                "latestReadyRevisionName": "shop--2",
                "configuration": {"ingress": {"fqdn": "shop.example"}},
            },
        }
    ],
    f"{_APP}/revisions": [
        {"name": "shop--1", "properties": {"active": False, "replicas": 0, "createdTime": "2026-01-01T00:00:00Z"}},
        {"name": "shop--2", "properties": {"active": True, "replicas": 1, "createdTime": "2026-01-02T00:00:00Z"}},
    ],
}


class _Unfinished:
    """A client that sees a resource group with one cluster, which has no database."""

    def __init__(self, state: str) -> None:
        self._state = state

    def list(self, path: str, query: Any = None) -> Any:
        if not path.endswith("/redisEnterprise"):
            return []
        states = {"resourceState": self._state, "provisioningState": "Failed"}
        return [{"id": f"{path}/red-shop", "name": "red-shop", "properties": states}]

    def get(self, path: str, query: Any = None) -> Any:
        return {}

    read_action = get


_NOT_DEPLOYED = Stack("dev", "/group", Address("", 0), Address("", 0), "", "", ("redisHostName",))


def test_a_cache_that_azure_could_not_create_is_found_though_the_stack_has_no_outputs() -> None:
    facts = collect(cast("Client", _Unfinished("CreateFailed")), _NOT_DEPLOYED)
    assert [(one.name, one.state, one.keyed_id) for one in facts.caches] == [("red-shop", "CreateFailed", "")]


def test_an_unfinished_stack_without_a_failed_cache_cannot_be_looked_at() -> None:
    class Nothing(_Unfinished):
        def list(self, path: str, query: Any = None) -> Any:
            return []

    with pytest.raises(CannotLookError, match="has no output redisHostName: deploy it with `pulumi up --stack dev`"):
        collect(cast("Client", Nothing("")), _NOT_DEPLOYED)


class _Ending:
    """A client that sees one replica of the old revision end, in so many rounds; in one it gets no answer."""

    def __init__(self, rounds: int, silent: int = -1) -> None:
        self._rounds, self._silent, self._round = rounds, silent, -1

    def list(self, path: str) -> Any:
        if path.endswith("/containerApps"):
            self._round += 1
            if self._round == self._silent:
                raise UnreachableError("no answer in time")
        if path.endswith("/shop--1/replicas"):
            return [{"name": "old"}] if self._round < self._rounds else []
        return _LISTS.get(path, [])


@pytest.mark.parametrize("silent", [-1, 1], ids=["answered", "once without an answer"])
def test_replicas_that_are_ending_are_waited_for_though_their_revision_counts_none(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_INTERVAL_SECONDS", 0.001)
    said: list[str] = []
    assert draining.wait(cast("Client", _Ending(3, silent)), _STACK, 60, said.append)
    assert said[0] == "shop: shop--1 has 1 replicas"


def test_a_revision_whose_replicas_azure_does_not_find_has_none() -> None:
    class Forgetting(_Ending):
        def list(self, path: str) -> Any:
            if path.endswith("/shop--1/replicas"):
                raise RefusedError(404, "RevisionNotFound", "no such revision")
            return super().list(path)

    assert draining.wait(cast("Client", Forgetting(9)), _STACK, 0, lambda _: None)


def test_replicas_that_do_not_end_are_told_when_the_time_is_over() -> None:
    assert not draining.wait(cast("Client", _Ending(9)), _STACK, 0, lambda _: None)


def test_a_first_question_without_an_answer_ends_the_waiting() -> None:
    with pytest.raises(CannotLookError):
        draining.wait(cast("Client", _Ending(1, silent=0)), _STACK, 60, lambda _: None)
