"""The region has the sizes that are asked for.

Reads: the workload profiles of Container Apps in the region (`Microsoft.App/locations/*/read`). Azure lists no sizes of
its Redis services by region.
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.types import CLASSIC_REDIS, ENVIRONMENT, MANAGED_REDIS
from doctor.values import objects, text

_LIST = "availableManagedEnvironmentsWorkloadProfileTypes"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each workload profile that the region lacks."""
    for environment in look.plan.of_type(ENVIRONMENT):
        wanted = {text(one, "workloadProfileType") for one in objects(environment.inputs, "workloadProfiles")} - {""}
        if not wanted:
            continue
        listed = look.list(f"{look.scope}/providers/Microsoft.App/locations/{environment.location}/{_LIST}")
        offered = {text(one, "name").lower(): text(one, "name") for one in listed}
        for profile in sorted(one for one in wanted if one.lower() not in offered):
            yield Fault(
                "size-not-offered",
                f"workload profile of {environment.subject}",
                profile,
                f"{environment.location} does not offer it",
                f"choose one of {', '.join(sorted(offered.values()))}",
            )
    for cache in (*look.plan.of_type(MANAGED_REDIS), *look.plan.of_type(CLASSIC_REDIS)):
        if cache.is_created:
            size = text(cache.inputs, "sku.name")
            yield Unchecked(
                f"size {size} of {cache.name}", f"Azure does not tell whether it has room for it in {cache.location}"
            )
        if cache.is_created and cache.type == CLASSIC_REDIS:
            yield Unchecked(
                f"new cache {cache.name}",
                "Azure creates an Azure Cache for Redis only in subscriptions that had one before April 2026",
            )
