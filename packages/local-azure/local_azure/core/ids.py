"""ARM resource ids: parse, build and navigate them.

The forms are those of https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules and the
id grammar of ARM: a subscription, a resource group, a resource of a provider with names and types in pairs, a nested
resource, and an extension resource whose scope is any of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from local_azure.core.azure_error import invalid_id

SUBSCRIPTION_TYPE = "Microsoft.Resources/subscriptions"
RESOURCE_GROUP_TYPE = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True)
class ArmId:
    """A parsed resource id; ids with equal `key` identify the same resource."""

    text: str
    """The id as it was written."""
    type: str
    """The full type, such as `Microsoft.Network/virtualNetworks/subnets`."""
    names: tuple[str, ...]
    """The name of each level of the type."""
    scope: str
    """The id before the last `/providers/`: the resource group, the extended resource, or empty."""

    @staticmethod
    def parse(text: str, target: str | None = None) -> ArmId:
        """Parse an id. Raises `AzureError` (`LinkedInvalidPropertyId`, at the path `target`) when the text is no id."""
        if (parsed := _parsed(text)) is None:
            raise invalid_id(text, target)
        return parsed

    @staticmethod
    def build(scope: str, resource_type: str, *names: str) -> ArmId:
        """Return the id of a resource of a type under a scope; one name for each level of the type."""
        if resource_type == RESOURCE_GROUP_TYPE:
            return ArmId.parse(f"{scope}/resourceGroups/{names[0]}")
        namespace, *types = resource_type.split("/")
        levels = "/".join(f"{level}/{name}" for level, name in zip(types, names, strict=True))
        return ArmId.parse(f"{scope.rstrip('/')}/providers/{namespace}/{levels}")

    @cached_property
    def key(self) -> str:
        """The id in the form in which ids are compared: ARM ids are case-insensitive."""
        return self.text.lower()

    @cached_property
    def type_key(self) -> str:
        """The type in the form in which types are compared."""
        return self.type.lower()

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.names[-1]

    @cached_property
    def subscription(self) -> str | None:
        """The subscription's id, if the resource is in one."""
        parts = self.text.split("/")
        return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else None

    @cached_property
    def resource_group(self) -> str | None:
        """The name of the resource group, if the resource is in one."""
        parts = self.text.split("/")
        return parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else None

    @cached_property
    def group_id(self) -> ArmId | None:
        """The id of the resource group, if the resource is in one."""
        parts = self.text.split("/")
        return ArmId.parse("/".join(parts[:5])) if self.resource_group else None

    @cached_property
    def parent(self) -> ArmId | None:
        """The resource one level up for a nested resource, else None."""
        if len(self.names) < 2:
            return None
        return ArmId.parse(self.text.rsplit("/", 2)[0])

    def spelled(self, resource_type: str) -> ArmId:
        """Return the same id with its type spelled as given: Azure answers with its own spelling."""
        return ArmId.build(self.scope, resource_type, *self.names) if resource_type else self

    def child(self, level: str, name: str) -> ArmId:
        """Return the id of a nested resource."""
        return ArmId.parse(f"{self.text}/{level}/{name}")

    def extension(self, resource_type: str, name: str) -> ArmId:
        """Return the id of an extension resource on this one."""
        return ArmId.build(self.text, resource_type, name)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)  # A state's resources name the same few thousand ids again and again.
def _parsed(text: str) -> ArmId | None:
    if not re.fullmatch(r"(/[^/\x00-\x1f]+)+", text) or text != text.strip():
        return None
    parts = text[1:].split("/")
    lowered = [part.lower() for part in parts]
    if "providers" in lowered:
        at = len(lowered) - 1 - lowered[::-1].index("providers")
        levels = parts[at + 2 :]
        if not levels or len(levels) % 2:
            return None
        scope = "/" + "/".join(parts[:at]) if at else ""
        if scope and _parsed(scope) is None:
            return None
        resource_type = "/".join([parts[at + 1], *levels[::2]])
        return ArmId(text, resource_type, tuple(levels[1::2]), scope)
    match lowered:
        case ["subscriptions", _]:
            return ArmId(text, SUBSCRIPTION_TYPE, (parts[1],), "")
        case ["subscriptions", _, "resourcegroups", _]:
            return ArmId(text, RESOURCE_GROUP_TYPE, (parts[3],), f"/subscriptions/{parts[1]}")
        case _:
            return None
