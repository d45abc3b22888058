"""Every other type: what the SDK's schema says of it, and a best guess at its id.

The SDK names a type's module and the inputs of its id, not its ARM type. The guess: the namespace is `Microsoft.` and
the module (a few that differ are listed), the level is the type's name in the plural, and each parent level is the
plural of its input's name without `Name` (or the level of the type that it names, where that is known), in
alphabetical order. The id is unique and well-formed in any case; where
Azure spells a level in another way (`sites` for a web app), an id written by hand will not match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from local_azure.core.arm_body import ENVELOPE, BodyShape
from local_azure.core.schema import ListOf, Primitive, ResourceSchema
from local_azure.core.state import timestamp
from local_azure.core.values import get, put
from local_azure.resource_types.base import Change, Inputs, ResourceType
from local_azure.resource_types.generated import guid

_NAMESPACES = {
    "applicationinsights": "Microsoft.Insights",
    "cosmosdb": "Microsoft.DocumentDB",
    "dns": "Microsoft.Network",
    "dnsresolver": "Microsoft.Network",
    "frontdoor": "Microsoft.Network",
    "monitor": "Microsoft.Insights",
    "privatedns": "Microsoft.Network",
    "redis": "Microsoft.Cache",
    "redisenterprise": "Microsoft.Cache",
    "trafficmanager": "Microsoft.Network",
}
_MADE_UP: dict[str, Callable[[Change], str]] = {
    r"(?i)(creat|changed|modified).*(date|time|on|at)$": lambda change: timestamp(change.now),
    r"(Id|Guid|ID)$": lambda change: guid(),
    r"(?i)(host|domain)name$|fqdn$": lambda change: _host(change),
    r"(Uri|uri|Url|url|Endpoint|endpoint)$": lambda change: f"https://{_host(change)}/",
}
"""What an output is by the look of its name, where a program could not go on without it."""
_LEVELS = {("redis", "cacheName"): "redis"}
"""The level that a parent's input names, by the SDK's module, where it is not the parent's own name input."""
_SCOPES = ("scope", "resourceUri", "resourceGroupName")


class GenericType(ResourceType):
    """A type that the SDK knows and the model does not: its inputs are echoed, its ids and times made up."""

    def __init__(self, schema: ResourceSchema, levels: Mapping[tuple[str, str], str]) -> None:
        self._schema = schema
        self.token = schema.token
        self.inputs = _inputs(schema)
        self.arm_type = _arm_type(schema, self.inputs, {**_LEVELS, **levels})
        self.shape = BodyShape(flat="properties" not in schema.inputs.properties)
        self.tracked = False
        self.has_provisioning_state = "provisioningState" in schema.outputs.properties
        # An input without a place in the answer is a password or another thing that Azure does not show.
        hidden = [
            name
            for name in schema.inputs.properties
            if name not in schema.outputs.properties and name not in self.inputs.names and name not in ENVELOPE
        ]
        self.write_only = tuple(f"properties.{name}" if self.shape.flat else name for name in hidden)

    def complete(self, change: Change) -> None:
        for name, declared in self._schema.outputs.properties.items():
            if name in self._schema.inputs.properties:
                continue
            path = f"properties.{name}"
            if isinstance(declared.type, ListOf) and get(change.body, path) is None:
                put(change.body, path, [])
            elif declared.type == Primitive("string"):
                for pattern, make in _MADE_UP.items():
                    if re.search(pattern, name):
                        change.keep(path, lambda make=make: make(change))
                        break


def _host(change: Change) -> str:
    service = change.id.type.split("/")[0].removeprefix("Microsoft.").lower()
    return f"{change.id.name}.{service}.azure.net".lower()


def _inputs(schema: ResourceSchema) -> Inputs:
    path = list(schema.path_parameters) or [
        name
        for name, declared in schema.inputs.properties.items()
        if name.endswith("Name") and name not in schema.outputs.properties and declared.type == Primitive("string")
    ]
    scope = next((name for name in _SCOPES if name in path), None)
    names = [name for name in path if name != scope]
    if not names and scope:
        names, scope = [scope], None
    # The engine may make up a resource's own name, never those of its parents.
    optional = [name for name in names if not schema.required(name)]
    own = optional[-1] if optional else names[-1] if names else "name"
    return Inputs(name=own, parents=tuple(name for name in names if name != own), scope=scope)


def _arm_type(schema: ResourceSchema, inputs: Inputs, known: Mapping[tuple[str, str], str]) -> str:
    _, module, name = schema.token.split(":")
    namespace = _NAMESPACES.get(module, f"Microsoft.{module[:1].upper()}{module[1:]}")
    levels = [known.get((module, parent)) or _plural(re.sub(r"(Name|Id)$", "", parent)) for parent in inputs.parents]
    return "/".join([namespace, *levels, _plural(name[:1].lower() + name[1:])])


def _plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return word if word.endswith("s") else f"{word}s"
