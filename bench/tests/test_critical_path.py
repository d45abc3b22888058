"""The least time of a deployment, on graphs whose answer is known."""

from typing import Any

import pytest

from bench import critical_path
from bench.critical_path import Graph
from local_azure.core.latency import typical

GROUP = "/subscriptions/0/resourceGroups/rg"
TYPES = {
    "app:ContainerApp": "Microsoft.App/containerApps",
    "app:ManagedEnvironment": "Microsoft.App/managedEnvironments",
    "keyvault:Vault": "Microsoft.KeyVault/vaults",
    "network:PrivateDnsZoneGroup": "Microsoft.Network/privateDnsZoneGroups",
    "network:VirtualNetwork": "Microsoft.Network/virtualNetworks",
    "redisenterprise:RedisEnterprise": "Microsoft.Cache/redisEnterprise",
}


def _urn(name: str) -> str:
    return f"urn:pulumi:dev::p::t::{name}"


def _resource(kind: str, name: str, values: tuple[str, ...] = (), orders: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "urn": _urn(name),
        "type": f"azure-native:{kind}",
        "custom": True,
        "id": f"{GROUP}/providers/{TYPES[kind]}/{name}",
        "propertyDependencies": {"one": [_urn(value) for value in values], "none": None},
        "dependencies": [_urn(other) for other in (*values, *orders)],
    }


def _graph(*resources: dict[str, Any]) -> Graph:
    return critical_path.graph(resources)


def _seconds(kind: str) -> float:
    return typical(TYPES[kind]).create


def test_the_longest_chain_is_found_and_not_the_longest_list() -> None:
    graph = _graph(
        _resource("network:VirtualNetwork", "vnet"),
        _resource("app:ManagedEnvironment", "environment", ("vnet",)),
        _resource("app:ContainerApp", "web", ("environment",)),
        _resource("keyvault:Vault", "vault"),
    )
    path = critical_path.longest(graph, critical_path.true_waits(graph))
    assert [node.name for node in path.nodes] == ["vnet", "environment", "web"]
    expected = sum(map(_seconds, ("network:VirtualNetwork", "app:ManagedEnvironment", "app:ContainerApp")))
    assert path.seconds == expected
    assert critical_path.one_by_one(graph) == expected + _seconds("keyvault:Vault")
    assert critical_path.needless(graph) == []


def test_a_wait_without_reason_is_no_part_of_the_least_and_is_told() -> None:
    graph = _graph(
        _resource("redisenterprise:RedisEnterprise", "redis"),
        _resource("keyvault:Vault", "vault", orders=("redis",)),
    )
    least = critical_path.longest(graph, critical_path.true_waits(graph))
    own = critical_path.longest(graph, critical_path.all_waits)
    assert least.seconds == _seconds("redisenterprise:RedisEnterprise")
    assert own.seconds == least.seconds + _seconds("keyvault:Vault")
    assert [(late.name, early.name) for late, early in critical_path.needless(graph)] == [("vault", "redis")]


def test_a_wait_that_azure_asks_for_counts() -> None:
    graph = _graph(
        _resource("network:PrivateDnsZoneGroup", "record"), _resource("app:ContainerApp", "web", orders=("record",))
    )
    assert len(critical_path.longest(graph, critical_path.true_waits(graph)).nodes) == 2
    assert critical_path.needless(graph) == []


def test_an_order_that_comes_with_a_value_anyway_is_not_told() -> None:
    graph = _graph(
        _resource("network:VirtualNetwork", "vnet"),
        _resource("app:ManagedEnvironment", "environment", ("vnet",)),
        _resource("app:ContainerApp", "web", ("environment",), orders=("vnet",)),
    )
    assert critical_path.needless(graph) == []


def test_modules_wait_for_whole_modules() -> None:
    graph = _graph(
        _resource("network:VirtualNetwork", "vnet"),
        _resource("redisenterprise:RedisEnterprise", "redis"),
        _resource("app:ManagedEnvironment", "environment", ("vnet",)),
    )
    # The environment needs the network alone, but its module waits for the endpoints, and those for the cache.
    assert critical_path.by_modules(graph) == (
        _seconds("redisenterprise:RedisEnterprise") + _seconds("app:ManagedEnvironment")
    )


def test_a_resource_of_no_module_is_not_forgotten() -> None:
    odd = {**_resource("keyvault:Vault", "odd"), "type": "azure-native:storage:StorageAccount"}
    with pytest.raises(ValueError, match="StorageAccount belongs to no module"):
        critical_path.by_modules(_graph(odd))


def test_components_and_what_is_not_azures_take_no_time() -> None:
    random = {"urn": _urn("suffix"), "type": "random:index:RandomString", "custom": True, "id": "x7k2q"}
    component = {"urn": _urn("network"), "type": "django-aca:network:Network", "custom": False}
    graph = _graph(random, component)
    assert list(graph) == [_urn("suffix")]
    assert critical_path.one_by_one(graph) == 0
