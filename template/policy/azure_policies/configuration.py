"""What a team chooses: `config.json`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from azure_policies.options import NAMES
from azure_policies.rule import ResourceRule, StackRule


class ConfigurationError(Exception):
    """The pack's configuration is wrong. The message is one line for the user."""


LEVEL = "enforcementLevel"
LEVELS = ("mandatory", "advisory", "disabled")


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
