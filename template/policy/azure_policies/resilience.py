"""Production outlives the loss of a replica and of a zone. Advisory: it costs, and some can wait."""

from collections.abc import Iterator

from azure_policies.containers import containers_of
from azure_policies.kinds import (
    CLASSIC_REDIS,
    CONTAINER_APP,
    CONTAINER_ENVIRONMENT,
    FLEXIBLE_SERVER,
    MANAGED_REDIS,
)
from azure_policies.options import Options
from azure_policies.resource import UNKNOWN, Resource, items, number, same
from azure_policies.rule import Level, ResourceRule

_DEFAULT_MIN, _DEFAULT_MAX = 0, 10
"""Replicas of an app that says nothing. Source: https://learn.microsoft.com/azure/container-apps/scale-app."""


def judge_replicas(resource: Resource, options: Options) -> Iterator[str]:
    """Yield production's apps and caches of which there is one.

    An app that answers requests needs two that always run. One that only works off a queue may scale to zero, but must
    be allowed to run twice; a container that must not, such as a scheduler, is named in the options.
    """
    if not options.is_production(resource):
        return
    if resource.is_a(MANAGED_REDIS) and same(resource.get("highAvailability"), "Disabled"):
        yield "highAvailability is Disabled: enable it (it cannot be disabled again)"
    if resource.is_a(CLASSIC_REDIS) and same(resource.get("sku", "name"), "Basic"):
        yield "sku.name is Basic, a single node: choose Standard or Premium"
    if not resource.is_a(CONTAINER_APP) or any(one.name in options.singletons for one in containers_of(resource)):
        return
    bound, default = ("min", _DEFAULT_MIN) if resource.get("configuration", "ingress") else ("max", _DEFAULT_MAX)
    path = ("template", "scale", f"{bound}Replicas")
    value = resource.get(*path)
    count = number(default if value is None else value)
    if count is not None and count < 2:
        yield f"{'.'.join(path)} is {count:g}: set it to 2 or more"


def judge_zones(resource: Resource, options: Options) -> Iterator[str]:
    """Yield what of production stands in one availability zone."""
    if not options.is_production(resource):
        return
    if resource.is_a(CONTAINER_ENVIRONMENT) and resource.get("zoneRedundant") in (None, False):
        yield "zoneRedundant is not true: turn it on (an environment cannot be changed later)"
    if resource.is_a(CLASSIC_REDIS):
        policy, zones = resource.get("zonalAllocationPolicy"), resource.get("zones")
        spread = policy is UNKNOWN or zones is UNKNOWN or same(policy, "Automatic") or len(list(items(zones))) > 1
        if not spread:
            yield "zonalAllocationPolicy is not Automatic: set it, on a Standard or Premium size"
    if resource.is_a(MANAGED_REDIS) and same(resource.get("highAvailability"), "Disabled"):
        yield "highAvailability is Disabled: with it, Azure spreads the cache over zones"
    if resource.is_a(FLEXIBLE_SERVER):
        mode = resource.get("highAvailability", "mode")
        if mode is not UNKNOWN and not same(mode, "ZoneRedundant"):
            yield "highAvailability.mode is not ZoneRedundant: set it"


RULES = (
    ResourceRule(
        "more-than-one-replica",
        "In production, the loss of one replica is not the loss of the service.",
        Level.ADVISORY,
        judge_replicas,
        options=("production", "singletons"),
    ),
    ResourceRule(
        "zone-redundancy",
        "In production, the loss of one availability zone is not the loss of the service.",
        Level.ADVISORY,
        judge_zones,
        options=("production",),
    ),
)
