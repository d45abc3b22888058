"""What a subscription may have of something in a region, and has."""

from __future__ import annotations

from local_azure.core import faults
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import JsonObject, find, get
from local_azure.resource_types.container_apps.names import APP_TYPE, ENVIRONMENT_TYPE

ENVIRONMENTS = "ManagedEnvironmentCount"
"""Azure's name of the quota of Container Apps environments in a region."""
CORES = "ManagedEnvironmentConsumptionCores"
"""Azure's name of the quota of cores that an environment's apps may use on the Consumption profile."""
_USUAL = {ENVIRONMENTS: 50, CORES: 100}
"""https://learn.microsoft.com/azure/container-apps/quotas; new subscriptions have less."""


def limit(transaction: Transaction, name: str, location: str) -> int:
    """Return a quota in a region: the usual one, or what a fault of kind `quota` says."""
    lowered = faults.limit_of(transaction, name, location)
    return _USUAL[name] if lowered is None else lowered


def environments_in(transaction: Transaction, subscription: str, location: str) -> int:
    """Return how many Container Apps environments a subscription has in a region."""
    found = transaction.of_type(ENVIRONMENT_TYPE, f"/subscriptions/{subscription}")
    return sum(item.location == location for item in found)


def cores_in(transaction: Transaction, environment: Resource) -> float:
    """Return the cores of the replicas that an environment's apps always have."""
    apps = [resource for resource in transaction.of_type(APP_TYPE) if _environment_of(resource) == environment.id.key]
    return sum(
        float(cpu) * int(get(app.body, "properties.template.scale.minReplicas") or 0)
        for app in apps
        for _, cpu in find(app.body, "properties.template.containers[*].resources.cpu")
    )


def _environment_of(app: Resource) -> str:
    names = ("managedEnvironmentId", "environmentId")
    return next((str(app.properties[name]).lower() for name in names if app.properties.get(name)), "")


def environment_usages(transaction: Transaction, environment: Resource) -> list[JsonObject]:
    """Return an environment's usages and quotas.

    Source: https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environment-usages/list.
    """
    return [
        {
            "name": {"value": CORES, "localizedValue": CORES},
            "unit": "Count",
            "currentValue": cores_in(transaction, environment),
            "limit": limit(transaction, CORES, environment.location),
        }
    ]


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
