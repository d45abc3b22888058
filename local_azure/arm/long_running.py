"""Operations that Azure answers before they are done, and what a client polls meanwhile.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations: the first answer is 201 (a PUT
that creates), 200 (one that updates) or 202, and names one or two addresses. `Azure-AsyncOperation` tells the status;
`Location` answers 202 until the operation is done, and then what it has to say.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from local_azure.azure_error import AzureError
from local_azure.ids import RESOURCE_GROUP_TYPE, ArmId
from local_azure.state import timestamp
from local_azure.values import JsonObject

STATUS = "operationStatuses"
RESULT = "operationResults"
_KEPT = 10_000


@dataclass(frozen=True)
class Style:
    """Which methods a service answers before they are done."""

    put: bool = False
    patch: bool = False
    delete: bool = False

    def has(self, method: str) -> bool:
        """Whether a method is answered before it is done."""
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
    """How the service of a type answers, by the long-running operations in its REST specification."""
    return _STYLES.get(resource_type.lower(), _AT_ONCE)


@dataclass(frozen=True)
class Operation:
    """An operation on its way or done."""

    name: str
    resource_id: ArmId
    method: str
    api_version: str
    started: datetime
    ready: float
    """The moment, on the monotonic clock, when it is done."""
    path: str
    error: AzureError | None = None
    """What it comes to instead of success."""

    @property
    def remaining(self) -> float:
        """The seconds until it is done; 0 when it is."""
        return max(0.0, self.ready - time.monotonic())

    def status_url(self, origin: str) -> str:
        """Where its status is asked for."""
        return f"{origin}{self.path}/{STATUS}/{self.name}?api-version={self.api_version}"

    def result_url(self, origin: str) -> str:
        """Where its result is asked for."""
        return f"{origin}{self.path}/{RESULT}/{self.name}?api-version={self.api_version}"

    def retry_headers(self) -> dict[str, str]:
        """When to ask again."""
        return {"Retry-After": str(max(1, math.ceil(self.remaining)))}

    def status(self) -> JsonObject:
        """The body of the status."""
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


class Operations:
    """The operations of the last while. Threads may share them."""

    def __init__(self) -> None:
        self._operations: OrderedDict[str, Operation] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self,
        resource_id: ArmId,
        location: str,
        method: str,
        api_version: str,
        seconds: float = 0.0,
        error: AzureError | None = None,
    ) -> Operation:
        """Record an operation that is shown as done after some seconds, and what it then has failed with."""
        subscription = f"/subscriptions/{resource_id.subscription}"
        place = f"/providers/{resource_id.type.split('/')[0]}/locations/{location or 'global'}"
        operation = Operation(
            name=secrets.token_hex(16),
            resource_id=resource_id,
            method=method,
            api_version=api_version,
            started=datetime.now(UTC),
            ready=time.monotonic() + seconds,
            path=subscription + ("" if resource_id.type == RESOURCE_GROUP_TYPE else place),
            error=error,
        )
        with self._lock:
            self._operations[operation.name] = operation
            while len(self._operations) > _KEPT:
                self._operations.popitem(last=False)
        return operation

    def find(self, parts: list[str]) -> tuple[str, Operation] | None:
        """The operation that a path's segments name, with the kind of question, or None for any other path.

        Raises `OperationNotFound`.
        """
        kind = parts[-2].lower() if len(parts) >= 4 else ""
        if kind not in (STATUS.lower(), RESULT.lower()):
            return None
        with self._lock:
            operation = self._operations.get(parts[-1])
        if operation is None or parts[1].lower() != (operation.resource_id.subscription or "").lower():
            raise AzureError(
                "OperationNotFound",
                f"The operation '{parts[-1][:64]}' is unknown or ended long ago.",
                status=HTTPStatus.NOT_FOUND,
            )
        return kind, operation
