"""Resources are in the regions that the team has chosen."""

from collections.abc import Iterator

from azure_policies.options import Options
from azure_policies.resource import Resource
from azure_policies.rule import Level, ResourceRule


def judge(resource: Resource, options: Options) -> Iterator[str]:
    """Yield a region that is not among the chosen ones; none chosen, any will do. ``Global`` is no region."""
    location = resource.get("location")
    if not resource.type.module or not options.regions or not isinstance(location, str):
        return
    allowed = {_name(region) for region in options.regions} | {"global"}
    if _name(location) not in allowed:
        yield f"location is {location}: choose one of the pack's regions, or add it to them in policy/config.json"


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
