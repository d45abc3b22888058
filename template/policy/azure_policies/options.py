"""The options of the rules, and their names in the pack's configuration."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_policies.resource import Resource, same

_BEFORE_ANOTHER = frozenset({"non", "not", "no", "pre"})


@dataclass(frozen=True)
class Options:
    """The options of all rules; each is a list of texts, and named in the configuration as `NAMES` has it.

    Attributes:
        regions: where resources may be; empty: anywhere.
        tags: tags that every resource that can carry tags must have.
        production: values of the tag ``environment`` that mean production.
        singletons: names of containers that must not run twice, such as a scheduler.
        plain_variables: variables whose value is no secret, whatever it looks like.
    """

    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    production: tuple[str, ...] = ("prod", "production")
    singletons: tuple[str, ...] = ("beat", "scheduler")
    plain_variables: tuple[str, ...] = ()

    @classmethod
    def read(cls, configuration: Mapping[str, Any]) -> Options:
        """Take the options out of one policy's configuration; what it does not set has its default."""
        given = {
            name: tuple(str(item) for item in configuration[key]) for name, key in NAMES.items() if key in configuration
        }
        return cls(**given)

    def is_production(self, resource: Resource) -> bool:
        """Whether the resource's tag ``environment`` says that it is production: also by a word of it, as ``prod-eu``.

        With *non*, *not* or *pre* before the word it is another environment.
        """
        environment = resource.tag("environment")
        if not isinstance(environment, str):
            return False
        if any(same(environment, name) for name in self.production):
            return True
        words = re.findall(r"[a-z]+", environment.lower())
        wanted = {name.lower() for name in self.production}
        return any(
            word in wanted and (index == 0 or words[index - 1] not in _BEFORE_ANOTHER)
            for index, word in enumerate(words)
        )


NAMES = {
    "regions": "regions",
    "tags": "tags",
    "production": "productionEnvironments",
    "singletons": "singletons",
    "plain_variables": "plainVariables",
}
"""Each option's name in the configuration."""


def schema(options: Sequence[str]) -> dict[str, dict[str, Any]]:
    """JSON schema of some options, with their defaults."""
    defaults = dataclasses.asdict(Options())
    return {
        NAMES[name]: {"type": "array", "items": {"type": "string"}, "default": list(defaults[name])} for name in options
    }
