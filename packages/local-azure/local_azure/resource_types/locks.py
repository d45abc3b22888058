"""Management locks: what is locked is not deleted, or not written at all.

https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from __future__ import annotations

from collections.abc import Iterator

from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.resource_types.allowed_values import one_of
from local_azure.resource_types.authorization import scopes_above
from local_azure.resource_types.base import Change, Inputs, ResourceType

LOCK_TYPE = "Microsoft.Authorization/locks"
_READ_ONLY = "readonly"


class Lock(ResourceType):
    """https://learn.microsoft.com/rest/api/resources/management-locks: an extension resource of its scope."""

    token = "azure-native:authorization:ManagementLockByScope"
    arm_type = LOCK_TYPE
    inputs = Inputs(name="lockName", scope="scope")
    rules = (one_of("properties.level", "NotSpecified", "CanNotDelete", "ReadOnly", code="InvalidLockLevel"),)
    has_provisioning_state = False
    tracked = False


def _locks(transaction: Transaction, resource_id: ArmId) -> Iterator[Resource]:
    for scope in scopes_above(resource_id.text):
        yield from transaction.of_type(LOCK_TYPE, f"{scope}/providers/{LOCK_TYPE}")


def _locked(resource_id: ArmId, verb: str, lock: Resource) -> AzureError:
    return conflict(
        f"The scope '{resource_id}' cannot perform {verb} operation because following scope(s) are locked: "
        f"'{lock.id.scope}'. Please remove the lock and try again.",
        "ScopeLocked",
    )


def no_lock_forbids_writing(change: Change) -> None:
    """Refuse a write under a read-only lock."""
    if change.id.type == LOCK_TYPE:
        return
    for lock in _locks(change.transaction, change.id):
        if str(lock.properties.get("level")).lower() == _READ_ONLY:
            raise _locked(change.id, "write", lock)


def refuse_locked_delete(transaction: Transaction, resource_id: ArmId) -> None:
    """Refuse the deletion of what has a lock, is in what has one, or is one's scope."""
    if resource_id.type == LOCK_TYPE:
        return
    for lock in (*_locks(transaction, resource_id), *transaction.of_type(LOCK_TYPE, resource_id)):
        raise _locked(resource_id, "delete", lock)


TYPES = (Lock(),)
