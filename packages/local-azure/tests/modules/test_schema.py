"""Inputs are validated against the SDK's types: all errors at once, each with its path."""

from __future__ import annotations

from typing import Any

import pytest

from local_azure.core.schema import (
    ListOf,
    MapOf,
    ObjectOf,
    UnknownTokenError,
    ValueType,
    function_schema,
    package_version,
    resource_schema,
)
from local_azure.core.values import UNKNOWN, split_path
from local_azure.resource_types import TypeRegistry
from local_azure.resource_types.base import ResourceType

CACHE: dict[str, Any] = {"resourceGroupName": "rg", "sku": {"name": "Basic", "family": "C", "capacity": 0}}
VAULT: dict[str, Any] = {
    "resourceGroupName": "rg",
    "properties": {"tenantId": "t", "sku": {"family": "A", "name": "standard"}},
}


def failures(token: str, inputs: dict[str, Any]) -> dict[str, str]:
    return {one.path: one.reason for one in resource_schema(token).failures(inputs)}


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("azure-native:redis:Redis", CACHE),
        ("azure-native:redis/v20241101:Redis", CACHE),
        ("azure-native:redis:Redis", {**CACHE, "publicNetworkAccess": "disabled"}),
        ("azure-native:redis:Redis", {**CACHE, "tags": {"any key": "value"}, "zones": ["1"], "shardCount": 2.0}),
        ("azure-native:redis:Redis", {**CACHE, "tags": None, "__createBeforeDelete": True}),
        ("azure-native:keyvault:Vault", VAULT),
        ("azure-native:network:VirtualNetwork", {"resourceGroupName": "rg", "subnets": [{"name": "a"}]}),
        ("azure-native:storage:Blob", {"accountName": "a", "containerName": "c", "resourceGroupName": "rg"}),
        ("random:index/randomString:RandomString", {"length": 4}),
    ],
)
def test_what_azure_takes_is_accepted(token: str, inputs: dict[str, Any]) -> None:
    assert failures(token, inputs) == {}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        ("azure-native:redis:Redis", {**CACHE, "publicNetworkAcess": "Disabled"}, "publicNetworkAcess", "did you mean"),
        ("azure-native:redis:Redis", {"resourceGroupName": "rg"}, "sku", "is required"),
        ("azure-native:redis:Redis", {**CACHE, "sku": {**CACHE["sku"], "name": "Large"}}, "sku.name", "Premium"),
        ("azure-native:redis:Redis", {**CACHE, "sku": {**CACHE["sku"], "capacity": 1.5}}, "sku.capacity", "integer"),
        ("azure-native:redis:Redis", {**CACHE, "enableNonSslPort": "no"}, "enableNonSslPort", "boolean"),
        ("azure-native:redis:Redis", {**CACHE, "enableNonSslPort": 1}, "enableNonSslPort", "boolean"),
        ("azure-native:redis:Redis", {**CACHE, "shardCount": True}, "shardCount", "integer"),
        ("azure-native:redis:Redis", {**CACHE, "zones": "1"}, "zones", "list"),
        ("azure-native:redis:Redis", {**CACHE, "zones": [1]}, "zones[0]", "string"),
        ("azure-native:redis:Redis", {**CACHE, "tags": {"a.b": 1}}, 'tags["a.b"]', "string"),
        ("azure-native:redis:Redis", {**CACHE, "sku": []}, "sku", "object"),
        ("azure-native:redis:Redis", {**CACHE, "tags": ["a"]}, "tags", "map"),
        (
            "azure-native:keyvault:Vault",
            {**VAULT, "properties": {**VAULT["properties"], "sku": {"family": "A", "name": "gold"}}},
            "properties.sku.name",
            "premium",
        ),
        (
            "azure-native:network:VirtualNetwork",
            {"resourceGroupName": "rg", "subnets": [{"name": "a"}, {"nmae": "b"}]},
            "subnets[1].nmae",
            "did you mean 'name'",
        ),
        (
            "azure-native:monitor:MetricAlert",
            {
                "criteria": {
                    "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                    "allOf": [
                        {
                            "criterionType": "StaticThresholdCriterion",
                            "metricName": "m",
                            "name": "n",
                            "operator": "Above",
                            "threshold": 1,
                            "timeAggregation": "Average",
                        }
                    ],
                }
            },
            "criteria.allOf[0].operator",
            "GreaterThan",
        ),
        ("azure-native:storage:StorageAccount", {"kind": "Disk", "sku": {"name": "x"}}, "kind", "StorageV2"),
        ("random:index/randomString:RandomString", {"lenght": 4, "length": 4}, "lenght", "did you mean 'length'"),
    ],
)
def test_a_fault_is_refused_with_its_path(token: str, inputs: dict[str, Any], path: str, words: str) -> None:
    found = failures(token, inputs)
    assert path in found, f"no fault at {path}, but {found}"
    assert words in found[path]


def test_an_enum_that_the_sdk_mixes_up_with_another_refuses_nothing() -> None:
    condition = {"query": "T", "operator": "GreaterThan", "timeAggregation": "Count"}
    inputs = {"resourceGroupName": "rg", "criteria": {"allOf": [condition]}}
    assert not failures("azure-native:monitor:ScheduledQueryRule", inputs)


def test_every_fault_is_told_at_once() -> None:
    found = failures("azure-native:redis:Redis", {"sku": {"name": "x", "family": 1}, "more": 1})
    assert set(found) == {"resourceGroupName", "sku.name", "sku.family", "sku.capacity", "more"}


def test_a_refusal_never_shows_the_value_of_what_may_be_a_secret() -> None:
    long = "k3y" * 40
    found = failures("azure-native:redis:Redis", {**CACHE, "minimumTlsVersion": long, "shardCount": long})
    assert set(found) == {"minimumTlsVersion", "shardCount"}
    assert not any("k3y" in reason for reason in found.values())


@pytest.mark.parametrize(
    "inputs",
    [
        {"resourceGroupName": UNKNOWN, "sku": UNKNOWN},
        {**CACHE, "sku": {"name": UNKNOWN, "family": UNKNOWN, "capacity": UNKNOWN}},
        {**CACHE, "tags": {"a": UNKNOWN}, "zones": [UNKNOWN], "publicNetworkAccess": UNKNOWN},
        {**CACHE, "identity": {"type": UNKNOWN, "userAssignedIdentities": UNKNOWN}},
    ],
)
def test_an_unknown_value_may_stand_anywhere(inputs: dict[str, Any]) -> None:
    assert failures("azure-native:redis:Redis", inputs) == {}


@pytest.mark.parametrize(
    "token",
    ["azure-native:redis:Reddis", "azure-native:nowhere:Thing", "azure-native:redis:RedisArgs", "aws:s3:Bucket"],
)
def test_a_token_that_the_sdk_does_not_know_is_refused(token: str) -> None:
    with pytest.raises(UnknownTokenError):
        resource_schema(token)


def test_the_arguments_of_a_function_are_checked_too() -> None:
    schema = function_schema("azure-native:redis:listRedisKeys")
    assert schema.failures({"name": "cache", "resourceGroupName": UNKNOWN}) == []
    faults = {one.path for one in schema.failures({"name": 1, "groupName": "rg"})}
    assert faults == {"name", "groupName"}


def test_the_api_version_and_the_package_version_are_those_of_the_installed_sdk() -> None:
    assert resource_schema("azure-native:keyvault:Vault").api_version == "2024-11-01"
    assert package_version("azure-native").count(".") == 2


# What the modules of resource types say of the SDK must be true of it.

DECLARED = [kind for kind in TypeRegistry() if kind.token]


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.token)
def test_a_declared_type_spells_its_id_and_paths_as_the_sdk_does(kind: ResourceType) -> None:
    schema = resource_schema(kind.token)
    assert set(kind.inputs.names) <= set(schema.inputs.properties)
    fixed = [*kind.create_only, *kind.write_only, *kind.collections, *(one.path for one in kind.references)]
    for path in fixed:
        sdk_path = kind.shape.sdk_path(path)
        assert has_path(schema.inputs, split_path(sdk_path)), f"{path}: the SDK has no input {sdk_path}"


def has_path(value_type: ValueType, segments: list[str]) -> bool:
    if not segments:
        return True
    head, rest = segments[0], segments[1:]
    if head == "[*]":
        return isinstance(value_type, ListOf) and has_path(value_type.element, rest)
    if isinstance(value_type, MapOf):
        return has_path(value_type.element, rest)
    return (
        isinstance(value_type, ObjectOf)
        and head in value_type.properties
        and has_path(value_type.properties[head].type, rest)
    )


def test_the_functions_that_list_keys_are_the_sdks() -> None:
    for kind in DECLARED:
        package, module, _ = kind.token.split(":")
        for action in kind.actions:
            for name in action.functions:
                assert function_schema(f"{package}:{module}:{name}").arguments, name
