"""Microsoft's clients of key vaults: the control plane, and the data plane with its challenge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from arm.landscape import GROUP, Azure
from local_azure.arm.tokens import Principal
from local_azure.arm.vault import Gate
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.resource_types.key_vault.access import Place
from local_azure.resource_types.role_definitions import BUILT_IN_ROLES

OFFICER = "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
USER = "4633458b-17de-408a-b874-0445c86b69e6"
ASSIGNMENT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def vaults(azure: Azure, deployed: dict[str, str]) -> KeyVaultManagementClient:
    return azure.client(KeyVaultManagementClient)


@pytest.fixture
def assign(azure: Azure) -> Callable[[str, str], None]:
    """Assign a role to the caller at a scope, by Microsoft's client."""
    client = azure.client(AuthorizationManagementClient)

    def run(role: str, scope: str) -> None:
        client.role_assignments.create(
            scope,
            ASSIGNMENT,
            {
                "properties": {
                    "roleDefinitionId": f"/subscriptions/{azure.subscription}/providers/"
                    f"Microsoft.Authorization/roleDefinitions/{role}",
                    "principalId": azure.model.tenant.object_id,
                    "principalType": "ServicePrincipal",
                }
            },
        )

    return run


@pytest.fixture
def unassigned(azure: Azure, deployed: dict[str, str]) -> SecretClient:
    """A client whose caller has no role on the vault: owning it gives none in its data plane."""
    return SecretClient("https://kv-dev.vault.azure.net", azure.credential(), **azure.vault_options())


@pytest.fixture
def secrets(unassigned: SecretClient, assign: Callable[[str, str], None], deployed: dict[str, str]) -> SecretClient:
    assign(OFFICER, deployed["vault"])
    return unassigned


def _inner_code(error: HttpResponseError) -> str:
    inner = error.error.innererror if error.error else None  # pyright: ignore[reportAttributeAccessIssue]
    return str(inner["code"] if isinstance(inner, dict) else getattr(inner, "code", inner))


def test_a_vault_reads_back(vaults: KeyVaultManagementClient, deployed: dict[str, str]) -> None:
    vault = vaults.vaults.get(GROUP, "kv-dev")
    assert (vault.id, vault.properties.vault_uri) == (deployed["vault"], "https://kv-dev.vault.azure.net/")
    assert vault.properties.enable_rbac_authorization is True
    assert vault.properties.sku.name == "standard"
    assert [one.name for one in vaults.vaults.list_by_subscription()] == ["kv-dev"]
    assert [one.name for one in vaults.vaults.list_by_resource_group(GROUP)] == ["kv-dev"]
    secret = vaults.secrets.get(GROUP, "kv-dev", "redis-url")
    assert secret.properties.value is None
    assert str(secret.properties.secret_uri_with_version).startswith(
        "https://kv-dev.vault.azure.net/secrets/redis-url/"
    )


def test_a_vault_is_created_changed_deleted_and_purged(azure: Azure, vaults: KeyVaultManagementClient) -> None:
    body = {
        "location": "westeurope",
        "properties": {
            "tenantId": azure.tenant,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [],
        },
    }
    assert vaults.vaults.begin_create_or_update(GROUP, "kv-two", body).result().properties.soft_delete_retention_in_days
    changed = vaults.vaults.update(GROUP, "kv-two", {"properties": {"publicNetworkAccess": "Disabled"}})
    assert changed.properties.public_network_access == "Disabled"
    vaults.vaults.delete(GROUP, "kv-two")
    assert [one.name for one in vaults.vaults.list_deleted()] == ["kv-two"]
    with pytest.raises(HttpResponseError) as refused:
        vaults.vaults.begin_create_or_update(GROUP, "kv-two", body).result()
    assert refused.value.error
    assert refused.value.error.code == "ConflictError"
    vaults.vaults.begin_purge_deleted("kv-two", "westeurope").result()
    vaults.vaults.begin_create_or_update(GROUP, "kv-two", body).result()


def test_a_secret_of_the_control_plane_is_written_and_never_read(
    azure: Azure, vaults: KeyVaultManagementClient
) -> None:
    body = {"properties": {"value": "v", "contentType": "text/plain", "attributes": {"enabled": True}}}
    made = vaults.secrets.create_or_update(GROUP, "kv-dev", "mine", body)
    updated = vaults.secrets.update(GROUP, "kv-dev", "mine", {"tags": {"a": "b"}})
    assert (updated.tags, updated.properties.content_type) == ({"a": "b"}, "text/plain")
    assert updated.properties.secret_uri_with_version == made.properties.secret_uri_with_version
    changed = vaults.secrets.update(GROUP, "kv-dev", "mine", {"properties": {"value": "w"}})
    assert changed.properties.secret_uri_with_version != made.properties.secret_uri_with_version
    assert changed.properties.value is None
    assert {one.name for one in vaults.secrets.list(GROUP, "kv-dev")} == {"redis-url", "mine"}


def test_a_secret_of_the_control_plane_cannot_be_deleted_there(azure: Azure, deployed: dict[str, str]) -> None:
    client = azure.client(ResourceManagementClient)
    with pytest.raises(HttpResponseError) as refused:
        client.resources.begin_delete_by_id(deployed["secret"], api_version="2024-11-01").result()
    assert refused.value.status_code == 405


def test_without_a_role_the_data_plane_is_shut(unassigned: SecretClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        unassigned.get_secret("redis-url")
    assert refused.value.status_code == 403
    assert _inner_code(refused.value) == "ForbiddenByRbac"
    assert "rediss://first" not in str(refused.value)


def test_a_reader_of_secrets_reads_and_does_not_write(
    unassigned: SecretClient, assign: Callable[[str, str], None], deployed: dict[str, str]
) -> None:
    assign(USER, deployed["vault"].split("/providers/")[0])
    assert unassigned.get_secret("redis-url").value == "rediss://first", "roles are inherited from the group"
    with pytest.raises(HttpResponseError) as refused:
        unassigned.set_secret("redis-url", "other")
    assert _inner_code(refused.value) == "ForbiddenByRbac"


def test_a_role_on_one_secret_opens_no_other(
    unassigned: SecretClient, assign: Callable[[str, str], None], deployed: dict[str, str], azure: Azure
) -> None:
    azure.put("Microsoft.KeyVault/vaults/secrets", "kv-dev", "other", properties={"value": "x"})
    assign(USER, deployed["secret"])
    assert unassigned.get_secret("redis-url").value == "rediss://first"
    with pytest.raises(HttpResponseError):
        unassigned.get_secret("other")


def test_each_value_set_is_a_version_of_its_own(secrets: SecretClient, vaults: KeyVaultManagementClient) -> None:
    first = secrets.get_secret("redis-url")
    second = secrets.set_secret("redis-url", "rediss://second", content_type="text/plain", tags={"a": "b"})
    assert second.properties.version != first.properties.version
    assert secrets.get_secret("redis-url").value == "rediss://second"
    assert secrets.get_secret("redis-url", first.properties.version).value == "rediss://first"
    same = secrets.set_secret("redis-url", "rediss://second")
    versions = [one.version for one in secrets.list_properties_of_secret_versions("redis-url")]
    assert sorted(map(str, versions)) == sorted(
        map(str, (first.properties.version, second.properties.version, same.properties.version))
    )
    shown = vaults.secrets.get(GROUP, "kv-dev", "redis-url")
    assert str(shown.properties.secret_uri_with_version).endswith(f"/{same.properties.version}"), (
        "the control plane shows the change, so that a refresh of a stack does"
    )


def test_what_is_said_of_a_version_changes_without_its_value(secrets: SecretClient) -> None:
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    updated = secrets.update_secret_properties("redis-url", content_type="text/plain", expires_on=expires)
    assert (updated.content_type, updated.expires_on) == ("text/plain", expires)
    assert secrets.get_secret("redis-url").value == "rediss://first"


def test_a_disabled_secret_is_not_read(secrets: SecretClient) -> None:
    secrets.update_secret_properties("redis-url", enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        secrets.get_secret("redis-url")
    assert refused.value.status_code == 403


def test_a_deleted_secret_keeps_its_name_and_is_recovered(secrets: SecretClient) -> None:
    secrets.set_secret("doomed", "value", tags={"a": "b"})
    deleted = secrets.begin_delete_secret("doomed").result()
    assert deleted.recovery_id == "https://kv-dev.vault.azure.net/deletedsecrets/doomed"
    assert deleted.scheduled_purge_date
    assert deleted.deleted_date
    with pytest.raises(ResourceNotFoundError) as absent:
        secrets.get_secret("doomed")
    assert absent.value.error
    assert absent.value.error.code == "SecretNotFound"
    with pytest.raises(ResourceExistsError):
        secrets.set_secret("doomed", "again")
    assert [one.name for one in secrets.list_deleted_secrets()] == ["doomed"]
    secrets.begin_recover_deleted_secret("doomed").wait()
    recovered = secrets.get_secret("doomed")
    assert (recovered.value, recovered.properties.tags) == ("value", {"a": "b"})


def test_a_purged_secret_frees_its_name(secrets: SecretClient) -> None:
    secrets.set_secret("doomed", "value")
    secrets.begin_delete_secret("doomed").wait()
    secrets.purge_deleted_secret("doomed")
    with pytest.raises(ResourceNotFoundError):
        secrets.get_deleted_secret("doomed")
    assert secrets.set_secret("doomed", "again").value == "again"


def test_purge_protection_holds_a_deleted_secret(
    azure: Azure, secrets: SecretClient, vaults: KeyVaultManagementClient
) -> None:
    vaults.vaults.update(GROUP, "kv-dev", {"properties": {"enablePurgeProtection": True}})
    secrets.begin_delete_secret("redis-url").wait()
    with pytest.raises(HttpResponseError) as refused:
        secrets.purge_deleted_secret("redis-url")
    assert refused.value.status_code == 403


def test_secrets_are_listed_in_pages(secrets: SecretClient) -> None:
    for number in range(5):
        secrets.set_secret(f"s{number}", "v")
    pages = [list(one) for one in secrets.list_properties_of_secrets(max_page_size=2).by_page()]
    assert [len(one) for one in pages] == [2, 2, 2]
    assert {one.name for page in pages for one in page} == {"redis-url", "s0", "s1", "s2", "s3", "s4"}


def test_access_policies_open_a_vault_without_roles(azure: Azure, vaults: KeyVaultManagementClient) -> None:
    policy = {
        "tenantId": azure.tenant,
        "objectId": azure.model.tenant.object_id,
        "permissions": {"secrets": ["get", "set"]},
    }
    vaults.vaults.begin_create_or_update(
        GROUP,
        "kv-policy",
        {
            "location": "westeurope",
            "properties": {
                "tenantId": azure.tenant,
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": False,
                "accessPolicies": [policy],
            },
        },
    ).result()
    client = SecretClient("https://kv-policy.vault.azure.net", azure.credential(), **azure.vault_options())
    client.set_secret("name", "value")
    assert client.get_secret("name").value == "value"
    with pytest.raises(HttpResponseError) as refused:
        list(client.list_properties_of_secrets())
    assert _inner_code(refused.value) == "AccessDenied"


def test_a_vault_without_public_access_shuts_callers_outside_out(
    secrets: SecretClient, vaults: KeyVaultManagementClient
) -> None:
    vaults.vaults.update(GROUP, "kv-dev", {"properties": {"publicNetworkAccess": "Disabled"}})
    with pytest.raises(HttpResponseError) as refused:
        secrets.get_secret("redis-url")
    assert refused.value.status_code == 403
    assert _inner_code(refused.value) == "ForbiddenByConnection"


def test_a_vaults_firewall_lets_listed_addresses_in(secrets: SecretClient, vaults: KeyVaultManagementClient) -> None:
    rules = {"defaultAction": "Deny", "bypass": "None", "ipRules": [], "virtualNetworkRules": []}
    vaults.vaults.update(GROUP, "kv-dev", {"properties": {"networkAcls": rules}})
    with pytest.raises(HttpResponseError) as refused:
        secrets.get_secret("redis-url")
    assert _inner_code(refused.value) == "ForbiddenByFirewall"
    vaults.vaults.update(
        GROUP, "kv-dev", {"properties": {"networkAcls": {**rules, "ipRules": [{"value": "127.0.0.1"}]}}}
    )
    assert secrets.get_secret("redis-url").value == "rediss://first"


def test_an_unknown_vault_has_no_secrets(azure: Azure, deployed: dict[str, str]) -> None:
    client = SecretClient("https://kv-absent.vault.azure.net", azure.credential(), **azure.vault_options())
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("name")


def test_the_proxy_leads_a_vaults_name_nowhere_but_to_its_port(azure: Azure, deployed: dict[str, str]) -> None:
    proxy = f"http://127.0.0.1:{azure.served.ports['vault-proxy']}"
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get("https://kv-dev.vault.azure.net:444", proxies={"https": proxy}, timeout=10)


def test_the_ids_of_built_in_roles_are_unique() -> None:
    assert len({one.id for one in BUILT_IN_ROLES}) == len({one.name for one in BUILT_IN_ROLES}) == len(BUILT_IN_ROLES)


def test_a_caller_inside_the_network_gets_in_by_an_approved_endpoint(azure: Azure, deployed: dict[str, str]) -> None:
    azure.put(
        "Microsoft.Network/privateEndpoints",
        "pe-vault",
        location="westeurope",
        properties={
            "subnet": {"id": deployed["endpoints"]},
            "privateLinkServiceConnections": [
                {"name": "vault", "properties": {"privateLinkServiceId": deployed["vault"], "groupIds": ["vault"]}}
            ],
        },
    )
    vault_id = ArmId.parse(deployed["vault"])
    azure.model.put(
        vault_id,
        azure.model.get(vault_id).body
        | {"properties": {**azure.model.get(vault_id).properties, "publicNetworkAccess": "Disabled"}},
    )
    inside = Place(ArmId.parse(deployed["apps"]), ("10.0.0.9",))
    elsewhere = azure.id("Microsoft.Network/virtualNetworks/subnets", "elsewhere", "apps")

    def enter(place: Place) -> None:
        with azure.model.work() as work:
            Gate(work, work.existing(vault_id), Principal("o", "c")).require_way_in(place)

    with pytest.raises(AzureError, match="Public network access is disabled"):
        enter(inside)  # nothing leads the vault's name to the endpoint yet
    zone = "privatelink.vaultcore.azure.net"
    azure.put("Microsoft.Network/privateDnsZones", zone, location="global")
    azure.put(
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        zone,
        "vnet-dev",
        location="global",
        properties={"virtualNetwork": {"id": deployed["network"]}, "registrationEnabled": False},
    )
    config = {"privateDnsZoneId": str(azure.id("Microsoft.Network/privateDnsZones", zone))}
    azure.put(
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
        "pe-vault",
        "default",
        properties={"privateDnsZoneConfigs": [{"name": "vault", "properties": config}]},
    )
    enter(inside)
    for outside in (Place(addresses=("10.0.0.9",)), Place(elsewhere, ("10.0.0.9",))):
        with pytest.raises(AzureError, match="Public network access is disabled"):
            enter(outside)
