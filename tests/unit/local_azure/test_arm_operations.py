from __future__ import annotations

import pytest

from local_azure.arm import long_running
from local_azure.arm.conditions import Conditions
from local_azure.arm.long_running import Operations, style_of
from local_azure.azure_error import AzureError
from local_azure.ids import ArmId
from local_azure.resource_types import TypeRegistry
from local_azure.state import Resource

CACHE = ArmId.parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/redis/r")


def _path(url: str) -> list[str]:
    return url.split("?")[0].split("/")[1:]


def test_an_operation_is_in_progress_until_its_time_is_over() -> None:
    operations = Operations()
    slow = operations.start(CACHE, "westeurope", "PUT", "2024-11-01", seconds=90)
    assert slow.status()["status"] == "InProgress"
    assert 1 <= int(slow.retry_headers()["Retry-After"]) <= 90
    quick = operations.start(CACHE, "westeurope", "PUT", "2024-11-01")
    assert quick.status()["status"] == "Succeeded"
    assert quick.status()["endTime"]


def test_an_operation_is_found_by_both_its_addresses() -> None:
    operations = Operations()
    operation = operations.start(CACHE, "westeurope", "PUT", "2024-11-01")
    for url in (operation.status_url(""), operation.result_url("")):
        found = operations.find(_path(url))
        assert found is not None
        assert found[1] is operation


def test_an_operation_of_another_subscription_is_not_found() -> None:
    operations = Operations()
    url = operations.start(CACHE, "westeurope", "PUT", "2024-11-01").status_url("")
    with pytest.raises(AzureError, match="OperationNotFound"):
        operations.find(_path(url.replace("/s/", "/other/")))


def test_other_paths_are_no_operations() -> None:
    assert Operations().find(["subscriptions", "s", "resourceGroups", "g"]) is None


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
