"""What a rule is, apart from any policy SDK."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from azure_policies.options import Options
from azure_policies.resource import Resource


class Level(StrEnum):
    """What becomes of a deployment that breaks a rule: it is refused, or its user is warned."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


@dataclass(frozen=True)
class ResourceRule:
    """A rule that one resource keeps or breaks.

    Attributes:
        name: names it in the pack's configuration.
        description: the rule, in one sentence.
        level: unless the configuration says another.
        judge: yields, for each fault, where it is, what is wrong and the remedy. It has no side effects.
        options: names of the options that it takes.
    """

    name: str
    description: str
    level: Level
    judge: Callable[[Resource, Options], Iterator[str]]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """A fault that takes more than one resource to see, and the resource it is told of."""

    resource: Resource
    message: str


@dataclass(frozen=True)
class StackRule:
    """A rule that the resources of a stack keep or break together; attributes as `ResourceRule`."""

    name: str
    description: str
    level: Level
    judge: Callable[[Sequence[Resource], Options], Iterator[Violation]]
    options: tuple[str, ...] = ()
