"""Know the deployed caches, and refuse a change of them that would lose queued tasks (docs/decisions/0011)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.redis_plan import RedisPlan, RedisService, classic_sku
from components.section import Fault

_READ = "pulumi:pulumi:readStackResourceOutputs"
"""The engine's own function that reads a stack's state, as a stack reference does.

Source: https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/builtins.go.
"""

_CLUSTER = "azure-native:redisenterprise:RedisEnterprise"
_DATABASE = "azure-native:redisenterprise:Database"
_CLASSIC = "azure-native:redis:Redis"
_GUIDE = 'docs/production.md, "Changes that move or empty the queue"'


@dataclass(frozen=True)
class DeployedRedis:
    """The caches of the stack as the last deployment left them.

    Attributes:
        service: managed or classic.
        size: size of the cache that holds the queue, as in ``redis.sku``.
        has_replica: whether that cache has a replica, and so keeps its data when it is resized.
        dedicated_broker: whether the queue has a cache of its own.
    """

    service: RedisService
    size: str
    has_replica: bool
    dedicated_broker: bool


def read_deployed() -> DeployedRedis | None:
    """Return the caches in the stack's state; ``None`` before the first deployment."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    answer: Mapping[str, Any] = pulumi.runtime.invoke(_READ, {"stackName": stack}).value or {}
    return deployed(answer.get("outputs") or {})


def deployed(resources: Mapping[str, Mapping[str, Any]]) -> DeployedRedis | None:
    """Return the caches among a stack's resources, which are given by their URN, with their ``outputs``."""
    caches: dict[tuple[str, str], Mapping[str, Any]] = {}
    for urn, resource in resources.items():
        _, _, rest = urn.partition("::")
        kinds, _, name = rest.partition("::")[2].rpartition("::")
        caches[kinds.rpartition("$")[2], name] = resource.get("outputs") or {}
    for service, kind, suffix in (
        (RedisService.MANAGED, _CLUSTER, "cluster"),
        (RedisService.CLASSIC, _CLASSIC, "redis"),
    ):
        found = {
            role: cache
            for role in ("redis", "broker")
            if (cache := caches.get((kind, f"{role}-{suffix}"))) is not None
            # A cluster without its database, whose deployment failed, never held a task.
            and (service is RedisService.CLASSIC or (_DATABASE, f"{role}-database") in caches)
        }
        holder = found.get("broker", found.get("redis"))
        if holder is None:
            continue
        sku: Mapping[str, Any] = holder.get("sku") or {}
        if service is RedisService.MANAGED:
            size, has_replica = str(sku.get("name")), holder.get("highAvailability") != "Disabled"
        else:
            size = f"{sku.get('name')}_{sku.get('family')}{int(sku.get('capacity') or 0)}"
            has_replica = sku.get("name") != "Basic"
        return DeployedRedis(service, size, has_replica, "broker" in found)
    return None


def target(plan: RedisPlan) -> str:
    """Return the words by which the operator says for which change the queue was drained."""
    return f"{plan.service} {plan.size} {'dedicated' if plan.dedicated_broker else 'shared'}"


def change_faults(at: str, plan: RedisPlan, before: DeployedRedis | None) -> Iterator[Fault]:
    """Yield changes that would lose queued tasks, unless the plan says that the queue was drained for them."""
    if before is None or plan.queue_drained_for == target(plan):
        return
    remedy = f"drain the queue and then set {at}.queueDrainedFor to {target(plan)!r}, see {_GUIDE}"
    if plan.service is not before.service:
        yield Fault(
            f"{at}.service", plan.service.value, "the tasks that are queued in the old cache would be lost", remedy
        )
    elif plan.dedicated_broker is not before.dedicated_broker:
        rule = "the queue would move to another cache, and the tasks in this one would be lost"
        yield Fault(f"{at}.dedicatedBroker", plan.dedicated_broker, rule, remedy)
    elif not before.has_replica and _empties(plan, before):
        first = (
            "" if plan.service is RedisService.CLASSIC else f"turn on {at}.highAvailability in a deployment before, or "
        )
        rule = (
            f"Azure empties a cache without a replica when it is resized from {before.size}: all its data would be lost"
        )
        yield Fault(f"{at}.sku", plan.size, rule, first + remedy)


def _empties(plan: RedisPlan, before: DeployedRedis) -> bool:
    """Return whether a new size empties a cache without a replica.

    Sources: https://learn.microsoft.com/azure/redis/how-to-scale, and for classic, where Basic keeps its data on the
    way to another tier of the same size, https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-scale.
    """
    if plan.service is RedisService.MANAGED:
        return plan.size != before.size
    return classic_sku(plan.size).capacity != classic_sku(before.size).capacity
