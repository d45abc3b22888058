"""Collect the network's facts: the environment's subnet, private endpoints, DNS zones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from doctor.client import Client, known
from doctor.facts import Absent, Endpoint, Environment, Zone
from doctor.values import JsonObject, objects, text, texts

_DELEGATION = "Microsoft.App/environments"


def environment(client: Client, environment_id: str) -> Environment | Absent:
    """Return the environment of a resource id, and whether its subnet is delegated to Container Apps."""
    if not environment_id:
        return Absent("no app names its environment")
    body = known(partial(client.get, environment_id))
    if isinstance(body, Absent):
        return body
    subnet_id = text(body, "properties.vnetConfiguration.infrastructureSubnetId")
    delegated: bool | Absent = Absent("the environment is in no subnet")
    if subnet_id:
        subnet = known(partial(client.get, subnet_id))
        delegated = subnet if isinstance(subnet, Absent) else _DELEGATION.lower() in _delegations(subnet)
    return Environment(environment_id.lower(), subnet_id.lower(), delegated=delegated)


def _delegations(subnet: JsonObject) -> set[str]:
    return {text(one, "properties.serviceName").lower() for one in objects(subnet, "properties.delegations")}


def with_peers(client: Client, found: Environment, endpoints: Sequence[Endpoint]) -> Environment:
    """Return the environment with the networks peered to its own, if an endpoint lies in another one."""
    if not found.network_id or all(one.network_id == found.network_id for one in endpoints):
        return found
    body = known(partial(client.get, found.network_id))
    if isinstance(body, Absent):
        return dataclasses.replace(found, peers=body)
    joined = {
        text(one, "properties.remoteVirtualNetwork.id").lower()
        for one in objects(body, "properties.virtualNetworkPeerings")
        if text(one, "properties.peeringState") == "Connected"
    }
    return dataclasses.replace(found, peers=frozenset(joined))


def endpoints(
    client: Client, targets: Sequence[JsonObject], listed: Sequence[JsonObject] | Absent = ()
) -> list[Endpoint] | Absent:
    """Return the private endpoints that caches and vault know of, each as it is at its own end, and those of a list.

    Only the list has an endpoint whose target was deleted or made anew: a target does not know connections of its
    predecessor.
    """
    known_here = _endpoints_of(client, targets)
    if isinstance(known_here, Absent) or isinstance(listed, Absent):
        return known_here
    ids = {one.id for one in known_here}
    others = [one for one in listed if text(one, "id").lower() not in ids and _connections(one)]
    if not others:
        return known_here
    with ThreadPoolExecutor(len(others)) as pool:
        return known_here + list(pool.map(partial(_unknown_to_its_target, client), others))


def _unknown_to_its_target(client: Client, body: JsonObject) -> Endpoint:
    target_id = text(_connections(body)[0], "properties.privateLinkServiceId").lower()
    zone_groups = known(partial(client.list, f"{text(body, 'id')}/privateDnsZoneGroups"))
    return _endpoint_of(client, body, target_id, "", zone_groups)


def _endpoints_of(client: Client, targets: Sequence[JsonObject]) -> list[Endpoint] | Absent:
    connections = {
        text(connection, "id").lower(): (target, connection)
        for target in targets
        for connection in objects(target, "properties.privateEndpointConnections")
    }
    if not connections:
        return []
    with ThreadPoolExecutor(len(connections)) as pool:
        asked = [pool.submit(_endpoint, client, *one) for one in connections.values()]
        found: list[Endpoint] = []
        for one in asked:
            endpoint = one.result()
            if isinstance(endpoint, Absent):
                return endpoint
            if endpoint is not None:
                found.append(endpoint)
        return found


def _endpoint(client: Client, target: JsonObject, connection: JsonObject) -> Endpoint | Absent | None:
    endpoint_id = text(connection, "properties.privateEndpoint.id")
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(known, partial(client.get, endpoint_id))
        groups = pool.submit(known, partial(client.list, f"{endpoint_id}/privateDnsZoneGroups"))
        body, zone_groups = asked.result(), groups.result()
    if isinstance(body, Absent):
        # Deleted, and not forgotten by its target yet: Azure shows such a connection as Disconnected.
        return None if "NotFound" in body.reason else body
    found = _endpoint_of(client, body, text(target, "id").lower(), text(connection, "id"), zone_groups)
    # What the owner of the target decided is known there first.
    status = text(connection, "properties.privateLinkServiceConnectionState.status")
    return dataclasses.replace(found, status=status or found.status)


def _endpoint_of(
    client: Client, body: JsonObject, target_id: str, connection_id: str, zone_groups: Sequence[JsonObject] | Absent
) -> Endpoint:
    none: JsonObject = {}
    mine = next((one for one in _connections(body) if _connects_to(one, target_id)), none)
    return Endpoint(
        id=text(body, "id").lower(),
        target_id=target_id,
        connection_id=connection_id,
        groups=texts(mine, "properties.groupIds"),
        status=text(mine, "properties.privateLinkServiceConnectionState.status"),
        subnet_id=text(body, "properties.subnet.id").lower(),
        addresses=_addresses(client, body),
        zone_group_ids=[] if isinstance(zone_groups, Absent) else [text(one, "id") for one in zone_groups],
        zone_ids=zone_groups
        if isinstance(zone_groups, Absent)
        else [
            text(one, "properties.privateDnsZoneId").lower()
            for group in zone_groups
            for one in objects(group, "properties.privateDnsZoneConfigs")
        ],
    )


def _connections(endpoint: JsonObject) -> list[JsonObject]:
    return [
        *objects(endpoint, "properties.privateLinkServiceConnections"),
        *objects(endpoint, "properties.manualPrivateLinkServiceConnections"),
    ]


def _connects_to(connection: JsonObject, target_id: str) -> bool:
    return text(connection, "properties.privateLinkServiceId").lower() == target_id


def _addresses(client: Client, endpoint: JsonObject) -> frozenset[str] | Absent:
    """Return the addresses of its network interfaces: Azure empties `customDnsConfigs` once there is a zone group."""
    found: set[str] = set()
    for one in objects(endpoint, "properties.networkInterfaces"):
        interface = known(partial(client.get, text(one, "id")))
        if isinstance(interface, Absent):
            return interface
        found |= {
            text(part, "properties.privateIPAddress") for part in objects(interface, "properties.ipConfigurations")
        }
    return frozenset(found)


def zones(
    client: Client, listed: Sequence[JsonObject] | Absent, found: Sequence[Endpoint] | Absent
) -> list[Zone] | Absent:
    """Return the stack's zones, and those that its endpoints name in any resource group."""
    if isinstance(listed, Absent):
        return listed
    ids = {text(one, "id").lower() for one in listed}
    endpoints: Sequence[Endpoint] = () if isinstance(found, Absent) else found
    for endpoint in endpoints:
        if not isinstance(endpoint.zone_ids, Absent):
            ids |= set(endpoint.zone_ids)
    if not ids:
        return []
    with ThreadPoolExecutor(len(ids)) as pool:
        return [one for one in pool.map(partial(_zone, client), sorted(ids)) if one is not None]


def _zone(client: Client, zone_id: str) -> Zone | None:
    with ThreadPoolExecutor(2) as pool:
        links = pool.submit(known, partial(client.list, f"{zone_id}/virtualNetworkLinks"))
        records = pool.submit(known, partial(client.list, f"{zone_id}/A"))
        linked, recorded = links.result(), records.result()
    if isinstance(linked, Absent) and isinstance(recorded, Absent) and "NotFound" in linked.reason:
        return None  # An endpoint may name a zone that is gone.
    return Zone(
        id=zone_id,
        networks=linked
        if isinstance(linked, Absent)
        else frozenset(text(one, "properties.virtualNetwork.id").lower() for one in linked),
        records=recorded
        if isinstance(recorded, Absent)
        else {
            text(one, "name").lower(): frozenset(
                text(record, "ipv4Address") for record in objects(one, "properties.aRecords")
            )
            for one in recorded
        },
    )
