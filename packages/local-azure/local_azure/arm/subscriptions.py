"""Tenants, subscriptions, regions and resource providers of Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from local_azure.control_plane.model import Work
from local_azure.core import faults, registrations
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import RESOURCE_GROUP_TYPE
from local_azure.core.regions import REGIONS, REGIONS_WITHOUT_ZONES
from local_azure.core.state import Transaction
from local_azure.core.values import JsonObject
from local_azure.resource_types.base import ResourceType, Tenant

API_VERSIONS = (
    *("2026-07-01", "2026-03-01", "2025-07-01", "2025-02-02-preview", "2025-01-01", "2024-11-01", "2024-06-01"),
    *("2024-03-01", "2023-11-01", "2023-05-01", "2022-04-01", "2021-04-01"),
)
"""The API versions that are listed for a provider; any other date is accepted too."""


def known_subscriptions(work: Work, tenant: Tenant) -> list[str]:
    """Return the tenant's subscription and all other subscriptions that contain a resource group."""
    groups = work.transaction.of_type(RESOURCE_GROUP_TYPE)
    others = sorted({one.id.subscription or "" for one in groups} - {tenant.subscription_id})
    return [tenant.subscription_id, *others]


def require_subscription(work: Work, tenant: Tenant, subscription: str) -> None:
    """Raise `SubscriptionNotFound` for one that is not known."""
    if subscription.lower() == tenant.subscription_id.lower():
        return
    if not work.transaction.of_type(RESOURCE_GROUP_TYPE, f"/subscriptions/{subscription}"):
        raise AzureError(
            "SubscriptionNotFound",
            f"The subscription '{subscription}' could not be found.",
            status=HTTPStatus.NOT_FOUND,
        )


def subscription_body(work: Work, subscription: str, tenant: Tenant) -> JsonObject:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/get"""
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": tenant.tenant_id,
        "displayName": "Local Azure" if subscription == tenant.subscription_id else f"Local Azure ({subscription})",
        "state": "Disabled" if faults.has(work.transaction, "subscription-disabled") else "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


def tenant_body(tenant: Tenant) -> JsonObject:
    """https://learn.microsoft.com/rest/api/resources/tenants/list"""
    return {
        "id": f"/tenants/{tenant.tenant_id}",
        "tenantId": tenant.tenant_id,
        "displayName": "Local Azure",
        "defaultDomain": "local-azure.onmicrosoft.com",
        "tenantType": "AAD",
        "tenantCategory": "Home",
        "countryCode": "",
        "domains": ["local-azure.onmicrosoft.com"],
    }


def location_bodies(subscription: str) -> list[JsonObject]:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations"""
    return [
        {
            "id": f"/subscriptions/{subscription}/locations/{name}",
            "name": name,
            "type": "Region",
            "displayName": shown,
            "regionalDisplayName": shown,
            "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
            **({} if name in REGIONS_WITHOUT_ZONES else {"availabilityZoneMappings": _zones(name)}),
        }
        for name, shown in REGIONS.items()
    ]


def _zones(region: str) -> list[JsonObject]:
    return [{"logicalZone": str(one), "physicalZone": f"{region}-az{one}"} for one in (1, 2, 3)]


def provider_bodies(transaction: Transaction, subscription: str, kinds: Iterable[ResourceType]) -> list[JsonObject]:
    """https://learn.microsoft.com/rest/api/resources/providers/list: every namespace with its known types."""
    namespaces: dict[str, list[ResourceType]] = {one: [] for one in registrations.OTHER_NAMESPACES}
    for kind in kinds:
        namespaces.setdefault(kind.arm_type.split("/")[0], []).append(kind)
    return [
        _provider_body(transaction, subscription, namespace, known) for namespace, known in sorted(namespaces.items())
    ]


def provider_body(
    transaction: Transaction, subscription: str, namespace: str, kinds: Iterable[ResourceType]
) -> JsonObject:
    """Return one namespace. Raises `InvalidResourceNamespace`."""
    for body in provider_bodies(transaction, subscription, kinds):
        if body["namespace"].lower() == namespace.lower():
            return body
    raise invalid_namespace(namespace)


def invalid_namespace(namespace: str) -> AzureError:
    """Return the error for a namespace that the emulator does not have."""
    return AzureError(
        "InvalidResourceNamespace",
        f"The resource namespace '{namespace}' is invalid.",
        status=HTTPStatus.NOT_FOUND,
    )


def _provider_body(
    transaction: Transaction, subscription: str, namespace: str, kinds: list[ResourceType]
) -> JsonObject:
    free = namespace.lower() in registrations.ALWAYS_REGISTERED
    return {
        "id": f"/subscriptions/{subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationState": registrations.state(transaction, namespace),
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
        "resourceTypes": [
            {
                "resourceType": kind.arm_type.split("/", 1)[1],
                "locations": _offered(transaction, kind) if kind.tracked else [],
                "apiVersions": list(API_VERSIONS),
                "defaultApiVersion": API_VERSIONS[0],
                "capabilities": "None",
            }
            for kind in kinds
        ],
    }


def _offered(transaction: Transaction, kind: ResourceType) -> list[str]:
    return [shown for name, shown in REGIONS.items() if not faults.lacks_type(transaction, kind.arm_type, name)]
