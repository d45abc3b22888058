"""Faults that a user puts into a local Azure: operations that fail, are throttled or take long, roles that never hold.

They stand in the state and are looked up for each operation, so that a running local Azure has them at once and a
restarted one still has them. What is changed behind the program's back once and for all is in `drift`.
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
"""What Container Apps run (https://learn.microsoft.com/azure/container-apps/containers)."""
WRITES = frozenset({"create", "update", "delete"})
OPERATION_KINDS: frozenset[Kind] = frozenset({"fail", "throttle", "slow", "late-running"})
"""Those that operations meet; the others are states that resources are in."""
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
    """Return the HTTP status that comes with a code; 400 for one that is not known here."""
    return _STATUSES.get(code, HTTPStatus.BAD_REQUEST)


def concerns(resource_id: ArmId, type_pattern: str, name_pattern: str) -> bool:
    """Return whether patterns of a type and of a name (or of a whole id, with a slash in front) name a resource."""
    text = resource_id.key if name_pattern.startswith("/") else resource_id.name.lower()
    return fnmatchcase(resource_id.type_key, type_pattern.lower()) and fnmatchcase(text, name_pattern.lower())


@dataclass(frozen=True)
class Fault:
    """A fault: which operations it hits, and what it does to them."""

    kind: Kind
    type: str = "*"
    """A pattern of resource types, such as `Microsoft.Cache/*`; case does not matter."""
    name: str = "*"
    """A pattern of names, or of whole ids when it starts with a slash."""
    operation: str = "write"
    """`create`, `update`, `delete`, `read` or the name of an action; several with commas; `write` stands for the first
    three, `any` for all."""
    code: str = ""
    message: str = ""
    status: int = 0
    retry_after: int | None = None
    seconds: float = 0.0
    """What a slow operation takes in addition, or for how long a resource is not Running after its operation."""
    megabytes: int | None = None
    """What a full Redis is filled with; None for as much as it has room for, whatever its size."""
    region: str = "*"
    """Where a type is not offered, or a quota is lower: a pattern of region names."""
    platform: str = ""
    """What an image is for, instead of linux/amd64."""
    limit: int = 0
    """The lower quota."""
    stage: Stage = "request"
    """Whether an operation fails at the request or after Azure has accepted it, which leaves the resource `Failed`."""

    def hits(self, operation: str, resource_id: ArmId) -> bool:
        """Return whether the fault concerns an operation."""
        wanted = {one.strip().lower() for one in self.operation.split(",")}
        named = operation.lower() in wanted or "any" in wanted or ("write" in wanted and operation in WRITES)
        return named and self.concerns(resource_id)

    def concerns(self, resource_id: ArmId) -> bool:
        """Return whether the fault concerns a resource."""
        return concerns(resource_id, self.type, self.name)

    def error(self) -> AzureError:
        """What an operation that it hits fails with."""
        return AzureError(
            self.code,
            self.message or f"The operation failed by a fault of the local Azure ({self.kind}).",
            status=HTTPStatus(self.status or usual_status(self.code)),
            retry_after=self.retry_after,
        )

    def words(self) -> str:
        """One line that says what it does to what."""
        what = {
            "fail": f"fails with {self.code}" + (" after it was accepted" if self.stage == "accepted" else ""),
            "throttle": f"is throttled ({self.status} {self.code}, Retry-After {self.retry_after})",
            "slow": f"takes {self.seconds:g} s more",
            "late-running": f"ends {self.seconds:g} s before the resource is Running",
            "role-never-effective": "never takes effect",
            "subnet-held": "stays held by an environment that was deleted",
            "redis-down": "refuses every connection",
            "redis-full": "has no memory for another value"
            if self.megabytes is None
            else f"holds {self.megabytes} MB that may not be evicted",
            "not-offered": f"is not offered in {self.region}",
            "quota": f"may be used {self.limit} times in {self.region}",
            "subscription-disabled": "is disabled and read only",
            "wrong-platform": f"is for {self.platform}",
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
    """A fault in force."""

    number: int
    fault: Fault
    times: int | None
    """How many more operations it hits; None for all."""

    def words(self) -> str:
        """One line for a list."""
        left = "always" if self.times is None else f"{self.times} more time{'s' if self.times != 1 else ''}"
        return f"{self.number}  {self.fault.words()}  ({left})"


@dataclass(frozen=True)
class OperationOutcome:
    """What an operation that is let in will take and come to."""

    seconds: float = 0.0
    error: AzureError | None = None
    """What it fails with once it was accepted."""
    busy_seconds: float = 0.0
    """The seconds for which the service goes on working once the operation has ended."""


NO_FAULT = OperationOutcome()
"""Takes no time and comes to what it is asked for."""


def add(transaction: Transaction, fault: Fault, times: int | None) -> Active:
    """Put a fault in force for so many operations, or for all."""
    description = json.dumps(asdict(fault))
    ((number,),) = transaction.execute(
        "INSERT INTO fault (description, times) VALUES (?, ?) RETURNING number", (description, times)
    )
    return Active(number, fault, times)


def active(transaction: Transaction) -> list[Active]:
    """Return the faults in force, oldest first."""
    rows = transaction.execute("SELECT number, description, times FROM fault ORDER BY number")
    return [Active(number, Fault(**json.loads(description)), times) for number, description, times in rows]


def clear(transaction: Transaction, number: int | None = None) -> int:
    """Take one fault out of force, or all; return how many."""
    if number is None:
        return len(transaction.execute("DELETE FROM fault RETURNING number"))
    return len(transaction.execute("DELETE FROM fault WHERE number = ? RETURNING number", (number,)))


def meet(transaction: Transaction, operation: str, resource_id: ArmId) -> Iterator[Fault]:
    """Yield the faults that an operation meets, up to the first that fails it; each is used up by one operation."""
    met = [one for one in active(transaction) if one.fault.hits(operation, resource_id)]
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
    """Return whether a fault keeps a role assignment from ever taking effect."""
    return is_in(transaction, "role-never-effective", assignment)


def is_in(transaction: Transaction, kind: Kind, resource_id: ArmId) -> bool:
    """Return whether a fault of a kind that is a state concerns a resource."""
    return find(transaction, kind, resource_id) is not None


def find(transaction: Transaction, kind: Kind, resource_id: ArmId) -> Fault | None:
    """Return the first fault of a kind that is a state and concerns a resource."""
    found = (one.fault for one in active(transaction) if one.fault.kind == kind)
    return next((one for one in found if one.concerns(resource_id)), None)


def has(transaction: Transaction, kind: Kind) -> bool:
    """Return whether a fault of a kind that concerns the whole subscription is in force."""
    return any(one.fault.kind == kind for one in active(transaction))


def lacks_type(transaction: Transaction, resource_type: str, region: str) -> bool:
    """Return whether a fault keeps a type out of a region."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "not-offered")
    return any(
        fnmatchcase(resource_type.lower(), one.type.lower()) and fnmatchcase(region.lower(), one.region.lower())
        for one in found
    )


def limit_of(transaction: Transaction, quota: str, region: str) -> int | None:
    """Return what a fault lowers a quota to in a region, or None."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "quota")
    limits = (
        one.limit
        for one in found
        if fnmatchcase(quota.lower(), one.name.lower()) and fnmatchcase(region.lower(), one.region.lower())
    )
    return next(limits, None)


def platform_of(transaction: Transaction, image: str) -> str:
    """Return what an image is for: linux/amd64, unless a fault says otherwise."""
    found = (one.fault for one in active(transaction) if one.fault.kind == "wrong-platform")
    return next((one.platform for one in found if fnmatchcase(image.lower(), one.name.lower())), PLATFORM)
