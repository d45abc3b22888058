"""The network's ranges overlap with none that it is, or will be, peered with.

Reads: the subscription's virtual networks (`Microsoft.Network/virtualNetworks/read`), and each remote network of a
planned peering.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from doctor.client import RefusedError, UnreachableError
from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned, prefixes_of
from doctor.preflight.types import NETWORK, PEERING
from doctor.values import JsonObject, objects, text, texts


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each pair of ranges that overlap."""
    planned = look.plan.of_type(NETWORK)
    if not planned:
        return
    there = look.list(f"{look.scope}/providers/{NETWORK}")
    for network in planned:
        for remote_id, ranges in _peered(look, network, there):
            yield from _overlaps(network, remote_id, ranges)
        for peering in look.plan.of_type(PEERING):
            yield from _planned_peering(look, network, peering)


def _peered(look: Look, network: Planned, there: Iterable[JsonObject]) -> Iterator[tuple[str, list[str]]]:
    """Yield the networks that are peered with one, from either side, with their ranges."""
    for other in there:
        other_id = text(other, "id")
        is_own = _is_same(other_id, network)
        for peering in objects(other, "properties.virtualNetworkPeerings"):
            remote = text(peering, "properties.remoteVirtualNetwork.id")
            if is_own:
                yield remote, _remote_ranges(peering)
            elif _is_same(remote, network):
                yield other_id, texts(other, "properties.addressSpace.addressPrefixes")


def _is_same(resource_id: str, network: Planned) -> bool:
    """Return whether an id is that of a planned network, whose group's name may not be known yet."""
    steps = resource_id.lower().split("/")
    if len(steps) != 9 or not network.azure_name or steps[8] != network.azure_name.lower():
        return False
    return not network.group or steps[4] == network.group.lower()


def _remote_ranges(peering: JsonObject) -> list[str]:
    return texts(peering, "properties.remoteAddressSpace.addressPrefixes") or texts(
        peering, "properties.remoteVirtualNetworkAddressSpace.addressPrefixes"
    )


def _planned_peering(look: Look, network: Planned, peering: Planned) -> Iterator[Finding]:
    remote = text(peering.inputs, "remoteVirtualNetwork.id")
    if not remote:
        return
    try:
        found = look.get(remote)
    except (RefusedError, UnreachableError) as error:
        yield Unchecked(f"ranges of {remote}", str(error))
        return
    yield from _overlaps(network, remote, texts(found, "properties.addressSpace.addressPrefixes"))


def _overlaps(network: Planned, remote: str, ranges: Iterable[str]) -> Iterator[Finding]:
    others = [other for other in map(_range, ranges) if other]
    for own in (own for own in map(_range, prefixes_of(network)) if own):
        for other in others:
            if own.version == other.version and own.overlaps(other):
                yield Fault(
                    "ranges-overlap",
                    f"range {own} of {network.subject}",
                    "",
                    f"it overlaps with {other} of the peered network {remote}",
                    "set network.addressSpace to a range that is free",
                )


def _range(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
