"""Errors of Azure: a code for programs, a message for people, and the HTTP status of the response."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from local_azure.core.values import JsonObject


class AzureError(Exception):
    """An error response of Azure Resource Manager.

    `code` is Azure's error code, `message` one line that never holds a secret, `target` the path of the property at
    fault (or the id of the resource), `status` the HTTP status, `retry_after` the value of `Retry-After` in seconds.
    With `detailed`, the target is in the error's details, where clients look for the namespace to register.
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
        """Return the JSON form that is stored until `recorded` restores the error."""
        return {"code": self.code, "message": self.message, "target": self.target, "status": int(self.status)}

    @staticmethod
    def recorded(record: Mapping[str, Any]) -> AzureError:
        """Restore an error from the result of `record`."""
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
    """Return the error for a resource that does not exist."""
    place = f" under resource group '{group}'" if group else ""
    return AzureError(
        "ResourceNotFound",
        f"The Resource '{resource_type}/{name}'{place} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        status=HTTPStatus.NOT_FOUND,
    )


def resource_group_not_found(name: str) -> AzureError:
    """Return the error for a resource group that does not exist."""
    return AzureError(
        "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", status=HTTPStatus.NOT_FOUND
    )


def parent_not_found(name: str) -> AzureError:
    """Return the error for a nested resource whose parent does not exist."""
    return AzureError(
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{name}' not found.",
        status=HTTPStatus.NOT_FOUND,
    )


def invalid_id(value: str, target: str | None = None) -> AzureError:
    """Return the error for a text that is no resource id; a text that does not resemble an id may be a secret and is
    not shown."""
    shown = f"'{value}'" if value.startswith("/") else f"of {len(value)} characters"
    return AzureError(
        "LinkedInvalidPropertyId",
        f"Property id {shown} at path '{target or 'id'}' is invalid. Expect fully qualified resource Id that start "
        "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        target=target,
    )


def conflict(message: str, code: str = "Conflict", target: str | None = None) -> AzureError:
    """Return the error for a request that conflicts with the state of another resource."""
    return AzureError(code, message, target=target, status=HTTPStatus.CONFLICT)
