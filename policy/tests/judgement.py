"""What the engine and the policy pack say of a program."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Judgement:
    """What the engine and the pack said of a program.

    Attributes:
        exit_code: the engine's; 0 unless something mandatory was broken.
        violations: resources by the policy that they break; the whole stack is an empty name.
        levels: level by policy, of those that were broken.
        output: all that was printed.
    """

    exit_code: int
    violations: Mapping[str, frozenset[str]]
    levels: Mapping[str, str]
    output: str
