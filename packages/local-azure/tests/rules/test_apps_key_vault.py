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


def group(landscape: Landscape) -> None:
    landscape.put(landscape.group)


def a_vault(landscape: Landscape) -> None:
    landscape.put(landscape.group)
    landscape.with_vault()


def delete_secret(landscape: Landscape) -> None:
    landscape.delete(f"{landscape.vault}/secrets/redis-url")


def caller_may(landscape: Landscape, *secrets: str) -> JsonObject:
    """Return a vault that lets the caller do this with secrets."""
    tenant = str(vault_properties()["tenantId"])
    policy = {
        "tenantId": tenant,
        "objectId": landscape.model.tenant.object_id,
        "permissions": {"secrets": list(secrets)},
    }
    return {"enableRbacAuthorization": False, "accessPolicies": [policy]}


def deleted_vault(landscape: Landscape) -> None:
    a_vault(landscape)
    landscape.delete(landscape.vault)


def deleted_secret(landscape: Landscape) -> None:
    """As the data plane leaves a secret that was deleted there."""
    deleted = ArmId.parse(landscape.vault).child("deletedSecrets", "redis-url")
    with landscape.model.store.transaction() as transaction:
        transaction.save(Resource(deleted, {"id": deleted.text, "name": deleted.name, "properties": {}}))


def elsewhere(landscape: Landscape) -> str:
    landscape.put(f"{landscape.subscription}/resourceGroups/two")
    return landscape.vault.replace("/rg/", "/two/")


def policy(**changes: Any) -> JsonObject:
    return {"tenantId": TENANT, "objectId": TENANT, "permissions": {"secrets": ["get"]}, **changes}


def policies(*given: JsonObject) -> Step:
    return vault(enableRbacAuthorization=False, accessPolicies=list(given))


def acls(**given: Any) -> Step:
    return vault(networkAcls={"bypass": "None", "defaultAction": "Deny", **given})


def with_service_endpoint(landscape: Landscape) -> object:
    services = [{"service": "Microsoft.KeyVault"}]
    body = {"addressPrefix": "10.0.2.0/24", "serviceEndpoints": services}
    return landscape.put(landscape.endpoints_subnet, body, location=None)


VAULTS = [
    *(
        Refusal(
            f"the vault name '{wrong}'",
            group,
            lambda landscape, wrong=wrong: landscape.put(landscape.vault.replace("kv-demo", wrong), vault_properties()),
            "VaultNameNotValid",
            wrong,
            lambda landscape, right=right: landscape.put(landscape.vault.replace("kv-demo", right), vault_properties()),
        )
        for wrong, right in (("kv", "kv1"), ("k" * 25, "k" * 24), ("1kv", "kv1"), ("kv--1", "kv-1"), ("kv-", "kv0"))
    ),
    Refusal(
        "a vault's name that another vault has",
        lambda landscape: (a_vault(landscape), elsewhere(landscape)),
        lambda landscape: landscape.put(
            landscape.vault.replace("/rg/", "/two/").replace("kv-demo", "KV-Demo"), vault_properties()
        ),
        "VaultAlreadyExists",
        "vaults/KV-Demo",
        lambda landscape: landscape.put(
            landscape.vault.replace("/rg/", "/two/").replace("kv-demo", "kv-demo2"), vault_properties()
        ),
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
        lambda landscape: (deleted_vault(landscape), elsewhere(landscape)),
        lambda landscape: landscape.put(
            landscape.vault.replace("/rg/", "/two/"), vault_properties(createMode="recover")
        ),
        "VaultAlreadyExists",
        "properties.createMode",
        vault(createMode="recover"),
    ),
    Refusal(
        "recovering a vault in another region",
        deleted_vault,
        lambda landscape: landscape.put(
            landscape.vault, vault_properties(createMode="recover"), location="northeurope"
        ),
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
        lambda landscape: (
            group(landscape),
            vault(enablePurgeProtection=True)(landscape),
            landscape.delete(landscape.vault),
        ),
        lambda landscape: landscape.action(deleted_id(landscape), "purge"),
        "MethodNotAllowed",
        "deletedVaults/kv-demo",
        vault(createMode="recover"),
    ),
    Refusal(
        "turning purge protection off",
        lambda landscape: (group(landscape), vault(enablePurgeProtection=True)(landscape)),
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
        lambda landscape: landscape.with_network(),
        lambda landscape: acls(virtualNetworkRules=[{"id": landscape.endpoints_subnet}])(landscape),
        "VirtualNetworkNotValid",
        "properties.networkAcls.virtualNetworkRules[0].id",
        lambda landscape: (
            with_service_endpoint(landscape),
            acls(virtualNetworkRules=[{"id": landscape.endpoints_subnet}])(landscape),
        ),
        "SubnetsHaveNoServiceEndpointsConfigured",
    ),
    Refusal(
        "a network rule for a subnet that is not there",
        lambda landscape: landscape.with_network(),
        lambda landscape: acls(virtualNetworkRules=[{"id": f"{landscape.vnet}/subnets/no"}])(landscape),
        "InvalidResourceReference",
        "properties.networkAcls.virtualNetworkRules[0].id",
        acls(),
    ),
    # -- secrets
    Refusal(
        "a secret's name with an underscore",
        a_vault,
        lambda landscape: landscape.put(f"{landscape.vault}/secrets/redis_url", {"value": "v"}, location=None),
        "InvalidSecretName",
        "redis_url",
        secret(),
    ),
    Refusal(
        "a secret's name of 128 characters",
        a_vault,
        lambda landscape: landscape.put(f"{landscape.vault}/secrets/{'s' * 128}", {"value": "v"}, location=None),
        "InvalidSecretName",
        "s" * 128,
        lambda landscape: landscape.put(f"{landscape.vault}/secrets/{'s' * 127}", {"value": "v"}, location=None),
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
        lambda landscape: (a_vault(landscape), deleted_secret(landscape)),
        secret(),
        "Conflict",
        "secrets/redis-url",
        lambda landscape: landscape.put(f"{landscape.vault}/secrets/redis-url2", {"value": "v"}, location=None),
        "deleted but recoverable",
    ),
    Refusal(
        "a secret of no vault",
        group,
        secret(),
        "ParentResourceNotFound",
        "",
        lambda landscape: (landscape.with_vault(), secret()(landscape)),
    ),
    Refusal(
        "deleting a secret of a vault without public access",
        lambda landscape: (a_vault(landscape), landscape.with_officer(), secret()(landscape)),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda landscape: (vault(publicNetworkAccess="Enabled")(landscape), delete_secret(landscape)),
        "Public network access is disabled",
    ),
    Refusal(
        "deleting a secret from outside of the vault's firewall",
        lambda landscape: (
            a_vault(landscape),
            landscape.with_officer(),
            vault(networkAcls={"defaultAction": "Deny"})(landscape),
            secret()(landscape),
        ),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda landscape: (vault(networkAcls={"defaultAction": "Allow"})(landscape), delete_secret(landscape)),
        "Client address is not authorized",
    ),
    Refusal(
        "deleting a secret without a role for what is in the vault",
        lambda landscape: (landscape.put(landscape.group), vault()(landscape), secret()(landscape)),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda landscape: (landscape.with_officer(), delete_secret(landscape)),
        "Caller is not authorized",
    ),
    Refusal(
        "deleting a secret without an access policy that says so",
        lambda landscape: (
            landscape.put(landscape.group),
            vault(**caller_may(landscape, "get", "list", "set"))(landscape),
            secret()(landscape),
        ),
        delete_secret,
        "Forbidden",
        "secrets/redis-url",
        lambda landscape: (vault(**caller_may(landscape, "delete"))(landscape), delete_secret(landscape)),
        "Caller is not authorized",
    ),
]


def deleted_id(landscape: Landscape) -> str:
    return f"{landscape.subscription}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv-demo"


# -- references of apps


def without_role(landscape: Landscape) -> None:
    with_environment(landscape)
    landscape.with_vault("Enabled")
    secret()(landscape)


def by_policy(landscape: Landscape) -> object:
    principal = landscape.get(landscape.identity).properties["principalId"]
    given = policy(objectId=principal)
    properties = {"enableRbacAuthorization": False, "accessPolicies": [given], "publicNetworkAccess": "Enabled"}
    landscape.put(landscape.vault, vault_properties(**properties))
    return referring()(landscape)


def not_yet(landscape: Landscape) -> None:
    """Create a role that takes effect in an hour."""
    public_vault(landscape)
    in_force(landscape, datetime.now(UTC) + timedelta(hours=1))


def in_force(landscape: Landscape, moment: datetime) -> None:
    with landscape.model.store.transaction() as transaction:
        (assignment,) = transaction.of_type("Microsoft.Authorization/roleAssignments")
        assignment.secrets["inForceFrom"] = moment.isoformat()
        transaction.save(assignment)


def empty(landscape: Landscape) -> None:
    public_vault(landscape)
    landscape.put(f"{landscape.vault}/secrets/redis-url", {"value": ""}, location=None)


def disabled(landscape: Landscape) -> None:
    public_vault(landscape)
    secret(attributes={"enabled": False})(landscape)


def reject(landscape: Landscape) -> None:
    """Withdraw the vault owner's approval of the connection."""
    set_connection(landscape, "Rejected")


def set_connection(landscape: Landscape, status: str) -> None:
    with landscape.model.store.transaction() as transaction:
        endpoint = transaction.get(landscape.endpoint)
        assert endpoint
        (connection,) = endpoint.properties["privateLinkServiceConnections"]
        connection["properties"]["privateLinkServiceConnectionState"]["status"] = status
        transaction.save(endpoint)


def zone_id(landscape: Landscape) -> str:
    return landscape.zone.replace("privatelink.redis.azure.net", VAULT_ZONE)


def link(landscape: Landscape) -> Resource:
    body = {"virtualNetwork": {"id": landscape.vnet}}
    return landscape.put(f"{zone_id(landscape)}/virtualNetworkLinks/vnet", body, location="global")


def zone_group(landscape: Landscape) -> Resource:
    config = {"name": "zone", "properties": {"privateDnsZoneId": zone_id(landscape)}}
    return landscape.put(
        f"{landscape.endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None
    )


def outbound(landscape: Landscape) -> str:
    with landscape.model.store.transaction() as transaction:
        stored = transaction.get(landscape.environment)
    assert stored
    return str(stored.secrets["outboundAddress"])


def shut(landscape: Landscape, **rules: Any) -> Resource:
    """Return the vault's public access for listed callers only."""
    acls = {"bypass": "AzureServices", "defaultAction": "Deny", **rules}
    return landscape.put(landscape.vault, vault_properties(publicNetworkAccess="Enabled", networkAcls=acls))


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
        lambda landscape: (public_vault(landscape), landscape.delete(landscape.vault)),
        lambda landscape: (vault(createMode="recover")(landscape), grant(name=2)(landscape), referring()(landscape)),
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
        lambda landscape: referring(version_url(landscape))(landscape),
        "in version",
        referring(f"{SECRET_URL}/{'0' * 32}"),
    ),
    unreadable(
        "a secret without a value", empty, lambda landscape: (secret()(landscape), referring()(landscape)), "is empty"
    ),
    unreadable(
        "a secret that is disabled",
        disabled,
        lambda landscape: (secret()(landscape), referring()(landscape)),
        "is disabled",
    ),
    unreadable(
        "an identity without role",
        without_role,
        lambda landscape: (grant()(landscape), referring()(landscape)),
        "unable to fetch secret 'redis-url' using Managed identity",
    ),
    unreadable(
        "an identity that only sees names",
        lambda landscape: (without_role(landscape), grant(role=READER)(landscape)),
        lambda landscape: (grant(role=OFFICER, name=2)(landscape), referring()(landscape)),
        "may not read",
    ),
    unreadable(
        "a role on another vault",
        lambda landscape: (
            without_role(landscape),
            landscape.put(f"{landscape.vault}2", vault_properties()),
            grant_other(landscape),
        ),
        lambda landscape: (grant("group", ADMINISTRATOR, 2)(landscape), referring()(landscape)),
        "may not read",
    ),
    unreadable(
        "a role that is not in force yet",
        not_yet,
        lambda landscape: (in_force(landscape, datetime.now(UTC)), referring()(landscape)),
        "(yet)",
    ),
    unreadable(
        "an access policy that only lists",
        lambda landscape: (without_role(landscape), listing_policy(landscape)),
        by_policy,
        "may not read",
    ),
    unreadable(
        "a system-assigned identity of a new app, which nobody can have given a role",
        public_vault,
        referring(),
        "may not read",
        lambda landscape: referring(identity="system", identity_body={"type": "SystemAssigned"})(landscape),
    ),
    unreadable(
        "no endpoint and no public access",
        lambda landscape: (without_role(landscape), grant()(landscape), landscape.with_vault("Disabled")),
        lambda landscape: (landscape.with_vault("Enabled"), referring()(landscape)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "a private zone that is not linked",
        lambda landscape: private_vault(landscape, link=False),
        lambda landscape: (link(landscape), referring()(landscape)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "a linked zone without the record",
        lambda landscape: private_vault(landscape, zone=False),
        lambda landscape: (zone_group(landscape), referring()(landscape)),
        "has no record of it",
    ),
    unreadable(
        "a connection that was rejected",
        lambda landscape: (private_vault(landscape), reject(landscape)),
        lambda landscape: (set_connection(landscape, "Approved"), referring()(landscape)),
        "ForbiddenByConnection",
    ),
    unreadable(
        "an endpoint in another network",
        lambda landscape: endpoint_elsewhere(landscape),
        lambda landscape: (
            landscape.with_vault("Enabled"),
            landscape.delete(landscape.endpoint),
            referring()(landscape),
        ),
        "no approved private endpoint in the network",
    ),
    unreadable(
        "a firewall that does not let the environment in",
        lambda landscape: (public_vault(landscape), shut(landscape)),
        lambda landscape: (shut(landscape, ipRules=[{"value": outbound(landscape)}]), referring()(landscape)),
        "ForbiddenByFirewall",
    ),
    unreadable(
        "a firewall that lets another subnet in",
        lambda landscape: (
            public_vault(landscape),
            with_service_endpoint(landscape),
            let_in(landscape, landscape.endpoints_subnet),
        ),
        lambda landscape: (let_in(landscape, landscape.apps_subnet, missing=True), referring()(landscape)),
        "ForbiddenByFirewall",
    ),
]


def let_in(landscape: Landscape, subnet: str, missing: bool = False) -> Resource:
    return shut(landscape, virtualNetworkRules=[{"id": subnet, "ignoreMissingVnetServiceEndpoint": missing}])


def grant_other(landscape: Landscape) -> object:
    """Return a role on the vault beside the one that the app reads."""
    principal = landscape.get(landscape.identity).properties["principalId"]
    name = "99999999-0000-0000-0000-000000000000"
    body = {
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": ADMINISTRATOR,
    }
    return landscape.put(
        f"{landscape.vault}2/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None
    )


def listing_policy(landscape: Landscape) -> object:
    principal = landscape.get(landscape.identity).properties["principalId"]
    given = policy(objectId=principal, permissions={"secrets": ["list", "set"]})
    properties = {"enableRbacAuthorization": False, "accessPolicies": [given], "publicNetworkAccess": "Enabled"}
    return landscape.put(landscape.vault, vault_properties(**properties))


def endpoint_elsewhere(landscape: Landscape) -> None:
    """Create the vault's endpoint in a network of its own, and its record in the zone that the apps' network is linked
    to.
    """
    with_environment(landscape)
    landscape.with_vault()
    secret()(landscape)
    grant()(landscape)
    other = landscape.vnet.replace("/vnet", "/other")
    landscape.put(other, {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}})
    landscape.put(f"{other}/subnets/endpoints", {"addressPrefix": "10.9.0.0/24"}, location=None)
    connection = {"name": "one", "properties": {"privateLinkServiceId": landscape.vault, "groupIds": ["vault"]}}
    body = {"subnet": {"id": f"{other}/subnets/endpoints"}, "privateLinkServiceConnections": [connection]}
    landscape.put(landscape.endpoint, body)
    landscape.put(zone_id(landscape), location="global")
    link(landscape)
    zone_group(landscape)


@pytest.mark.parametrize("refusal", [*VAULTS, *REFERENCES], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_a_refusal_of_a_reference_never_tells_the_value(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    without_role(landscape)
    secret("rediss://hidden")(landscape)
    with pytest.raises(AzureError) as caught:
        referring()(landscape)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("through the private endpoint", private_vault),
        ("through public access", public_vault),
        ("by a role on the group", lambda landscape: (without_role(landscape), grant("group")(landscape))),
        (
            "by a role on the subscription",
            lambda landscape: (without_role(landscape), grant("subscription")(landscape)),
        ),
        ("by a role on the secret alone", lambda landscape: (without_role(landscape), grant_on_secret(landscape))),
        ("when it has expired", lambda landscape: (public_vault(landscape), secret(attributes={"exp": 1})(landscape))),
        (
            "when it is not valid yet",
            lambda landscape: (public_vault(landscape), secret(attributes={"nbf": 2**33})(landscape)),
        ),
        (
            "when a fallback is set",
            lambda landscape: (private_vault(landscape, zone=False, link=False), fall_back(landscape)),
        ),
    ],
    ids=lambda landscape: landscape if isinstance(landscape, str) else "",
)
def test_a_reference_is_read(name: str, given: Callable[[Landscape], object], tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    given(landscape)
    referring()(landscape)


def grant_on_secret(landscape: Landscape) -> object:
    principal = landscape.get(landscape.identity).properties["principalId"]
    name = "99999999-0000-0000-0000-000000000000"
    body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": OFFICER}
    scope = f"{landscape.vault}/secrets/redis-url"
    return landscape.put(f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None)


def fall_back(landscape: Landscape) -> None:
    """Let the link of a zone without the name fall back to the public address."""
    body = {"virtualNetwork": {"id": landscape.vnet}, "resolutionPolicy": "NxDomainRedirect"}
    landscape.put(f"{zone_id(landscape)}/virtualNetworkLinks/vnet", body, location="global")
    landscape.with_vault("Enabled")


def test_a_system_assigned_identity_reads_once_it_has_a_role(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    public_vault(landscape)
    with_app(landscape)
    both = {**assigned(landscape.identity), "type": "SystemAssigned,UserAssigned"}
    made = referring(SECRET_URL, None, identity_body=both)(landscape)
    principal = made.body["identity"]["principalId"]
    body = {"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": OFFICER}
    name = "99999999-0000-0000-0000-000000000000"
    landscape.put(f"{landscape.vault}/providers/Microsoft.Authorization/roleAssignments/{name}", body, location=None)
    referring(SECRET_URL, "system", identity_body=both)(landscape)


def test_a_recovered_vault_has_its_secrets_and_settings_again(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    group(landscape)
    vault(enableRbacAuthorization=False, accessPolicies=[policy()], softDeleteRetentionInDays=10)(landscape)
    secret("v1")(landscape)
    secret("v2")(landscape)
    version = version_url(landscape)
    landscape.delete(landscape.vault)
    recovered = landscape.put(
        landscape.vault, {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "createMode": "recover"}
    )
    assert recovered.properties["softDeleteRetentionInDays"] == 10
    assert recovered.properties["accessPolicies"] == [policy()]
    assert version_url(landscape) == version


def test_a_deleted_vault_frees_its_name_when_its_time_is_over(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    deleted_vault(landscape)
    with landscape.model.store.transaction() as transaction:
        deleted = transaction.get(deleted_id(landscape))
        assert deleted
        deleted.properties["scheduledPurgeDate"] = "2020-01-01T00:00:00Z"
        transaction.save(deleted)
    vault()(landscape)
    assert not landscape.exists(f"{landscape.vault}/secrets/redis-url")
