"""The state file: whole transactions, kept across restarts, closed to others; and the forms of ids and bodies."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.core.values import find, get, put, take

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
CACHE = f"{GROUP}/providers/Microsoft.Cache/redis/Cache"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.sqlite")


def resource(resource_id: str, **body: Any) -> Resource:
    return Resource(ArmId.parse(resource_id), body, {"key": "s3cret"})


def test_the_file_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    with store.transaction() as transaction:
        transaction.save(resource(CACHE))
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_what_is_saved_is_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    with store.transaction() as transaction:
        saved = transaction.save(resource(CACHE, location="westeurope"))
    store.close()
    with Store(tmp_path / "state.sqlite").transaction() as transaction:
        assert transaction.get(CACHE) == saved


def test_an_error_undoes_the_whole_transaction(store: Store) -> None:
    def write_and_fail() -> None:
        with store.transaction() as transaction:
            transaction.save(resource(CACHE))
            transaction.claim("name", ArmId.parse(CACHE))
            raise AzureError("Code", "message")

    with pytest.raises(AzureError):
        write_and_fail()
    with store.transaction() as transaction:
        assert transaction.get(CACHE) is None
        assert transaction.holder("name") is None


def test_revisions_grow_and_the_first_spelling_stays(store: Store) -> None:
    with store.transaction() as transaction:
        first = transaction.save(resource(CACHE))
        second = transaction.save(resource(CACHE.upper().replace("/SUBSCRIPTIONS", "/subscriptions")))
    assert second.revision > first.revision
    assert second.etag != first.etag
    assert second.created_at == first.created_at
    assert second.id.text == CACHE


def test_resources_are_found_by_type_and_by_what_they_are_in(store: Store) -> None:
    nested = f"{CACHE}/firewallRules/a"
    setting = f"{CACHE}/providers/Microsoft.Insights/diagnosticSettings/d"
    namesake = f"{CACHE}2"
    with store.transaction() as transaction:
        for one in (CACHE, nested, setting, namesake):
            transaction.save(resource(one))
        assert {one.id.text for one in transaction.under(CACHE)} == {nested, setting}
        assert {one.id.text for one in transaction.of_type("microsoft.cache/REDIS", GROUP)} == {CACHE, namesake}
        assert transaction.of_type("Microsoft.Cache/redis", f"{SUBSCRIPTION}/resourceGroups/other") == []


def test_a_claimed_name_has_one_holder(store: Store) -> None:
    one, other = ArmId.parse(CACHE), ArmId.parse(f"{CACHE}2")
    with store.transaction() as transaction:
        assert transaction.claim("host/a", one) is None
        assert transaction.claim("HOST/A", one) is None
        assert transaction.claim("host/a", other) == one.key
        transaction.save(resource(CACHE))
        transaction.remove(one)
        assert transaction.claim("host/a", other) is None


def test_secrets_do_not_show(store: Store) -> None:
    with store.transaction() as transaction:
        assert "s3cret" not in repr(transaction.save(resource(CACHE)))


# -- ids


@pytest.mark.parametrize(
    ("text", "resource_type", "names", "scope"),
    [
        (SUBSCRIPTION, "Microsoft.Resources/subscriptions", (SUBSCRIPTION[15:],), ""),
        (GROUP, "Microsoft.Resources/resourceGroups", ("rg",), SUBSCRIPTION),
        (CACHE, "Microsoft.Cache/redis", ("Cache",), GROUP),
        (
            f"{GROUP}/providers/Microsoft.Insights/actionGroups/on call",
            "Microsoft.Insights/actionGroups",
            ("on call",),
            GROUP,
        ),
        (
            f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s",
            "Microsoft.Network/virtualNetworks/subnets",
            ("v", "s"),
            GROUP,
        ),
        (
            f"{CACHE}/providers/Microsoft.Authorization/roleAssignments/r",
            "Microsoft.Authorization/roleAssignments",
            ("r",),
            CACHE,
        ),
        (
            "/providers/Microsoft.Authorization/roleDefinitions/r",
            "Microsoft.Authorization/roleDefinitions",
            ("r",),
            "",
        ),
    ],
)
def test_an_id_is_parsed_and_built(text: str, resource_type: str, names: tuple[str, ...], scope: str) -> None:
    parsed = ArmId.parse(text)
    assert (parsed.type, parsed.names, parsed.scope) == (resource_type, names, scope)
    if text != SUBSCRIPTION:
        assert ArmId.build(scope, resource_type, *names).key == text.lower()


@pytest.mark.parametrize(
    "text",
    ["", "cache", "/", f"{GROUP}/", f"{GROUP}/providers/Microsoft.Cache", f"{CACHE}/rules", "/subscriptions", "//a/b"],
)
def test_a_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(AzureError, match="LinkedInvalidPropertyId"):
        ArmId.parse(text)


def test_an_id_knows_its_surroundings() -> None:
    subnet = ArmId.parse(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s")
    assert subnet.parent == ArmId.parse(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v")
    assert subnet.group_id == ArmId.parse(GROUP)
    assert subnet.resource_group == "rg"
    assert ArmId.parse(CACHE).parent is None


# -- bodies


@pytest.mark.parametrize(
    ("shape", "properties", "body"),
    [
        (BodyShape(), {"location": "l", "a": 1}, {"location": "l", "properties": {"a": 1}}),
        (BodyShape(), {"location": "l"}, {"location": "l"}),
        (BodyShape(flat=False), {"properties": {"a": 1}, "tags": {}}, {"properties": {"a": 1}, "tags": {}}),
        (BodyShape(inside=frozenset({"sku"})), {"sku": {"name": "n"}}, {"properties": {"sku": {"name": "n"}}}),
        (
            BodyShape(nested=("subnets[*]", "subnets[*].delegations[*]")),
            {"subnets": [{"name": "s", "prefix": "p", "delegations": [{"name": "d", "service": "x"}]}]},
            {
                "properties": {
                    "subnets": [
                        {
                            "name": "s",
                            "properties": {
                                "prefix": "p",
                                "delegations": [{"name": "d", "properties": {"service": "x"}}],
                            },
                        }
                    ]
                }
            },
        ),
        (
            BodyShape(renamed={"criteria.odataType": "odata.type"}),
            {"criteria": {"odataType": "t", "allOf": []}},
            {"properties": {"criteria": {"odata.type": "t", "allOf": []}}},
        ),
    ],
)
def test_properties_become_a_body_and_back(shape: BodyShape, properties: Any, body: Any) -> None:
    assert shape.body(properties) == body
    assert shape.properties(body) == properties


def test_the_ids_of_identities_become_a_map() -> None:
    body = BodyShape().body({"identity": {"userAssignedIdentities": ["a", "b"]}})
    assert body == {"identity": {"userAssignedIdentities": {"a": {}, "b": {}}}}


@pytest.mark.parametrize(
    ("path", "sdk_path"),
    [
        ("location", "location"),
        ("properties.subnets[*].properties.delegations[*].properties.name", "subnets[*].delegations[*].name"),
        ("properties.subnets[*].properties.prefix", "subnets[*].prefix"),
    ],
)
def test_a_bodys_path_has_the_sdks_form(path: str, sdk_path: str) -> None:
    assert BodyShape(nested=("subnets[*]", "subnets[*].delegations[*]")).sdk_path(path) == sdk_path


def test_paths_reach_into_bodies() -> None:
    body: dict[str, Any] = {"list": [{"a": 1}, {"b": 2}, {"a": 3}], "map": {"x": {"a": 4}}}
    assert list(find(body, "list[*].a")) == [("list[0].a", 1), ("list[2].a", 3)]
    assert list(find(body, "map.*.a")) == [("map.x.a", 4)]
    assert get(body, "no.such[*].place", "default") == "default"
    put(body, "new.place", 5)
    assert get(body, "new.place") == 5
    assert take(body, "list[*].a") == [("list[0].a", 1), ("list[2].a", 3)]
    assert body["list"] == [{}, {"b": 2}, {}]
