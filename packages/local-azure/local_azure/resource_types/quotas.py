"""What a subscription may have of something in a region, and has."""

from __future__ import annotations

from local_azure.core import faults
from local_azure.core.state import Transaction
from local_azure.core.values import JsonObject
from local_azure.resource_types.container_apps.names import ENVIRONMENT_TYPE

ENVIRONMENTS = "ManagedEnvironmentCount"
"""Azure's name of the quota of Container Apps environments in a region."""
_USUAL = {ENVIRONMENTS: 50}
"""https://learn.microsoft.com/azure/container-apps/quotas; new subscriptions have less."""


def limit(transaction: Transaction, name: str, location: str) -> int:
    """Return a quota in a region: the usual one, or what a fault of kind `quota` says."""
    lowered = faults.limit_of(transaction, name, location)
    return _USUAL[name] if lowered is None else lowered


def environments_in(transaction: Transaction, subscription: str, location: str) -> int:
    """Return how many Container Apps environments a subscription has in a region."""
    found = transaction.of_type(ENVIRONMENT_TYPE, f"/subscriptions/{subscription}")
    return sum(one.location == location for one in found)


def usages(transaction: Transaction, subscription: str, location: str) -> list[JsonObject]:
    """Return the body of https://learn.microsoft.com/rest/api/resource-manager/containerapps/usages/list."""
    return [
        {
            "name": {"value": ENVIRONMENTS, "localizedValue": ENVIRONMENTS},
            "unit": "Count",
            "currentValue": environments_in(transaction, subscription, location),
            "limit": limit(transaction, ENVIRONMENTS, location),
        }
    ]
