"""Request bodies: validated against the type's schema, merged for a PATCH, without properties that only Azure sets."""

from __future__ import annotations

from typing import Any, cast

from local_azure.arm.web import invalid_content
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.schema import resource_schema
from local_azure.core.values import JsonObject, as_object, copied, is_object
from local_azure.resource_types.base import ResourceType

_SET_BY_AZURE = ("id", "name", "type", "etag", "systemData", "provisioningState")


def merge(body: Any, patch: Any) -> Any:
    """Return a JSON merge patch (RFC 7396), which Azure Resource Manager's PATCH is: null removes, lists are
    replaced."""
    if not is_object(patch):
        return copied(patch)
    merged = dict(as_object(body))
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def accepted(kind: ResourceType, resource_id: ArmId, body: JsonObject) -> JsonObject:
    """Return the part of a body that a client may set. Raises `InvalidRequestContent` with the path of what is wrong.

    A client sends back what it has read, so what only Azure sets is left out and not refused; so is what the type does
    not have, as most services do.
    """
    _require_identity(resource_id, body)
    _require_shape(body)
    if not kind.token:
        return {name: value for name, value in body.items() if name not in _SET_BY_AZURE}
    schema = resource_schema(kind.token)
    given: JsonObject = _without_nulls(kind.shape.properties(body))
    for name in _SET_BY_AZURE:
        given.pop(name, None)
    asked = as_object(schema.inputs.project(given))
    named_by_path = dict.fromkeys(kind.inputs.names, "")
    failures = [one for one in schema.failures(asked | named_by_path) if one.path not in named_by_path]
    if failures:
        raise AzureError(
            "InvalidRequestContent",
            "The request content is invalid: " + "; ".join(f"'{one.path}' {one.reason}" for one in failures[:20]) + ".",
            target=failures[0].path,
        )
    return kind.shape.body(asked)


def _require_identity(resource_id: ArmId, body: JsonObject) -> None:
    """Raise `AzureError` if an id, name or type in the body differs from the path."""
    for name, expected in (("id", resource_id.text), ("name", resource_id.name)):
        given = body.get(name)
        full_name = "/".join(resource_id.names)
        if isinstance(given, str) and given.lower() not in (expected.lower(), full_name.lower()):
            raise AzureError(
                "InvalidRequestContent",
                f"The {name} of the body does not match that of the request's path, '{expected}'.",
                target=name,
            )


def _require_shape(body: JsonObject) -> None:
    for name in ("properties", "tags", "identity", "sku"):
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise invalid_content(f"'{name}' must be an object", name)
    if body.get("location") is not None and not isinstance(body["location"], str):
        raise invalid_content("'location' must be a string", "location")
    for tag, value in as_object(body.get("tags")).items():
        if not isinstance(value, str):
            raise invalid_content(f"the value of the tag '{tag}' must be a string", f"tags.{tag}")


def _without_nulls(value: Any) -> Any:
    """Return the body without nulls: clients send null for properties that they do not set."""
    if is_object(value):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value
