"""Resources are in the regions that the team has chosen."""

from collections.abc import Iterator

from azure_policies.options import Options
from azure_policies.resource import Resource, items, value_at
from azure_policies.rule import Level, ResourceRule

_LISTS = ("locations", "additionalLocations")
"""Properties with more regions of a resource, each a map with ``locationName`` or ``location``."""


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield a region that is not among the chosen ones; none chosen, any will do. ``Global`` is no region."""
    if not resource.type.module or not options.regions:
        return
    allowed = {_name(region) for region in options.regions} | {"global"}
    for path, location in _locations(resource):
        if isinstance(location, str) and _name(location) not in allowed:
            yield f"{path} is {location}: choose one of the pack's regions, or add it to them in policy/config.json"


def _locations(resource: Resource) -> Iterator[tuple[str, object]]:
    """Where the resource is: an account of Cosmos DB, for one, in several regions."""
    yield "location", resource.get("location")
    for kind in _LISTS:
        for index, one in enumerate(items(resource.get(kind))):
            for name in ("locationName", "location"):
                yield f"{kind}[{index}].{name}", value_at(one, name)


def _name(region: str) -> str:
    """Azure's name of a region, from that or from its display name: ``West Europe`` is ``westeurope``."""
    return region.replace(" ", "").lower()


RULE = ResourceRule(
    "allowed-regions",
    "Resources are in the allowed regions.",
    Level.MANDATORY,
    judge,
    options=("regions",),
)
