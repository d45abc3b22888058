"""Long-running operations: the states of their resources, and the requests that are refused meanwhile.

An operation is stored in the state with the time at which it ends. It therefore continues, as on Azure, when the engine
or the emulator is killed. The results of operations that are due are applied at the start of the next transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import RESOURCE_GROUP_TYPE, ArmId
from local_azure.core.state import Transaction

_WORDS = {
    "microsoft.app/containerapps": {"create": "InProgress", "update": "InProgress"},
    "microsoft.app/managedenvironments": {"create": "Waiting", "update": "Waiting"},
    "microsoft.network/privateendpoints": {"create": "Updating"},
    "microsoft.network/privateendpoints/privatednszonegroups": {"create": "Updating"},
    "microsoft.network/virtualnetworks": {"create": "Updating"},
    "microsoft.network/virtualnetworks/subnets": {"create": "Updating"},
}
"""Types whose provisioning states are not Creating, Updating and Deleting, from their REST specifications."""
_USUAL_WORDS = {"create": "Creating", "update": "Updating", "delete": "Deleting"}
FAILED = "Failed"


def state_word(resource_type: str, kind: str) -> str:
    """Return the `provisioningState` of a resource of a type during an operation (create, update or delete)."""
    return _WORDS.get(resource_type.lower(), {}).get(kind, _USUAL_WORDS[kind])


@dataclass(frozen=True)
class Ongoing:
    """An operation on a resource that is in progress, or has failed."""

    key: str
    """The resource."""
    kind: str
    """`create`, `update` or `delete`."""
    ends: datetime
    locks: frozenset[str]
    """The locks of the operation: keys of resources, or other names in lower case."""
    failure: Mapping[str, Any] | None
    """The error with which it ends; None for success."""

    def is_done(self, now: datetime) -> bool:
        """Return whether the operation is due."""
        return self.ends <= now

    def seconds(self, now: datetime) -> float:
        """Return the seconds until the operation is due."""
        return max(0.0, (self.ends - now).total_seconds())

    def error(self) -> AzureError | None:
        """Return the error with which it ends, or None."""
        return AzureError.recorded(self.failure) if self.failure else None


def recorded(transaction: Transaction) -> dict[str, Ongoing]:
    """Return all recorded operations, including due ones, by the key of the resource."""
    rows = transaction.execute("SELECT key, kind, ends, locks, failure FROM operation")
    return {
        key: Ongoing(
            key,
            kind,
            datetime.fromisoformat(ends),
            frozenset(json.loads(locks)),
            json.loads(failure) if failure else None,
        )
        for key, kind, ends, locks, failure in rows
    }


def record(
    transaction: Transaction,
    resource_id: ArmId,
    kind: str,
    ends: datetime,
    locks: Iterable[str],
    error: AzureError | None = None,
) -> Ongoing:
    """Record an operation; it replaces an earlier operation on the same resource."""
    failure = error.record() if error else None
    held = sorted({resource_id.key, *(one.lower() for one in locks)})
    transaction.execute(
        "INSERT OR REPLACE INTO operation VALUES (?, ?, ?, ?, ?)",
        (resource_id.key, kind, ends.isoformat(), json.dumps(held), json.dumps(failure) if failure else None),
    )
    return Ongoing(resource_id.key, kind, ends, frozenset(held), failure)


def forget(transaction: Transaction, key: str) -> None:
    """Delete the record of an operation."""
    transaction.execute("DELETE FROM operation WHERE key = ?", (key,))


def record_busy(transaction: Transaction, key: str, kind: str, until: datetime) -> None:
    """Record until when a service is busy with a resource after its operation has completed."""
    transaction.execute("INSERT OR REPLACE INTO settling VALUES (?, ?, ?)", (key, kind, until.isoformat()))


def forget_busy(transaction: Transaction, key: str) -> None:
    """Delete the record that a service is busy with a resource."""
    transaction.execute("DELETE FROM settling WHERE key = ?", (key,))


def busy_kinds(transaction: Transaction) -> dict[str, str]:
    """Return the resources that services are still busy with after the operation: its kind by the resource's key."""
    rows = transaction.execute("SELECT key, kind, until FROM settling")
    return {key: kind for key, kind, until in rows if datetime.fromisoformat(until) > transaction.now}


_BUSY: dict[str, tuple[str, str, HTTPStatus]] = {
    "microsoft.app/containerapps": (
        "ContainerAppOperationInProgress",
        "Cannot modify a container app '{name}' because there is an active provisioning operation in progress.",
        HTTPStatus.CONFLICT,
    ),
    "microsoft.app/managedenvironments": (
        "ManagedEnvironmentOperationInProgress",
        "Cannot modify Container Apps environment {name} because another operation is in progress.",
        HTTPStatus.CONFLICT,
    ),
    "microsoft.cache": (
        "Conflict",
        "The resource '{id}' is busy processing a previous update request or is undergoing system maintenance. "
        "As such, it is currently unable to accept the update request. Please try again later.",
        HTTPStatus.CONFLICT,
    ),
    "microsoft.network": (
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress: {id}.",
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
}
"""The errors for a write while another operation is in progress, by type or namespace:
https://github.com/microsoft/azure-container-apps/issues/1731 and /1112, https://github.com/Azure/bicep/issues/11465,
https://github.com/hashicorp/terraform-provider-azurerm/issues/21293 (that the network answers 429)."""


def busy(resource_id: ArmId, kind: str) -> AzureError:
    """Return the error for a write to a resource during an operation of a kind."""
    if resource_id.type == RESOURCE_GROUP_TYPE and kind == "delete":
        return _deprovisioning(resource_id)
    by_namespace = _BUSY.get(resource_id.type_key.split("/")[0])
    code, words, status = _BUSY.get(resource_id.type_key, by_namespace) or (
        "Conflict",
        "The resource '{id}' cannot be changed while another operation on it is in progress.",
        HTTPStatus.CONFLICT,
    )
    return AzureError(
        code, words.format(name=resource_id.name, id=resource_id.text), target=resource_id.text, status=status
    )


def being_deleted(resource_id: ArmId) -> AzureError:
    """Return the error for a write within a resource that is being deleted."""
    if resource_id.type == RESOURCE_GROUP_TYPE:
        return _deprovisioning(resource_id)
    return AzureError(
        "Conflict",
        f"The resource '{resource_id}' is being deleted; nothing can be created in it.",
        target=resource_id.text,
        status=HTTPStatus.CONFLICT,
    )


def _deprovisioning(group: ArmId) -> AzureError:
    """https://learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group"""
    return AzureError(
        "ResourceGroupBeingDeleted",
        f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation.",
        target=group.text,
        status=HTTPStatus.CONFLICT,
    )


def not_provisioned(target: ArmId, source: ArmId, at: str, word: str) -> AzureError:
    """Return the error for a reference to a resource that is not ready:
    https://github.com/microsoft/azure-container-apps/issues/1208,
    https://github.com/hashicorp/terraform-provider-azurerm/issues/21293."""
    if target.type_key == "microsoft.app/managedenvironments":
        return AzureError(
            "ManagedEnvironmentNotProvisioned",
            f"The environment '{target}' has not been provisioned successfully.",
            target=at,
        )
    is_network = target.type_key.startswith("microsoft.network/")
    return AzureError(
        "ReferencedResourceNotProvisioned",
        f"Cannot proceed with operation because resource {target} used by resource {source} is not in Succeeded "
        f"state. Resource is in {word} state.",
        target=at,
        status=HTTPStatus.TOO_MANY_REQUESTS if is_network else HTTPStatus.CONFLICT,
    )
