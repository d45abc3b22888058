"""The registration of the subscription with resource providers: registered by default.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types has the states.
"""

from __future__ import annotations

from http import HTTPStatus

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Transaction

OTHER_NAMESPACES = ("Microsoft.ContainerService", "Microsoft.PolicyInsights")
"""Namespaces that can be registered although the emulator has none of their resources."""
REGISTERED, NOT_REGISTERED = "Registered", "NotRegistered"
ALWAYS_REGISTERED = frozenset({"microsoft.authorization", "microsoft.resources"})
"""Namespaces that need no registration: their registration policy is `RegistrationFree`."""


def state(transaction: Transaction, namespace: str) -> str:
    """Return the registration state of a namespace; the default is `Registered`."""
    rows = transaction.execute("SELECT state FROM registration WHERE namespace = ?", (namespace.lower(),))
    return str(rows[0][0]) if rows else REGISTERED


def change(transaction: Transaction, namespace: str, state: str) -> None:
    """Set the registration state of a namespace."""
    transaction.execute("INSERT OR REPLACE INTO registration VALUES (?, ?)", (namespace.lower(), state))


def is_registered(transaction: Transaction, namespace: str) -> bool:
    """Return whether resources of a namespace can be created."""
    return namespace.lower() in ALWAYS_REGISTERED or state(transaction, namespace) == REGISTERED


def require(transaction: Transaction, namespace: str) -> None:
    """Raise `MissingSubscriptionRegistration` unless resources of a namespace can be made.

    https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
    """
    if not is_registered(transaction, namespace):
        raise AzureError(
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for "
            "how to register subscriptions.",
            target=namespace,
            status=HTTPStatus.CONFLICT,
            detailed=True,
        )
