"""Restrictions of the subscription, and queries before a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from arm.landscape import LOCATION, Azure, Raw, deploy
from local_azure.core import faults, options, registrations
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault

_NO_OWNER = {"field": "tags['owner']", "exists": "false"}
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def _code(answer: Any) -> str:
    return str(answer.json()["error"]["code"])


def _put_identity(raw: Raw) -> Any:
    return raw.send("PUT", f"{raw.group}/providers/{IDENTITIES}/id-dev", json={"location": LOCATION})


def _fault(azure: Azure, fault: Fault) -> None:
    with azure.model.store.transaction() as transaction:
        faults.add(transaction, fault, None)


def _change(azure: Azure, **changes: Any) -> None:
    with azure.model.store.transaction() as transaction:
        options.change(transaction, **changes)


def test_a_provider_that_is_not_registered_makes_nothing_until_it_is(raw: Raw) -> None:
    provider = f"/subscriptions/{raw.azure.subscription}/providers/Microsoft.ManagedIdentity"
    assert raw.send("POST", f"{provider}/unregister").json()["registrationState"] == "NotRegistered"
    refused = _put_identity(raw)
    assert (refused.status_code, _code(refused)) == (409, "MissingSubscriptionRegistration")
    # Where the Azure SDK for Go looks for the namespace to register.
    assert refused.json()["error"]["details"][0]["target"] == "Microsoft.ManagedIdentity"
    assert raw.send("POST", f"{provider}/register").json()["registrationState"] == "Registered"
    assert _put_identity(raw).status_code == 201


def test_an_environment_in_a_network_needs_the_provider_of_its_nodes(azure: Azure) -> None:
    with azure.model.store.transaction() as transaction:
        registrations.change(transaction, "Microsoft.ContainerService", registrations.NOT_REGISTERED)
    with pytest.raises(AzureError) as refused:
        deploy(azure)
    assert refused.value.code == "SubscriptionIsNotRegistered"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("subscription-disabled"), "ReadOnlyDisabledSubscription"),
        (Fault("not-offered", type=IDENTITIES, region=LOCATION), "LocationNotAvailableForResourceType"),
    ],
)
def test_a_subscription_refuses_what_it_lacks(raw: Raw, fault: Fault, code: str) -> None:
    _fault(raw.azure, fault)
    assert _code(_put_identity(raw)) == code


def test_a_region_has_a_quota_of_environments(azure: Azure) -> None:
    _fault(azure, Fault("quota", name="ManagedEnvironmentCount", region=LOCATION, limit=0))
    with pytest.raises(AzureError) as refused:
        deploy(azure)
    assert refused.value.code == "MaxNumberOfRegionalEnvironmentsInSubExceeded"


def test_a_lock_forbids_writing_or_deleting(raw: Raw) -> None:
    assert _put_identity(raw).status_code == 201
    lock = f"{raw.group}/providers/Microsoft.Authorization/locks/keep"
    assert raw.send("PUT", lock, json={"properties": {"level": "CanNotDelete"}}).status_code == 201
    assert _put_identity(raw).status_code == 200
    identity = f"{raw.group}/providers/{IDENTITIES}/id-dev"
    for path in (identity, raw.group):
        refused = raw.send("DELETE", path)
        assert (refused.status_code, _code(refused)) == (409, "ScopeLocked")
    assert raw.send("PUT", lock, json={"properties": {"level": "ReadOnly"}}).status_code == 200
    assert _code(_put_identity(raw)) == "ScopeLocked"
    assert raw.send("DELETE", lock).status_code == 200
    assert raw.send("DELETE", identity).status_code == 200


def test_a_policy_denies_what_its_rule_names(raw: Raw) -> None:
    subscription = f"/subscriptions/{raw.azure.subscription}/providers/Microsoft.Authorization"
    definition = f"{subscription}/policyDefinitions/needs-owner"
    rule = {
        "if": {"allOf": [{"field": "type", "like": "Microsoft.ManagedIdentity/*"}, _NO_OWNER]},
        "then": {"effect": "[parameters('effect')]"},
    }
    parameters = {"effect": {"type": "String", "defaultValue": "Deny"}}
    body = {"properties": {"mode": "All", "policyRule": rule, "parameters": parameters}}
    assert raw.send("PUT", definition, json=body).status_code == 201
    assignment = f"{subscription}/policyAssignments/owners"
    given: dict[str, Any] = {"policyDefinitionId": definition}
    assert raw.send("PUT", assignment, json={"properties": given}).status_code == 201
    refused = _put_identity(raw)
    assert (refused.status_code, _code(refused)) == (403, "RequestDisallowedByPolicy")
    asked = {
        "resourceDetails": {
            "resourceContent": {"type": IDENTITIES, "location": LOCATION, "tags": {}},
            "apiVersion": "2024-11-30",
        }
    }
    check = f"/subscriptions/{raw.azure.subscription}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
    (evaluation,) = raw.send("POST", check, json=asked).json()["contentEvaluationResult"]["policyEvaluations"]
    assert evaluation["policyInfo"]["policyAssignmentId"] == assignment
    given["enforcementMode"] = "DoNotEnforce"
    assert raw.send("PUT", assignment, json={"properties": given}).status_code == 200
    assert _put_identity(raw).status_code == 201


def test_the_deployer_has_the_role_that_it_was_given(raw: Raw) -> None:
    _change(raw.azure, deployer_role="Contributor", deployer_without="Microsoft.ManagedIdentity/*/write")
    refused = _put_identity(raw)
    assert (refused.status_code, _code(refused)) == (403, "AuthorizationFailed")
    path = f"/subscriptions/{raw.azure.subscription}/providers/Microsoft.Authorization/permissions"
    (permission,) = raw.send("GET", path).json()["value"]
    assert permission["actions"] == ["*"]
    assert "Microsoft.ManagedIdentity/*/write" in permission["notActions"]


def test_who_may_not_join_a_subnet_makes_no_environment_in_it(azure: Azure) -> None:
    _change(azure, deployer_without="Microsoft.Network/virtualNetworks/subnets/join/action")
    with pytest.raises(AzureError) as refused:
        deploy(azure)
    assert refused.value.code == "LinkedAuthorizationFailed"


@pytest.mark.parametrize(
    ("namespace", "resource_type", "path", "body"),
    [
        ("Microsoft.KeyVault", "Microsoft.KeyVault/vaults", "vaults/kv-name", "vault"),
        ("Microsoft.Storage", "Microsoft.Storage/storageAccounts", "storageAccounts/stname", "account"),
        ("Microsoft.ContainerRegistry", "Microsoft.ContainerRegistry/registries", "registries/crname", "registry"),
    ],
)
def test_a_name_is_free_until_it_is_taken(
    raw: Raw,
    namespace: str,
    resource_type: str,
    path: str,
    body: str,
) -> None:
    question = f"/subscriptions/{raw.azure.subscription}/providers/{namespace}/checkNameAvailability"
    asked = {"name": path.rsplit("/", 1)[-1], "type": resource_type}
    assert raw.send("POST", question, json=asked).json() == {"nameAvailable": True}
    made = raw.send("PUT", f"{raw.group}/providers/{namespace}/{path}", json=_bodies(raw)[body])
    assert made.status_code in (200, 201, 202), made.text
    assert raw.send("POST", question, json=asked).json()["nameAvailable"] is False


def _bodies(raw: Raw) -> dict[str, Any]:
    vault = {"tenantId": raw.azure.tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
    return {
        "vault": {"location": LOCATION, "properties": vault},
        "account": {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        "registry": {"location": LOCATION, "sku": {"name": "Basic"}},
    }


def test_a_caches_name_is_free_until_it_is_taken(raw: Raw) -> None:
    question = f"/subscriptions/{raw.azure.subscription}/providers/Microsoft.Cache/checkNameAvailability"
    asked = {"name": "red-name", "type": "Microsoft.Cache/Redis"}
    assert raw.send("POST", question, json=asked).status_code == 200
    sku = {"name": "Basic", "family": "C", "capacity": 0}
    path = f"{raw.group}/providers/Microsoft.Cache/redis/red-name"
    assert raw.send("PUT", path, json={"location": LOCATION, "properties": {"sku": sku}}).status_code == 201
    refused = raw.send("POST", question, json=asked)
    assert (refused.status_code, _code(refused)) == (409, "NameNotAvailable")


def test_regions_say_their_zones_and_environments_their_quota(raw: Raw) -> None:
    subscription = f"/subscriptions/{raw.azure.subscription}"
    zones = {
        one["name"]: len(one.get("availabilityZoneMappings", []))
        for one in raw.send("GET", f"{subscription}/locations").json()["value"]
    }
    assert (zones["westeurope"], zones["westus"]) == (3, 0)
    app = f"{subscription}/providers/Microsoft.App/locations/{LOCATION}"
    (usage,) = raw.send("GET", f"{app}/usages").json()["value"]
    assert (usage["name"]["value"], usage["currentValue"], usage["limit"]) == ("ManagedEnvironmentCount", 0, 50)
    profiles = raw.send("GET", f"{app}/availableManagedEnvironmentsWorkloadProfileTypes").json()["value"]
    assert {"Consumption", "D4"} <= {one["name"] for one in profiles}
