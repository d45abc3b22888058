"""What a team chooses: the options of the rules, their names in the pack's configuration, and `config.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure_policies.resource import Resource, same

if TYPE_CHECKING:
    from azure_policies.rule import ResourceRule, StackRule


class ConfigurationError(Exception):
    """The pack's configuration is wrong. The message is one line for the user."""


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
        """Whether the resource's tag ``environment`` says that it is production."""
        environment = resource.tag("environment")
        return any(same(environment, name) for name in self.production)


NAMES = {
    "regions": "regions",
    "tags": "tags",
    "production": "productionEnvironments",
    "singletons": "singletons",
    "plain_variables": "plainVariables",
}
"""Each option's name in the configuration."""

LEVEL = "enforcementLevel"
LEVELS = ("mandatory", "advisory", "disabled")


def schema(options: Sequence[str]) -> dict[str, dict[str, Any]]:
    """JSON schema of some options, with their defaults."""
    defaults = dataclasses.asdict(Options())
    return {
        NAMES[name]: {"type": "array", "items": {"type": "string"}, "default": list(defaults[name])} for name in options
    }


def read_choices(file: Path, rules: Sequence[ResourceRule | StackRule]) -> dict[str, dict[str, Any]]:
    """Read the team's choices, in the form that ``pulumi --policy-pack-config`` takes: options by the policy's name.

    Beside a policy's options there may be its ``enforcementLevel``: mandatory, advisory or disabled.

    Raises:
        ConfigurationError: if it is not JSON, or names a policy, an option or a level that there is not.
    """
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file.name}: not readable as JSON ({error})") from None
    known = {rule.name: {NAMES[option] for option in rule.options} for rule in rules}
    choices: dict[str, dict[str, Any]] = {}
    for name, values in content.items():
        if name not in known:
            raise ConfigurationError(f"{file.name}: there is no policy {name!r}; choose among {', '.join(known)}")
        for key, value in values.items():
            if key == LEVEL:
                if value not in LEVELS:
                    raise ConfigurationError(f"{file.name}: {name}.{key} is {value!r}; choose {', '.join(LEVELS)}")
            elif key not in known[name]:
                allowed = ", ".join([*sorted(known[name]), LEVEL])
                raise ConfigurationError(f"{file.name}: {name} has no option {key!r}; choose among {allowed}")
        choices[name] = values
    return choices
