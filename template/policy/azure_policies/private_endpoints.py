"""A private endpoint is found by name only if its records are in a zone, and the zone is linked to a network."""

from collections.abc import Iterator, Sequence

from azure_policies.graph import depends_on, is_id_of, names, of_kind, values
from azure_policies.kinds import PRIVATE_ENDPOINT, PRIVATE_ZONE, PRIVATE_ZONE_GROUP, PRIVATE_ZONE_LINK
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource
from azure_policies.rule import Level, StackRule, Violation

_CONFIGS = "privateDnsZoneConfigs"


def judge_zone_groups(resources: Sequence[Resource], options: Options) -> Iterator[Violation]:
    """Yield private endpoints whose addresses get into no zone."""
    del options
    groups = list(of_kind(resources, PRIVATE_ZONE_GROUP))
    for endpoint in of_kind(resources, PRIVATE_ENDPOINT):
        own = [group for group in groups if names(group, "privateEndpointName", endpoint, "privateEndpointName")]
        if not own:
            yield Violation(
                endpoint, "no PrivateDnsZoneGroup names this endpoint: its service's name leads elsewhere; add one"
            )
        for group in own:
            if group.get(_CONFIGS) is not UNKNOWN and not values(group, _CONFIGS):
                yield Violation(group, f"{_CONFIGS} is empty: name the service's private DNS zone")


def judge_links(resources: Sequence[Resource], options: Options) -> Iterator[Violation]:
    """Yield zones that hold an endpoint's records and are linked to no network.

    A zone outside the stack, as a shared one is, cannot be judged here.
    """
    del options
    groups = list(of_kind(resources, PRIVATE_ZONE_GROUP))
    links = list(of_kind(resources, PRIVATE_ZONE_LINK))
    for zone in of_kind(resources, PRIVATE_ZONE):
        holds_records = any(
            depends_on(group, _CONFIGS, zone)
            or any(is_id_of(one, zone, "privateZoneName") for one in values(group, _CONFIGS, "privateDnsZoneId"))
            for group in groups
        )
        if holds_records and not any(names(link, "privateZoneName", zone, "privateZoneName") for link in links):
            yield Violation(
                zone, "no VirtualNetworkLink names this zone: no network sees the endpoint's records; add one"
            )


RULES = (
    StackRule(
        "private-endpoint-has-a-zone-group",
        "A private endpoint has a zone group, which keeps its address in a private DNS zone.",
        Level.MANDATORY,
        judge_zone_groups,
    ),
    StackRule(
        "private-zone-is-linked",
        "A private DNS zone with the records of an endpoint is linked to a network.",
        Level.MANDATORY,
        judge_links,
    ),
)
