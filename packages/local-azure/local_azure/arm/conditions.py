"""Conditional requests: `If-Match` and `If-None-Match` against a resource's ETag (RFC 9110)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource


@dataclass(frozen=True)
class Conditions:
    """The conditions of a request on the resource's ETag."""

    match: str = ""
    none_match: str = ""

    @staticmethod
    def of(request: web.Request) -> Conditions:
        """Return the conditions of a request."""
        return Conditions(request.headers.get("If-Match", ""), request.headers.get("If-None-Match", ""))

    def require(self, existing: Resource | None) -> None:
        """Raise `PreconditionFailed` unless a change of the resource may be made."""
        if self.match and not (existing and _names(self.match, existing.etag)):
            raise _failed("If-Match", self.match, existing)
        if self.none_match and existing and _names(self.none_match, existing.etag):
            raise _failed("If-None-Match", self.none_match, existing)

    def unchanged(self, etag: str) -> bool:
        """Return whether the client already has the current version."""
        return bool(self.none_match) and _names(self.none_match, _bare(etag))


def _names(header: str, etag: str) -> bool:
    return any(one in ("*", _bare(etag)) for one in map(_bare, header.split(",")))


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _failed(header: str, given: str, existing: Resource | None) -> AzureError:
    found = f"is '{existing.etag}'" if existing else "does not exist"
    return AzureError(
        "PreconditionFailed",
        f"The condition '{header}: {given}' of the request is not met: the resource's etag {found}.",
        status=HTTPStatus.PRECONDITION_FAILED,
    )
