"""The computed properties of the resource types, and their refusals with Azure's codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject, get
from modules.landscape import (
    SECRETS_USER,
    Landscape,
    app_properties,
    assigned,
    endpoint_properties,
    vault_properties,
)

Step = Callable[[Landscape], object]
PRINCIPAL = "11111111-1111-1111-1111-111111111111"
ROLE = {"principalId": PRINCIPAL, "roleDefinitionId": SECRETS_USER, "principalType": "ServicePrincipal"}


@pytest.fixture
def landscape(tmp_path: Path) -> Landscape:
    return Landscape(tmp_path / "state.sqlite")


def role(landscape: Landscape, scope: str, name: str = "22222222-2222-2222-2222-222222222222") -> str:
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"


def everything(one: Landscape) -> Landscape:
    return one.with_network().with_cache().with_zone().with_endpoint().with_vault().with_apps()


# Each row: what is there, what Azure refuses, its code, and the nearest thing that it takes.
REFUSALS: list[tuple[str, Step, Step, str, Step]] = [
    (
        "a resource in a group that is not there",
        lambda one: one.put(one.group),
        lambda one: one.put(one.cache.replace("/rg/", "/other/"), {}, sku={"name": "Balanced_B0"}),
        "ResourceGroupNotFound",
        lambda one: one.put(one.cache, {}, sku={"name": "Balanced_B0"}),
    ),
    (
        "a nested resource whose parent is not there",
        lambda one: one.put(one.group),
        lambda one: one.put(one.endpoints_subnet, {"addressPrefix": "10.0.0.0/24"}),
        "ParentResourceNotFound",
        lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}),
    ),
    (
        "a group without location",
        lambda one: None,
        lambda one: one.put(one.group, location=None),
        "LocationRequired",
        lambda one: one.put(one.group),
    ),
    (
        "a group that moves",
        lambda one: one.put(one.group),
        lambda one: one.put(one.group, location="northeurope"),
        "InvalidResourceGroupLocation",
        lambda one: one.put(one.group, location="West Europe"),
    ),
    (
        "a subnet outside its network",
        lambda one: one.with_network(),
        lambda one: one.put(f"{one.vnet}/subnets/more", {"addressPrefix": "10.1.0.0/24"}),
        "NetcfgSubnetRangeOutsideVnet",
        lambda one: one.put(f"{one.vnet}/subnets/more", {"addressPrefix": "10.0.255.0/24"}),
    ),
    (
        "a subnet that overlaps another",
        lambda one: one.with_network(),
        lambda one: one.put(f"{one.vnet}/subnets/more", {"addressPrefix": "10.0.1.0/24"}),
        "NetcfgSubnetRangesOverlap",
        lambda one: one.put(f"{one.vnet}/subnets/more", {"addressPrefix": "10.0.3.0/24"}),
    ),
    (
        "a range that is none",
        lambda one: one.put(one.group),
        lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.1/16"]}}),
        "InvalidCIDRNotation",
        lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}),
    ),
    (
        "deleting a subnet with a private endpoint",
        lambda one: one.with_network().with_cache().with_endpoint(),
        lambda one: one.delete(one.endpoints_subnet),
        "InUseSubnetCannotBeDeleted",
        lambda one: (one.delete(one.endpoint), one.delete(one.endpoints_subnet)),
    ),
    (
        "deleting a network whose subnet has an environment",
        lambda one: one.with_network().with_apps(),
        lambda one: one.delete(one.vnet),
        "InUseSubnetCannotBeDeleted",
        lambda one: (one.delete(one.app), one.delete(one.environment), one.delete(one.vnet)),
    ),
    (
        "taking a subnet in use out of the network's own list",
        lambda one: one.with_network().with_cache().with_endpoint(),
        lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": []}),
        "InUseSubnetCannotBeDeleted",
        lambda one: one.put(one.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}),
    ),
    (
        "an endpoint in a subnet that is not there",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties(f"{one.vnet}/subnets/no", one.cache, "redisEnterprise")),
        "InvalidResourceReference",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an endpoint whose subnet is no subnet",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties(one.vnet, one.cache, "redisEnterprise")),
        "InvalidResourceReference",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an endpoint to nothing",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.classic, "redisCache")),
        "InvalidResourceReference",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an endpoint to another service's sub-resource",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "vault")),
        "BadRequest",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an endpoint to no sub-resource",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache)),
        "MissingParameterOnPrivateLinkServiceConnection",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an endpoint to two sub-resources",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(
            one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise", "vault")
        ),
        "OnlyOneGroupIdPermitted",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "an id that is none",
        lambda one: one.with_network().with_cache(),
        lambda one: one.put(one.endpoint, endpoint_properties("endpoints", one.cache, "redisEnterprise")),
        "LinkedInvalidPropertyId",
        lambda one: one.put(one.endpoint, endpoint_properties(one.endpoints_subnet, one.cache, "redisEnterprise")),
    ),
    (
        "a zone in a region",
        lambda one: one.put(one.group),
        lambda one: one.put(one.zone),
        "LocationNotAvailableForResourceType",
        lambda one: one.put(one.zone, location="Global"),
    ),
    (
        "deleting a zone with links",
        lambda one: one.with_network().with_zone(),
        lambda one: one.delete(one.zone),
        "CannotDeleteResource",
        lambda one: (one.delete(f"{one.zone}/virtualNetworkLinks/vnet"), one.delete(one.zone)),
    ),
    (
        "a second link of a network to a zone of one name",
        lambda one: one.with_network().with_zone(),
        lambda one: one.put(
            f"{one.zone}/virtualNetworkLinks/again", {"virtualNetwork": {"id": one.vnet.upper()}}, location="global"
        ),
        "BadRequest",
        lambda one: one.put(
            f"{one.zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": one.vnet}}, location="global"
        ),
    ),
    (
        "a host name that is taken",
        lambda one: (one.put(one.group), one.put(f"{one.subscription}/resourceGroups/two"), one.with_cache()),
        lambda one: one.put(one.cache.replace("/rg/", "/two/").replace("/red", "/RED"), sku={"name": "Balanced_B0"}),
        "NameNotAvailable",
        lambda one: one.put(f"{one.cache.replace('/rg/', '/two/')}2", sku={"name": "Balanced_B0"}),
    ),
    (
        "a database of another name",
        lambda one: (one.put(one.group), one.put(one.cache, sku={"name": "Balanced_B0"})),
        lambda one: one.put(f"{one.cache}/databases/mine"),
        "InvalidDatabaseName",
        lambda one: one.put(one.database),
    ),
    (
        "listing keys that are not in use",
        lambda one: (one.put(one.group), one.with_cache(keys="Disabled")),
        lambda one: one.action(one.database, "listKeys"),
        "AccessKeysDisabled",
        lambda one: (one.with_cache(), one.action(one.database, "listKeys")),
    ),
    (
        "regenerating a key that there is not",
        lambda one: (one.put(one.group), one.with_cache()),
        lambda one: one.action(one.database, "regenerateKey", {"keyType": "Third"}),
        "InvalidRequestBody",
        lambda one: one.action(one.database, "regenerateKey", {"keyType": "Primary"}),
    ),
    (
        "another port for a database",
        lambda one: (one.put(one.group), one.with_cache()),
        lambda one: one.put(one.database, {"port": 10001}),
        "PropertyChangeNotAllowed",
        lambda one: one.put(one.database, {"port": 10000, "evictionPolicy": "NoEviction"}),
    ),
    (
        "a role twice, by another name",
        lambda one: (one.put(one.group), one.put(role(one, one.group), ROLE)),
        lambda one: one.put(role(one, one.group, "33333333-3333-3333-3333-333333333333"), ROLE),
        "RoleAssignmentExists",
        lambda one: (one.delete(role(one, one.group)), one.put(role(one, one.group), ROLE)),
    ),
    (
        "a role assignment whose name is no GUID",
        lambda one: one.put(one.group),
        lambda one: one.put(role(one, one.group, "mine"), ROLE),
        "InvalidRoleAssignmentId",
        lambda one: one.put(role(one, one.group), ROLE),
    ),
    (
        "a role for what is no principal",
        lambda one: one.put(one.group),
        lambda one: one.put(role(one, one.group), {**ROLE, "principalId": "me"}),
        "InvalidPrincipalId",
        lambda one: one.put(role(one, one.group), ROLE),
    ),
    (
        "a vault's name that another vault has",
        lambda one: (one.put(one.group), one.put(f"{one.subscription}/resourceGroups/two"), one.with_vault()),
        lambda one: one.put(one.vault.replace("/rg/", "/two/"), vault_properties()),
        "VaultAlreadyExists",
        lambda one: one.put(f"{one.vault.replace('/rg/', '/two/')}2", vault_properties()),
    ),
    (
        "a vault's name that a deleted vault has",
        lambda one: (one.put(one.group), one.with_vault(), one.delete(one.vault)),
        lambda one: one.put(one.vault, vault_properties()),
        "ConflictError",
        lambda one: one.put(one.vault, vault_properties(createMode="recover")),
    ),
    (
        "recovering what was never deleted",
        lambda one: one.put(one.group),
        lambda one: one.put(one.vault, vault_properties(createMode="recover")),
        "VaultNotFound",
        lambda one: one.put(one.vault, vault_properties(createMode="default")),
    ),
    (
        "turning purge protection off",
        lambda one: (one.put(one.group), one.with_vault(enablePurgeProtection=True)),
        lambda one: one.put(one.vault, vault_properties(enablePurgeProtection=False)),
        "BadRequest",
        lambda one: one.put(one.vault, vault_properties(enablePurgeProtection=True)),
    ),
    (
        "deleting a secret of a vault without public access",
        lambda one: (one.put(one.group), one.with_vault(), one.put(f"{one.vault}/secrets/s", {"value": "v"})),
        lambda one: one.delete(f"{one.vault}/secrets/s"),
        "Forbidden",
        lambda one: (one.with_vault(access="Enabled"), one.with_officer(), one.delete(f"{one.vault}/secrets/s")),
    ),
    (
        "a vault's name with two hyphens",
        lambda one: one.put(one.group),
        lambda one: one.put(one.vault.replace("kv-demo", "kv--demo"), vault_properties()),
        "VaultNameNotValid",
        lambda one: one.put(one.vault, vault_properties()),
    ),
    (
        "an environment in a subnet that is not delegated to it",
        lambda one: one.with_network(),
        lambda one: one.put(one.environment, {"vnetConfiguration": {"infrastructureSubnetId": one.endpoints_subnet}}),
        "ManagedEnvironmentSubnetDelegationError",
        lambda one: one.put(one.environment, {"vnetConfiguration": {"infrastructureSubnetId": one.apps_subnet}}),
    ),
    (
        "deleting an environment with apps",
        lambda one: one.with_network().with_apps(),
        lambda one: one.delete(one.environment),
        "ManagedEnvironmentHasContainerApps",
        lambda one: (one.delete(one.app), one.delete(one.environment)),
    ),
    (
        "an app in no environment",
        lambda one: one.with_network(),
        lambda one: one.put(one.app, app_properties(one.environment)),
        "ContainerAppInvalidEnvironmentId",
        lambda one: (one.put(one.environment), one.put(one.app, app_properties(one.environment))),
    ),
    (
        "a secretRef to a secret that is not there",
        lambda one: one.with_network().with_apps(),
        lambda one: one.put(one.app, app_properties(one.environment, configuration={"secrets": []})),
        "ContainerAppSecretRefNotFound",
        lambda one: one.put(one.app, app_properties(one.environment)),
    ),
    (
        "a secret with neither value nor reference",
        lambda one: one.with_network().with_apps(),
        lambda one: one.put(
            one.app, app_properties(one.environment, configuration={"secrets": [{"name": "redis-url"}]})
        ),
        "ContainerAppSecretInvalid",
        lambda one: one.put(one.app, app_properties(one.environment)),
    ),
    (
        "a name that no app may have",
        lambda one: one.with_network().with_apps(),
        lambda one: one.put(f"{one.app}_2", app_properties(one.environment)),
        "ContainerAppInvalidName",
        lambda one: one.put(f"{one.app}-2", app_properties(one.environment)),
    ),
    (
        "an identity that is not there",
        lambda one: one.with_network().with_apps(),
        lambda one: one.put(one.app, app_properties(one.environment), identity=assigned(f"{one.identity}2")),
        "FailedIdentityOperation",
        lambda one: one.put(one.app, app_properties(one.environment), identity=assigned(one.identity)),
    ),
    (
        "a diagnostic setting of what is not there",
        lambda one: (one.put(one.group), one.put(one.workspace)),
        lambda one: one.put(
            f"{one.cache}/providers/Microsoft.Insights/diagnosticSettings/d", {"workspaceId": one.workspace}
        ),
        "ResourceNotFound",
        lambda one: (
            one.with_cache(),
            one.put(f"{one.cache}/providers/Microsoft.Insights/diagnosticSettings/d", {"workspaceId": one.workspace}),
        ),
    ),
    (
        "a diagnostic setting that leads nowhere",
        lambda one: (one.put(one.group), one.with_cache(), one.put(one.workspace)),
        lambda one: one.put(f"{one.cache}/providers/Microsoft.Insights/diagnosticSettings/d", {"logs": []}),
        "BadRequest",
        lambda one: one.put(
            f"{one.cache}/providers/Microsoft.Insights/diagnosticSettings/d", {"workspaceId": one.workspace}
        ),
    ),
]


@pytest.mark.parametrize(
    ("there", "refused", "code", "legal"), [row[1:] for row in REFUSALS], ids=[r[0] for r in REFUSALS]
)
def test_azure_refuses(landscape: Landscape, there: Step, refused: Step, code: str, legal: Step) -> None:
    there(landscape)
    with pytest.raises(AzureError) as caught:
        refused(landscape)
    assert caught.value.code == code, caught.value.message
    assert "\n" not in str(caught.value)
    legal(landscape)


def test_a_refusal_leaves_everything_as_it_was(landscape: Landscape) -> None:
    landscape.with_network().with_cache().with_endpoint()
    before = landscape.get(landscape.vnet)
    with pytest.raises(AzureError):
        landscape.put(
            landscape.vnet,
            {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "new", "properties": {"addressPrefix": "10.0.9.0/24"}}],
            },
        )
    assert landscape.get(landscape.vnet) == before
    assert not landscape.exists(f"{landscape.vnet}/subnets/new")


def test_ids_are_one_in_any_case(landscape: Landscape) -> None:
    everything(landscape)
    assert landscape.get(landscape.app.upper()).id.text == landscape.app
    odd = landscape.endpoint.replace("Microsoft.Network/privateEndpoints", "microsoft.network/PRIVATEENDPOINTS") + "2"
    made = landscape.put(odd, endpoint_properties(landscape.endpoints_subnet.upper(), landscape.vault, "vault"))
    assert made.id.type == "Microsoft.Network/privateEndpoints"
    assert len(landscape.get(landscape.endpoints_subnet).properties["privateEndpoints"]) == 2


def test_deleting_a_group_deletes_what_is_in_it(landscape: Landscape) -> None:
    everything(landscape)
    landscape.delete(landscape.group)
    with landscape.model.store.transaction() as transaction:
        assert [one.id.type for one in transaction.under(landscape.subscription)] == [
            "Microsoft.KeyVault/locations/deletedVaults"
        ]


def test_a_reference_from_another_group_keeps_a_group(landscape: Landscape) -> None:
    landscape.with_network()
    other = landscape.app.replace("/rg/", "/two/").replace("containerApps/web", "managedEnvironments/env")
    landscape.put(f"{landscape.subscription}/resourceGroups/two")
    landscape.put(other, {"vnetConfiguration": {"infrastructureSubnetId": landscape.apps_subnet}})
    with pytest.raises(AzureError, match="InUseSubnetCannotBeDeleted"):
        landscape.delete(landscape.group)


# -- what the types work out


def test_generated_keys_hold_what_breaks_careless_urls_and_stay(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_cache().put(landscape.classic, {"sku": {"name": "Basic", "family": "C", "capacity": 0}})
    for owner in (landscape.database, landscape.classic):
        keys = landscape.action(owner, "listKeys")
        assert set(keys) == {"primaryKey", "secondaryKey"}
        for key in keys.values():
            assert len(key) == 44
            assert set("/+=") <= set(key)
        assert landscape.action(owner, "LISTKEYS") == keys
        rolled = landscape.action(owner, "regenerateKey", {"keyType": "Secondary"})
        assert rolled["primaryKey"] == keys["primaryKey"]
        assert rolled["secondaryKey"] != keys["secondaryKey"]
        assert landscape.action(owner, "listKeys") == rolled


def test_keys_are_in_no_body(landscape: Landscape) -> None:
    everything(landscape)
    key = landscape.action(landscape.database, "listKeys")["primaryKey"]
    with landscape.model.store.transaction() as transaction:
        assert all(key not in str(one.body) for one in transaction.under(landscape.subscription))


def test_host_names_and_ports(landscape: Landscape) -> None:
    everything(landscape).put(landscape.classic, {"sku": {"name": "Basic", "family": "C", "capacity": 0}})
    shown = {
        landscape.cache: {"hostName": "red.westeurope.redis.azure.net"},
        landscape.database: {"port": 10000},
        landscape.classic: {"hostName": "classic.redis.cache.windows.net", "port": 6379, "sslPort": 6380},
        landscape.vault: {"vaultUri": "https://kv-demo.vault.azure.net/"},
    }
    for resource_id, expected in shown.items():
        properties = landscape.get(resource_id).properties
        assert {name: properties[name] for name in expected} == expected


def test_private_addresses_leave_out_azures_own_and_return_when_free(landscape: Landscape) -> None:
    landscape.with_network().with_cache().with_vault()

    def address(endpoint: str, target: str, group: str) -> str:
        made = landscape.put(endpoint, endpoint_properties(landscape.endpoints_subnet, target, group))
        return made.properties["customDnsConfigs"][0]["ipAddresses"][0]

    second = f"{landscape.endpoint}2"
    assert address(landscape.endpoint, landscape.cache, "redisEnterprise") == "10.0.2.4"
    assert address(second, landscape.vault, "vault") == "10.0.2.5"
    assert address(landscape.endpoint, landscape.cache, "redisEnterprise") == "10.0.2.4", "a PUT keeps the address"
    landscape.delete(landscape.endpoint)
    assert address(f"{landscape.endpoint}3", landscape.cache, "redisEnterprise") == "10.0.2.4"


def test_an_endpoint_has_an_interface_and_shows_at_its_target(landscape: Landscape) -> None:
    landscape.with_network().with_cache().with_endpoint()
    interface = landscape.get(landscape.endpoint).properties["networkInterfaces"][0]["id"]
    assert get(landscape.get(interface).properties["ipConfigurations"][0], "properties.privateIPAddress") == "10.0.2.4"
    (connection,) = landscape.get(landscape.cache).properties["privateEndpointConnections"]
    assert get(connection, "properties.privateLinkServiceConnectionState.status") == "Approved"
    landscape.delete(landscape.endpoint)
    assert not landscape.exists(interface)
    assert landscape.get(landscape.cache).properties["privateEndpointConnections"] == []


@pytest.mark.parametrize(
    ("target", "group", "zone", "record"),
    [
        ("cache", "redisEnterprise", "privatelink.redis.azure.net", "red.westeurope"),
        ("classic", "redisCache", "privatelink.redis.cache.windows.net", "classic"),
        ("vault", "vault", "privatelink.vaultcore.azure.net", "kv-demo"),
        ("cache", "redisEnterprise", "privatelink.redis.cache.windows.net", None),
    ],
)
def test_a_zone_group_writes_the_record_of_its_own_service_only(
    landscape: Landscape, target: str, group: str, zone: str, record: str | None
) -> None:
    landscape.with_network().with_cache().with_vault()
    landscape.put(landscape.classic, {"sku": {"name": "Basic", "family": "C", "capacity": 0}})
    landscape.with_endpoint(getattr(landscape, target), group)
    zone_id = landscape.zone.replace("privatelink.redis.azure.net", zone)
    landscape.put(zone_id, location="global")
    config = {"name": "zone", "properties": {"privateDnsZoneId": zone_id}}
    group_id = f"{landscape.endpoint}/privateDnsZoneGroups/default"
    landscape.put(group_id, {"privateDnsZoneConfigs": [config]}, location=None)
    records = landscape.model.list("Microsoft.Network/privateDnsZones/A", zone_id)
    assert [one.id.name for one in records] == ([record] if record else [])
    if records:
        assert records[0].properties["aRecords"] == [{"ipv4Address": "10.0.2.4"}]
    landscape.delete(group_id)
    assert landscape.model.list("Microsoft.Network/privateDnsZones/A", zone_id) == []


def test_a_vault_comes_back_with_its_secrets(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_vault().put(f"{landscape.vault}/secrets/s", {"value": "v"})
    uri = landscape.get(f"{landscape.vault}/secrets/s").properties["secretUriWithVersion"]
    landscape.delete(landscape.vault)
    assert not landscape.exists(f"{landscape.vault}/secrets/s")
    landscape.put(landscape.vault, vault_properties(createMode="recover"))
    assert landscape.get(f"{landscape.vault}/secrets/s").properties["secretUriWithVersion"] == uri
    assert landscape.model.list("Microsoft.KeyVault/locations/deletedVaults") == []


def test_a_recovered_vault_has_its_settings_of_before_and_no_role_assignments(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    rules = {"networkAcls": {"defaultAction": "Deny", "bypass": "None"}}
    landscape.put(landscape.vault, vault_properties(publicNetworkAccess="Disabled", **rules), tags={"app": "shop"})
    assignment = (
        f"{landscape.vault}/providers/Microsoft.Authorization/roleAssignments/{'0' * 8}-0000-0000-0000-{'1' * 12}"
    )
    landscape.put(assignment, ROLE, location=None)
    landscape.delete(landscape.vault)
    recovery = vault_properties(createMode="recover", publicNetworkAccess="Enabled", softDeleteRetentionInDays=7)
    recovered = landscape.put(landscape.vault, recovery, tags={"app": "other"})
    assert recovered.body["tags"] == {"app": "shop"}
    properties = recovered.properties
    assert (properties["publicNetworkAccess"], properties["softDeleteRetentionInDays"]) == ("Disabled", 90)
    assert properties["networkAcls"] == rules["networkAcls"]
    assert not landscape.exists(assignment)
    opened = landscape.put(landscape.vault, vault_properties(publicNetworkAccess="Enabled"))
    assert opened.properties["publicNetworkAccess"] == "Enabled", "the next PUT is a change like any other"


def test_a_purged_vault_gives_its_name_back(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_vault().delete(landscape.vault)
    (deleted,) = landscape.model.list("Microsoft.KeyVault/locations/deletedVaults")
    landscape.action(deleted.id.text, "purge")
    landscape.with_vault()


def test_a_changed_secret_is_a_new_version_and_never_returned(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    secret = f"{landscape.with_vault().vault}/secrets/s"

    def versioned(value: str) -> str:
        shown = landscape.put(secret, {"value": value})
        assert "value" not in shown.properties
        assert shown.properties["secretUri"] == "https://kv-demo.vault.azure.net/secrets/s"
        return shown.properties["secretUriWithVersion"]

    first = versioned("one")
    assert re.fullmatch(r"https://kv-demo\.vault\.azure\.net/secrets/s/[0-9a-f]{32}", first)
    assert versioned("one") == first
    assert versioned("two") != first


def test_a_put_removes_what_it_leaves_out_of_an_ingress(landscape: Landscape) -> None:
    """https://github.com/microsoft/azure-container-apps/issues/1429, /957 and /1243: whatever az or the portal set."""
    landscape.with_network().with_apps()
    outside = {
        "customDomains": [{"name": "www.example.org", "bindingType": "Disabled"}],
        "ipSecurityRestrictions": [{"name": "office", "ipAddressRange": "192.0.2.0/24", "action": "Allow"}],
        "stickySessions": {"affinity": "sticky"},
        "corsPolicy": {"allowedOrigins": ["https://example.org"]},
    }
    properties = app_properties(landscape.environment)
    ingress = properties["configuration"]["ingress"]

    def put(**added: Any) -> JsonObject:
        configuration = {**properties["configuration"], "ingress": {**ingress, **added}}
        given = {**properties, "configuration": configuration}
        shown = landscape.put(landscape.app, given, identity=assigned(landscape.identity))
        return shown.properties["configuration"]["ingress"]

    assert outside.items() <= put(**outside).items()
    assert not put(targetPort=8001).keys() & outside.keys()


def test_an_apps_template_makes_revisions_and_nothing_else_does(landscape: Landscape) -> None:
    landscape.with_network().with_apps()

    def revision(**changes: Any) -> str:
        properties = app_properties(landscape.environment, **changes)
        return landscape.put(landscape.app, properties, identity=assigned(landscape.identity)).properties[
            "latestRevisionName"
        ]

    first = landscape.get(landscape.app).properties["latestRevisionName"]
    assert first == "web--0000001"
    secret = {"secrets": [{"name": "redis-url", "value": "another"}]}
    assert revision(configuration=secret) == first, "a changed secret restarts nothing"
    second = revision(image="app:2")
    assert second != first
    assert revision(image="app:2") == second
    revisions = landscape.model.list("Microsoft.App/containerApps/revisions", landscape.app)
    assert {one.id.name: one.properties["active"] for one in revisions} == {first: False, second: True}


@pytest.mark.parametrize(("external", "infix"), [(True, ""), (False, ".internal")])
def test_an_apps_names_lie_in_the_environments_domain(landscape: Landscape, external: bool, infix: str) -> None:
    landscape.with_network().with_apps()
    domain = landscape.get(landscape.environment).properties["defaultDomain"]
    assert re.fullmatch(r"[a-z]+-[0-9a-f]{8}\.westeurope\.azurecontainerapps\.io", domain)
    configuration = {"secrets": [{"name": "redis-url", "value": "v"}], "ingress": {"external": external}}
    shown = landscape.put(landscape.app, app_properties(landscape.environment, configuration=configuration))
    assert get(shown.body, "properties.configuration.ingress.fqdn") == f"web{infix}.{domain}"
    assert shown.properties["latestRevisionFqdn"] == f"{shown.properties['latestRevisionName']}{infix}.{domain}"


def test_an_apps_secret_values_come_back_by_their_own_call_only(landscape: Landscape) -> None:
    landscape.with_network().with_apps()
    assert "s3cret" not in str(landscape.get(landscape.app).body)
    assert landscape.action(landscape.app, "listSecrets") == {"value": [{"name": "redis-url", "value": "s3cret"}]}


def test_an_assigned_identity_comes_back_with_its_ids(landscape: Landscape) -> None:
    landscape.with_network().with_apps()
    identity = landscape.get(landscape.identity).properties
    shown = landscape.get(landscape.app).body["identity"]["userAssignedIdentities"]
    assert shown == {landscape.identity: {name: identity[name] for name in ("clientId", "principalId")}}


def test_a_read_only_value_that_was_made_up_stays(landscape: Landscape) -> None:
    everything(landscape)
    for resource_id in (landscape.identity, landscape.environment, landscape.vnet, landscape.zone):
        before = landscape.get(resource_id)
        before.properties.pop("subnets", None)  # resources of their own, with times of their own
        after = landscape.put(resource_id, before.properties, location=before.location)
        after.properties.pop("subnets", None)
        assert after.properties == before.properties, resource_id
        assert after.revision > before.revision
        assert after.etag != before.etag
