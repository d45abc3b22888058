"""Read Azure's JSON by paths with dots; a missing step gives a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

JsonObject = dict[str, Any]


def get(value: object, path: str, default: Any = None) -> Any:
    """Return the value at a path such as ``properties.subnet.id``; the default where it is missing or null."""
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return default
        value = cast("Mapping[str, object]", value).get(step)
    return default if value is None else value


def objects(value: object, path: str) -> list[JsonObject]:
    """Return the objects in the list at a path; none where there is no list."""
    found = get(value, path)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [cast("JsonObject", one) for one in cast("Sequence[object]", found) if isinstance(one, dict)]


def texts(value: object, path: str) -> list[str]:
    """Return the texts in the list at a path; none where there is no list."""
    found = get(value, path)
    listed = cast("list[object]", found) if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, str)]


def text(value: object, path: str) -> str:
    """Return the text at a path; empty where there is none."""
    found = get(value, path)
    return found if isinstance(found, str) else ""


def moment(value: object, path: str) -> datetime | None:
    """Return the moment at a path: ISO 8601, or seconds since 1970 as vaults write it."""
    found = get(value, path)
    if isinstance(found, int | float):
        return datetime.fromtimestamp(found, UTC)
    try:
        read = datetime.fromisoformat(str(found))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
