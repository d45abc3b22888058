"""The region's quota has room for the environment.

Reads: usages of Container Apps in the region (`Microsoft.App/locations/usages/read`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.types import ENVIRONMENT
from doctor.values import get, text

_ENVIRONMENTS = "ManagedEnvironmentCount"
_ASK = "ask for more (https://aka.ms/containerapps/quota), delete one that is not needed, or choose another region"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault where a region may have no further environment."""
    wanted = Counter(one.location for one in look.plan.of_type(ENVIRONMENT) if one.is_created and one.location)
    for region, count in wanted.items():
        for usage in look.list(f"{look.scope}/providers/Microsoft.App/locations/{region}/usages"):
            if text(usage, "name.value") != _ENVIRONMENTS:
                continue
            used, limit = int(get(usage, "currentValue", 0)), int(get(usage, "limit", 0))
            if used + count > limit:
                yield Fault(
                    "quota-of-environments",
                    f"quota {_ENVIRONMENTS} in {region}",
                    f"{limit}, of which {used} are used",
                    f"{count} more {'is' if count == 1 else 'are'} planned",
                    _ASK,
                )
