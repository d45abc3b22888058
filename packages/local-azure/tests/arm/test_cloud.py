"""The endpoint as a cloud of its own: metadata, sign-in, and tokens for processes in an app."""

from __future__ import annotations

import jwt
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from arm.landscape import Azure
from local_azure.core.identity_headers import IdentityHeaders
from local_azure.core.ids import ArmId


def _get(azure: Azure, path: str) -> dict[str, object]:
    response = requests.get(f"{azure.url}{path}", verify=azure.authority_file, timeout=30)
    assert response.status_code == 200, response.text
    return response.json()


def _sign_in(azure: Azure, **fields: str) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": azure.model.tenant.client_id,
        "client_secret": azure.client_secret,
        "scope": f"{azure.url}/.default",
        **fields,
    }
    url = f"{azure.url}/{azure.tenant}/oauth2/v2.0/token"
    return requests.post(url, data=form, verify=azure.authority_file, timeout=30)


def test_the_metadata_names_every_part(azure: Azure) -> None:
    cloud = _get(azure, "/metadata/endpoints?api-version=2022-09-01")
    assert (cloud["resourceManager"], cloud["authentication"]["loginEndpoint"]) == (azure.url, azure.url)  # pyright: ignore[reportIndexIssue]
    older = _get(azure, "/metadata/endpoints?api-version=2019-05-01")
    assert isinstance(older, list)
    assert older[0]["name"] == cloud["name"]


def test_a_credential_gets_a_token_that_the_published_keys_verify(azure: Azure) -> None:
    token = azure.credential().get_token(f"{azure.url}/.default").token
    discovery = _get(azure, f"/{azure.tenant}/.well-known/openid-configuration")
    keys = jwt.PyJWKSet.from_dict(_get(azure, str(discovery["jwks_uri"]).removeprefix(azure.url)))
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], audience=azure.url, issuer=str(discovery["issuer"]))
    assert claims["tid"] == azure.tenant
    assert claims["oid"] == azure.model.tenant.object_id
    assert claims["appid"] == azure.model.tenant.client_id
    assert 0 < claims["exp"] - claims["iat"] <= 3600


def test_the_newer_discovery_document_leads_to_the_newer_endpoints(azure: Azure) -> None:
    found = _get(azure, f"/{azure.tenant}/v2.0/.well-known/openid-configuration")
    assert found["token_endpoint"] == f"{azure.url}/{azure.tenant}/oauth2/v2.0/token"


def test_a_wrong_secret_signs_nobody_in(azure: Azure) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        azure.credential("wrong").get_token(f"{azure.url}/.default")


@pytest.mark.parametrize(
    ("fields", "error", "number"),
    [
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "unauthorized_client", 700016),
        ({"client_secret": ""}, "invalid_client", 7000215),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003),
        ({"scope": "nothing"}, "invalid_scope", 70011),
        ({"scope": "https://graph.windows.net/.default"}, "invalid_resource", 500011),
    ],
)
def test_what_entra_refuses_is_refused_with_its_number(
    azure: Azure, fields: dict[str, str], error: str, number: int
) -> None:
    response = _sign_in(azure, **fields)
    assert response.status_code in (400, 401)
    assert (response.json()["error"], response.json()["error_codes"]) == (error, [number])
    assert azure.client_secret not in response.text


def test_another_tenant_is_not_found(azure: Azure) -> None:
    url = f"{azure.url}/00000000-0000-0000-0000-000000000000/v2.0/.well-known/openid-configuration"
    response = requests.get(url, verify=azure.authority_file, timeout=30)
    assert (response.status_code, response.json()["error_codes"]) == (400, [90002])


def test_a_client_that_does_not_know_the_authority_does_not_connect(azure: Azure) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{azure.url}/metadata/endpoints", timeout=30)


# -- managed identities


@pytest.fixture
def in_app(azure: Azure, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has the environment of one in the landscape's app."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{azure.served.ports['identity']}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", IdentityHeaders(azure.home).header(ArmId.parse(deployed["app"])))


@pytest.mark.usefixtures("in_app")
def test_a_process_in_an_app_reads_a_secret_as_the_apps_identity(azure: Azure, deployed: dict[str, str]) -> None:
    identity = azure.model.get(ArmId.parse(deployed["identity"]))
    credential = ManagedIdentityCredential(client_id=identity.properties["clientId"])
    token = jwt.decode(
        credential.get_token("https://vault.azure.net/.default").token, options={"verify_signature": False}
    )
    assert (token["oid"], token["xms_mirid"]) == (identity.properties["principalId"], identity.id.text)
    vault = ArmId.parse(deployed["vault"])
    azure.model.put(
        vault.extension("Microsoft.Authorization/roleAssignments", "11111111-2222-3333-4444-555555555555"),
        {
            "properties": {
                "principalId": identity.properties["principalId"],
                "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/"
                "4633458b-17de-408a-b874-0445c86b69e6",
                "principalType": "ServicePrincipal",
            }
        },
    )
    client = SecretClient("https://kv-dev.vault.azure.net", credential, **azure.vault_options())
    assert client.get_secret("redis-url").value == "rediss://first"


@pytest.mark.usefixtures("in_app")
def test_an_identity_that_the_app_has_not_is_refused(azure: Azure) -> None:
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential(client_id=azure.tenant).get_token("https://vault.azure.net/.default")
    with pytest.raises(ClientAuthenticationError):
        ManagedIdentityCredential().get_token("https://vault.azure.net/.default")


def test_the_identity_endpoint_knows_apps_by_their_secret(azure: Azure, deployed: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{azure.served.ports['identity']}/msi/token"
    query = {"resource": "https://vault.azure.net", "api-version": "2019-08-01"}
    for headers in ({}, {"X-IDENTITY-HEADER": "wrong"}):
        response = requests.get(url, query, headers=headers, timeout=30)
        assert response.status_code == 401
        assert "access_token" not in response.json()
