"""Schemas of resource types and functions, from the installed Pulumi SDKs: names, types, required fields, enums.

A token such as `azure-native:redis:Redis` is looked up in the installed package; its module is imported when the first
resource of it is checked. A token with an API version (`azure-native:redis/v20241101:Redis`) is read as
the type's default version, because the installed package has no other.

The SDK's enums are open (any string is accepted), Azure's are not: a string that is not listed is refused. The
comparison is case-insensitive, as Microsoft's REST guidelines require
(https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md, "enum values").
"""

from __future__ import annotations

import collections.abc
import difflib
import enum
import functools
import importlib
import importlib.metadata
import inspect
import re
import sys
import threading
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol, cast

import pulumi

# The SDK's own reading of its generated classes; the package has no public name for it.
from pulumi import _types as sdk_types  # pyright: ignore[reportPrivateUsage]

from local_azure.core.values import UNKNOWN, JsonObject

PACKAGES = {"azure-native": "pulumi_azure_native", "random": "pulumi_random"}


class UnknownTokenError(LookupError):
    """The installed SDK has no resource or function with this token."""


@dataclass(frozen=True)
class Failure:
    """An error in a set of properties: its path and the reason."""

    path: str
    reason: str


class ValueType(Protocol):
    """The type of a property."""

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        """Yield the errors of a known value that is not null."""
        ...

    def project(self, value: Any) -> Any:
        """Return the part of a value that the type declares."""
        ...

    def preview(self, value: Any) -> Any:
        """Return the expected output for an input value: the value, and `UNKNOWN` for properties that Azure sets."""
        ...


def check(expected: ValueType, value: Any, path: str) -> Iterator[Failure]:
    """Yield the errors of a value; unknown and absent values have none."""
    if value is not None and value is not UNKNOWN:
        yield from expected.failures(value, path)


def _shown(value: object) -> str:
    """Return the kind of a value; the value itself may be a secret."""
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a value of another kind"


@dataclass(frozen=True)
class Anything:
    """A property whose type the SDK leaves open."""

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        return iter(())

    def project(self, value: Any) -> Any:
        return value

    def preview(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Primitive:
    """A string, a boolean, an integer or a number."""

    name: str

    ACCEPTS: ClassVar[dict[str, tuple[type, ...]]] = {
        "string": (str,),
        "boolean": (bool,),
        "integer": (int, float),
        "number": (int, float),
    }

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        fits = isinstance(value, self.ACCEPTS[self.name]) and (self.name == "boolean" or not isinstance(value, bool))
        if fits and self.name == "integer":
            fits = float(value).is_integer()
        if not fits:
            article = "an" if self.name == "integer" else "a"
            yield Failure(path, f"must be {article} {self.name}, not {_shown(value)}")

    def project(self, value: Any) -> Any:
        return value

    def preview(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Choice:
    """An enum: a value from a list."""

    values: tuple[str | int | float, ...]

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(map(_fold, self.values))

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        if not isinstance(value, str | int | float) or _fold(value) not in self._folded:
            listed = ", ".join(str(one) for one in self.values)
            given = f"'{value}'" if isinstance(value, str) and len(value) <= 64 else _shown(value)
            yield Failure(path, f"must be one of {listed}, not {given}")

    def project(self, value: Any) -> Any:
        # The SDK cannot read an enum's output that is none of its values.
        return value if _fold(value) in self._folded else None

    def preview(self, value: Any) -> Any:
        return value


def _fold(value: object) -> str:
    # Azure treats "SystemAssigned, UserAssigned" and "SystemAssigned,UserAssigned" as equal.
    return str(value).replace(" ", "").casefold()


@dataclass(frozen=True)
class ListOf:
    """A list."""

    element: ValueType

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        if not isinstance(value, list):
            yield Failure(path, f"must be a list, not {_shown(value)}")
            return
        for index, element in enumerate(cast("list[Any]", value)):
            yield from check(self.element, element, f"{path}[{index}]")

    def project(self, value: Any) -> Any:
        if isinstance(value, dict):
            # Azure shows the ids of an identity as a map; what the program gives is the list of its keys.
            return list(cast("JsonObject", value))
        if not isinstance(value, list):
            return value
        return [self.element.project(element) for element in cast("list[Any]", value)]

    def preview(self, value: Any) -> Any:
        if not isinstance(value, list):
            return UNKNOWN
        return [self.element.preview(element) for element in cast("list[Any]", value)]


@dataclass(frozen=True)
class MapOf:
    """A map with free keys."""

    element: ValueType

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        if not isinstance(value, dict):
            yield Failure(path, f"must be a map, not {_shown(value)}")
            return
        for key, element in cast("JsonObject", value).items():
            yield from check(self.element, element, join_path(path, key))

    def project(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: self.element.project(element) for key, element in cast("JsonObject", value).items()}

    def preview(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return UNKNOWN
        return {key: self.element.preview(element) for key, element in cast("JsonObject", value).items()}


@dataclass(frozen=True)
class Alternatives:
    """A union of types; the reported errors are those of the best matching type."""

    options: tuple[ValueType, ...]

    def _nearest(self, value: Any, path: str) -> tuple[ValueType, list[Failure]]:
        found = [(option, list(check(option, value, path))) for option in self.options]
        return min(found, key=lambda one: len(one[1]))

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        yield from self._nearest(value, path)[1]

    def project(self, value: Any) -> Any:
        return self._nearest(value, "")[0].project(value)

    def preview(self, value: Any) -> Any:
        return self._nearest(value, "")[0].preview(value)


@dataclass(frozen=True)
class Property:
    """A property of an object."""

    type: ValueType
    required: bool = False


@dataclass(frozen=True, eq=False)
class ObjectOf:
    """An object whose properties a class of the SDK declares; they are read lazily."""

    sdk_class: type = field(repr=False)

    @cached_property
    def properties(self) -> Mapping[str, Property]:
        """The properties by their wire names."""
        return _read_properties(self.sdk_class)

    def failures(self, value: Any, path: str) -> Iterator[Failure]:
        if not isinstance(value, dict):
            yield Failure(path, f"must be an object, not {_shown(value)}")
            return
        given = cast("JsonObject", value)
        for name in given:
            if name not in self.properties:
                yield Failure(join_path(path, name), "is no property of this type" + _suggestion(name, self.properties))
        for name, declared in self.properties.items():
            if declared.required and given.get(name) is None:
                yield Failure(join_path(path, name), "is required")
            yield from check(declared.type, given.get(name), join_path(path, name))

    def project(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("JsonObject", value)
        return {name: known.type.project(given[name]) for name, known in self.properties.items() if name in given}

    def preview(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return UNKNOWN
        given = cast("JsonObject", value)
        return {
            name: known.type.preview(given[name]) if given.get(name) is not None else UNKNOWN
            for name, known in self.properties.items()
            if given.get(name) is not None or known.required
        }


def join_path(path: str, name: str) -> str:
    """Return the path of a property; a name with special characters is quoted."""
    if not re.fullmatch(r"[^.\[\]\"]+", name):
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


_EXPECTED_VALUE = re.compile(r"Expected value is '([^']*)'")


def _read_properties(sdk_class: type) -> Mapping[str, Property]:
    declared = sdk_types._py_properties(sdk_class)  # pyright: ignore[reportPrivateUsage]
    types_by_name = (
        sdk_types.input_type_types(sdk_class)
        if sdk_types.is_input_type(sdk_class)
        else sdk_types.output_type_types(sdk_class)
        if sdk_types.is_output_type(sdk_class)
        else sdk_types.resource_types(sdk_class)
    )
    required = _required_parameters(sdk_class)
    properties: dict[str, Property] = {}
    for python_name, name, accessor in declared:
        # The only value of a union's discriminator is documented in the docstring and nowhere else in the SDK.
        constant = _EXPECTED_VALUE.search(accessor.__doc__ or "")
        value_type = Choice((constant[1],)) if constant else _value_type(types_by_name.get(name, Any))
        properties[name] = Property(value_type, python_name in required)
    return properties


def _required_parameters(sdk_class: type) -> set[str]:
    """Return the names of the parameters without default of an Args class or of a nested output's class."""
    parameters = list(inspect.signature(cast("Any", sdk_class).__init__).parameters.values())[1:]
    return {one.name for one in parameters if one.default is inspect.Parameter.empty}


@functools.cache
def _object_type(sdk_class: type) -> ObjectOf:
    return ObjectOf(sdk_class)


def _value_type(hint: Any) -> ValueType:
    """Read a type hint of the SDK: `pulumi.Input` wrappers and `None` are dropped, unions of str and Enum narrowed."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [one for one in arguments if not _is_wrapper(one)]
        choices = [one for one in options if isinstance(one, type) and issubclass(one, enum.Enum)]
        if choices and set(options) - set(choices) <= {str, int, float}:
            options = choices
        read = tuple(dict.fromkeys(map(_value_type, options)))
        return read[0] if len(read) == 1 else Alternatives(read) if read else Anything()
    if origin in (list, collections.abc.Sequence):
        return ListOf(_value_type(arguments[0]))
    if origin in (dict, collections.abc.Mapping):
        return MapOf(_value_type(arguments[1]))
    if not isinstance(hint, type):
        return Anything()
    sdk_class = cast("type[object]", hint)
    if issubclass(sdk_class, enum.Enum):
        if f"{sdk_class.__module__}.{sdk_class.__name__}" in _MIXED_UP:
            return Primitive("string")
        return Choice(tuple(member.value for member in sdk_class))
    if sdk_class in _PRIMITIVES:
        return _PRIMITIVES[sdk_class]
    if sdk_types.is_input_type(sdk_class) or sdk_types.is_output_type(sdk_class):
        return _object_type(sdk_class)
    return Anything()


_MIXED_UP = frozenset({"pulumi_azure_native.monitor._enums.ConditionOperator"})
"""Enums for which the SDK merges two of Azure's into one class with the values of one of them, here not those of a log
alert. Rules of the resource types check the values instead."""

_PRIMITIVES: dict[type[object], Primitive] = {
    str: Primitive("string"),
    bool: Primitive("boolean"),
    int: Primitive("integer"),
    float: Primitive("number"),
}


def _is_wrapper(hint: Any) -> bool:
    """Return whether a member of a union only means that the value may be awaited or absent."""
    return hint is type(None) or typing.get_origin(hint) in (collections.abc.Awaitable, pulumi.Output)


@dataclass(frozen=True, eq=False)
class ResourceSchema:
    """The schema of a resource type."""

    token: str
    """The token without API version."""
    inputs: ObjectOf
    outputs: ObjectOf
    api_version: str
    """The SDK's default REST API version, or an empty string."""
    path_parameters: tuple[str, ...]
    """The inputs that form the resource's id: the parameters of the SDK's look-up function."""

    def failures(self, properties: JsonObject) -> list[Failure]:
        """Return the errors of a set of inputs; names that start with `__` are internal to the engine and ignored."""
        return list(self.inputs.failures(own_properties(properties), ""))

    def required(self, name: str) -> bool:
        """Return whether an input is required."""
        return name in self.inputs.properties and self.inputs.properties[name].required


@dataclass(frozen=True, eq=False)
class FunctionSchema:
    """The schema of a function (an "invoke")."""

    token: str
    arguments: Mapping[str, ValueType]

    def failures(self, arguments: JsonObject) -> list[Failure]:
        """Return the errors of a set of arguments."""
        unknown = [
            Failure(name, "is no argument of this function" + _suggestion(name, self.arguments))
            for name in arguments
            if name not in self.arguments
        ]
        wrong = [one for name, expected in self.arguments.items() for one in check(expected, arguments.get(name), name)]
        return unknown + wrong


def own_properties(properties: JsonObject) -> JsonObject:
    """Return the properties without the internal properties of providers and the engine."""
    return {name: value for name, value in properties.items() if not name.startswith("__")}


def package_version(package: str) -> str:
    """Return the version of the installed SDK of a Pulumi package, which its provider reports as its own."""
    return importlib.metadata.version(PACKAGES[package].replace("_", "-"))


def canonical_token(token: str) -> str:
    """Return a token without its API version."""
    package, module, name = _split_token(token)
    return f"{package}:{module}:{name}"


def _split_token(token: str) -> tuple[str, str, str]:
    parts = token.rsplit("$", 1)[-1].split(":")  # a child's token comes with those of the components it is in
    if len(parts) != 3 or parts[0] not in PACKAGES:
        raise UnknownTokenError(f"'{token}' is no token of {' or '.join(PACKAGES)}")
    package, module, name = parts
    return package, module.split("/")[0], name


# Threads that import modules of a package concurrently may get partially initialized modules.
_importing = threading.RLock()


def _sdk_module(package: str, module: str) -> types.ModuleType:
    root = PACKAGES[package]
    # `random` keeps each resource in a module of its own, named in the token (`random:index/randomString:...`).
    name = f"{root}.{module}" if module != "index" else root
    try:
        with _importing:
            found = importlib.import_module(name)
            getattr(found, "outputs", None)  # The package's modules are lazy: getting a name loads a module.
            return found
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise UnknownTokenError(f"the installed {root} has no module '{module}'") from None


@functools.cache
def resource_schema(token: str) -> ResourceSchema:
    """Return the schema of a resource type. Raises `UnknownTokenError` if the installed SDK does not have it."""
    package, module, name = _split_token(token)
    package_module = _sdk_module(package, module)
    resource = getattr(package_module, name, None)
    if not (isinstance(resource, type) and issubclass(resource, pulumi.CustomResource)):
        raise UnknownTokenError(
            f"the installed {PACKAGES[package]} has no resource type '{token}'"
            + _suggestion(name, [one for one in vars(package_module) if one[0].isupper() and not one.endswith("Args")])
        )
    # The arguments are in the resource's module, as `<Name>InitArgs` if a nested type has the plain name.
    own_module = vars(sys.modules[resource.__module__])
    arguments = own_module.get(f"{name}InitArgs") or own_module[f"{name}Args"]
    inputs = _object_type(arguments)
    lookup = _find_function(package_module, f"get{name}")
    asked = _parameter_names(lookup) if lookup else {}
    return ResourceSchema(
        token=f"{package}:{module}:{name}",
        inputs=inputs,
        outputs=_object_type(resource),
        api_version=_api_version(resource),
        path_parameters=tuple(wire for wire in asked.values() if wire in inputs.properties),
    )


def _api_version(resource: type) -> str:
    for variant in typing.get_overloads(cast("Any", resource).__init__):
        if found := re.search(r"Uses Azure REST API version ([0-9a-z-]+)", variant.__doc__ or ""):
            return found[1]
    return ""


@functools.cache
def function_schema(token: str) -> FunctionSchema:
    """Return the schema of a function. Raises `UnknownTokenError` if the installed SDK does not have it."""
    package, module, name = _split_token(token)
    function = _find_function(_sdk_module(package, module), name)
    if function is None:
        raise UnknownTokenError(f"the installed {PACKAGES[package]} has no function '{token}'")
    hints = typing.get_type_hints(function)
    return FunctionSchema(
        f"{package}:{module}:{name}",
        {wire: _value_type(hints.get(python, Any)) for python, wire in _parameter_names(function).items()},
    )


def _find_function(module: types.ModuleType, name: str) -> types.FunctionType | None:
    # Tokens are camel case and the functions snake case, with acronyms split in ways that are not worth guessing.
    for candidate, value in vars(module).items():
        if candidate.replace("_", "") == name.lower() and isinstance(value, types.FunctionType):
            return value
    return None


def _parameter_names(function: types.FunctionType) -> dict[str, str]:
    """Return the wire name of each parameter of an SDK function; the wire names are constants in its code."""
    constants = {one.lower(): one for one in function.__code__.co_consts if isinstance(one, str)}
    return {
        name: constants.get(name.replace("_", "").lower(), name)
        for name in inspect.signature(function).parameters
        if name != "opts"
    }
