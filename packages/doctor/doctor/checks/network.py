"""Check the network path from the apps to their services: environment, private endpoint, DNS zone, link, record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from doctor.checks.targets import Target, targets
from doctor.facts import Absent, Endpoint, Environment, Facts, Network, Zone, name_of
from doctor.findings import Cause, Finding, failed, passed, skipped

_BY_STATUS = {
    "Pending": Cause.ENDPOINT_PENDING,
    "Rejected": Cause.ENDPOINT_REJECTED,
    "Disconnected": Cause.ENDPOINT_DISCONNECTED,
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield the findings of the environment, then those of the path to each target."""
    listed = list(targets(facts))
    yield from _environment(facts.network, listed)
    for target in listed:
        if target.id is None:
            yield skipped("endpoint", target.subject, target.why)
            continue
        yield _endpoint(facts.network, target)
        zone = _zone(facts.network, target)
        yield zone
        if zone.cause is None:
            yield _link(facts.network, target)
        yield _record(facts.network, target)


def _endpoints(network: Network, target: Target) -> Sequence[Endpoint]:
    if isinstance(network.endpoints, Absent):
        return ()
    return [one for one in network.endpoints if one.target_id == target.id]


def _environment(network: Network, listed: Sequence[Target]) -> Iterator[Finding]:
    environment = network.environment
    if isinstance(environment, Absent):
        yield skipped("environment", "apps", environment.reason)
        return
    subject, name = "apps", name_of(environment.id)
    if not environment.subnet_id:
        words = f"{name} is in no virtual network, so it cannot reach private addresses"
        yield failed("environment", subject, Cause.ENVIRONMENT_OUTSIDE, words, environment.id)
        return
    if isinstance(environment.peers, Absent):
        yield skipped("environment", subject, f"the peerings of its network are unknown: {environment.peers.reason}")
        return
    near = {environment.network_id, *environment.peers}
    for target in listed:
        found = _endpoints(network, target)
        if found and not any(one.network_id in near for one in found):
            words = (
                f"{name} is in {name_of(environment.network_id)}, the private endpoint of {target.subject} in "
                f"{name_of(found[0].network_id)}, and no peering joins them"
            )
            yield failed("environment", subject, Cause.ENVIRONMENT_OUTSIDE, words, environment.id)
            return
    if isinstance(environment.delegated, Absent):
        yield skipped("environment", subject, environment.delegated.reason)
    elif not environment.delegated:
        words = f"the subnet {name_of(environment.subnet_id)} is not delegated to Microsoft.App/environments"
        yield failed("environment", subject, Cause.SUBNET_NOT_DELEGATED, words)
    else:
        place = f"{name_of(environment.network_id)}/{name_of(environment.subnet_id)}"
        yield passed("environment", subject, f"{name} is in {place}, delegated to it, within reach of the endpoints")


def _endpoint(network: Network, target: Target) -> Finding:
    if isinstance(network.endpoints, Absent):
        return skipped("endpoint", target.subject, network.endpoints.reason)
    found = _endpoints(network, target)
    if not found:
        words = f"{name_of(str(target.id))} has no private endpoint"
        return failed("endpoint", target.subject, Cause.ENDPOINT_MISSING, words)
    approved = [one for one in found if one.status == "Approved"]
    if not approved:
        one = found[0]
        cause = _BY_STATUS.get(one.status, Cause.ENDPOINT_MISSING)
        at = one.connection_id if cause is Cause.ENDPOINT_PENDING else one.id
        words = f"the connection of {one.name} is {one.status}"
        if cause is Cause.ENDPOINT_DISCONNECTED:
            words += ": its target was deleted, and a new one of the same name does not accept it"
        return failed("endpoint", target.subject, cause, words, at)
    if not any(target.group.lower() in {group.lower() for group in one.groups} for one in approved):
        groups = ", ".join(approved[0].groups) or "none"
        words = f"{approved[0].name} connects to the group {groups}, not to {target.group}"
        return failed("endpoint", target.subject, Cause.ENDPOINT_GROUP_WRONG, words, approved[0].id)
    return passed("endpoint", target.subject, f"{approved[0].name} is approved, group {target.group}")


def _zones(network: Network, target: Target) -> list[Zone]:
    return [] if isinstance(network.zones, Absent) else [one for one in network.zones if one.name == target.zone]


def _zone(network: Network, target: Target) -> Finding:
    if isinstance(network.zones, Absent):
        return skipped("zone", target.subject, network.zones.reason)
    for endpoint in _endpoints(network, target):
        if isinstance(endpoint.zone_ids, Absent):
            return skipped("zone", target.subject, endpoint.zone_ids.reason)
        names = {name_of(one) for one in endpoint.zone_ids}
        if names and target.zone not in names:
            words = (
                f"{endpoint.name} keeps its record in {', '.join(sorted(names))}; its service's zone is {target.zone}"
            )
            return failed("zone", target.subject, Cause.ZONE_OF_OTHER_SERVICE, words)
    if not _zones(network, target):
        return failed("zone", target.subject, Cause.ZONE_MISSING, f"there is no zone {target.zone}")
    return passed("zone", target.subject, target.zone)


def _network_id(environment: Environment | Absent) -> str:
    return "" if isinstance(environment, Absent) else environment.network_id


def _link(network: Network, target: Target) -> Finding:
    here = _network_id(network.environment)
    if not here:
        return skipped("link", target.subject, "the environment is in no known network")
    linked: set[str] = set()
    for zone in _zones(network, target):
        if isinstance(zone.networks, Absent):
            return skipped("link", target.subject, zone.networks.reason)
        linked |= zone.networks
    if here in linked:
        return passed("link", target.subject, f"{target.zone} is linked to {name_of(here)}")
    if linked:
        others = ", ".join(sorted(name_of(one) for one in linked))
        words = f"{target.zone} is linked to {others}, and not to {name_of(here)}, where the apps are"
        return failed("link", target.subject, Cause.ZONE_LINKED_ELSEWHERE, words)
    words = f"{target.zone} is linked to no network, so {name_of(here)} asks the public name servers"
    return failed("link", target.subject, Cause.ZONE_NOT_LINKED, words)


def _record(network: Network, target: Target) -> Finding:
    found = _endpoints(network, target)
    if not found or isinstance(found[0].addresses, Absent):
        reason = (
            found[0].addresses.reason
            if found and isinstance(found[0].addresses, Absent)
            else "no endpoint to compare with"
        )
        return skipped("record", target.subject, reason)
    zones = _zones(network, target)
    here = _network_id(network.environment)
    asked = [one for one in zones if not isinstance(one.networks, Absent) and here in one.networks] or zones
    if not asked:
        return skipped("record", target.subject, f"there is no zone {target.zone} to look in")
    records = asked[0].records
    if isinstance(records, Absent):
        return skipped("record", target.subject, records.reason)
    expected: set[str] = set()
    for one in found:
        expected |= set() if isinstance(one.addresses, Absent) else one.addresses
    recorded = records.get(target.record)
    if not recorded:
        words = f"{target.zone} has no record {target.record}"
        return failed("record", target.subject, Cause.RECORD_MISSING, words, *found[0].zone_group_ids)
    if recorded - expected:
        words = (
            f"{target.record} in {target.zone} is {', '.join(sorted(recorded))}; the endpoint has "
            f"{', '.join(sorted(expected)) or 'no address'}"
        )
        return failed("record", target.subject, Cause.RECORD_STALE, words, *found[0].zone_group_ids)
    return passed("record", target.subject, f"{target.record} is {', '.join(sorted(recorded))}, as the endpoint")
