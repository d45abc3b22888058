from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from local_azure.arm import long_running
from local_azure.arm.conditions import Conditions
from local_azure.arm.long_running import Operation, style_of
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.resource_types import TypeRegistry

CACHE = ArmId.parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/redis/r")


def _path(url: str) -> list[str]:
    return url.split("?")[0].split("/")[1:]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state.sqlite")
    yield store
    store.close()


def begin(store: Store, seconds: float = 0.0, error: AzureError | None = None) -> Operation:
    with store.transaction() as transaction:
        return long_running.start(transaction, Resource(CACHE, {}), "PUT", "2024-11-01", seconds, error)


def find(store: Store, url: str) -> Operation:
    with store.transaction() as transaction:
        return long_running.find(transaction, _path(url))


def test_an_operation_is_in_progress_until_its_time_is_over(store: Store) -> None:
    slow = find(store, begin(store, seconds=90).status_url(""))
    assert slow.status()["status"] == "InProgress"
    assert 1 <= int(slow.retry_headers()["Retry-After"]) <= 90
    quick = find(store, begin(store).status_url(""))
    assert quick.status()["status"] == "Succeeded"
    assert quick.status()["endTime"]


def test_an_operation_is_found_by_both_its_addresses_after_a_restart_too(store: Store, tmp_path: Path) -> None:
    operation = begin(store)
    failed = begin(store, error=AzureError("Conflict", "busy", target="t", status=HTTPStatus.CONFLICT))
    again = Store(tmp_path / "state.sqlite")
    for url in (operation.status_url(""), operation.result_url("")):
        assert find(again, url) == operation
    error = find(again, failed.result_url("")).error
    assert error is not None
    assert (error.code, error.message, error.target, error.status) == ("Conflict", "busy", "t", HTTPStatus.CONFLICT)
    again.close()


def test_an_operation_of_another_subscription_is_not_found(store: Store) -> None:
    url = begin(store).status_url("")
    with pytest.raises(AzureError, match="OperationNotFound"):
        find(store, url.replace("/s/", "/other/"))


def test_the_oldest_operations_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_running, "_KEPT", 3)
    urls = [begin(store).status_url("") for _ in range(5)]
    for url in urls[:2]:
        with pytest.raises(AzureError, match="OperationNotFound"):
            find(store, url)
    assert [find(store, url).name for url in urls[2:]]


def test_other_paths_are_no_operations() -> None:
    assert not long_running.question(["subscriptions", "s", "resourceGroups", "g"])
    assert long_running.question(["subscriptions", "s", "OPERATIONSTATUSES", "x"]) == long_running.STATUS


def test_the_table_of_styles_names_types_that_there_are() -> None:
    known = {kind.arm_type.lower() for kind in TypeRegistry()}
    assert set(long_running._STYLES) <= known  # pyright: ignore[reportPrivateUsage]
    assert style_of("MICROSOFT.CACHE/Redis").put


def test_conditions_compare_etags_without_their_dress() -> None:
    resource = Resource(CACHE, {}, etag="abc")
    for match in ("abc", '"abc"', 'W/"abc"', "*", '"x", "abc"'):
        Conditions(match=match).require(resource)
    for conditions in (Conditions(match="x"), Conditions(none_match="*"), Conditions(none_match='W/"abc"')):
        with pytest.raises(AzureError, match="PreconditionFailed"):
            conditions.require(resource)
    Conditions(none_match="*").require(None)
    with pytest.raises(AzureError, match="PreconditionFailed"):
        Conditions(match="*").require(None)
