"""Azure Policy: whether a definition's rule applies to a resource.

https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-policy-rule. Known are the logical
operators, the common conditions on fields and aliases, and parameters; a rule with anything else applies to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

from local_azure.core.values import JsonObject, as_list, as_object, find, get


class UnsupportedRuleError(Exception):
    """A rule uses what is not known here."""


@dataclass(frozen=True)
class Subject:
    """A resource as rules see it: its type, its name, and its body."""

    type: str
    name: str
    body: JsonObject

    def values(self, field: str) -> list[Any]:
        """Return the values of a field or an alias; none where there is no such property."""
        lowered = field.lower()
        if lowered == "type":
            return [self.type]
        if lowered in ("name", "fullname"):
            return [self.name]
        if tag := re.fullmatch(r"tags(?:\.(.+)|\[(.+)\])", field):
            name = (tag[1] or tag[2]).strip("'").lower()
            return [value for key, value in as_object(self.body.get("tags")).items() if key.lower() == name]
        if not lowered.startswith(f"{self.type.lower()}/"):
            found = get(self.body, field)
            return [] if found is None else [found]
        path = field[len(self.type) + 1 :].removeprefix("properties.")
        for prefix in ("properties.", ""):
            if found := [value for _, value in find(self.body, f"{prefix}{path}") if value is not None]:
                return found
        return []


def _folded(value: Any) -> Any:
    return value.lower().replace(" ", "") if isinstance(value, str) else value


def _is_in(value: Any, listed: Any) -> bool:
    return _folded(value) in [_folded(item) for item in as_list(listed)]


_CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda value, wanted: _folded(value) == _folded(wanted),
    "like": lambda value, wanted: fnmatchcase(str(value).lower(), str(wanted).lower()),
    "contains": lambda value, wanted: str(wanted).lower() in str(value).lower(),
    "in": _is_in,
    "greater": lambda value, wanted: value > wanted,
    "greaterOrEquals": lambda value, wanted: value >= wanted,
    "less": lambda value, wanted: value < wanted,
    "lessOrEquals": lambda value, wanted: value <= wanted,
}


def applies(rule: JsonObject, subject: Subject, parameters: JsonObject) -> bool:
    """Return whether the `if` of a rule holds for a resource. Raises `UnsupportedRuleError`."""
    if "allOf" in rule:
        return all(applies(as_object(item), subject, parameters) for item in as_list(rule["allOf"]))
    if "anyOf" in rule:
        return any(applies(as_object(item), subject, parameters) for item in as_list(rule["anyOf"]))
    if "not" in rule:
        return not applies(as_object(rule["not"]), subject, parameters)
    if "field" not in rule:
        raise UnsupportedRuleError(f"a condition on {', '.join(sorted(rule)) or 'nothing'}")
    values = subject.values(str(resolved(rule["field"], parameters)))
    ((name, wanted),) = ((name, value) for name, value in rule.items() if name != "field")
    return _holds(name, values, resolved(wanted, parameters))


def _holds(name: str, values: list[Any], wanted: Any) -> bool:
    if name == "exists":
        return bool(values) == (str(wanted).lower() == "true")
    positive = name.removeprefix("not") if name.startswith("not") else name
    positive = positive[:1].lower() + positive[1:]
    if (condition := _CONDITIONS.get(positive)) is None:
        raise UnsupportedRuleError(f"the condition {name}")
    held = bool(values) and all(condition(value, wanted) for value in values)
    return held if positive == name else not held


def resolved(value: Any, parameters: JsonObject) -> Any:
    """Return a value, or that of the parameter that it names: `[parameters('x')]`, also inside `[concat(...)]`."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    if match := re.fullmatch(r"\[parameters\('(\w+)'\)\]", value):
        return cast("object", parameters.get(match[1]))
    if match := re.fullmatch(r"\[concat\('([^']*)', ?parameters\('(\w+)'\), ?'([^']*)'\)\]", value):
        return f"{match[1]}{parameters.get(match[2])}{match[3]}"
    raise UnsupportedRuleError(f"the expression {value}")
