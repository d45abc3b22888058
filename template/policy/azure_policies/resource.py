"""A resource as the rules see it: its type whatever the spelling of the token, plain properties, dependencies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

_PROVIDER = "azure-native"
_VERSION = re.compile(r"v(\d{4})(\d{2})(\d{2})([a-z]*)")


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    UNKNOWN = "unknown"


UNKNOWN: Literal[Unknown.UNKNOWN] = Unknown.UNKNOWN
"""Stands for a value that a preview cannot know yet; the deployment itself judges it."""


@dataclass(frozen=True)
class ResourceType:
    """An azure-native type, taken out of its token.

    Attributes:
        module: such as ``redis``, in lower case; empty for a type of another provider.
        name: such as ``Redis``.
        api_version: such as ``2024-03-01``, where the token has one; otherwise it is the SDK's default.
    """

    module: str
    name: str
    api_version: str | None = None

    @classmethod
    def parse(cls, token: str) -> "ResourceType":
        """Read a token in any of the SDK's spellings.

        ``azure-native:redis:Redis``, ``azure-native:redis/v20240301:Redis`` and, from a generated package,
        ``azure-native_redis_v20240301:redis:Redis``.
        """
        parts = token.split(":")
        if len(parts) != 3:
            return cls("", token)
        package, module, name = parts
        module, _, version = module.partition("/")
        if package.startswith(f"{_PROVIDER}_"):
            package, _, rest = package.partition("_")
            version = version or rest.rpartition("_")[2]
        if package != _PROVIDER:
            return cls("", name)
        return cls(module.lower(), name, _dashed(version))


def _dashed(version: str) -> str | None:
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    year, month, day, label = match.groups()
    return f"{year}-{month}-{day}" + (f"-{label}" if label else "")


class Kind:
    """A kind of resource by the modules that have had it: Redis was in ``cache`` before it was in ``redis``.

    Attributes:
        types: module and name of each.
    """

    def __init__(self, *types: str) -> None:
        self.types: frozenset[tuple[str, str]] = frozenset((one.split(":")[0], one.split(":")[1]) for one in types)

    def __contains__(self, kind: ResourceType) -> bool:
        return (kind.module, kind.name) in self.types


@dataclass(frozen=True)
class Resource:
    """A resource.

    Attributes:
        token: Pulumi's type token, as the program's SDK spells it.
        urn: Pulumi's name of it.
        properties: inputs as plain values, with `UNKNOWN` in the place of what is not known yet.
        sdk_version: version of the provider, such as ``3.29.0``, where the engine tells it.
        references: URNs that each property was made from.
    """

    token: str
    urn: str
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sdk_version: str | None = None
    references: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    @property
    def type(self) -> ResourceType:
        """Its type."""
        return ResourceType.parse(self.token)

    def is_a(self, kind: Kind) -> bool:
        """Whether it is of a kind."""
        return self.type in kind

    def get(self, *path: str) -> Any:
        """The value at a path; ``None`` if there is none, `UNKNOWN` if it is not known yet."""
        return value_at(self.properties, *path)

    def tag(self, name: str) -> Any:
        """The value of a tag, by its name in any case, as Azure compares them."""
        tags = self.get("tags")
        if tags is UNKNOWN:
            return UNKNOWN
        found = (value for key, value in mapping(tags).items() if key.lower() == name.lower())
        return next(found, None)


def value_at(value: Any, *path: str) -> Any:
    """The value at a path of nested maps; ``None`` if there is none, `UNKNOWN` if it is not known yet."""
    for step in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = mapping(value).get(step)
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a map, else an empty one."""
    return value if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]: any map has texts


def items(value: Any) -> Iterator[Any]:
    """The items of a list; nothing for any other value."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from value


def number(value: Any) -> float | None:
    """The value if it is a number, or a text that is one, as some programs write it; ``None`` for any other."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def same(value: Any, wanted: str) -> bool:
    """Whether a value is a text, as Azure compares names and choices: without regard to case."""
    return isinstance(value, str) and value.lower() == wanted.lower()
