"""Rules of many types: a property takes one of a few values, or a whole number within bounds."""

from __future__ import annotations

from local_azure.core.azure_error import AzureError
from local_azure.core.values import find
from local_azure.resource_types.base import Change, Rule


def one_of(path: str, *allowed: str, code: str = "BadRequest") -> Rule:
    """Return a rule: the value at a path, if any, is one of these, in any case."""
    known = {item.lower() for item in allowed}

    def check(change: Change) -> None:
        for at, value in find(change.desired, path):
            if str(value).lower() not in known:
                raise AzureError(
                    code,
                    f"The value of the parameter '{at}' is invalid: '{value}'; it must be one of {', '.join(allowed)}.",
                    target=at,
                )

    return check


def between(path: str, least: int, most: int, *, code: str = "BadRequest") -> Rule:
    """Return a rule: the value at a path, if any, is a whole number between two bounds."""

    def check(change: Change) -> None:
        for at, value in find(change.desired, path):
            if not isinstance(value, int | float) or value != int(value) or not least <= value <= most:
                raise AzureError(
                    code,
                    f"The value of the parameter '{at}' is invalid: it must be a whole number from {least} to {most}.",
                    target=at,
                )

    return check
