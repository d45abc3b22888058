"""The differences between two sets of inputs, and the differences that require a replacement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from local_azure.core.arm_body import same_value
from local_azure.core.schema import join_path, own_properties
from local_azure.core.values import JsonObject, find, normalise_location, split_path
from local_azure.resource_types.base import ResourceType

CREATE_BEFORE_DELETE = "__createBeforeDelete"
"""Stored in the inputs of a resource with a generated name, as the real provider does: its replacement gets another
name, so that it can be created before the old resource is deleted."""

_KINDS = {
    "add": (PropertyDiffKind.ADD, PropertyDiffKind.ADD_REPLACE),
    "delete": (PropertyDiffKind.DELETE, PropertyDiffKind.DELETE_REPLACE),
    "update": (PropertyDiffKind.UPDATE, PropertyDiffKind.UPDATE_REPLACE),
}


@dataclass(frozen=True)
class Difference:
    """A difference between two values."""

    path: str
    kind: str
    """`add`, `delete` or `update`."""
    value: Any
    """The added or deleted value, or the new value of an update."""


def differences(old: JsonObject, new: JsonObject) -> Iterator[Difference]:
    """Yield the differences between two sets of inputs, compared as Azure does."""
    yield from _in_object(own_properties(old), own_properties(new), "")


def _in_object(old: JsonObject, new: JsonObject, path: str) -> Iterator[Difference]:
    for name in [*old, *(one for one in new if one not in old)]:
        yield from _between(old.get(name), new.get(name), join_path(path, name))


def _between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old is None and new is None:
        return
    if old is None:
        yield Difference(path, "add", new)
    elif new is None:
        yield Difference(path, "delete", old)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _in_object(cast("JsonObject", old), cast("JsonObject", new), path)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = cast("list[Any]", old), cast("list[Any]", new)
        for index in range(max(len(before), len(after))):
            yield from _between(
                before[index] if index < len(before) else None,
                after[index] if index < len(after) else None,
                f"{path}[{index}]",
            )
    elif not same_value(old, new) and not _same_at_top(path, old, new):
        yield Difference(path, "update", new)


def _same_at_top(path: str, old: Any, new: Any) -> bool:
    """Return whether two top-level inputs are equal to Azure: `West Europe` is `westeurope`, and `RG` is `rg`."""
    if not (isinstance(old, str) and isinstance(new, str)):
        return False
    if path == "location":
        return normalise_location(old) == normalise_location(new)
    return path == "resourceGroupName" and old.lower() == new.lower()


def diff_response(kind: ResourceType, old: JsonObject, old_outputs: JsonObject, new: JsonObject) -> DiffResponse:
    """Return the response to Diff for a type."""
    fixed = [*kind.inputs.names, "location", *map(kind.shape.sdk_path, kind.create_only)]
    detailed: dict[str, PropertyDiff] = {}
    replaces: list[str] = []
    for difference in differences(old, new):
        replace = any(_touches(difference, path) for path in fixed)
        # What Azure filled in and the program now says too needs no other resource.
        already = difference.kind == "add" and any(
            same_value(difference.value, value) for _, value in find(old_outputs, difference.path)
        )
        replace = replace and not already
        detailed[difference.path] = PropertyDiff(_KINDS[difference.kind][replace], input_diff=True)
        if replace:
            replaces.append(difference.path)
    renamed = any(not same_value(old.get(name), new.get(name)) for name in kind.inputs.names)
    return DiffResponse(
        changes=bool(detailed),
        replaces=replaces,
        delete_before_replace=bool(replaces) and not old.get(CREATE_BEFORE_DELETE) and not renamed,
        diffs=sorted({split_path(path)[0] for path in detailed}),
        detailed_diff=detailed,
    )


def _touches(difference: Difference, fixed: str) -> bool:
    """Return whether a difference is at or under a path with wildcards, or holds something at it."""
    wanted, at = split_path(fixed), split_path(difference.path)
    shared = min(len(wanted), len(at))
    if any(not _fits(one, other) for one, other in zip(wanted[:shared], at[:shared], strict=True)):
        return False
    if len(at) >= len(wanted):
        return True
    rest = ".".join(wanted[shared:]).replace(".[", "[")
    return any(True for _ in find(difference.value, rest))


def _fits(wanted: str, name: str) -> bool:
    return wanted == name or (wanted == "[*]" and name.startswith("["))


def follow(inputs: Any, before: Any, after: Any) -> Any:
    """Apply the drift between two reads of a resource to the program's inputs."""
    if before == after:
        return inputs
    if isinstance(inputs, dict) and isinstance(before, dict) and isinstance(after, dict):
        given, old, new = cast("JsonObject", inputs), cast("JsonObject", before), cast("JsonObject", after)
        followed = {name: value for name, value in given.items() if not (name in old and name not in new)}
        for name, value in new.items():
            if old.get(name) != value:
                followed[name] = follow(given[name], old.get(name), value) if name in given else value
        return followed
    if isinstance(inputs, list) and isinstance(before, list) and isinstance(after, list):
        given_list, old_list, new_list = cast("list[Any]", inputs), cast("list[Any]", before), cast("list[Any]", after)
        return [
            follow(given_list[index], old_list[index], value) if index < min(len(given_list), len(old_list)) else value
            for index, value in enumerate(new_list)
        ]
    return after
