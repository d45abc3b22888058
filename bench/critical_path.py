"""The critical path of a deployment: the longest chain of resources that depend on one another.

Pure: from a stack's resources as the engine keeps them, and the times that the local Azure declares for each type.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_azure.core import latency
from local_azure.core.ids import ArmId

_TRUE_ORDERS: Mapping[tuple[str, str], str] = {
    ("Subnet", "Subnet"): "a network takes one write at a time",
    ("ContainerApp", "PrivateDnsZoneGroup"): "a replica looks Redis and the vault up when it starts",
    ("ContainerApp", "VirtualNetworkLink"): "a replica looks Redis and the vault up when it starts",
    ("ContainerApp", "RoleAssignment"): "references to secrets are resolved at creation",
    ("ContainerApp", "RandomUuid"): "marks that the roles are in force",
}
"""Dependencies without a value that Azure requires: the resource, what it waits for, and the reason."""

_MODULES: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
    ("group", ("ResourceGroup", "Random"), ()),
    ("logs", ("Workspace",), ("group",)),
    ("identity", ("UserAssignedIdentity",), ("group",)),
    ("network", ("VirtualNetwork", "Subnet"), ("group",)),
    ("redis", ("RedisEnterprise", "Database", "Redis"), ("group",)),
    ("key-vault", ("Vault", "Secret", "RoleAssignment"), ("redis", "identity")),
    (
        "private-endpoints",
        ("PrivateEndpoint", "PrivateZone", "VirtualNetworkLink", "PrivateDnsZoneGroup"),
        ("network", "redis", "key-vault"),
    ),
    ("container-apps", ("ManagedEnvironment", "ContainerApp"), ("private-endpoints", "logs", "identity")),
    ("monitoring", ("DiagnosticSetting", "MetricAlert", "ActionGroup", "ScheduledQueryRule"), ("container-apps",)),
)
"""A deployment by modules, as templates are commonly cut and as the one was from which this project grew (`redis`,
`private-endpoints`, `container-apps`): name, kinds of resources, and the modules that must be done before."""


@dataclass(frozen=True)
class Node:
    """A resource in the graph.

    Attributes:
        urn: the engine's name of it.
        kind: the last word of its type.
        seconds: its declared time of creation; none for what is not Azure's.
        values: what it takes values from.
        orders: what it waits for without taking a value.
    """

    urn: str
    kind: str
    seconds: float
    values: frozenset[str]
    orders: frozenset[str]

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]


Graph = Mapping[str, Node]


def graph(resources: Sequence[Mapping[str, Any]]) -> Graph:
    """Return the stack's own resources of a deployed stack, by their URN, with what each waits for.

    Args:
        resources: as `pulumi stack export` lists them. Components, providers and the stack itself take no time and are
            left out; whatever waits for a component waits for its resources, which the engine lists one by one.
    """
    nodes: dict[str, Node] = {}
    for resource in resources:
        if not resource.get("custom") or resource["type"].startswith("pulumi:"):
            continue
        carried: Mapping[str, list[str] | None] = resource.get("propertyDependencies") or {}
        values = {urn for urns in carried.values() for urn in urns or ()}
        if parent := resource.get("parent"):
            values.add(parent)
        nodes[resource["urn"]] = Node(
            resource["urn"],
            resource["type"].rsplit(":", 1)[-1],
            _seconds(resource),
            frozenset(values),
            frozenset(resource.get("dependencies") or ()) - values,
        )
    known = nodes.keys()
    return {
        urn: Node(urn, node.kind, node.seconds, node.values & known, node.orders & known) for urn, node in nodes.items()
    }


def _seconds(resource: Mapping[str, Any]) -> float:
    if not resource["type"].startswith("azure-native:"):
        return 0.0
    return latency.typical(ArmId.parse(resource["id"]).type).create


@dataclass(frozen=True)
class Path:
    """A chain of resources, each waiting for the one before it."""

    nodes: tuple[Node, ...]

    @property
    def seconds(self) -> float:
        return sum(node.seconds for node in self.nodes)

    def __str__(self) -> str:
        return ", ".join(f"{node.name} {node.seconds:g}" for node in self.nodes if node.seconds)


def longest(graph: Graph, waits: Callable[[Node], Collection[str]]) -> Path:
    """Return the chain that takes longest.

    Args:
        graph: the resources.
        waits: what a resource waits for.
    """
    ends: dict[str, Path] = {}

    def until(urn: str) -> Path:
        if urn not in ends:
            node = graph[urn]
            before = max(
                (until(other) for other in sorted(waits(node))), key=lambda path: path.seconds, default=Path(())
            )
            ends[urn] = Path((*before.nodes, node))
        return ends[urn]

    return max((until(urn) for urn in sorted(graph)), key=lambda path: path.seconds)


def true_waits(graph: Graph) -> Callable[[Node], Collection[str]]:
    """Return the necessary dependencies of a resource: those by values, and those that Azure requires."""
    return lambda node: {*node.values, *(urn for urn in node.orders if (node.kind, graph[urn].kind) in _TRUE_ORDERS)}


def all_waits(node: Node) -> Collection[str]:
    """Return all dependencies of a resource."""
    return node.values | node.orders


def needless(graph: Graph) -> list[tuple[Node, Node]]:
    """Yield the unnecessary dependencies, which neither a value nor a rule of Azure requires: pairs of resource and
    dependency."""
    return [
        (node, graph[urn])
        for node in graph.values()
        for urn in sorted(node.orders)
        if (node.kind, graph[urn].kind) not in _TRUE_ORDERS and not _comes_anyway(graph, node, urn)
    ]


def _comes_anyway(graph: Graph, node: Node, wanted: str) -> bool:
    """Return whether a resource waits for another through one that it takes a value from, or must wait for."""
    waits = true_waits(graph)
    ahead, seen = list(waits(node)), set[str]()
    while ahead:
        urn = ahead.pop()
        if urn == wanted:
            return True
        if urn not in seen:
            seen.add(urn)
            ahead += waits(graph[urn])
    return False


def one_by_one(graph: Graph) -> float:
    """Return the seconds of all resources, one after the other."""
    return sum(node.seconds for node in graph.values())


def by_modules(graph: Graph) -> float:
    """Return the seconds when a module waits for the modules before it as a whole, as a deployment of templates does.

    Within a module, resources wait for each other alone. Raises ValueError for a resource of no module.
    """
    done: dict[str, float] = {}
    modules = {urn: _module(node) for urn, node in graph.items()}
    waits = true_waits(graph)
    for name, _, before in _MODULES:
        mine = {urn: node for urn, node in graph.items() if modules[urn] == name}
        taken = (
            longest(mine, lambda node, mine=mine: [urn for urn in waits(node) if urn in mine]).seconds if mine else 0.0
        )
        done[name] = max((done[other] for other in before), default=0.0) + taken
    return max(done.values())


def _module(node: Node) -> str:
    for name, kinds, _ in _MODULES:
        if node.kind in kinds or any(kind == "Random" and node.kind.startswith(kind) for kind in kinds):
            return name
    raise ValueError(f"{node.kind} belongs to no module: add it to one")
