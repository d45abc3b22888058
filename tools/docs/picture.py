"""Draw the network flow of a deployed stack from the engine's state.

    pulumi stack export --stack dev | python -m tools.docs.picture docs/pictures/network-flow.svg

Nothing in the picture is known beforehand but the kinds of resources: what stands in which subnet, which zone answers,
and who talks to whom is read from the ids and dependencies in the state. A zone that is not linked to the network is
drawn outside of it, and an endpoint that no app depends on has no arrow.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Resource = Mapping[str, Any]


class PictureError(Exception):
    """The state is not that of a stack with one network and one environment in it."""


@dataclass(frozen=True)
class Subnet:
    """A range of the network."""

    id: str
    name: str
    prefix: str


@dataclass(frozen=True)
class App:
    """A container app; `port` is that of its ingress, where it has one."""

    name: str
    external: bool
    port: int | None


@dataclass(frozen=True)
class EndpointPath:
    """A private endpoint, the service behind it, and the DNS zones and apps that use it.

    Attributes:
        name: Azure's name of the endpoint.
        group: the part of the service that is reached, such as ``vault``.
        service: Azure's name of the service.
        kind: the service's product name.
        protocol: the protocol with the port.
        public: whether the service is also reachable from the internet.
        users: names of the apps that depend on the service.
        zones: names of the zones that hold its record.
    """

    name: str
    group: str
    service: str
    kind: str
    protocol: str
    public: bool
    users: tuple[str, ...]
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """The content of the picture."""

    network: str
    ranges: tuple[str, ...]
    apps_subnet: Subnet
    endpoints_subnet: Subnet
    environment: str
    apps: tuple[App, ...]
    endpoint_paths: tuple[EndpointPath, ...]
    linked_zones: tuple[str, ...]
    other_zones: tuple[str, ...]


_SERVICES = {"RedisEnterprise": "Azure Managed Redis", "Redis": "Azure Cache for Redis", "Vault": "Key Vault"}


class _State:
    """The resources of a stack, indexed for the picture."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = {one["urn"]: one for one in resources if one.get("custom")}

    def of(self, kind: str) -> list[Resource]:
        """Resources of a kind, by Azure's id, so that the order of creation shows nowhere."""
        found = [one for one in self._resources.values() if _kind(one) == kind]
        return sorted(found, key=lambda one: str(one["id"]).lower())

    def one(self, kind: str) -> Resource:
        found = self.of(kind)
        if len(found) != 1:
            raise PictureError(f"the state holds {len(found)} resources of the kind {kind}; one was expected")
        return found[0]

    def by_id(self, wanted: str) -> Resource | None:
        return next((one for one in self._resources.values() if str(one["id"]).lower() == wanted.lower()), None)

    def depends(self, resource: Resource, on: str) -> bool:
        """Return whether a resource, or one that it depends on, depends on the one of this id, or on a part of that."""
        ahead, seen = [resource["urn"]], set[str]()
        while ahead:
            urn = ahead.pop()
            one = self._resources.get(urn)
            if one is None or urn in seen:
                continue
            seen.add(urn)
            values: Mapping[str, list[str] | None] = one.get("propertyDependencies") or {}
            ahead += [other for others in values.values() for other in others or ()]
            if urn != resource["urn"] and f"{one['id']}/".lower().startswith(f"{on}/".lower()):
                return True
        return False


def _kind(resource: Resource) -> str:
    return str(resource["type"]).rsplit(":", 1)[-1]


def _name(resource_id: str) -> str:
    return resource_id.rsplit("/", 1)[-1]


def flow(resources: Sequence[Resource]) -> Flow:
    """Read the flow from a stack's resources, as `pulumi stack export` lists them.

    Raises:
        PictureError: if there is not exactly one network with an environment in it.
    """
    state = _State(resources)
    network, environment = state.one("VirtualNetwork"), state.one("ManagedEnvironment")
    subnets = {
        one["id"].lower(): Subnet(one["id"], _name(one["id"]), one["inputs"]["addressPrefix"])
        for one in state.of("Subnet")
    }
    endpoints = state.of("PrivateEndpoint")
    try:
        apps_subnet = subnets[environment["inputs"]["vnetConfiguration"]["infrastructureSubnetId"].lower()]
        (endpoints_subnet,) = {subnets[one["inputs"]["subnet"]["id"].lower()] for one in endpoints}
    except (KeyError, ValueError):
        raise PictureError(
            "environment and private endpoints are not each in a subnet of the stack's network"
        ) from None
    apps = state.of("ContainerApp")
    linked = {
        _zone_of(link["id"])
        for link in state.of("VirtualNetworkLink")
        if _same(link["inputs"]["virtualNetwork"]["id"], network["id"])
    }
    zones = [_name(one["id"]) for one in state.of("PrivateZone")]
    return Flow(
        network=_name(network["id"]),
        ranges=tuple(network["inputs"]["addressSpace"]["addressPrefixes"]),
        apps_subnet=apps_subnet,
        endpoints_subnet=endpoints_subnet,
        environment=_name(environment["id"]),
        apps=tuple(_app(one) for one in apps),
        endpoint_paths=tuple(way for endpoint in endpoints for way in _endpoint_paths(state, endpoint, apps)),
        linked_zones=tuple(zone for zone in zones if zone in linked),
        other_zones=tuple(zone for zone in zones if zone not in linked),
    )


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _zone_of(link_id: str) -> str:
    return link_id.split("/")[-3]


def _app(resource: Resource) -> App:
    ingress: Mapping[str, Any] = resource["inputs"]["configuration"].get("ingress") or {}
    return App(_name(resource["id"]), bool(ingress.get("external")), ingress.get("targetPort"))


def _endpoint_paths(state: _State, endpoint: Resource, apps: Sequence[Resource]) -> Iterator[EndpointPath]:
    zones = [
        _name(config["privateDnsZoneId"])
        for group in state.of("PrivateDnsZoneGroup")
        if _same(group["inputs"]["privateEndpointName"], _name(endpoint["id"]))
        for config in group["inputs"]["privateDnsZoneConfigs"]
    ]
    for connection in endpoint["inputs"]["privateLinkServiceConnections"]:
        target = state.by_id(connection["privateLinkServiceId"])
        if target is None:
            raise PictureError(f"the stack has no resource {connection['privateLinkServiceId']}")
        yield EndpointPath(
            name=_name(endpoint["id"]),
            group=", ".join(connection["groupIds"]),
            service=_name(target["id"]),
            kind=_SERVICES.get(_kind(target), _kind(target)),
            protocol=_protocol(state, target),
            public=_is_public(target),
            users=tuple(_name(app["id"]) for app in apps if state.depends(app, target["id"])),
            zones=tuple(sorted(zones)),
        )


def _protocol(state: _State, target: Resource) -> str:
    match _kind(target):
        case "Redis":
            return f"rediss, port {target['outputs']['sslPort']:.0f}"
        case "RedisEnterprise":
            databases = [
                one for one in state.of("Database") if one["id"].lower().startswith(f"{target['id']}/".lower())
            ]
            return ", ".join(f"rediss, port {one['inputs']['port']:.0f}" for one in databases)
        case _:
            return "HTTPS, port 443"


def _is_public(target: Resource) -> bool:
    inputs = target["inputs"]
    return (inputs.get("publicNetworkAccess") or inputs.get("properties", {}).get("publicNetworkAccess")) != "Disabled"


# Lengths in pixels; a row holds one private endpoint.
_ROW, _BOX, _TOP = 84, 52, 82
_USER_X, _NETWORK_X, _APPS_X, _ENDPOINTS_X, _SERVICES_X = 20, 180, 204, 680, 1050
_USER_WIDTH, _APPS_WIDTH, _ENDPOINTS_WIDTH, _SERVICES_WIDTH = 84, 290, 310, 260
_NETWORK_WIDTH = _ENDPOINTS_X + _ENDPOINTS_WIDTH + 24 - _NETWORK_X
_WIDTH = _SERVICES_X + _SERVICES_WIDTH + 20
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.small { font-size: 11.5px; fill: #52606d }
.strong { font-weight: 600 }
.network { fill: #f3f8fd; stroke: #2b6cb0; stroke-dasharray: 7 4 }
.subnet { fill: #ffffff; stroke: #90b4d8 }
.box { fill: #ffffff; stroke: #52606d }
.service { fill: #fdf7ed; stroke: #b7791f }
.zones { fill: #f1faf3; stroke: #2f855a }
.wrong { fill: #fdecec; stroke: #c53030 }
.line { stroke: #1f2933; fill: none; stroke-width: 1.4 }
.asks { stroke: #2f855a; fill: none; stroke-width: 1.4; stroke-dasharray: 4 3 }
"""


class _Drawing:
    """A builder of an SVG document."""

    def __init__(self, title: str) -> None:
        self._root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
        self._add("title", title)
        self._add("style", _STYLE)
        definitions = self._add("defs")
        for name, colour in (("head", "#1f2933"), ("asks-head", "#2f855a")):
            marker = {"id": name, "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "orient": "auto"}
            size = {"markerWidth": "8", "markerHeight": "8"}
            head = ElementTree.SubElement(definitions, "marker", marker | size)
            ElementTree.SubElement(head, "path", {"d": "M0,0 L8,4 L0,8 z", "fill": colour})
        self._background = self._add("rect", fill="#ffffff")

    def _add(self, tag: str, content: str = "", **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(self._root, tag, attributes)
        element.text = content or None
        return element

    def box(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        size = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}", "rx": "6"}
        self._add("rect", **{"class": kind}, **size)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        attributes = {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}
        self._add("text", words, **({"class": kind} if kind else {}), **attributes)

    def arrow(self, points: Sequence[tuple[float, float]], *, asks: bool = False) -> None:
        path = " L".join(f"{x:g},{y:g}" for x, y in points)
        head = "url(#asks-head)" if asks else "url(#head)"
        self._add("path", d=f"M{path}", **{"class": "asks" if asks else "line", "marker-end": head})

    def written(self, width: float, height: float) -> str:
        size = {"width": f"{width:g}", "height": f"{height:g}"}
        self._background.attrib.update(size)
        self._root.attrib.update({"viewBox": f"0 0 {width:g} {height:g}", **size})
        ElementTree.indent(self._root)
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"


def draw(flow: Flow) -> str:
    """Return the picture as an SVG document: the same flow gives the same text."""
    drawing = _Drawing(
        "Network flow: from the internet to the apps, and from them to the services without public access"
    )
    rows = max(len(flow.endpoint_paths), 1)
    height = max(rows, len(flow.apps)) * _ROW
    top = _TOP - 62
    zones_top = _TOP + height + 64
    zone_lines = 20 * max(len(flow.linked_zones), 1)
    network_height = zones_top + zone_lines + 56 - top
    drawing.box("network", _NETWORK_X, top, _NETWORK_WIDTH, network_height)
    drawing.text(_NETWORK_X + 16, top + 24, f"Virtual network {flow.network}", "strong")
    drawing.text(_NETWORK_X + _NETWORK_WIDTH - 16, top + 24, ", ".join(flow.ranges), "small", "end")

    for subnet, x, width, what in (
        (flow.apps_subnet, _APPS_X, _APPS_WIDTH, f"environment {flow.environment}"),
        (flow.endpoints_subnet, _ENDPOINTS_X, _ENDPOINTS_WIDTH, "private endpoints"),
    ):
        drawing.box("subnet", x, _TOP - 18, width, height + 46)
        drawing.text(x + 12, _TOP + 2, f"{subnet.name} {subnet.prefix}", "strong")
        drawing.text(x + 12, _TOP + 19, what, "small")

    _draw_apps(drawing, flow)
    _draw_endpoint_paths(drawing, flow)
    _draw_zones(drawing, flow, _TOP + height + 28, zones_top, zone_lines)
    below = zones_top + zone_lines + 72
    if flow.other_zones:
        drawing.box("wrong", _NETWORK_X, below, _NETWORK_WIDTH, 20 * len(flow.other_zones) + 34)
        drawing.text(_NETWORK_X + 16, below + 22, "Zones that the network is not linked to: nobody asks them", "strong")
        for number, zone in enumerate(flow.other_zones):
            drawing.text(_NETWORK_X + 16, below + 42 + 20 * number, zone)
        below += 20 * len(flow.other_zones) + 50
    return drawing.written(_WIDTH, below)


def _draw_apps(drawing: _Drawing, flow: Flow) -> None:
    for number, app in enumerate(flow.apps):
        y = _TOP + 34 + number * _ROW
        drawing.box("box", _APPS_X + 12, y, _APPS_WIDTH - 24, _BOX)
        drawing.text(_APPS_X + 24, y + 22, app.name)
        reached = "from the internet" if app.external else "from the environment"
        drawing.text(
            _APPS_X + 24,
            y + 40,
            f"reached {reached}, on port {app.port:.0f}" if app.port else "reached by nobody",
            "small",
        )
        if app.external:
            middle = y + _BOX / 2
            drawing.arrow([(_USER_X + _USER_WIDTH, middle), (_APPS_X + 12, middle)])
            drawing.text(_USER_X + _USER_WIDTH + 8, middle - 7, "HTTPS", "small")
            drawing.box("box", _USER_X, y, _USER_WIDTH, _BOX)
            drawing.text(_USER_X + _USER_WIDTH / 2, y + 30, "internet", anchor="middle")
    if not any(app.external for app in flow.apps):
        drawing.text(_USER_X, _TOP, "no way in", "small")


def _draw_endpoint_paths(drawing: _Drawing, flow: Flow) -> None:
    for number, way in enumerate(flow.endpoint_paths):
        y = _TOP + 34 + number * _ROW
        middle = y + _BOX / 2
        drawing.box("box", _ENDPOINTS_X + 12, y, _ENDPOINTS_WIDTH - 24, _BOX)
        drawing.text(_ENDPOINTS_X + 24, y + 22, way.name)
        drawing.text(_ENDPOINTS_X + 24, y + 40, f"group {way.group}", "small")
        drawing.box("service" if not way.public else "wrong", _SERVICES_X, y, _SERVICES_WIDTH, _BOX)
        drawing.text(_SERVICES_X + 12, y + 22, way.service)
        access = "public access is on" if way.public else "no public access"
        drawing.text(_SERVICES_X + 12, y + 40, f"{way.kind}, {access}", "small")
        drawing.arrow([(_ENDPOINTS_X + _ENDPOINTS_WIDTH - 12, middle), (_SERVICES_X, middle)])
        if way.users:
            start = _APPS_X + _APPS_WIDTH
            drawing.arrow([(start, middle), (_ENDPOINTS_X + 12, middle)])
            drawing.text(start + 10, middle - 8, f"2: {way.protocol}", "strong")
            drawing.text(start + 10, middle + 17, _users(flow, way), "small")


def _users(flow: Flow, way: EndpointPath) -> str:
    """Return a short text that names the apps that use the service."""
    if len(way.users) == len(flow.apps):
        return "all apps"
    return way.users[0] if len(way.users) == 1 else f"{len(way.users)} of {len(flow.apps)} apps"


def _draw_zones(drawing: _Drawing, flow: Flow, subnets_end: float, top: float, lines: float) -> None:
    x, width = _APPS_X, _NETWORK_WIDTH - 48
    drawing.box("zones", x, top, width, lines + 36)
    drawing.text(x + 12, top + 22, "Private DNS zones, linked to the network", "strong")
    for number, zone in enumerate(flow.linked_zones):
        holders = [way.name for way in flow.endpoint_paths if zone in way.zones]
        record = f"record kept by {', '.join(holders)}" if holders else "without a record"
        drawing.text(x + 12, top + 44 + 20 * number, zone)
        drawing.text(x + width - 12, top + 44 + 20 * number, record, "small", "end")
    if flow.apps:
        asks = _APPS_X + _APPS_WIDTH / 2
        drawing.arrow([(asks, subnets_end), (asks, top)], asks=True)
        drawing.text(asks + 10, (subnets_end + top) / 2 + 4, "1: which address has the service's public name?")
    if any(way.zones for way in flow.endpoint_paths):
        writes = _ENDPOINTS_X + _ENDPOINTS_WIDTH / 2
        drawing.arrow([(writes, subnets_end), (writes, top)], asks=True)
        drawing.text(writes + 10, (subnets_end + top) / 2 + 4, "the endpoint's address")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read an exported state from standard input, write the picture."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.picture", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", type=Path, help="the SVG file to write")
    options = parser.parse_args(arguments)
    try:
        resources = json.load(sys.stdin)["deployment"]["resources"]
        options.target.write_text(draw(flow(resources)), encoding="utf-8")
    except PictureError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (ValueError, KeyError):
        print("error: standard input holds no exported state: pipe `pulumi stack export` into this", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
