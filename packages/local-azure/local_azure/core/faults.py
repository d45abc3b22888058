"""Fault injection: operations that fail, are throttled or are slow, and states of resources such as a full cache.

Faults are stored in the state and read for each operation: they apply to a running emulator immediately and survive a
restart. Changes outside the program, which happen once, are in `control_plane.drift`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Transaction

Kind = Literal[
    "fail",
    "throttle",
    "slow",
    "late-running",
    "role-never-effective",
    "redis-down",
    "redis-full",
    "not-offered",
    "quota",
    "subscription-disabled",
    "subnet-held",
    "wrong-platform",
]
Stage = Literal["request", "accepted"]
PLATFORM = "linux/amd64"
"""The platform of Container Apps (https://learn.microsoft.com/azure/container-apps/containers)."""
WRITES = frozenset({"create", "update", "delete"})
OPERATION_KINDS: frozenset[Kind] = frozenset({"fail", "throttle", "slow", "late-running"})
"""The kinds that affect operations; the other kinds are states of resources."""
ROLE_ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"

_STATUSES = {
    "TooManyRequests": HTTPStatus.TOO_MANY_REQUESTS,
    "SubscriptionRequestsThrottled": HTTPStatus.TOO_MANY_REQUESTS,
    "AnotherOperationInProgress": HTTPStatus.TOO_MANY_REQUESTS,
    "RetryableError": HTTPStatus.TOO_MANY_REQUESTS,
    "AuthorizationFailed": HTTPStatus.FORBIDDEN,
    "LinkedAuthorizationFailed": HTTPStatus.FORBIDDEN,
    "RequestDisallowedByPolicy": HTTPStatus.FORBIDDEN,
    "ResourceNotFound": HTTPStatus.NOT_FOUND,
    "Conflict": HTTPStatus.CONFLICT,
    "ScopeLocked": HTTPStatus.CONFLICT,
    "SkuNotAvailable": HTTPStatus.CONFLICT,
    "OperationNotAllowed": HTTPStatus.CONFLICT,
    "QuotaExceeded": HTTPStatus.CONFLICT,
    "InternalServerError": HTTPStatus.INTERNAL_SERVER_ERROR,
    "ServiceUnavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "GatewayTimeout": HTTPStatus.GATEWAY_TIMEOUT,
}
"""The HTTP status of some codes of Azure Resource Manager
(https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors)."""


def usual_status(code: str) -> HTTPStatus:
    """Return the usual HTTP status of an error code; 400 for an unknown code."""
    return _STATUSES.get(code, HTTPStatus.BAD_REQUEST)


def matches(resource_id: ArmId, type_pattern: str, name_pattern: str) -> bool:
    """Return whether a resource matches a type pattern and a name pattern; a name pattern that starts with a slash
    matches whole ids."""
    text = resource_id.key if name_pattern.startswith("/") else resource_id.name.lower()
    return fnmatchcase(resource_id.type_key, type_pattern.lower()) and fnmatchcase(text, name_pattern.lower())


@dataclass(frozen=True)
class Fault:
    """An injected fault: the operations or resources that it affects, and its effect."""

    kind: Kind
    type: str = "*"
    """A pattern of resource types, such as `Microsoft.Cache/*`; case does not matter."""
    name: str = "*"
    """A pattern of names, or of whole ids when it starts with a slash."""
    operation: str = "write"
    """`create`, `update`, `delete`, `read` or the name of an action; several are separated by commas; `write` means the
    first three, `any` all."""
    code: str = ""
    message: str = ""
    status: int = 0
    retry_after: int | None = None
    seconds: float = 0.0
    """The additional seconds of a slow operation, or the seconds for which a resource is not Running after its
    operation."""
    megabytes: int | None = None
    """The data in a full cache; None for the cache's capacity."""
    region: str = "*"
    """A pattern of the region names where a type is not offered or a quota is lower."""
    platform: str = ""
    """The platform of an image, instead of linux/amd64."""
    limit: int = 0
    """The lower quota."""
    stage: Stage = "request"
    """Whether an operation fails at the request or after Azure has accepted it, which leaves the resource `Failed`."""

    def affects(self, operation: str, resource_id: ArmId) -> bool:
        """Return whether the fault affects an operation."""
        wanted = {one.strip().lower() for one in self.operation.split(",")}
        named = operation.lower() in wanted or "any" in wanted or ("write" in wanted and operation in WRITES)
        return named and self.matches(resource_id)

    def matches(self, resource_id: ArmId) -> bool:
        """Return whether the fault affects a resource."""
        return matches(resource_id, self.type, self.name)

    def error(self) -> AzureError:
        """Return the error of an affected operation."""
        return AzureError(
            self.code,
            self.message or f"The operation failed because of an injected fault ({self.kind}).",
            status=HTTPStatus(self.status or usual_status(self.code)),
            retry_after=self.retry_after,
        )

    def describe(self) -> str:
        """Return one line that describes the fault."""
        what = {
            "fail": f"fails with {self.code}" + (" after it was accepted" if self.stage == "accepted" else ""),
            "throttle": f"is throttled ({self.status} {self.code}, Retry-After {self.retry_after})",
            "slow": f"takes {self.seconds:g} s more",
            "late-running": f"ends {self.seconds:g} s before the resource is Running",
            "role-never-effective": "never takes effect",
            "subnet-held": "stays in use by an environment that was deleted",
            "redis-down": "refuses every connection",
            "redis-full": "has no memory left"
            if self.megabytes is None
            else f"holds {self.megabytes} MB that may not be evicted",
            "not-offered": f"is not offered in {self.region}",
            "quota": f"may be used {self.limit} times in {self.region}",
            "subscription-disabled": "is disabled and read-only",
            "wrong-platform": f"is built for {self.platform}",
        }[self.kind]
        if self.kind == "not-offered":
            return f"{self.type} {what}"
        if self.kind == "quota":
            return f"quota '{self.name}' {what}"
        if self.kind == "wrong-platform":
            return f"image '{self.name}' {what}"
        if self.kind == "subscription-disabled":
            return f"the subscription {what}"
        subject = f"{self.type} '{self.name}'"
        return f"{self.operation} of {subject} {what}" if self.kind in OPERATION_KINDS else f"{subject} {what}"


@dataclass(frozen=True)
class Active:
    """An active fault."""

    number: int
    fault: Fault
    times: int | None
    """The number of operations that it still affects; None for all."""

    def describe(self) -> str:
        """Return one line for a list."""
        left = "always" if self.times is None else f"{self.times} more time{'s' if self.times != 1 else ''}"
        return f"{self.number}  {self.fault.describe()}  ({left})"


@dataclass(frozen=True)
class OperationOutcome:
    """The duration and the result of an operation that was accepted."""

    seconds: float = 0.0
    error: AzureError | None = None
    """The error with which it fails after it was accepted."""
    busy_seconds: float = 0.0
    """The seconds for which the service is busy after the operation has completed."""


NO_FAULT = OperationOutcome()
"""The operation takes no time and succeeds."""


def add(transaction: Transaction, fault: Fault, times: int | None) -> Active:
    """Add a fault for a number of operations, or for all."""
    description = json.dumps(asdict(fault))
    ((number,),) = transaction.execute(
        "INSERT INTO fault (description, times) VALUES (?, ?) RETURNING number", (description, times)
    )
    return Active(number, fault, times)


def active(transaction: Transaction) -> list[Active]:
    """Return the active faults, oldest first."""
    rows = transaction.execute("SELECT number, description, times FROM fault ORDER BY number")
    return [Active(number, Fault(**json.loads(description)), times) for number, description, times in rows]


def clear(transaction: Transaction, number: int | None = None) -> int:
    """Remove one fault, or all; return the number of removed faults."""
    if number is None:
        return len(transaction.execute("DELETE FROM fault RETURNING number"))
    return len(transaction.execute("DELETE FROM fault WHERE number = ? RETURNING number", (number,)))


def consume(transaction: Transaction, operation: str, resource_id: ArmId) -> Iterator[Fault]:
    """Yield the faults that affect an operation, up to the first that makes it fail, and count each as used once."""
    met = [one for one in active(transaction) if one.fault.affects(operation, resource_id)]
    for one in met:
        if one.fault.kind not in OPERATION_KINDS:
            continue
        if one.times is not None:
            transaction.execute("UPDATE fault SET times = times - 1 WHERE number = ?", (one.number,))
            transaction.execute("DELETE FROM fault WHERE times <= 0")
        yield one.fault
        if one.fault.kind in ("fail", "throttle"):
            return


def is_never_effective(transaction: Transaction, assignment: ArmId) -> bool:
    """Return whether a fault prevents a role assignment from taking effect."""
    return is_in(transaction, "role-never-effective", assignment)


def is_in(transaction: Transaction, kind: Kind, resource_id: ArmId) -> bool:
    """Return whether a resource is in the state of a fault kind."""
    return find(transaction, kind, resource_id) is not None


def find(transaction: Transaction, kind: Kind, resource_id: ArmId) -> Fault | None:
    """Return the first fault of a kind that affects a resource, or None."""
    found = (one.fault for one in active(transaction) if one.fault.kind == kind)
    return next((one for one in found if one.matches(resource_id)), None)


def has(transaction: Transaction, kind: Kind) -> bool:
    """Return whether a fault of a kind that affects the whole subscription is active."""
    return any(one.fault.kind == kind for one in active(transaction))


def lacks_type(transaction: Transaction, resource_type: str, region: str) -> bool:
    """Return whether a fault makes a type unavailable in a region."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "not-offered")
    return any(
        fnmatchcase(resource_type.lower(), one.type.lower()) and fnmatchcase(region.lower(), one.region.lower())
        for one in found
    )


def limit_of(transaction: Transaction, quota: str, region: str) -> int | None:
    """Return the limit of a quota in a region that a fault sets, or None."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "quota")
    limits = (
        one.limit
        for one in found
        if fnmatchcase(quota.lower(), one.name.lower()) and fnmatchcase(region.lower(), one.region.lower())
    )
    return next(limits, None)


def platform_of(transaction: Transaction, image: str) -> str:
    """Return the platform of an image: linux/amd64, unless a fault sets another."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "wrong-platform")
    return next((one.platform for one in found if fnmatchcase(image.lower(), one.name.lower())), PLATFORM)
