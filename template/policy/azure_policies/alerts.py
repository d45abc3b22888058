"""Somebody is told when a cache or a database of production is in trouble."""

from collections.abc import Iterator, Sequence

from azure_policies.graph import depends_on, is_id_of, of_kind
from azure_policies.kinds import (
    CLASSIC_REDIS,
    COSMOS_ACCOUNT,
    FLEXIBLE_SERVER,
    LOG_ALERT,
    MANAGED_REDIS,
    METRIC_ALERT,
    SQL_SERVER,
)
from azure_policies.options import Options
from azure_policies.resource import Resource, items
from azure_policies.rule import Level, StackRule, Violation

_WATCHED = (
    (CLASSIC_REDIS, "name"),
    (MANAGED_REDIS, "clusterName"),
    (FLEXIBLE_SERVER, "serverName"),
    (SQL_SERVER, "serverName"),
    (COSMOS_ACCOUNT, "accountName"),
)
"""What needs an alert, and the property with its name."""


def judge(resources: Sequence[Resource], options: Options) -> Iterator[Violation]:
    """Yield production's caches and databases that no alert watches which tells somebody."""
    alerts = [
        alert
        for kind in (METRIC_ALERT, LOG_ALERT)
        for alert in of_kind(resources, kind)
        if alert.get("enabled") is not False and alert.get("actions")
    ]
    for kind, name in _WATCHED:
        for resource in of_kind(resources, kind):
            if options.is_production(resource) and not any(_watches(alert, resource, name) for alert in alerts):
                yield Violation(
                    resource, "no alert with an action has it in its scopes: add one, on memory or load at the least"
                )


def _watches(alert: Resource, resource: Resource, name: str) -> bool:
    scopes = items(alert.get("scopes"))
    return depends_on(alert, "scopes", resource) or any(is_id_of(scope, resource, name) for scope in scopes)


RULE = StackRule(
    "alerts",
    "In production, somebody is told when a cache or a database is in trouble.",
    Level.ADVISORY,
    judge,
    options=("production",),
)
