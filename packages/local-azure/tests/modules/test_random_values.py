"""The random provider: values of the asked form, kept until an input changes."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import string
import uuid
from typing import Any

import pytest

from local_azure.core.values import UNKNOWN, JsonObject
from local_azure.provider.random_values import RandomProvider
from modules.landscape import Engine, Secret


@pytest.fixture
def engine() -> Engine:
    return Engine(RandomProvider())


def token(name: str) -> str:
    return f"random:index/{name[0].lower()}{name[1:]}:{name}"


def made(engine: Engine, name: str, **inputs: Any) -> JsonObject:
    checked, failures = engine.check(token(name), inputs)
    assert failures == []
    return engine.create(token(name), checked)[1].values


@pytest.mark.parametrize(
    ("inputs", "allowed"),
    [
        ({"length": 40}, string.ascii_letters + string.digits + "!@#$%&*()-_=+[]{}<>:?"),
        ({"length": 40, "special": False}, string.ascii_letters + string.digits),
        ({"length": 40, "special": False, "upper": False}, string.ascii_lowercase + string.digits),
        ({"length": 40, "special": False, "upper": False, "lower": False}, string.digits),
        ({"length": 40, "number": False, "special": False}, string.ascii_letters),
        ({"length": 40, "overrideSpecial": "_", "upper": False, "lower": False, "numeric": False}, "_"),
    ],
)
@pytest.mark.parametrize("name", ["RandomString", "RandomPassword"])
def test_a_string_has_its_length_and_its_classes(engine: Engine, name: str, inputs: JsonObject, allowed: str) -> None:
    values = made(engine, name, **inputs)
    assert len(values["result"]) == 40
    assert set(values["result"]) <= set(allowed)


def test_a_string_has_the_least_of_each_class(engine: Engine) -> None:
    least = {"minLower": 3, "minUpper": 4, "minNumeric": 5, "minSpecial": 6}
    for _ in range(20):
        result = made(engine, "RandomString", length=18, **least)["result"]
        counts = [
            sum(character in kind for character in result)
            for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        ]
        assert counts == [3, 4, 5]


@pytest.mark.parametrize(
    ("name", "inputs", "path"),
    [
        ("RandomString", {"length": 0}, "length"),
        ("RandomString", {"length": 3, "minLower": 4}, "length"),
        ("RandomString", {"length": 3, "lower": False, "upper": False, "numeric": False, "special": False}, "length"),
        ("RandomString", {"length": 3, "upper": False, "minUpper": 1}, "minUpper"),
        ("RandomString", {}, "length"),
        ("RandomInteger", {"min": 2, "max": 1}, "max"),
        ("RandomId", {"byteLength": 0}, "byteLength"),
        ("RandomUuid", {"keeper": {}}, "keeper"),
    ],
)
def test_what_cannot_be_made_is_refused(engine: Engine, name: str, inputs: JsonObject, path: str) -> None:
    assert path in {one for one, _ in engine.check(token(name), inputs)[1]}


def test_a_string_is_its_own_id_and_a_password_is_not(engine: Engine) -> None:
    resource_id, string_state = engine.create(token("RandomString"), {"length": 5})
    assert resource_id == string_state.values["result"]
    resource_id, password = engine.create(token("RandomPassword"), {"length": 5})
    assert resource_id == "none"
    assert ("result",) in password.secrets


def test_a_password_has_its_bcrypt_hash_where_the_library_for_it_is_there(engine: Engine) -> None:
    values = made(engine, "RandomPassword", length=80)
    if importlib.util.find_spec("bcrypt") is None:
        assert "bcryptHash" not in values
        return
    bcrypt = importlib.import_module("bcrypt")
    assert bcrypt.checkpw(values["result"].encode()[:72], values["bcryptHash"].encode())


def test_bytes_are_secret_in_both_forms(engine: Engine) -> None:
    _, state = engine.create(token("RandomBytes"), {"length": 12})
    assert base64.b64decode(state.values["base64"]) == bytes.fromhex(state.values["hex"])
    assert len(state.values["hex"]) == 24
    assert {("base64",), ("hex",)} <= set(state.secrets)


def test_an_id_has_four_forms_of_one_value(engine: Engine) -> None:
    values = made(engine, "RandomId", byteLength=8, prefix="p-")
    number = int(values["dec"].removeprefix("p-"))
    assert values["hex"] == f"p-{number:016x}"
    raw = number.to_bytes(8, "big")
    assert values["b64Std"] == f"p-{base64.b64encode(raw).decode()}"
    assert values["b64Url"] == f"p-{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


@pytest.mark.parametrize(("name", "version"), [("RandomUuid", 4), ("RandomUuid4", 4), ("RandomUuid7", 7)])
def test_uuids_have_their_version(engine: Engine, name: str, version: int) -> None:
    value = uuid.UUID(made(engine, name)["result"])
    assert value.version == version
    assert value.variant == uuid.RFC_4122


def test_a_seed_asks_for_the_same_value_again(engine: Engine) -> None:
    inputs = {"min": 1, "max": 10**9, "seed": "s"}
    assert made(engine, "RandomInteger", **inputs)["result"] == made(engine, "RandomInteger", **inputs)["result"]
    shuffle = {"inputs": ["a", "b", "c"], "resultCount": 5, "seed": "s"}
    results = made(engine, "RandomShuffle", **shuffle)["results"]
    assert results == made(engine, "RandomShuffle", **shuffle)["results"]
    assert sorted(results[:3]) == ["a", "b", "c"]
    assert len(results) == 5


def test_a_pet_is_words_and_a_prefix(engine: Engine) -> None:
    resource_id, _ = engine.create(token("RandomPet"), {"length": 3, "prefix": "my", "separator": "."})
    assert resource_id
    assert len(resource_id.split(".")) == 4


def test_a_changed_keeper_makes_another_value(engine: Engine) -> None:
    old = {"length": 5, "keepers": {"a": "1"}}
    assert engine.diff(token("RandomString"), old, old).changes is False
    response = engine.diff(token("RandomString"), old, {"length": 5, "keepers": {"a": "2"}})
    assert response.replaces == ["keepers.a"]
    assert response.delete_before_replace is False


def test_a_preview_knows_the_inputs_alone(engine: Engine) -> None:
    resource_id, preview = engine.create(
        token("RandomPassword"), {"length": 5, "keepers": {"a": Secret("s")}}, preview=True
    )
    assert resource_id is None
    assert preview.values["result"] is UNKNOWN
    assert preview.values["length"] == 5
    assert ("keepers", "a") in preview.secrets


def test_a_value_is_read_as_it_is_kept(engine: Engine) -> None:
    resource_id, state = engine.create(token("RandomString"), {"length": 5})
    assert resource_id
    read_id, outputs, inputs = engine.read(token("RandomString"), resource_id, state.values, {"length": 5})
    assert (read_id, outputs.values, inputs.values) == (resource_id, state.values, {"length": 5})
