from __future__ import annotations

from typing import Any

import pytest

from local_azure.arm.bodies import accepted, merge
from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.resource_types import TypeRegistry

GROUP = "/subscriptions/s/resourceGroups/g"
APP = f"{GROUP}/providers/Microsoft.App/containerApps/app"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"


def _accepted(resource_id: str, body: dict[str, Any]) -> dict[str, Any]:
    parsed = ArmId.parse(resource_id)
    return accepted(TypeRegistry().by_arm_type(parsed.type), parsed, body)


# The examples of RFC 7396, appendix A.
@pytest.mark.parametrize(
    ("body", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged(body: object, patch: object, merged: object) -> None:
    assert merge(body, patch) == merged


def test_what_azure_sets_and_what_the_type_has_not_is_left_out() -> None:
    body = {
        "id": APP,
        "name": "app",
        "etag": "x",
        "location": "westeurope",
        "systemData": {"createdBy": "me"},
        "properties": {
            "provisioningState": "Succeeded",
            "latestRevisionName": "app--1",
            "notOfThisType": 1,
            "environmentId": None,
            "template": {"containers": [{"name": "web", "image": "shop:1"}]},
        },
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {"clientId": "c"}}},
    }
    assert _accepted(APP, body) == {
        "location": "westeurope",
        "properties": {"template": {"containers": [{"name": "web", "image": "shop:1"}]}},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
    }


def test_every_fault_is_told_at_once_and_no_value() -> None:
    with pytest.raises(AzureError) as refused:
        _accepted(
            APP,
            {"location": "westeurope", "properties": {"template": {"containers": [{"name": 5, "image": ["s3cret"]}]}}},
        )
    assert refused.value.code == "InvalidRequestContent"
    assert "template.containers[0].name" in refused.value.message
    assert "template.containers[0].image" in refused.value.message
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(("name", "value"), [("name", "other"), ("id", f"{APP}2")])
def test_a_body_of_another_resource_is_refused(name: str, value: str) -> None:
    with pytest.raises(AzureError, match="does not match"):
        _accepted(APP, {"location": "westeurope", name: value})


def test_a_nested_resource_may_be_named_in_full() -> None:
    subnet = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
    body = {"name": "v/s", "properties": {"addressPrefix": "10.0.0.0/24"}}
    assert _accepted(subnet, body) == {"properties": {"addressPrefix": "10.0.0.0/24"}}
