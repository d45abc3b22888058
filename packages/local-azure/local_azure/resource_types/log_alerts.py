"""Alerts on what a query finds in a Log Analytics workspace.

https://learn.microsoft.com/rest/api/monitor/scheduled-query-rules and, for the values that are allowed,
https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule. The query itself is not read.
"""

from __future__ import annotations

from local_azure.core.azure_error import AzureError
from local_azure.core.values import as_list, as_object, find
from local_azure.resource_types.allowed_values import between, one_of
from local_azure.resource_types.base import Change, Inputs, Reference, ResourceType
from local_azure.resource_types.monitor import ACTION_GROUP_TYPE, ALERT_NAME

_MINUTES = {
    **{f"PT{number}M": number for number in (1, 5, 10, 15, 30, 45)},
    **{f"PT{number}H": number * 60 for number in range(1, 7)},
    **{"P1D": 1440, "P2D": 2880},
}
_FREQUENCIES = tuple(minute for minute in _MINUTES if minute != "P2D")
_CRITERIA = "properties.criteria.allOf"
_OPERATORS = ("Equal", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
_MOST_PERIODS = 6


def _bad_request(message: str, at: str) -> AzureError:
    return AzureError("BadRequest", message, target=at)


def _is_complete(change: Change) -> None:
    """Check that an alert has what the specification requires of the kind LogAlert, the default."""
    if str(change.desires("kind") or "LogAlert").lower() != "logalert":
        return
    for name in ("severity", "evaluationFrequency", "windowSize"):
        if change.desires(f"properties.{name}") is None:
            raise _bad_request(f"The property '{name}' is required for a log alert rule.", f"properties.{name}")
    if not as_list(change.desires(_CRITERIA)):
        raise _bad_request("The alert rule has no criteria; one is required.", _CRITERIA)


def _has_one_scope(change: Change) -> None:
    scopes = as_list(change.desires("properties.scopes"))
    if len(scopes) != 1:
        raise _bad_request(f"The alert rule has {len(scopes)} scopes; one is required.", "properties.scopes")


def _conditions_can_be_met(change: Change) -> None:
    for at, condition in find(change.desired, f"{_CRITERIA}[*]"):
        if not str(condition.get("query") or "").strip():
            raise _bad_request("The condition has no query; one is required.", f"{at}.query")
        aggregation = str(condition.get("timeAggregation") or "Count").lower()
        if aggregation != "count" and not condition.get("metricMeasureColumn"):
            raise _bad_request(
                f"The aggregation '{condition['timeAggregation']}' needs a column to measure; only Count does not.",
                f"{at}.metricMeasureColumn",
            )
        periods = as_object(condition.get("failingPeriods"))
        number = periods.get("numberOfEvaluationPeriods", 1)
        least = periods.get("minFailingPeriodsToAlert", 1)
        if not 1 <= least <= number <= _MOST_PERIODS:
            raise _bad_request(
                f"The failing periods are invalid: at most {_MOST_PERIODS}, of which at least one and at most all must "
                "fail.",
                f"{at}.failingPeriods",
            )


def _no_row_falls_between(change: Change) -> None:
    """Check that the window of all periods together is not shorter than the time between two evaluations."""
    window = _MINUTES.get(str(change.desires("properties.windowSize")), 0)
    frequency = _MINUTES.get(str(change.desires("properties.evaluationFrequency")), 0)
    counts = [number for _, number in find(change.desired, f"{_CRITERIA}[*].failingPeriods.numberOfEvaluationPeriods")]
    if window * max(counts, default=1) < frequency:
        raise _bad_request(
            f"The window size {change.desires('properties.windowSize')} is less than the evaluation frequency "
            f"{change.desires('properties.evaluationFrequency')}.",
            "properties.windowSize",
        )


def _muting_and_resolving_exclude_each_other(change: Change) -> None:
    if change.desires("properties.muteActionsDuration") and change.desires("properties.autoMitigate"):
        raise _bad_request(
            "The actions of an alert that is resolved by itself cannot be muted for a time.",
            "properties.muteActionsDuration",
        )


class ScheduledQueryRule(ResourceType):
    """An alert on a log query."""

    token = "azure-native:monitor:ScheduledQueryRule"
    arm_type = "Microsoft.Insights/scheduledQueryRules"
    inputs = Inputs(name="ruleName")
    name_rule = ALERT_NAME
    rules = (
        _is_complete,
        _has_one_scope,
        between("properties.severity", 0, 4),
        one_of("properties.evaluationFrequency", *_FREQUENCIES),
        one_of("properties.windowSize", *_MINUTES),
        one_of(f"{_CRITERIA}[*].operator", *_OPERATORS),
        _conditions_can_be_met,
        _no_row_falls_between,
        _muting_and_resolving_exclude_each_other,
    )
    references = (
        Reference("properties.scopes[*]", missing="ResourceNotFound"),
        Reference("properties.actions.actionGroups[*]", (ACTION_GROUP_TYPE,), missing="ResourceNotFound"),
    )
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        change.default("kind", "LogAlert")
        change.default("properties.enabled", True)
        change.default("properties.autoMitigate", not change.desires("properties.muteActionsDuration"))
        change.properties.update({"isLegacyLogAnalyticsRule": False, "isWorkspaceAlertsStorageConfigured": False})


TYPES = (ScheduledQueryRule(),)
