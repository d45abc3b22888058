"""What becomes of an answer that does not come: a fault only where Azure says that there is no such thing."""

from __future__ import annotations

from typing import Any, cast

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from doctor.client import Client, RefusedError, UnreachableError
from doctor.cloud import Cloud
from doctor.collecting import network
from doctor.errors import CannotLookError
from doctor.facts import Absent

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
    """A client to which every question fails alike."""

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
