"""Parse a path of Azure Resource Manager: a resource, a list of resources, or an action on a resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId


@dataclass(frozen=True)
class Address:
    """A path below `/providers/NAMESPACE`; a list or an action has one type more than names."""

    scope: str
    """The path before the last `/providers/`; empty for the tenant."""
    types: tuple[str, ...]
    """The namespace and the types, outermost first."""
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """The full type, such as `Microsoft.Network/virtualNetworks/subnets`."""
        return "/".join(self.types)

    @property
    def is_resource(self) -> bool:
        """Return whether the path ends in the name of a resource."""
        return len(self.types) == len(self.names) + 1

    @property
    def resource_id(self) -> ArmId:
        """The resource that the path names."""
        return ArmId.build(self.scope, self.type, *self.names)

    @property
    def parent_id(self) -> ArmId | None:
        """The resource that contains the list or runs the action; None at the top of a scope."""
        return ArmId.build(self.scope, "/".join(self.types[:-1]), *self.names) if self.names else None

    @property
    def last(self) -> str:
        """The type of the list, or the name of the action."""
        return self.types[-1]


def segments(raw_path: str) -> list[str]:
    """Return the decoded segments of a path; empty ones are left out. Raises `InvalidRequestUri`."""
    decoded = [unquote(one, errors="strict") if _is_utf8(one) else "\0" for one in raw_path.split("/") if one]
    if any(not one.isprintable() or "/" in one for one in decoded):
        raise AzureError("InvalidRequestUri", "The request URI is invalid: its path has a character that no name has.")
    return decoded


def _is_utf8(segment: str) -> bool:
    try:
        unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def parse(parts: list[str]) -> Address | None:
    """Return the address that a path's segments spell, or None when they name no provider."""
    lowered = [one.lower() for one in parts]
    if "providers" not in lowered:
        return None
    at = len(lowered) - 1 - lowered[::-1].index("providers")
    levels = parts[at + 2 :]
    if not levels:
        return None
    scope = "".join(f"/{one}" for one in parts[:at])
    if scope:
        ArmId.parse(scope)
    return Address(scope, (parts[at + 1], *levels[::2]), tuple(levels[1::2]))


_API_VERSION = r"20\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-(preview|alpha|beta|privatepreview))?"


def require_api_version(version: str | None) -> str:
    """Raise Azure's refusal of a missing or malformed api-version. Any date is accepted: versions are not
    distinguished."""
    if not version:
        raise AzureError(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not re.fullmatch(_API_VERSION, version, re.IGNORECASE):
        raise AzureError(
            "InvalidApiVersionParameter",
            f"The api-version '{version[:64]}' is invalid. It must be of the form 'YYYY-MM-DD' or "
            "'YYYY-MM-DD-preview'.",
        )
    return version


def not_found(parts: list[str]) -> AzureError:
    """Return the error for a path that Azure does not have."""
    return AzureError(
        "InvalidResourceType" if parts else "NotFound",
        f"No route of the local Azure has the path '/{'/'.join(parts)[:256]}'.",
        status=HTTPStatus.NOT_FOUND,
    )
