"""The `random` provider: values that are generated once, stored in the stack's state, and regenerated when an input
changes.

The shapes are those of https://www.pulumi.com/registry/packages/random. Values come from the system's random source,
except for resources with a `seed`, which are reproducible.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import random
import secrets
import string
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from local_azure.core.azure_error import AzureError
from local_azure.core.schema import Failure, canonical_token, resource_schema
from local_azure.core.values import UNKNOWN, JsonObject, as_object, split_path
from local_azure.provider.differences import differences
from local_azure.provider.property_values import Path, check_failures, to_plain, to_properties
from local_azure.provider.servicer import OLD_INPUTS

Made = tuple[str, JsonObject]
"""A resource's id and the outputs beside its inputs."""

_HIDDEN_ID = "none"
"""The id of resources whose value must not be in the id."""


@dataclass(frozen=True)
class RandomType:
    """A type of the provider."""

    make: Callable[[JsonObject], Made]
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secret: tuple[str, ...] = ()
    check: Callable[[JsonObject], Iterator[Failure]] = lambda _: iter(())


# -- strings and passwords

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_CLASSES = {
    "lower": ("minLower", string.ascii_lowercase),
    "upper": ("minUpper", string.ascii_uppercase),
    "numeric": ("minNumeric", string.digits),
    "special": ("minSpecial", _SPECIAL),
}
_STRING_DEFAULTS = {
    "lower": True,
    "upper": True,
    "number": True,
    "numeric": True,
    "special": True,
    "minLower": 0,
    "minUpper": 0,
    "minNumeric": 0,
    "minSpecial": 0,
}


def _used_classes(inputs: JsonObject) -> dict[str, str]:
    """Return the characters of each enabled class, by the input with its minimum count."""
    special = inputs.get("overrideSpecial") or _SPECIAL
    return {
        least: special if name == "special" else characters
        for name, (least, characters) in _CLASSES.items()
        # `number` is the old name of `numeric`.
        if inputs.get(name, True) and not (name == "numeric" and inputs.get("number") is False)
    }


def _check_string(inputs: JsonObject) -> Iterator[Failure]:
    if any(value is UNKNOWN for value in inputs.values()):
        return
    length, classes = inputs["length"], _used_classes(inputs)
    if length < 1:
        yield Failure("length", "must be at least 1")
    least = sum(inputs.get(name, 0) for name, _ in _CLASSES.values())
    if length < least:
        yield Failure("length", f"must be at least {least}, the sum of minLower, minUpper, minNumeric and minSpecial")
    if not classes:
        yield Failure("length", "needs a class of characters: one of lower, upper, numeric and special must be true")
    for name, (least_name, _) in _CLASSES.items():
        if inputs.get(least_name, 0) and least_name not in classes:
            yield Failure(least_name, f"asks for characters that {name} = false leaves out")


def _random_string(inputs: JsonObject) -> str:
    classes = _used_classes(inputs)
    chosen = [secrets.choice(characters) for name, characters in classes.items() for _ in range(inputs.get(name, 0))]
    every = "".join(classes.values())
    chosen += [secrets.choice(every) for _ in range(inputs["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _make_string(inputs: JsonObject) -> Made:
    result = _random_string(inputs)
    return result, {"result": result}


def _make_password(inputs: JsonObject) -> Made:
    result = _random_string(inputs)
    return _HIDDEN_ID, {"result": result, **_bcrypt_hash(result)}


def _bcrypt_hash(value: str) -> JsonObject:
    """Return the hash of a password, or None if the library is not installed."""
    try:
        bcrypt = importlib.import_module("bcrypt")
    except ModuleNotFoundError:
        return {}
    # bcrypt itself looks at the first 72 bytes only.
    return {"bcryptHash": bcrypt.hashpw(value.encode()[:72], bcrypt.gensalt(rounds=10)).decode()}


# -- bytes, ids, numbers


def _make_bytes(inputs: JsonObject) -> Made:
    value = secrets.token_bytes(inputs["length"])
    return _HIDDEN_ID, {"base64": base64.b64encode(value).decode(), "hex": value.hex()}


def _make_id(inputs: JsonObject) -> Made:
    value = secrets.token_bytes(inputs["byteLength"])
    url_form = base64.urlsafe_b64encode(value).decode().rstrip("=")
    prefix = inputs.get("prefix") or ""
    forms = {
        "b64Url": url_form,
        "b64Std": base64.b64encode(value).decode(),
        "hex": value.hex(),
        "dec": str(int.from_bytes(value, "big")),
    }
    return url_form, {name: f"{prefix}{form}" for name, form in forms.items()}


def _at_least(name: str, least: int) -> Callable[[JsonObject], Iterator[Failure]]:
    def check(inputs: JsonObject) -> Iterator[Failure]:
        value = inputs.get(name)
        if value is not UNKNOWN and value is not None and value < least:
            yield Failure(name, f"must be at least {least}")

    return check


def _source(inputs: JsonObject) -> random.Random:
    seed = inputs.get("seed")
    return random.Random(seed) if seed else secrets.SystemRandom()


def _make_integer(inputs: JsonObject) -> Made:
    result = _source(inputs).randint(inputs["min"], inputs["max"])
    return str(result), {"result": result}


def _check_integer(inputs: JsonObject) -> Iterator[Failure]:
    low, high = inputs.get("min"), inputs.get("max")
    if low is not UNKNOWN and high is not UNKNOWN and low is not None and high is not None and low > high:
        yield Failure("max", "must not be less than min")


def _make_uuid(inputs: JsonObject) -> Made:
    result = str(uuid.uuid4())
    return result, {"result": result}


def _make_uuid7(inputs: JsonObject) -> Made:
    # RFC 9562: 48 bits of milliseconds, then random bits around the version and the variant.
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    result = str(uuid.UUID(int=value))
    return result, {"result": result}


# -- pets and shuffles

_ADVERBS = ("barely", "daily", "easily", "fully", "gently", "kindly", "lightly", "openly", "quietly", "softly")
_ADJECTIVES = ("able", "brave", "calm", "daring", "eager", "fair", "glad", "humble", "keen", "loyal", "merry", "wise")
_ANIMALS = ("ant", "bear", "crane", "deer", "eagle", "finch", "goat", "ibis", "koala", "lynx", "otter", "toad")


def _make_pet(inputs: JsonObject) -> Made:
    length = inputs["length"]
    words = [secrets.choice(_ADVERBS) for _ in range(length - 2)]
    words += [secrets.choice(_ADJECTIVES)] if length > 1 else []
    words.append(secrets.choice(_ANIMALS))
    prefix = inputs.get("prefix")
    return inputs["separator"].join([*([prefix] if prefix else []), *words]), {}


def _make_shuffle(inputs: JsonObject) -> Made:
    source, given = _source(inputs), list(inputs["inputs"])
    wanted = inputs.get("resultCount", len(given))
    results: list[Any] = []
    while given and len(results) < wanted:
        results += source.sample(given, len(given))
    return "-", {"results": results[:wanted]}


_TYPES = {
    "RandomBytes": RandomType(_make_bytes, secret=("base64", "hex"), check=_at_least("length", 1)),
    "RandomId": RandomType(_make_id, check=_at_least("byteLength", 1)),
    "RandomInteger": RandomType(_make_integer, check=_check_integer),
    "RandomPassword": RandomType(
        _make_password, _STRING_DEFAULTS, secret=("result", "bcryptHash"), check=_check_string
    ),
    "RandomPet": RandomType(_make_pet, {"length": 2, "separator": "-"}, check=_at_least("length", 1)),
    "RandomShuffle": RandomType(_make_shuffle),
    "RandomString": RandomType(_make_string, _STRING_DEFAULTS, check=_check_string),
    "RandomUuid": RandomType(_make_uuid),
    "RandomUuid4": RandomType(_make_uuid),
    "RandomUuid7": RandomType(_make_uuid7),
}


def _random_type(token: str) -> RandomType:
    resource_schema(token)  # refuses a token that the SDK does not know
    return _TYPES[canonical_token(token).rsplit(":", 1)[-1]]


class RandomProvider(Provider):
    """Implements the types of the installed pulumi-random; it is stateless."""

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        kind = _random_type(request.type)
        given = to_plain(request.new_inputs)
        failures = resource_schema(request.type).failures(given.values) or list(kind.check(given.values))
        return CheckResponse(inputs=request.new_inputs, failures=check_failures(failures, given.secrets))

    async def diff(self, request: DiffRequest) -> DiffResponse:
        old = as_object(to_plain(request.old_state).values.get(OLD_INPUTS))
        found = list(differences(old, to_plain(request.new_inputs).values))
        replacing = {
            "add": PropertyDiffKind.ADD_REPLACE,
            "delete": PropertyDiffKind.DELETE_REPLACE,
            "update": PropertyDiffKind.UPDATE_REPLACE,
        }
        return DiffResponse(
            changes=bool(found),
            replaces=[one.path for one in found],
            diffs=sorted({split_path(one.path)[0] for one in found}),
            detailed_diff={one.path: PropertyDiff(replacing[one.kind], input_diff=True) for one in found},
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        kind = _random_type(request.type)
        given = to_plain(request.properties)
        inputs = {**kind.defaults, **given.values}
        marks: list[Path] = [*given.secrets, *((name,) for name in kind.secret)]
        if request.preview:
            outputs = resource_schema(request.type).outputs.properties
            unknown = {name: UNKNOWN for name in outputs if name not in inputs and name not in ("id", "urn")}
            return CreateResponse(properties=to_properties({**unknown, **inputs}, marks))
        # A password's hash takes a while on purpose.
        resource_id, made = await asyncio.to_thread(kind.make, inputs)
        return CreateResponse(resource_id, to_properties({**inputs, **made}, marks))

    async def read(self, request: ReadRequest) -> ReadResponse:
        if not request.properties:
            raise AzureError(
                "NotImplemented",
                "a value of the random provider cannot be imported into the local Azure; it is kept in no cloud",
                status=HTTPStatus.NOT_IMPLEMENTED,
            )
        return ReadResponse(request.resource_id, request.properties, request.inputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        return UpdateResponse({**request.olds, **request.news})

    async def delete(self, request: DeleteRequest) -> None:
        return None
