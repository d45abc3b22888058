"""Conversion between the engine's property values and plain values.

The engine marks secrets at any level, and sends unknown values as special strings, which the SDK's `PropertyValue`
passes through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from pulumi.provider.experimental.property_value import PropertyValue, ResourceReference
from pulumi.provider.experimental.provider import CheckFailure
from pulumi.runtime.rpc import UNKNOWN as ENGINE_UNKNOWN

from local_azure.core.schema import Failure, join_path
from local_azure.core.values import UNKNOWN, JsonObject

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Plain:
    """Plain values, and the paths of secret values."""

    values: JsonObject
    secrets: list[Path] = field(default_factory=list[Path])


def to_plain(properties: Mapping[str, PropertyValue]) -> Plain:
    """Read property values; null ones are left out."""
    secrets: list[Path] = []
    values = {name: _to_plain(value, (name,), secrets) for name, value in properties.items()}
    return Plain({name: value for name, value in values.items() if value is not None}, secrets)


def _to_plain(property_value: PropertyValue, path: Path, secrets: list[Path]) -> Any:
    if property_value.is_secret:
        secrets.append(path)
    value = property_value.value
    if isinstance(value, str):
        return UNKNOWN if value == ENGINE_UNKNOWN else value
    if isinstance(value, Mapping):
        fields = {name: _to_plain(inner, (*path, name), secrets) for name, inner in value.items()}
        return {name: inner for name, inner in fields.items() if inner is not None}
    if isinstance(value, Sequence):
        return [_to_plain(inner, (*path, index), secrets) for index, inner in enumerate(value)]
    if isinstance(value, ResourceReference):
        return _to_plain(value.resource_id, path, secrets) if value.resource_id else UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check_failures(failures: Sequence[Failure], secrets: Sequence[Path]) -> list[CheckFailure]:
    """Return failures in the engine's format; messages about secret values do not contain the values."""
    hidden = [_spelled(path) for path in secrets]
    return [
        CheckFailure(one.path, one.reason.split(", not ")[0] if one.path.startswith(tuple(hidden)) else one.reason)
        for one in failures
    ]


def _spelled(path: Path) -> str:
    spelled = ""
    for part in path:
        spelled = f"{spelled}[{part}]" if isinstance(part, int) else join_path(spelled, part)
    return spelled


def to_properties(values: JsonObject, secrets: Sequence[Path] = ()) -> dict[str, PropertyValue]:
    """Return property values; values at secret paths are marked as secret."""
    marked = _Marks()
    for path in secrets:
        marked.add(path)
    return {name: _to_property(value, marked.inner(name)) for name, value in values.items() if value is not None}


def _to_property(value: Any, marks: _Marks | None) -> PropertyValue:
    # A mark that leads on into a value without such a place (a list that comes back as a map) covers all of it.
    secret = bool(marks and (marks.here or (marks.children and not marks.fits(value))))
    if value is UNKNOWN:
        return PropertyValue(ENGINE_UNKNOWN, is_secret=secret)
    if isinstance(value, dict):
        fields = {
            name: _to_property(inner, marks.inner(name) if marks else None)
            for name, inner in cast("JsonObject", value).items()
            if inner is not None
        }
        return PropertyValue(fields, is_secret=secret)
    if isinstance(value, list):
        elements = [
            _to_property(inner, marks.inner(index) if marks else None)
            for index, inner in enumerate(cast("list[Any]", value))
        ]
        return PropertyValue(elements, is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return PropertyValue(value, is_secret=secret)


class _Marks:
    """The secret paths as a tree."""

    def __init__(self) -> None:
        self.here = False
        self.children: dict[str | int, _Marks] = {}

    def add(self, path: Path) -> None:
        if not path:
            self.here = True
            return
        self.children.setdefault(path[0], _Marks()).add(path[1:])

    def inner(self, name: str | int) -> _Marks | None:
        return self.children.get(name)

    def fits(self, value: object) -> bool:
        """Return whether a value has the structure of the marks: indices in a list, names in an object."""
        if isinstance(value, list | dict):
            return all(isinstance(name, int) == isinstance(value, list) for name in self.children)
        return True
