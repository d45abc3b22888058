"""The azure-native provider as the engine sees it: checks, previews, differences, states and functions."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.provider import PropertyDiffKind

from local_azure.control_plane.model import Model
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.core.values import UNKNOWN, JsonObject, get
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.provider.property_values import to_plain, to_properties
from modules.landscape import Engine, Landscape, Secret, endpoint_properties

GROUP = "azure-native:resources:ResourceGroup"
VNET = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
REDIS = "azure-native:redis:Redis"
VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"
APP = "azure-native:app:ContainerApp"
ENVIRONMENT = "azure-native:app:ManagedEnvironment"
ROLE = "azure-native:authorization:RoleAssignment"
SKU = {"name": "Basic", "family": "C", "capacity": 0}
CACHE: JsonObject = {"resourceGroupName": "rg", "name": "cache", "location": "westeurope", "sku": SKU}
TENANT = "00000000-0000-0000-0000-000000000001"
VAULT_INPUTS: JsonObject = {
    "resourceGroupName": "rg",
    "vaultName": "kv-demo",
    "location": "westeurope",
    "properties": {
        "tenantId": TENANT,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "publicNetworkAccess": "Disabled",
    },
}


@pytest.fixture
def landscape(tmp_path: Path) -> Landscape:
    one = Landscape(tmp_path / "state.sqlite")
    one.put(one.group)
    return one


@pytest.fixture
def engine(landscape: Landscape) -> Engine:
    engine = Engine(AzureNativeProvider(landscape.model))
    engine.configure(location="westeurope")
    return engine


# -- check


@pytest.mark.parametrize(
    ("token", "inputs", "name_input", "pattern"),
    [
        (GROUP, {}, "resourceGroupName", r"name[0-9a-f]{8}"),
        (REDIS, {**CACHE, "name": None}, "name", r"name[0-9a-f]{8}"),
        (SECRET, {"resourceGroupName": "rg", "vaultName": "v", "properties": {}}, "secretName", r"name"),
        (ROLE, {"scope": "s", "principalId": "p", "roleDefinitionId": "r"}, "roleAssignmentName", r"[0-9a-f-]{36}"),
    ],
)
def test_an_omitted_name_is_made_up_from_the_seed(
    engine: Engine, token: str, inputs: JsonObject, name_input: str, pattern: str
) -> None:
    first, failures = engine.check(token, inputs, seed=b"one")
    assert failures == []
    assert re.fullmatch(pattern, first[name_input])
    assert engine.check(token, inputs, seed=b"one")[0] == first, "a preview and its update agree"
    assert engine.check(token, inputs, old=first, seed=b"two")[0] == first, "a name is kept"
    if pattern != "name":
        assert engine.check(token, inputs, seed=b"two")[0] != first, "a replacement gets another"


def test_an_omitted_location_is_the_providers_or_else_the_groups(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    engine = Engine(AzureNativeProvider(landscape.model))
    inputs = {**CACHE, "location": None}
    assert engine.check(REDIS, inputs)[0]["location"] == "westeurope", "the group's"
    assert engine.check(REDIS, {**inputs, "resourceGroupName": UNKNOWN})[0]["location"] is UNKNOWN
    engine.configure(location="northeurope")
    assert engine.check(REDIS, inputs)[0]["location"] == "northeurope"


def test_a_check_tells_every_fault_with_its_path(engine: Engine) -> None:
    inputs = {**VAULT_INPUTS, "properties": {"tenantId": "t", "sku": {"family": "A", "name": "gold"}}, "extra": 1}
    assert {path for path, _ in engine.check(VAULT, inputs)[1]} == {"properties.sku.name", "extra"}


def test_a_refusal_leaves_out_the_value_of_a_secret(engine: Engine) -> None:
    _, failures = engine.check(REDIS, {**CACHE, "minimumTlsVersion": Secret("s3cret"), "updateChannel": "Fast"})
    assert failures == [
        ("minimumTlsVersion", "must be one of 1.0, 1.1, 1.2"),
        ("updateChannel", "must be one of Stable, Preview, not 'Fast'"),
    ]


def test_a_text_that_should_be_an_id_may_be_a_secret(landscape: Landscape) -> None:
    landscape.with_network()
    with pytest.raises(AzureError, match="LinkedInvalidPropertyId") as caught:
        landscape.put(landscape.endpoint, endpoint_properties("s3cret/key=", landscape.vault, "vault"))
    assert "s3cret" not in str(caught.value)


def test_a_check_leaves_secrets_secret_and_unknowns_unknown(engine: Engine) -> None:
    provider = engine.provider
    assert isinstance(provider, AzureNativeProvider)
    inputs = {**CACHE, "tags": {"a": Secret("s"), "b": UNKNOWN}}
    checked, failures = engine.check(REDIS, inputs)
    assert failures == []
    assert checked["tags"] == {"a": "s", "b": UNKNOWN}


# -- previews


def test_a_preview_echoes_inputs_and_leaves_the_rest_unknown(engine: Engine, landscape: Landscape) -> None:
    resource_id, preview = engine.create(REDIS, {**CACHE, "tags": {"a": UNKNOWN}}, preview=True)
    assert resource_id is None
    values = preview.values
    assert values["name"] == "cache"
    assert values["sku"] == SKU
    assert values["tags"] == {"a": UNKNOWN}
    assert values["hostName"] is UNKNOWN
    assert "resourceGroupName" not in values
    assert not landscape.exists(landscape.classic)


def test_a_name_whose_input_is_called_otherwise_is_unknown_until_it_is_made(engine: Engine) -> None:
    """So that a function asked in an `apply` of it does not run in a preview, before there is anything to ask."""
    assert engine.create(GROUP, {"resourceGroupName": "rg2"}, preview=True)[1].values["name"] is UNKNOWN


def test_a_preview_knows_what_azure_adds_inside_an_object(engine: Engine) -> None:
    properties = engine.create(VAULT, VAULT_INPUTS, preview=True)[1].values["properties"]
    assert properties["tenantId"] == TENANT
    assert properties["provisioningState"] is UNKNOWN


def test_a_preview_and_its_update_have_one_shape(engine: Engine, landscape: Landscape) -> None:
    """What a preview knows, the update must confirm."""
    landscape.with_network().with_apps()
    inputs = {
        "resourceGroupName": "rg",
        "containerAppName": "other",
        "location": "West Europe",
        "environmentId": landscape.environment,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [landscape.identity]},
        "configuration": {"secrets": [{"name": "a", "value": "v"}]},
        "template": {"containers": [{"name": "c", "image": "i:1"}]},
    }
    preview = engine.create(APP, inputs, preview=True)[1].values
    actual = engine.create(APP, inputs)[1].values
    assert_confirmed(preview, actual, "")
    assert preview["identity"]["userAssignedIdentities"][landscape.identity]["clientId"] is UNKNOWN


def assert_confirmed(preview: Any, actual: Any, path: str) -> None:
    if preview is UNKNOWN:
        return
    if isinstance(preview, dict):
        for name, value in preview.items():
            inner = actual.get(name) if isinstance(actual, dict) else None
            assert_confirmed(value, inner, f"{path}.{name}")
    elif isinstance(preview, list):
        for index, value in enumerate(preview):
            assert_confirmed(value, actual[index], f"{path}[{index}]")
    else:
        assert preview == actual, path


def test_an_update_is_previewed_too(engine: Engine, landscape: Landscape) -> None:
    resource_id, state = engine.create(REDIS, CACHE)
    assert resource_id
    preview = engine.update(
        REDIS, resource_id, {**CACHE, "tags": {"a": "b"}}, preview=True, outputs=state.values
    ).values
    assert preview["tags"] == {"a": "b"}
    assert preview["name"] == "cache"
    assert preview["hostName"] is UNKNOWN
    assert "tags" not in landscape.get(resource_id).body


# -- creation, state and secrets


def test_what_is_created_has_azures_shape(engine: Engine, landscape: Landscape) -> None:
    resource_id, state = engine.create(REDIS, {**CACHE, "location": "West Europe", "minimumTlsVersion": "1.2"})
    assert resource_id == f"{landscape.group}/providers/Microsoft.Cache/redis/cache"
    expected = {
        "name": "cache",
        "type": "Microsoft.Cache/redis",
        "location": "westeurope",
        "provisioningState": "Succeeded",
        "hostName": "cache.redis.cache.windows.net",
        "sslPort": 6380,
        "minimumTlsVersion": "1.2",
        "azureApiVersion": "2024-11-01",
    }
    assert {name: state.values[name] for name in expected} == expected
    assert "resourceGroupName" not in state.values
    assert landscape.get(resource_id).properties["minimumTlsVersion"] == "1.2", "the model has ARM's form"


def test_a_secret_input_makes_its_output_secret(engine: Engine) -> None:
    _, state = engine.create(REDIS, {**CACHE, "tags": {"open": "o", "hidden": Secret("h")}})
    assert state.values["tags"] == {"open": "o", "hidden": "h"}
    assert state.secrets == [("tags", "hidden")]


def test_the_secrets_of_a_list_that_comes_back_as_a_map_stay_secret(engine: Engine, landscape: Landscape) -> None:
    landscape.put(landscape.identity)
    identity = {"type": "UserAssigned", "userAssignedIdentities": [Secret(landscape.identity)]}
    _, state = engine.create(REDIS, {**CACHE, "identity": identity})
    assert ("identity", "userAssignedIdentities") in state.secrets


def test_a_write_only_value_is_in_no_output(engine: Engine, landscape: Landscape) -> None:
    landscape.with_vault()
    inputs = {
        "resourceGroupName": "rg",
        "vaultName": "kv-demo",
        "secretName": "s",
        "properties": {"value": Secret("s3cret"), "contentType": "text"},
    }
    resource_id, state = engine.create(SECRET, inputs)
    assert "s3cret" not in str(state.values)
    assert state.values["properties"]["contentType"] == "text"
    assert resource_id
    assert "s3cret" not in str(engine.read(SECRET, resource_id, state.values, inputs)[1].values)


def test_what_exists_is_not_created_again(engine: Engine) -> None:
    engine.create(REDIS, CACHE)
    with pytest.raises(AzureError, match="cannot create already existing resource"):
        engine.create(REDIS, {**CACHE, "name": "CACHE"})


def test_state_survives_a_restart(engine: Engine, landscape: Landscape, tmp_path: Path) -> None:
    resource_id, state = engine.create(REDIS, CACHE)
    assert resource_id
    keys = landscape.action(resource_id, "listKeys")
    landscape.model.store.close()
    again = Model(Store(tmp_path / "state.sqlite"))
    restarted = Engine(AzureNativeProvider(again))
    assert restarted.read(REDIS, resource_id, state.values, CACHE)[1].values == state.values
    result, _ = restarted.invoke("azure-native:redis:listRedisKeys", name="cache", resourceGroupName="rg")
    assert result == keys


def test_requests_at_the_same_time_do_not_meet(landscape: Landscape) -> None:
    landscape.with_network()
    model = landscape.model

    async def all_at_once() -> None:
        await asyncio.gather(
            *(
                asyncio.to_thread(
                    model.put,
                    ArmId.parse(f"{landscape.vnet}/subnets/s{number}"),
                    {"properties": {"addressPrefix": f"10.0.{number}.0/24"}},
                )
                for number in range(10, 60)
            )
        )

    asyncio.run(all_at_once())
    assert len(landscape.get(landscape.vnet).properties["subnets"]) == 52


# -- differences


@pytest.mark.parametrize(
    ("token", "old", "new", "changed", "replaced"),
    [
        (REDIS, CACHE, CACHE, [], []),
        (REDIS, CACHE, {**CACHE, "location": "West Europe"}, [], []),
        (REDIS, CACHE, {**CACHE, "resourceGroupName": "RG"}, [], []),
        (REDIS, CACHE, {**CACHE, "tags": {"a": "b"}}, ["tags"], []),
        (REDIS, CACHE, {**CACHE, "sku": {**SKU, "capacity": 1}}, ["sku.capacity"], []),
        (REDIS, CACHE, {**CACHE, "location": "northeurope"}, ["location"], ["location"]),
        (REDIS, CACHE, {**CACHE, "name": "other"}, ["name"], ["name"]),
        (REDIS, CACHE, {**CACHE, "name": UNKNOWN}, ["name"], ["name"]),
        (REDIS, CACHE, {**CACHE, "zones": ["1"]}, ["zones"], ["zones"]),
        (REDIS, {**CACHE, "tags": {"a": "1"}}, {**CACHE, "tags": {"b": UNKNOWN}}, ["tags.a", "tags.b"], []),
        (REDIS, {**CACHE, "__createBeforeDelete": True}, CACHE, [], []),
        (
            VNET,
            {"subnets": [{"name": "a", "addressPrefix": "1"}]},
            {"subnets": [{"name": "a", "addressPrefix": "2"}, {"name": "b"}]},
            ["subnets[0].addressPrefix", "subnets[1]"],
            [],
        ),
        (
            ENVIRONMENT,
            {"environmentName": "e"},
            {"environmentName": "e", "vnetConfiguration": {"infrastructureSubnetId": "s"}},
            ["vnetConfiguration"],
            ["vnetConfiguration"],
        ),
        (
            ENVIRONMENT,
            {"vnetConfiguration": {"infrastructureSubnetId": "/subscriptions/A"}},
            {"vnetConfiguration": {"infrastructureSubnetId": "/subscriptions/a"}},
            [],
            [],
        ),
        (
            "azure-native:network:PrivateEndpoint",
            {"privateLinkServiceConnections": [{"name": "a", "groupIds": ["vault"]}]},
            {"privateLinkServiceConnections": [{"name": "a", "groupIds": ["redisCache"]}]},
            ["privateLinkServiceConnections[0].groupIds[0]"],
            [],
        ),
        (
            "azure-native:sql:Database",
            {"serverName": "a", "databaseName": "d"},
            {"serverName": "b", "databaseName": "d"},
            ["serverName"],
            ["serverName"],
        ),
    ],
)
def test_a_difference_is_told_in_detail_and_replaces_where_azure_needs_it(
    engine: Engine, token: str, old: JsonObject, new: JsonObject, changed: list[str], replaced: list[str]
) -> None:
    response = engine.diff(token, old, new)
    assert sorted(response.detailed_diff) == changed
    assert response.replaces == replaced
    assert response.changes == bool(changed)
    kinds = {path: diff.kind.name.endswith("_REPLACE") for path, diff in response.detailed_diff.items()}
    assert {path for path, replaces in kinds.items() if replaces} == set(replaced)


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        (CACHE, {**CACHE, "location": "northeurope"}, True),
        (CACHE, {**CACHE, "location": "northeurope", "name": "other"}, False),
        ({**CACHE, "__createBeforeDelete": True}, {**CACHE, "location": "northeurope"}, False),
        (CACHE, {**CACHE, "tags": {}}, False),
    ],
    ids=["the same explicit name", "another name", "a made-up name", "no replacement"],
)
def test_the_old_goes_first_only_where_the_names_would_meet(
    engine: Engine, old: JsonObject, new: JsonObject, first: bool
) -> None:
    assert engine.diff(REDIS, old, new).delete_before_replace is first


def test_saying_what_azure_filled_in_replaces_nothing(engine: Engine) -> None:
    old = {"resourceGroupName": "rg", "environmentName": "e", "location": "westeurope"}
    response = engine.diff(ENVIRONMENT, old, {**old, "zoneRedundant": False}, {"zoneRedundant": False})
    assert response.replaces == []
    assert response.detailed_diff["zoneRedundant"].kind is PropertyDiffKind.ADD
    assert engine.diff(ENVIRONMENT, old, {**old, "zoneRedundant": True}, {"zoneRedundant": False}).replaces


# -- reading


def test_reading_what_did_not_change_changes_nothing(engine: Engine, landscape: Landscape) -> None:
    inputs = {**CACHE, "location": "West Europe", "identity": {"type": "SystemAssigned"}}
    resource_id, state = engine.create(REDIS, inputs)
    assert resource_id
    read_id, outputs, read_inputs = engine.read(REDIS, resource_id, state.values, inputs)
    assert (read_id, outputs.values, read_inputs.values) == (resource_id, state.values, inputs)


def test_reading_shows_what_changed_behind_the_programs_back(engine: Engine, landscape: Landscape) -> None:
    inputs = {**CACHE, "publicNetworkAccess": "Disabled", "tags": {"kept": "1", "changed": "1"}}
    resource_id, state = engine.create(REDIS, inputs)
    assert resource_id
    drifted = landscape.get(resource_id)
    drifted.properties["publicNetworkAccess"] = "Enabled"
    landscape.put(resource_id, drifted.properties, tags={"kept": "1", "changed": "2", "new": "3"})
    seen = engine.read(REDIS, resource_id, state.values, inputs)[2].values
    assert seen["publicNetworkAccess"] == "Enabled"
    assert seen["tags"] == {"kept": "1", "changed": "2", "new": "3"}
    assert seen["sku"] == SKU
    assert seen["resourceGroupName"] == "rg"
    assert set(engine.diff(REDIS, seen, inputs).detailed_diff) == {"publicNetworkAccess", "tags.changed", "tags.new"}


def test_subnets_of_their_own_are_no_change_of_the_network(engine: Engine, landscape: Landscape) -> None:
    inputs = {
        "resourceGroupName": "rg",
        "virtualNetworkName": "vnet",
        "location": "westeurope",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
    }
    vnet_id, state = engine.create(VNET, inputs)
    assert vnet_id
    subnet = {
        "resourceGroupName": "rg",
        "virtualNetworkName": "vnet",
        "subnetName": "s",
        "addressPrefix": "10.0.0.0/24",
    }
    engine.create(SUBNET, subnet)
    _, outputs, seen = engine.read(VNET, vnet_id, state.values, inputs)
    assert [one["name"] for one in outputs.values["subnets"]] == ["s"]
    assert seen.values == inputs
    assert engine.update(VNET, vnet_id, {**inputs, "tags": {"a": "b"}}).values["subnets"][0]["addressPrefix"]


def test_what_is_gone_reads_as_gone(engine: Engine, landscape: Landscape) -> None:
    resource_id, state = engine.create(REDIS, CACHE)
    assert resource_id
    engine.delete(REDIS, resource_id)
    engine.delete(REDIS, resource_id)
    assert engine.read(REDIS, resource_id, state.values, CACHE)[0] is None


def test_a_resource_is_read_by_its_id_alone(engine: Engine) -> None:
    """For `pulumi import` and the SDK's `get`."""
    resource_id, state = engine.create(VAULT, VAULT_INPUTS)
    assert resource_id
    _, outputs, inputs = engine.read(VAULT, resource_id)
    assert outputs.values == state.values
    assert inputs.values["vaultName"] == "kv-demo"
    assert inputs.values["resourceGroupName"] == "rg"
    assert get(inputs.values, "properties.enableRbacAuthorization") is True
    assert engine.check(VAULT, inputs.values)[1] == []


def test_an_id_of_another_type_is_refused(engine: Engine, landscape: Landscape) -> None:
    with pytest.raises(AzureError, match="LinkedInvalidPropertyId"):
        engine.read(REDIS, landscape.vault)


# -- functions


def test_a_function_reads_a_resource(engine: Engine) -> None:
    engine.create(REDIS, CACHE)
    result, _ = engine.invoke("azure-native:redis:getRedis", name="cache", resourceGroupName="rg")
    assert result["hostName"] == "cache.redis.cache.windows.net"
    assert result["id"].endswith("/redis/cache")


def test_the_client_has_an_identity(engine: Engine, landscape: Landscape) -> None:
    result, _ = engine.invoke("azure-native:authorization:getClientConfig")
    assert set(result) == {"clientId", "objectId", "subscriptionId", "tenantId"}
    assert landscape.subscription.endswith(result["subscriptionId"])


@pytest.mark.parametrize(
    ("arguments", "path"),
    [({"resourceGroupName": "rg"}, "name"), ({"resourceGroupName": "rg", "name": "c", "extra": 1}, "extra")],
)
def test_wrong_arguments_are_refused(engine: Engine, arguments: JsonObject, path: str) -> None:
    _, failures = engine.invoke("azure-native:redis:listRedisKeys", **arguments)
    assert [one for one, _ in failures] == [path]


@pytest.mark.parametrize(
    ("token", "code"),
    [("azure-native:redis:listRedisKeys", "ResourceNotFound"), ("azure-native:redis:getRedis", "ResourceNotFound")],
)
def test_a_function_of_nothing_is_refused(engine: Engine, token: str, code: str) -> None:
    with pytest.raises(AzureError, match=code):
        engine.invoke(token, name="cache", resourceGroupName="rg")


def test_a_function_without_behaviour_is_refused_clearly(engine: Engine) -> None:
    with pytest.raises(AzureError, match=r"listStorageAccountSAS.*is not in the local Azure"):
        engine.invoke(
            "azure-native:storage:listStorageAccountSAS",
            accountName="a",
            permissions="r",
            resourceGroupName="rg",
            resourceTypes="s",
            services="b",
            sharedAccessExpiryTime="t",
        )


# -- types without behaviour of their own


@pytest.mark.parametrize(
    ("token", "inputs", "resource_type"),
    [
        (
            "azure-native:network:NetworkSecurityGroup",
            {"networkSecurityGroupName": "nsg", "location": "westeurope"},
            "Microsoft.Network/networkSecurityGroups",
        ),
        (
            "azure-native:web:AppServicePlan",
            {"name": "plan", "location": "westeurope", "sku": {"name": "B1"}},
            "Microsoft.Web/appServicePlans",
        ),
        (
            "azure-native:redis:FirewallRule",
            {"cacheName": "cache", "ruleName": "r", "startIP": "1.1.1.1", "endIP": "1.1.1.2"},
            "Microsoft.Cache/redis/firewallRules",
        ),
    ],
)
def test_any_type_of_the_sdk_can_be_made_read_and_deleted(
    engine: Engine, landscape: Landscape, token: str, inputs: JsonObject, resource_type: str
) -> None:
    inputs = {"resourceGroupName": "rg", **inputs}
    if token.endswith("FirewallRule"):
        landscape.put(f"{landscape.group}/providers/Microsoft.Cache/redis/cache", {"sku": SKU})
    resource_id, state = engine.create(token, inputs)
    assert resource_id
    assert state.values["type"] == resource_type
    assert engine.read(token, resource_id, state.values, inputs)[2].values == inputs
    assert engine.diff(token, inputs, {**inputs, "location": "northeurope"}).replaces == ["location"]
    engine.delete(token, resource_id)
    assert engine.read(token, resource_id, state.values, inputs)[0] is None


def test_an_output_that_a_program_needs_is_made_up_by_its_name(engine: Engine) -> None:
    inputs = {"resourceGroupName": "rg", "name": "site", "location": "westeurope"}
    values = engine.create("azure-native:web:WebApp", inputs)[1].values
    assert values["defaultHostName"] == "site.web.azure.net"


def test_the_keys_of_a_storage_account_are_listed(engine: Engine) -> None:
    account = {"accountName": "store", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "resourceGroupName": "rg"}
    inputs, failures = engine.check("azure-native:storage:StorageAccount", account)
    assert failures == []
    _, state = engine.create("azure-native:storage:StorageAccount", inputs)
    assert state.values["primaryEndpoints"]["blob"] == "https://store.blob.core.windows.net/"
    listed, _ = engine.invoke(
        "azure-native:storage:listStorageAccountKeys", accountName="store", resourceGroupName="rg"
    )
    assert [(one["keyName"], len(one["value"])) for one in listed["keys"]] == [("key1", 88), ("key2", 88)]


def test_a_password_of_any_type_is_write_only(engine: Engine, landscape: Landscape) -> None:
    inputs = {
        "resourceGroupName": "rg",
        "serverName": "pg",
        "location": "westeurope",
        "administratorLogin": "admin",
        "administratorLoginPassword": "s3cret",
    }
    resource_id, state = engine.create("azure-native:dbforpostgresql:Server", inputs)
    assert resource_id
    assert "s3cret" not in str(state.values)
    assert "s3cret" not in str(landscape.get(resource_id).body)


# -- values


@pytest.mark.parametrize(
    "value", [True, 1, 1.5, "text", UNKNOWN, ["a", UNKNOWN, {"b": 1}], {"a": {"b": [1, 2]}}, [], {}]
)
def test_values_keep_their_form_on_the_way(value: Any) -> None:
    assert to_plain(to_properties({"value": value})).values == {"value": value}
