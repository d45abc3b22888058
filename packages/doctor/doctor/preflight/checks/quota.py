"""The quotas have room for the environment and for the replicas that its apps always have.

Reads: usages of Container Apps in the region (`Microsoft.App/locations/usages/read`), and of the environment once it is
there (`Microsoft.App/managedEnvironments/usages/read`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from doctor.preflight.checks import providers
from doctor.preflight.findings import Fault, Finding, Unchecked
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned
from doctor.preflight.types import APP, ENVIRONMENT
from doctor.values import get, objects, text

_NAMESPACE = "Microsoft.App"
_ENVIRONMENTS, _CORES = "ManagedEnvironmentCount", "ManagedEnvironmentConsumptionCores"
_LOWEST_LIMIT_OF_CORES = 10
"""What trial subscriptions have; others have 100 or more (https://learn.microsoft.com/azure/container-apps/quotas)."""
_ASK = "ask for more (https://aka.ms/containerapps/quota)"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each quota that the plan exceeds."""
    environments = [one for one in look.plan.resources if one.type == ENVIRONMENT]
    wanted = Counter(one.location for one in environments if one.is_created and one.location)
    for region, count in wanted.items():
        yield from _environments(look, region, count)
    for environment in environments:
        yield from _cores(look, environment)


def _environments(look: Look, region: str, count: int) -> Iterator[Finding]:
    if _NAMESPACE in providers.unregistered(look):
        # Azure was seen to tell a limit of 0 until then.
        yield Unchecked(f"quota {_ENVIRONMENTS} in {region}", f"it is told once {_NAMESPACE} is registered")
        return
    for usage in look.list(f"{look.scope}/providers/Microsoft.App/locations/{region}/usages"):
        used, limit = int(get(usage, "currentValue", 0)), int(get(usage, "limit", 0))
        if text(usage, "name.value") == _ENVIRONMENTS and used + count > limit:
            yield Fault(
                "quota-of-environments",
                f"quota {_ENVIRONMENTS} in {region}",
                f"{limit}, of which {used} are used",
                f"{count} more {'is' if count == 1 else 'are'} planned",
                f"{_ASK}, delete one that is not needed, or choose another region",
            )


def _cores(look: Look, environment: Planned) -> Iterator[Finding]:
    apps = [one for one in look.plan.resources if one.type == APP]
    least = sum(_cores_of(one) * int(get(one.inputs, "template.scale.minReplicas", 0)) for one in apps)
    most = sum(_cores_of(one) * int(get(one.inputs, "template.scale.maxReplicas", 10)) for one in apps)
    if not environment.id:
        if most > _LOWEST_LIMIT_OF_CORES:
            yield Unchecked(
                f"quota of cores of {environment.subject}",
                f"{least:g} to {most:g} are planned, and Azure tells the limit only once the environment is there",
            )
        return
    for usage in look.list(f"{environment.id}/usages"):
        limit = float(get(usage, "limit", 0))
        if text(usage, "name.value") == _CORES and least > limit:
            yield Fault(
                "quota-of-cores",
                f"quota {_CORES} of {environment.subject}",
                f"{limit:g}",
                f"the replicas that always run take {least:g} cores",
                f"{_ASK}, or lower minReplicas or cpu",
            )


def _cores_of(app: Planned) -> float:
    """Return the cores of one replica."""
    return sum(float(get(one, "resources.cpu", 0)) for one in objects(app.inputs, "template.containers"))
