"""The two forms of a resource: the flat properties of the SDK, and the body that Azure Resource Manager takes.

Pulumi's SDK lifts the content of `properties` to the top, in a resource and in the resources nested in it, and leaves
out what the id already contains. A `BodyShape` describes the conversion in both directions for one type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from local_azure.core.values import JsonObject, as_object, copied, find, split_path

ENVELOPE = frozenset(
    {"id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "plan", "managedBy"}
    | {"extendedLocation", "etag", "systemData"}
)
"""The fields beside `properties` in a body."""
_NESTED_ENVELOPE = frozenset({"id", "name", "type", "etag", "zones", "location", "tags"})


@dataclass(frozen=True)
class BodyShape:
    """The mapping between the flat properties and the body of one type. Paths are the SDK's, as in
    `subnets[*].delegations[*]`."""

    flat: bool = True
    """Whether the SDK lifts `properties`; a few types, such as a key vault, keep it."""
    inside: frozenset[str] = frozenset()
    """Envelope fields that this type has inside `properties`, such as the sku of a Redis cache."""
    nested: tuple[str, ...] = ()
    """Paths of nested resources whose own `properties` the SDK lifts too."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names that differ in Azure: the SDK's path, and the last name in the body."""

    @cached_property
    def _outermost_first(self) -> list[str]:
        return sorted(self.nested, key=lambda path: len(split_path(path)))

    def _envelope(self) -> frozenset[str]:
        return ENVELOPE - self.inside

    def body(self, properties: JsonObject) -> JsonObject:
        """Return the body for the SDK's properties, without the properties that the id contains."""
        body = copied(properties)
        for path, name in self.renamed.items():
            _rename(body, path, split_path(path)[-1], name)
        _identities_to_map(body)
        for path in reversed(self._outermost_first):
            for _, nested in find(body, path):
                _lower(as_object(nested), _NESTED_ENVELOPE)
        if self.flat:
            _lower(body, self._envelope())
        return body

    def properties(self, body: JsonObject) -> JsonObject:
        """Return the SDK's properties for a body."""
        properties = copied(body)
        if self.flat:
            _lift(properties)
        for path in self._outermost_first:
            for _, nested in find(properties, path):
                _lift(as_object(nested))
        for path, name in self.renamed.items():
            *parents, last = split_path(path)
            _rename(properties, ".".join([*parents, name]).replace(".[", "["), name, last, parents)
        return properties

    def sdk_path(self, path: str) -> str:
        """Return the SDK's path for a path in the body: `properties.subnets[*].properties.x` -> `subnets[*].x`."""
        segments = list(split_path(path))
        if self.flat and segments[0] == "properties":
            segments = segments[1:]
        for nested in self._outermost_first:
            at = list(split_path(nested))
            if segments[: len(at)] == at and segments[len(at) : len(at) + 1] == ["properties"]:
                del segments[len(at)]
        back = {name: split_path(sdk)[-1] for sdk, name in self.renamed.items()}
        return ".".join(back.get(one, one) for one in segments).replace(".[", "[")


def _lower(fields: JsonObject, envelope: Iterable[str]) -> None:
    inner = {name: fields.pop(name) for name in list(fields) if name not in envelope}
    if inner:
        fields["properties"] = inner


def _lift(fields: JsonObject) -> None:
    inner = fields.pop("properties", None)
    for name, value in as_object(inner).items():
        fields.setdefault(name, value)


def _rename(body: JsonObject, path: str, old: str, new: str, parents: list[str] | None = None) -> None:
    holders = ".".join(split_path(path)[:-1] if parents is None else parents).replace(".[", "[")
    for holder in [body] if not holders else [value for _, value in find(body, holders)]:
        fields = as_object(holder)
        if old in fields:
            fields[new] = fields.pop(old)


def _identities_to_map(body: JsonObject) -> None:
    """Replace the list of user-assigned identity ids, which programs give, by the map by id that Azure expects."""
    for fields in _objects(body):
        identities = fields.get("userAssignedIdentities")
        if isinstance(identities, list):
            fields["userAssignedIdentities"] = {
                one: {} for one in cast("list[object]", identities) if isinstance(one, str)
            }


def _objects(value: object) -> Iterator[JsonObject]:
    if isinstance(value, dict):
        fields = cast("JsonObject", value)
        yield fields
        for inner in fields.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for element in cast("list[object]", value):
            yield from _objects(element)


def same_value(one: Any, other: Any) -> bool:
    """Return whether two values are equal to Azure: ids and nothing else are compared without regard to case."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (one.startswith("/subscriptions/") and one.lower() == other.lower())
    return bool(one == other)
