"""The behaviour of resource types, a module for each service."""

from __future__ import annotations

from collections.abc import Iterator

from local_azure.core.schema import canonical_token, resource_schema
from local_azure.resource_types import (
    authorization,
    container_apps,
    container_registry,
    key_vault,
    locks,
    log_alerts,
    log_analytics,
    managed_identity,
    monitor,
    network,
    policies,
    private_dns,
    private_endpoint,
    redis_classic,
    redis_managed,
    resources,
    storage,
)
from local_azure.resource_types.base import Action, ResourceType
from local_azure.resource_types.generic import GenericType

_MODULES = (
    authorization,
    container_apps,
    container_registry,
    key_vault,
    locks,
    log_alerts,
    log_analytics,
    managed_identity,
    monitor,
    network,
    policies,
    private_dns,
    private_endpoint,
    redis_classic,
    redis_managed,
    resources,
    storage,
)


class TypeRegistry:
    """The types by their two names. A type that no module declares is made from its schema when first asked for."""

    def __init__(self) -> None:
        self._by_arm_type = {kind.arm_type.lower(): kind for module in _MODULES for kind in module.TYPES}
        self._by_token = {kind.token: kind for kind in self._by_arm_type.values() if kind.token}
        self._levels = {
            (kind.token.split(":")[1], kind.inputs.name): kind.arm_type.rsplit("/", 1)[-1]
            for kind in self._by_token.values()
        }
        self._undeclared = ResourceType()

    def by_token(self, token: str) -> ResourceType:
        """Return the type of an SDK token; raise `UnknownTokenError` when the installed SDK has none of that name."""
        name = canonical_token(token)
        if name not in self._by_token:
            kind = GenericType(resource_schema(token), self._levels)
            self._by_token[name] = kind
            self._by_arm_type.setdefault(kind.arm_type.lower(), kind)
        return self._by_token[name]

    def by_function(self, token: str) -> tuple[ResourceType, Action] | None:
        """Return the type and its action for an SDK function such as `azure-native:redis:listRedisKeys`, or None."""
        package, module, name = canonical_token(token).split(":")
        for kind in tuple(self._by_token.values()):
            if kind.token.startswith(f"{package}:{module}:"):
                for action in kind.actions:
                    if name in action.functions:
                        return kind, action
        return None

    def by_arm_type(self, arm_type: str) -> ResourceType:
        """Return the type that Azure calls so; one without behaviour for a type that is not known (yet)."""
        return self._by_arm_type.get(arm_type.lower(), self._undeclared)

    def __contains__(self, arm_type: object) -> bool:
        """Return whether the type that Azure calls so is known (by now)."""
        return isinstance(arm_type, str) and arm_type.lower() in self._by_arm_type

    def is_declared(self, arm_type: str) -> bool:
        """Return whether a module declares the type, so that Azure's spelling of it is certain."""
        kind = self._by_arm_type.get(arm_type.lower())
        return kind is not None and not isinstance(kind, GenericType)

    def __iter__(self) -> Iterator[ResourceType]:
        """Return the types that are known (by now)."""
        return iter(tuple(self._by_arm_type.values()))


__all__ = ["TypeRegistry"]
