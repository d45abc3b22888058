"""The region is one of the subscription's, offers every type, and has zones where zones are asked for.

Reads: regions and providers (`*/read` of the subscription).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned
from doctor.preflight.types import GROUP_TYPE
from doctor.values import get, objects, text, texts

_LISTED = "`az account list-locations --query '[].name'`"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for an unknown region, for each type that a region lacks, and for zones that it lacks."""
    regions = {text(one, "name").lower(): one for one in look.list(f"{look.scope}/locations")}
    placed = [one for one in look.plan.written if one.location not in ("", "global")]
    unknown = sorted({one.location for one in placed} - regions.keys())
    for region in unknown:
        yield Fault(
            "region-unknown",
            "azure-native:location",
            region,
            "the subscription has no such region",
            f"choose one: {_LISTED}",
        )
    lacking: set[tuple[str, str]] = set()
    for one in placed:
        if one.location in unknown:
            continue
        offered = _regions_of(look, one)
        if offered and one.location not in offered and (one.type, one.location) not in lacking:
            lacking.add((one.type, one.location))
            yield Fault(
                "type-not-in-region",
                one.type,
                f"not offered in {one.location}",
                f"{one.subject} is planned there",
                f"set azure-native:location to one of {', '.join(sorted(offered))}",
            )
        if _wants_zones(one) and not objects(regions[one.location], "availabilityZoneMappings"):
            yield Fault(
                "region-without-zones",
                "zoneRedundant",
                "true",
                f"{one.location} has no availability zones, and {one.subject} asks for them",
                "run `pulumi config set zoneRedundant false`, or choose a region that has zones",
            )


def _regions_of(look: Look, planned: Planned) -> set[str]:
    """Return the regions of a type; none where Azure lists none, as for types that lie in no region."""
    if planned.type == GROUP_TYPE:
        return set()
    wanted = planned.type.split("/", 1)[1].lower()
    for one in objects(look.provider(planned.kind.namespace), "resourceTypes"):
        if text(one, "resourceType").lower() == wanted:
            return {name.replace(" ", "").lower() for name in texts(one, "locations")}
    return set()


def _wants_zones(planned: Planned) -> bool:
    return get(planned.inputs, "zoneRedundant") is True or bool(get(planned.inputs, "zones"))
