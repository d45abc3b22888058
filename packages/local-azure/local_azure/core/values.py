"""The JSON values that the model, the schema and the providers exchange.

A resource's body is JSON: `dict`, `list`, `str`, `int`, `float`, `bool` and `None`. During a preview, values that Azure
has yet to generate are `UNKNOWN`, which may occur anywhere in a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeGuard, TypeVar, cast, final

JsonObject: TypeAlias = dict[str, Any]
T = TypeVar("T")


@final
class Unknown:
    """The type of `UNKNOWN`, its only instance."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def is_object(value: object) -> TypeGuard[JsonObject]:
    """Whether the value is a JSON object."""
    return isinstance(value, dict)


def as_object(value: object) -> JsonObject:
    """Return the value if it is a JSON object, else an empty object."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a JSON list, else an empty list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def copied(value: T) -> T:
    """Return a deep copy of a JSON value.

    Faster than `copy.deepcopy`, because JSON values contain no cycles.
    """
    return _copied(value)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("JsonObject", value)
        return {name: _copied(one) if isinstance(one, (dict, list)) else one for name, one in fields.items()}
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return [_copied(one) if isinstance(one, (dict, list)) else one for one in elements]
    return value


def normalise_location(location: str) -> str:
    """Return Azure's canonical form of a region: `West Europe` -> `westeurope`."""
    return location.replace(" ", "").lower()


_SEGMENT: Final = re.compile(r"([^.\[\]]+)|\[(\*|\d+)\]")


@lru_cache(maxsize=4096)  # The paths are those that the rules of the resource types name.
def split_path(path: str) -> tuple[str, ...]:
    """Split `properties.subnets[*].name` into `properties`, `subnets`, `[*]`, `name`."""
    return tuple(name if name else f"[{index}]" for name, index in _SEGMENT.findall(path))


def find(body: object, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value at a path, each with its concrete path.

    `[*]` matches every element of a list and `*` every value of a map; missing paths yield nothing.
    """
    yield from _find(body, split_path(path), "")


def _find(value: object, segments: Sequence[str], at: str) -> Iterator[tuple[str, Any]]:
    if not segments:
        if value is not None:
            yield at, value
        return
    head, rest = segments[0], segments[1:]
    if head == "[*]":
        for index, element in enumerate(as_list(value)):
            yield from _find(element, rest, f"{at}[{index}]")
    elif head.startswith("["):
        for element in as_list(value)[int(head[1:-1]) :][:1]:
            yield from _find(element, rest, f"{at}{head}")
    elif head == "*":
        for key, element in as_object(value).items():
            yield from _find(element, rest, f"{at}.{key}")
    elif head in (fields := as_object(value)):
        yield from _find(fields[head], rest, f"{at}.{head}" if at else head)


def get(body: object, path: str, default: Any = None) -> Any:
    """Return the value at a path without wildcards, or the default."""
    return next((value for _, value in find(body, path)), default)


def put(body: JsonObject, path: str, value: Any) -> None:
    """Set the value at a path of plain names; create missing objects."""
    *parents, last = split_path(path)
    for name in parents:
        nested = body.get(name)
        if not isinstance(nested, dict):
            nested = body[name] = {}
        body = cast("JsonObject", nested)
    body[last] = value


def restore(body: object, path: str, value: Any) -> None:
    """Undo `take`: set the value at a concrete path again, if its parent still exists."""
    *parents, last = split_path(path)
    for _, holder in _find(body, parents, ""):
        as_object(holder)[last] = value


def take(body: object, path: str) -> list[tuple[str, Any]]:
    """Remove every value at a path from a body, and return each with its own concrete path."""
    *parents, last = split_path(path)
    taken: list[tuple[str, Any]] = []
    for at, holder in list(_find(body, parents, "")):
        fields = as_object(holder)
        if last in fields:
            taken.append((f"{at}.{last}" if at else last, fields.pop(last)))
    return taken
