"""Asynchronous operations: answered before they complete, and polled by clients.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations: the first answer is 201 (a PUT
that creates), 200 (one that updates) or 202, and names one or two addresses. `Azure-AsyncOperation` returns the status;
`Location` answers 202 until the operation is complete, and then its result.
"""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import RESOURCE_GROUP_TYPE, ArmId
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject

STATUS = "operationStatuses"
RESULT = "operationResults"
_KEPT = 10_000
"""The number of the newest operations that are kept."""
_COLUMNS = "name, resource, method, api_version, path, started, ready, failure"


@dataclass(frozen=True)
class Style:
    """The methods that a service answers before they complete."""

    put: bool = False
    patch: bool = False
    delete: bool = False

    def has(self, method: str) -> bool:
        """Return whether a method is answered before it completes."""
        return {"PUT": self.put, "PATCH": self.patch, "DELETE": self.delete}.get(method, False)


_ALL = Style(put=True, patch=True, delete=True)
_TAGS_AT_ONCE = Style(put=True, delete=True)
_STYLES = {
    "microsoft.app/containerapps": _ALL,
    "microsoft.app/managedenvironments": _ALL,
    "microsoft.cache/redis": _ALL,
    "microsoft.cache/redisenterprise": _ALL,
    "microsoft.cache/redisenterprise/databases": _ALL,
    "microsoft.containerregistry/registries": Style(put=True, delete=True),
    "microsoft.network/privatednszones": _ALL,
    "microsoft.network/privatednszones/virtualnetworklinks": _ALL,
    "microsoft.network/privateendpoints": _TAGS_AT_ONCE,
    "microsoft.network/privateendpoints/privatednszonegroups": _TAGS_AT_ONCE,
    "microsoft.network/virtualnetworks": _TAGS_AT_ONCE,
    "microsoft.network/virtualnetworks/subnets": _TAGS_AT_ONCE,
    "microsoft.operationalinsights/workspaces": Style(put=True, delete=True),
    RESOURCE_GROUP_TYPE.lower(): Style(delete=True),
}
_AT_ONCE = Style()


def style_of(resource_type: str) -> Style:
    """Return the style of a type's service, from the long-running operations in its REST specification."""
    return _STYLES.get(resource_type.lower(), _AT_ONCE)


@dataclass(frozen=True)
class Operation:
    """A snapshot of an asynchronous operation."""

    name: str
    resource_id: ArmId
    method: str
    api_version: str
    path: str
    started: datetime
    remaining: float
    """The seconds until it completes; 0 afterwards."""
    error: AzureError | None = None
    """The error with which it ends; None for success."""

    def status_url(self, origin: str) -> str:
        """Return the URL of its status."""
        return f"{origin}{self.path}/{STATUS}/{self.name}?api-version={self.api_version}"

    def result_url(self, origin: str) -> str:
        """Return the URL of its result."""
        return f"{origin}{self.path}/{RESULT}/{self.name}?api-version={self.api_version}"

    def retry_headers(self) -> dict[str, str]:
        """Return the headers that tell the client when to poll again."""
        return {"Retry-After": str(max(1, math.ceil(self.remaining)))}

    def status(self) -> JsonObject:
        """Return the body of the status."""
        done = not self.remaining
        body: JsonObject = {
            "id": f"{self.path}/{STATUS}/{self.name}",
            "name": self.name,
            "status": ("Failed" if self.error else "Succeeded") if done else "InProgress",
            "startTime": timestamp(self.started),
        }
        if done and self.error:
            body |= self.error.body()
        return body | ({"endTime": timestamp(datetime.now(UTC)), "percentComplete": 100.0} if done else {})


def start(
    transaction: Transaction,
    resource: Resource,
    method: str,
    api_version: str,
    seconds: float = 0.0,
    error: AzureError | None = None,
) -> Operation:
    """Record an operation on a resource that is shown as done after some seconds, and what it then has failed with.

    It is stored in the state, so that its URLs are valid after a restart too.
    """
    resource_id = resource.id
    subscription = f"/subscriptions/{resource_id.subscription}"
    place = f"/providers/{resource_id.type.split('/')[0]}/locations/{resource.location or 'global'}"
    operation = Operation(
        name=secrets.token_hex(16),
        resource_id=resource_id,
        method=method,
        api_version=api_version,
        path=subscription + ("" if resource_id.type == RESOURCE_GROUP_TYPE else place),
        started=transaction.now,
        remaining=seconds,
        error=error,
    )
    transaction.execute(
        f"INSERT INTO asynchronous_answer ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            operation.name,
            resource_id.text,
            method,
            api_version,
            operation.path,
            transaction.now.isoformat(),
            (transaction.now + timedelta(seconds=seconds)).isoformat(),
            json.dumps(error.record()) if error else None,
        ),
    )
    transaction.execute(
        "DELETE FROM asynchronous_answer WHERE number <= (SELECT max(number) FROM asynchronous_answer) - ?", (_KEPT,)
    )
    return operation


def question(parts: list[str]) -> str:
    """Return what a path requests of an operation, `STATUS` or `RESULT`; empty for any other path."""
    asked = parts[-2].lower() if len(parts) >= 4 else ""
    return next((one for one in (STATUS, RESULT) if one.lower() == asked), "")


def find(transaction: Transaction, parts: list[str]) -> Operation:
    """Return the operation that a path's segments name. Raises `OperationNotFound`."""
    rows = transaction.execute(f"SELECT {_COLUMNS} FROM asynchronous_answer WHERE name = ?", (parts[-1],))
    for name, resource, method, api_version, path, started, ready, failure in rows:
        resource_id = ArmId.parse(resource)
        if parts[1].lower() == (resource_id.subscription or "").lower():
            remaining = (datetime.fromisoformat(ready) - transaction.now).total_seconds()
            return Operation(
                name,
                resource_id,
                method,
                api_version,
                path,
                datetime.fromisoformat(started),
                max(0.0, remaining),
                AzureError.recorded(json.loads(failure)) if failure else None,
            )
    raise AzureError(
        "OperationNotFound",
        f"The operation '{parts[-1][:64]}' is unknown or ended long ago.",
        status=HTTPStatus.NOT_FOUND,
    )
