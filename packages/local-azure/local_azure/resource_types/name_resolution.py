"""What the public name of a resource resolves to, seen from within a virtual network.

A resource with an approved private endpoint is an alias of a name in the service's `privatelink` zone. A network that
is linked to a zone of that name asks it alone; any other network falls back to the public address
(https://learn.microsoft.com/azure/private-link/private-endpoint-dns,
https://learn.microsoft.com/azure/dns/private-dns-fallback).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import find, get
from local_azure.resource_types.base import PrivateLink
from local_azure.resource_types.network import ENDPOINT_TYPE, LINK_TYPE, RECORD_TYPE

_RECORD = RECORD_TYPE.rsplit("/", 1)[-1]


class Resolution(Enum):
    """What a name resolves to."""

    PRIVATE = "an approved private endpoint in the network"
    PUBLIC = "the public address"
    UNRESOLVED = "nothing: the private zone that the network is linked to has no record of it"
    WRONG_ADDRESS = "an address that is no approved private endpoint in the network"


def resolve(target: Resource, link: PrivateLink, network: ArmId | None, transaction: Transaction) -> Resolution:
    """Return what a sub-resource's public name resolves to from within a network, or from outside of any (`None`)."""
    endpoints = list(approved_endpoints(target, transaction))
    zone_link = _zone_link(network, link.zone, transaction) if network and endpoints else None
    if network is None or zone_link is None:
        return Resolution.PUBLIC
    zone = ArmId.parse(zone_link.id.text.rsplit("/", 2)[0])
    record = transaction.get(zone.child(_RECORD, link.record_name(target)))
    if record is None:
        falls_back = zone_link.properties.get("resolutionPolicy") == "NxDomainRedirect"
        return Resolution.PUBLIC if falls_back else Resolution.UNRESOLVED
    addresses = set(record_addresses(record))
    near = [endpoint for endpoint in endpoints if _network_of(endpoint) == network.key]
    return (
        Resolution.PRIVATE
        if any(addresses & set(endpoint_addresses(item)) for item in near)
        else Resolution.WRONG_ADDRESS
    )


def record_addresses(record: Resource) -> list[str]:
    """Return the addresses of a record set."""
    return [address for _, address in find(record.body, "properties.aRecords[*].ipv4Address")]


def linked_zones(network: ArmId, transaction: Transaction) -> Iterator[ArmId]:
    """Yield the private zones that a network asks."""
    for reference in transaction.referring_to(network):
        source = transaction.get(reference.source)
        if source and source.id.type == LINK_TYPE and source.id.parent:
            yield source.id.parent


def endpoints_in(target: Resource, network: ArmId, transaction: Transaction) -> list[Resource]:
    """Return the approved private endpoints of a resource that lie in a network."""
    return [endpoint for endpoint in approved_endpoints(target, transaction) if _network_of(endpoint) == network.key]


def approved_endpoints(target: Resource, transaction: Transaction) -> Iterator[Resource]:
    """Yield the private endpoints of a resource whose connection is approved."""
    for reference in transaction.referring_to(target.id):
        source = transaction.get(reference.source)
        if source is None or source.id.type != ENDPOINT_TYPE:
            continue
        connections = reference.path.removesuffix(".properties.privateLinkServiceId")
        for _, connection in find(source.body, connections):
            named = str(get(connection, "properties.privateLinkServiceId")).lower()
            status = get(connection, "properties.privateLinkServiceConnectionState.status")
            if named == target.id.key and status == "Approved":
                yield source


def _zone_link(network: ArmId, zone: str, transaction: Transaction) -> Resource | None:
    for reference in transaction.referring_to(network):
        source = transaction.get(reference.source)
        if source and source.id.type == LINK_TYPE and source.id.names[0].lower() == zone:
            return source
    return None


def _network_of(endpoint: Resource) -> str:
    return str(get(endpoint.body, "properties.subnet.id", "")).lower().rpartition("/subnets/")[0]


def endpoint_addresses(endpoint: Resource) -> Iterator[str]:
    """Yield the private addresses of an endpoint."""
    for _, address in find(endpoint.body, "properties.customDnsConfigs[*].ipAddresses[*]"):
        yield address
