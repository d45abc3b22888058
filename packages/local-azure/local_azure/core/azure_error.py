"""Azure's refusals: a code that programs test for, a message that people read, and the HTTP status of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local_azure.core.values import JsonObject


class AzureError(Exception):
    """A refusal as Azure Resource Manager words it.

    `code` is Azure's error code, `message` one line that never holds a secret, `target` the path of the property at
    fault (or the id of the resource), `status` the HTTP status, `retry_after` the seconds after which Azure asks to
    try again. With `detailed`, the target stands in the error's details, where clients look for the namespace that
    is to be registered.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        target: str | None = None,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        retry_after: int | None = None,
        detailed: bool = False,
    ) -> None:
        self.code = code
        self.message = " ".join(message.split())
        self.target = target
        self.status = status
        self.retry_after = retry_after
        self.detailed = detailed
        super().__init__(f"{code}: {self.message}" + (f" (target: {target})" if target else ""))

    def record(self) -> JsonObject:
        """What is kept of it until it is raised by `recorded`."""
        return {"code": self.code, "message": self.message, "target": self.target, "status": int(self.status)}

    @staticmethod
    def recorded(record: Mapping[str, Any]) -> AzureError:
        """The error that was kept as a record."""
        return AzureError(
            record["code"], record["message"], target=record.get("target"), status=HTTPStatus(record["status"])
        )

    def body(self) -> JsonObject:
        """Return the JSON body of the answer: `{"error": {"code": ..., "message": ..., "target": ...}}`."""
        error: JsonObject = {"code": self.code, "message": self.message}
        if self.target and self.detailed:
            error["details"] = [{"code": self.code, "target": self.target, "message": self.message}]
        elif self.target:
            error["target"] = self.target
        return {"error": error}


def resource_not_found(resource_type: str, name: str, group: str | None) -> AzureError:
    """A resource that was asked for by its id is not there."""
    place = f" under resource group '{group}'" if group else ""
    return AzureError(
        "ResourceNotFound",
        f"The Resource '{resource_type}/{name}'{place} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        status=HTTPStatus.NOT_FOUND,
    )


def resource_group_not_found(name: str) -> AzureError:
    """The resource group of a resource is not there."""
    return AzureError(
        "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", status=HTTPStatus.NOT_FOUND
    )


def parent_not_found(name: str) -> AzureError:
    """The resource that a nested resource belongs to is not there."""
    return AzureError(
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{name}' not found.",
        status=HTTPStatus.NOT_FOUND,
    )


def invalid_id(value: str, target: str | None = None) -> AzureError:
    """A text that should be a resource id is none; what is nothing like one may be a secret and is not shown."""
    shown = f"'{value}'" if value.startswith("/") else f"of {len(value)} characters"
    return AzureError(
        "LinkedInvalidPropertyId",
        f"Property id {shown} at path '{target or 'id'}' is invalid. Expect fully qualified resource Id that start "
        "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        target=target,
    )


def conflict(message: str, code: str = "Conflict", target: str | None = None) -> AzureError:
    """The state of something else stands against the request."""
    return AzureError(code, message, target=target, status=HTTPStatus.CONFLICT)
