"""What Azure refuses of vaults, their secrets, and the references of apps to them; row by row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject
from modules.landscape import Landscape, assigned, vault_properties
from rules.apps import (
    SECRET_URL,
    VAULT_ZONE,
    grant,
    private_vault,
    public_vault,
    referring,
    secret,
    vault,
    version_url,
    with_app,
    with_environment,
)
from rules.cases import Refusal, Step, check

TEMPLATE = "InvalidParameterValueInContainerTemplate"
URL = "properties.configuration.secrets[0].keyVaultUrl"
TENANT = "00000000-0000-0000-0000-000000000001"
READER = "/providers/Microsoft.Authorization/roleDefinitions/21090545-7ca7-4776-b22c-e363652d74d2"
OFFICER = "/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
ADMINISTRATOR = "/providers/Microsoft.Authorization/roleDefinitions/00482a5a-887f-4fb3-b363-3b7fe8e74483"


def group(one: Landscape) -> None:
    one.put(one.group)


def a_vault(one: Landscape) -> None:
    one.put(one.group)
    one.with_vault()


def delete_secret(one: Landscape) -> None:
    one.delete(f"{one.vault}/secrets/redis-url")


def caller_may(one: Landscape, *secrets: str) -> JsonObject:
    """Return a vault that lets the caller do this with secrets."""
    tenant = str(vault_properties()["tenantId"])
    policy = {"tenantId": tenant, "objectId": one.model.tenant.object_id, "permissions": {"secrets": list(secrets)}}
    return {"enableRbacAuthorization": False, "accessPolicies": [policy]}


def deleted_vault(one: Landscape) -> None:
    a_vault(one)
    one.delete(one.vault)


def deleted_secret(one: Landscape) -> None:
    """As the data plane leaves a secret that was deleted there."""
    deleted = ArmId.parse(one.vault).child("deletedSecrets", "redis-url")
    with one.model.store.transaction() as transaction:
        transaction.save(Resource(deleted, {"id": deleted.text, "name": deleted.name, "properties": {}}))


def elsewhere(one: Landscape) -> str:
    one.put(f"{one.subscription}/resourceGroups/two")
    return one.vault.replace("/rg/", "/two/")


def policy(**changes: Any) -> JsonObject:
    return {"tenantId": TENANT, "objectId": TENANT, "permissions": {"secrets": ["get"]}, **changes}


def policies(*given: JsonObject) -> Step:
    return vault(enableRbacAuthorization=False, accessPolicies=list(given))


def acls(**given: Any) -> Step:
    return vault(networkAcls={"bypass": "None", "defaultAction": "Deny", **given})


def with_service_endpoint(one: Landscape) -> object:
    services = [{"service": "Microsoft.KeyVault"}]
    body = {"addressPrefix": "10.0.2.0/24", "serviceEndpoints": services}
    return one.put(one.endpoints_subnet, body, location=None)


VAULTS = [
    *(
        Refusal(
            f"the vault name '{wrong}'",
            group,
            lambda one, wrong=wrong: one.put(one.vault.replace("kv-demo", wrong), vault_properties()),
            "VaultNameNotValid",
            wrong,
            lambda one, right=right: one.put(one.vault.replace("kv-demo", right), vault_properties()),
        )
        for wrong, right in (("kv", "kv1"), ("k" * 25, "k" * 24), ("1kv", "kv1"), ("kv--1", "kv-1"), ("kv-", "kv0"))
    ),
    Refusal(
        "a vault's name that another vault has",
        lambda one: (a_vault(one), elsewhere(one)),
        lambda one: one.put(one.vault.replace("/rg/", "/two/").replace("kv-demo", "KV-Demo"), vault_properties()),
        "VaultAlreadyExists",
        "vaults/KV-Demo",
        lambda one: one.put(one.vault.replace("/rg/", "/two/").replace("kv-demo", "kv-demo2"), vault_properties()),
    ),
    Refusal(
        "a vault's name that a deleted vault keeps",
        deleted_vault,
        vault(),
        "ConflictError",
        "properties.createMode",
        vault(createMode="recover"),
    ),
    Refusal(
        "recovering a vault in another group",
        lambda one: (deleted_vault(one), elsewhere(one)),
        lambda one: one.put(one.vault.replace("/rg/", "/two/"), vault_properties(createMode="recover")),
        "VaultAlreadyExists",
        "properties.createMode",
        vault(createMode="recover"),
    ),
    Refusal(
        "recovering a vault in another region",
        deleted_vault,
        lambda one: one.put(one.vault, vault_properties(createMode="recover"), location="northeurope"),
        "VaultAlreadyExists",
        "location",
        vault(createMode="recover"),
    ),
    Refusal(
        "recovering what was never deleted",
        group,
        vault(createMode="recover"),
        "VaultNotFound",
        "properties.createMode",
        vault(createMode="default"),
    ),
    Refusal(
        "purging a vault with purge protection",
        lambda one: (group(one), vault(enablePurgeProtection=True)(one), one.delete(one.vault)),
        lambda one: one.action(deleted_id(one), "purge"),
        "MethodNotAllowed",
        "deletedVaults/kv-demo",
        vault(createMode="recover"),
    ),
    Refusal(
        "turning purge protection off",
        lambda one: (group(one), vault(enablePurgeProtection=True)(one)),
        vault(enablePurgeProtection=False),
        "BadRequest",
        "properties.enablePurgeProtection",
        vault(),
    ),
    Refusal(
        "asking a new vault for no purge protection",
        group,
        vault(enablePurgeProtection=False),
        "BadRequest",
        "properties.enablePurgeProtection",
        vault(),
    ),
    Refusal(
        "turning soft delete off",
        a_vault,
        vault(enableSoftDelete=False),
        "BadRequest",
        "properties.enableSoftDelete",
        vault(enableSoftDelete=True),
    ),
    Refusal(
        "a retention of six days",
        group,
        vault(softDeleteRetentionInDays=6),
        "BadRequest",
        "properties.softDeleteRetentionInDays",
        vault(softDeleteRetentionInDays=7),
    ),
    Refusal(
        "a retention of 91 days",
        group,
        vault(softDeleteRetentionInDays=91),
        "BadRequest",
        "properties.softDeleteRetentionInDays",
        vault(softDeleteRetentionInDays=90),
    ),
    Refusal(
        "another retention",
        a_vault,
        vault(softDeleteRetentionInDays=7),
        "BadRequest",
        "properties.softDeleteRetentionInDays",
        vault(softDeleteRetentionInDays=90),
        "can't be modified",
    ),
    Refusal(
        "a tenant that is no GUID",
        group,
        vault(tenantId="contoso"),
        "BadRequest",
        "properties.tenantId",
        vault(),
    ),
    Refusal(
        "a vault without any access model",
        group,
        vault(enableRbacAuthorization=False),
        "BadRequest",
        "properties.accessPolicies",
        vault(enableRbacAuthorization=False, accessPolicies=[]),
    ),
    *(
        Refusal(
            f"an access policy with a wrong {target}",
            group,
            policies(policy(**wrong)),
            "BadRequest",
            f"properties.accessPolicies[0].{target}",
            policies(policy()),
            "An invalid value was provided for 'accessPolicies'",
        )
        for wrong, target in (
            ({"objectId": "me"}, "objectId"),
            ({"tenantId": TENANT.replace("1", "2")}, "tenantId"),
            ({"permissions": {"secrets": ["get", " list"]}}, "permissions.secrets[1]"),
            ({"permissions": {"secrets": ["read"]}}, "permissions.secrets[0]"),
        )
    ),
    Refusal(
        "too many access policies",
        group,
        policies(*[policy()] * 1025),
        "BadRequest",
        "properties.accessPolicies",
        policies(*[policy()] * 1024),
    ),
    *(
        Refusal(
            f"the address rule '{wrong}'",
            group,
            acls(ipRules=[{"value": wrong}]),
            "BadRequest",
            "properties.networkAcls.ipRules[0].value",
            acls(ipRules=[{"value": right}]),
        )
        for wrong, right in (("office", "20.1.2.3"), ("10.0.0.0/8", "20.0.0.0/8"), ("20.1.2.3/24", "20.1.2.0/24"))
    ),
    Refusal(
        "a network rule for a subnet without service endpoint",
        lambda one: one.with_network(),
        lambda one: acls(virtualNetworkRules=[{"id": one.endpoints_subnet}])(one),
        "VirtualNetworkNotValid",
        "properties.networkAcls.virtualNetworkRules[0].id",
        lambda one: (
            with_service_endpoint(one),
            acls(virtualNetworkRules=[{"id": one.endpoints_subnet}])(one),
        ),
        "SubnetsHaveNoServiceEndpointsConfigured",
    ),
    Refusal(
        "a network rule for a subnet that is not there",
        lambda one: one.with_network(),
        lambda one: acls(virtualNetworkRules=[{"id": f"{one.vnet}/subnets/no"}])(one),
        "InvalidResourceReference",
        "properties.networkAcls.virtualNetworkRules[0].id",
        acls(),
    ),
    # -- secrets
    Refusal(
        "a secret's name with an underscore",
        a_vault,
        lambda one: one.put(f"{one.vault}/secrets/redis_url", {"value": "v"}, location=None),
        "InvalidSecretName",
        "redis_url",
        secret(),
    ),
    Refusal(
        "a secret's name of 128 characters",
        a_vault,
        lambda one: one.put(f"{one.vault}/secrets/{'s' * 128}", {"value": "v"}, location=None),
        "InvalidSecretName",
        "s" * 128,
        lambda one: one.put(f"{one.vault}/secrets/{'s' * 127}", {"value": "v"}, location=None),
    ),
    Refusal("a secret without value", a_vault, secret(""), "BadParameter", "properties.value", secret()),
    Refusal(
        "a secret of more than 25 kB",
        a_vault,
        secret("v" * 25601),
        "BadParameter",
        "properties.value",
        secret("v" * 25600),
    ),
    Refusal(
        "a secret that expires before it begins",
        a_vault,
        secret(attributes={"nbf": 200, "exp": 100}),
        "BadParameter",
        "properties.attributes.exp",
        secret(attributes={"nbf": 100, "exp": 200}),
    ),
    Refusal(
        "the name of a deleted secret",
        lambda one: (a_vault(one), deleted_secret(one)),
        secret(),
        "Conflict",
        "secrets/redis-url",
        lambda one: one.put(f"{one.vault}/secrets/redis-url2", {"value": "v"}, location=None),
        "deleted but recoverable",
    ),
    Refusal(
        "a secret of no vault",
        group,
        secret(),
        "ParentResourceNotFound",
        "",
        lambda one: (one.with_vault(), secret()(one)),
    ),
    Refusal(
        "deleting a secret of a vault without public access",
        lambda one: (a_vault(one), one.with_officer(), secret()(one)),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda one: (vault(publicNetworkAccess="Enabled")(one), delete_secret(one)),
        "Public network access is disabled",
    ),
    Refusal(
        "deleting a secret from outside of the vault's firewall",
        lambda one: (
            a_vault(one),
            one.with_officer(),
            vault(networkAcls={"defaultAction": "Deny"})(one),
            secret()(one),
        ),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda one: (vault(networkAcls={"defaultAction": "Allow"})(one), delete_secret(one)),
        "Client address is not authorized",
    ),
    Refusal(
        "deleting a secret without a role for what is in the vault",
        lambda one: (one.put(one.group), vault()(one), secret()(one)),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda one: (one.with_officer(), delete_secret(one)),
        "Caller is not authorized",
    ),
    Refusal(
        "deleting a secret without an access policy that says so",
        lambda one: (one.put(one.group), vault(**caller_may(one, "get", "list", "set"))(one), secret()(one)),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda one: (vault(**caller_may(one, "delete"))(one), delete_secret(one)),
        "Caller is not authorized",
    ),
]


def deleted_id(one: Landscape) -> str:
    return f"{one.subscription}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-demo"


# -- references of apps


def without_role(one: Landscape) -> None:
    with_environment(one)
    one.with_vault("Enabled")
    secret()(one)


def by_policy(one: Landscape) -> object:
    principal = one.get(one.identity).properties["principalId"]
    given = policy(objectId=principal)
    properties = {"enableRbacAuthorization": False, "accessPolicies": [given], "publicNetworkAccess": "Enabled"}
    one.put(one.vault, vault_properties(**properties))
    return referring()(one)


def not_yet(one: Landscape) -> None:
    """Create a role that takes effect in an hour."""
    public_vault(one)
    in_force(one, datetime.now(UTC) + timedelta(hours=1))


def in_force(one: Landscape, moment: datetime) -> None:
    with one.model.store.transaction() as transaction:
        (assignment,) = transaction.of_type("Microsoft.Authorization/roleAssignments")
        assignment.secrets["inForceFrom"] = moment.isoformat()
        transaction.save(assignment)


def empty(one: Landscape) -> None:
    public_vault(one)
    one.put(f"{one.vault}/secrets/redis-url", {"value": ""}, location=None)


def disabled(one: Landscape) -> None:
    public_vault(one)
    secret(attributes={"enabled": False})(one)


def reject(one: Landscape) -> None:
    """Withdraw the vault owner's approval of the connection."""
    set_connection(one, "Rejected")


def set_connection(one: Landscape, status: str) -> None:
    with one.model.store.transaction() as transaction:
        endpoint = transaction.get(one.endpoint)
        assert endpoint
        (connection,) = endpoint.properties["privateLinkServiceConnections"]
        connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
        transaction.save(endpoint)


def zone_id(one: Landscape) -> str:
    return one.zone.replace("privatelink.redis.azure.net", VAULT_ZONE)


def link(one: Landscape) -> Resource:
    body = {"virtualNetwork": {"id": one.vnet}}
    return one.put(f"{zone_id(one)}/virtualNetworkLinks/vnet", body, location="global")


def zone_group(one: Landscape) -> Resource:
    config = {"name": "zone", "properties": {"privateDnsZoneId": zone_id(one)}}
    return one.put(f"{one.endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None)


def outbound(one: Landscape) -> str:
    with one.model.store.transaction() as transaction:
        stored = transaction.get(one.environment)
    assert stored
    return str(stored.secrets["outboundAddress"])


def shut(one: Landscape, **rules: Any) -> Resource:
    """Return the vault's public access for listed callers only."""
    acls = {"bypass": "AzureServices", "defaultAction": "Deny", **rules}
    return one.put(one.vault, vault_properties(publicNetworkAccess="Enabled", networkAcls=acls))


def unreadable(name: str, given: Step, neighbour: Step, words: str, call: Step | None = None) -> Refusal:
    return Refusal(name, given, call or referring(), TEMPLATE, URL, neighbour, words)


REFERENCES = [
    *(
        Refusal(
            f"a reference to '{wrong}'",
            public_vault,
            referring(wrong),
            "ContainerAppSecretKeyVaultUrlInvalid",
            URL,
            referring(SECRET_URL),
        )
        for wrong in (
            "kv-demo/redis-url",
            "http://kv-demo.vault.azure.net/secrets/redis-url",
            "https://kv-demo..vault.azure.net/secrets/redis-url",
            "https://kv-demo.vault.azure.cn/secrets/redis-url",
            "https://kv-demo.vault.azure.net/keys/redis-url",
            "https://kv-demo.vault.azure.net/secrets/redis_url",
            f"{SECRET_URL}/latest",
        )
    ),
    unreadable(
        "a vault that is not there",
        public_vault,
        referring(),
        "there is no vault",
        referring("https://kv-other.vault.azure.net/secrets/redis-url"),
    ),
    unreadable(
        "a vault that was deleted",
        lambda one: (public_vault(one), one.delete(one.vault)),
        lambda one: (vault(createMode="recover")(one), grant(name=2)(one), referring()(one)),
        "there is no vault",
    ),
    unreadable(
        "a secret that is not there",
        public_vault,
        referring(),
        "has no secret",
        referring("https://kv-demo.vault.azure.net/secrets/other"),
    ),
    unreadable(
        "a version that is not there",
        public_vault,
        lambda one: referring(version_url(one))(one),
        "in version",
        referring(f"{SECRET_URL}/{'0' * 32}"),
    ),
    unreadable("a secret without a value", empty, lambda one: (secret()(one), referring()(one)), "is empty"),
    unreadable("a secret that is disabled", disabled, lambda one: (secret()(one), referring()(one)), "is disabled"),
    unreadable(
        "an identity without role",
        without_role,
        lambda one: (grant()(one), referring()(one)),
        "unable to fetch secret 'redis-url' using Managed identity",
    ),
    unreadable(
        "an identity that only sees names",
        lambda one: (without_role(one), grant(role=READER)(one)),
        lambda one: (grant(role=OFFICER, name=2)(one), referring()(one)),
        "may not read",
    ),
    unreadable(
        "a role on another vault",
        lambda one: (without_role(one), one.put(f"{one.vault}2", vault_properties()), grant_other(one)),
        lambda one: (grant("group", ADMINISTRATOR, 2)(one), referring()(one)),
        "may not read",
    ),
    unreadable(
        "a role that is not in force yet",
        not_yet,
        lambda one: (in_force(one, datetime.now(UTC)), referring()(one)),
        "(yet)",
    ),
    unreadable(
        "an access policy that only lists",
        lambda one: (without_role(one), listing_policy(one)),
        by_policy,
        "may not read",
    ),
    unreadable(
        "a system-assigned identity of a new app, which nobody can have given a role",
        public_vault,
        referring(),
        "may not read",
        lambda one: referring(identity="system", identity_body={"type": "SystemAssigned"})(one),
    ),
    unreadable(
        "no endpoint and no public access",
        lambda one: (without_role(one), grant()(one), one.with_vault("Disabled")),
        lambda one: (one.with_vault("Enabled"), referring()(one)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "a private zone that is not linked",
        lambda one: private_vault(one, link=False),
        lambda one: (link(one), referring()(one)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "a linked zone without the record",
        lambda one: private_vault(one, zone=False),
        lambda one: (zone_group(one), referring()(one)),
        "has no record of it",
    ),
    unreadable(
        "a connection that was rejected",
        lambda one: (private_vault(one), reject(one)),
        lambda one: (set_connection(one, "Approved"), referring()(one)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "an endpoint in another network",
        lambda one: endpoint_elsewhere(one),
        lambda one: (one.with_vault("Enabled"), one.delete(one.endpoint), referring()(one)),
        "no approved private endpoint in the network",
    ),
    unreadable(
        "a firewall that does not let the environment in",
        lambda one: (public_vault(one), shut(one)),
        lambda one: (shut(one, ipRules=[{"value": outbound(one)}]), referring()(one)),
        "ForbiddenByFirewall",
    ),
    unreadable(
        "a firewall that lets another subnet in",
        lambda one: (public_vault(one), with_service_endpoint(one), let_in(one, one.endpoints_subnet)),
        lambda one: (let_in(one, one.apps_subnet, missing=True), referring()(one)),
        "ForbiddenByFirewall",
    ),
]


def let_in(one: Landscape, subnet: str, missing: bool = False) -> Resource:
    return shut(one, virtualNetworkRules=[{"id": subnet, "ignoreMissingVnetServiceEndpoint": missing}])


def grant_other(one: Landscape) -> object:
    """Return a role on the vault beside the one that the app reads."""
    principal = one.get(one.identity).properties["principalId"]
    name = "99999999-0000-0000-0000-000000000000"
    body = {
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": ADMINISTRATOR,
    }
    return one.put(f"{one.vault}2/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None)


def listing_policy(one: Landscape) -> object:
    principal = one.get(one.identity).properties["principalId"]
    given = policy(objectId=principal, permissions={"secrets": ["list", "set"]})
    properties = {"enableRbacAuthorization": False, "accessPolicies": [given], "publicNetworkAccess": "Enabled"}
    return one.put(one.vault, vault_properties(**properties))


def endpoint_elsewhere(one: Landscape) -> None:
    """Create the vault's endpoint in a network of its own, and its record in the zone that the apps' network is linked
    to.
    """
    with_environment(one)
    one.with_vault()
    secret()(one)
    grant()(one)
    other = one.vnet.replace("/vnet", "/other")
    one.put(other, {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}})
    one.put(f"{other}/subnets/endpoints", {"addressPrefix": "10.9.0.0/24"}, location=None)
    connection = {"name": "one", "properties": {"privateLinkServiceId": one.vault, "groupIds": ["vault"]}}
    body = {"subnet": {"id": f"{other}/subnets/endpoints"}, "privateLinkServiceConnections": [connection]}
    one.put(one.endpoint, body)
    one.put(zone_id(one), location="global")
    link(one)
    zone_group(one)


@pytest.mark.parametrize("refusal", [*VAULTS, *REFERENCES], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_a_refusal_of_a_reference_never_tells_the_value(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    without_role(one)
    secret("rediss://hidden")(one)
    with pytest.raises(AzureError) as caught:
        referring()(one)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("through the private endpoint", private_vault),
        ("through public access", public_vault),
        ("by a role on the group", lambda one: (without_role(one), grant("group")(one))),
        ("by a role on the subscription", lambda one: (without_role(one), grant("subscription")(one))),
        ("by a role on the secret alone", lambda one: (without_role(one), grant_on_secret(one))),
        ("when it has expired", lambda one: (public_vault(one), secret(attributes={"exp": 1})(one))),
        ("when it is not valid yet", lambda one: (public_vault(one), secret(attributes={"nbf": 2**33})(one))),
        ("when a fallback is set", lambda one: (private_vault(one, zone=False, link=False), fall_back(one))),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_reference_is_read(name: str, given: Callable[[Landscape], object], tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    given(one)
    referring()(one)


def grant_on_secret(one: Landscape) -> object:
    principal = one.get(one.identity).properties["principalId"]
    name = "99999999-0000-0000-0000-000000000000"
    body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": OFFICER}
    scope = f"{one.vault}/secrets/redis-url"
    return one.put(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None)


def fall_back(one: Landscape) -> None:
    """Let the link of a zone without the name fall back to the public address."""
    body = {"virtualNetwork": {"id": one.vnet}, "resolutionPolicy": "NxDomainRedirect"}
    one.put(f"{zone_id(one)}/virtualNetworkLinks/vnet", body, location="global")
    one.with_vault("Enabled")


def test_a_system_assigned_identity_reads_once_it_has_a_role(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    public_vault(one)
    with_app(one)
    both = {**assigned(one.identity), "type": "SystemAssigned,UserAssigned"}
    made = referring(SECRET_URL, None, identity_body=both)(one)
    principal = made.body["identity"]["principalId"]
    body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": OFFICER}
    name = "99999999-0000-0000-0000-000000000000"
    one.put(f"{one.vault}/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None)
    referring(SECRET_URL, "system", identity_body=both)(one)


def test_a_recovered_vault_has_its_secrets_and_settings_again(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    group(one)
    vault(enableRbacAuthorization=False, accessPolicies=[policy()], softDeleteRetentionInDays=10)(one)
    secret("v1")(one)
    secret("v2")(one)
    version = version_url(one)
    one.delete(one.vault)
    recovered = one.put(
        one.vault, {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "createMode": "recover"}
    )
    assert recovered.properties["softDeleteRetentionInDays"] == 10
    assert recovered.properties["accessPolicies"] == [policy()]
    assert version_url(one) == version


def test_a_deleted_vault_frees_its_name_when_its_time_is_over(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    deleted_vault(one)
    with one.model.store.transaction() as transaction:
        deleted = transaction.get(deleted_id(one))
        assert deleted
        deleted.properties["scheduledPurgeDate"] = "2020-01-01T00:00:00Z"
        transaction.save(deleted)
    vault()(one)
    assert not one.exists(f"{one.vault}/secrets/redis-url")
