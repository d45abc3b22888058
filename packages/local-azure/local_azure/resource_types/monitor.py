"""Diagnostic settings, metric alerts and action groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import timestamp
from local_azure.core.values import JsonObject, as_list, as_object, find
from local_azure.resource_types.allowed_values import between, one_of
from local_azure.resource_types.base import Change, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.log_analytics import WORKSPACE_TYPE
from local_azure.resource_types.private_dns import location_is_global

DIAGNOSTIC_SETTING_TYPE = "Microsoft.Insights/diagnosticSettings"
ACTION_GROUP_TYPE = "Microsoft.Insights/actionGroups"
ALERT_NAME = NameRule(
    r"[^*#&+:<>?@%{}\\/|]{0,259}[^*#&+:<>?@%{}\\/| .]",
    "1 to 260 characters, none of '*#&+:<>?@%{}\\/|', not ending in ' ' or '.'",
)
"""https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""


# -- diagnostic settings

_SINKS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")
_SETTINGS_LIMIT = 5
_METRICS = ("AllMetrics",)


@dataclass(frozen=True)
class _Categories:
    """What a type of resource has to send."""

    logs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("allLogs", "audit")
    metrics: tuple[str, ...] = _METRICS


_CATEGORIES = {
    "microsoft.app/managedenvironments": _Categories(
        (
            *("AppEnvSessionConsoleLogs", "AppEnvSessionLifeCycleLogs", "AppEnvSessionPoolEventLogs"),
            *("AppEnvSpringAppConsoleLogs", "ContainerAppConsoleLogs", "ContainerAppHTTPLogs"),
            "ContainerAppSystemLogs",
        )
    ),
    "microsoft.cache/redis": _Categories(("ConnectedClientList", "MSEntraAuthenticationAuditLog")),
    "microsoft.cache/redisenterprise": _Categories(groups=()),
    "microsoft.cache/redisenterprise/databases": _Categories(("ConnectionEvents",), metrics=()),
    "microsoft.keyvault/vaults": _Categories(("AuditEvent", "AzurePolicyEvaluationDetails")),
}
"""https://learn.microsoft.com/azure/azure-monitor/reference/logs-index. What a type that is not here sends is not
known, and not checked."""


def _has_a_sink(change: Change) -> None:
    if not any(change.desires(f"properties.{name}") for name in _SINKS):
        raise AzureError(
            "BadRequest",
            f"The diagnostic setting '{change.id.name}' has no data sink; one of {', '.join(_SINKS)} is required.",
            target="properties",
        )


def _categories_are_known(change: Change) -> None:
    """Check that a resource has the categories of logs and metrics that a setting names.

    Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/2985; that the cluster of a managed cache has
    no logs: https://github.com/Azure/azure-cli/issues/32355.
    """
    known = _CATEGORIES.get(ArmId.parse(change.id.scope).type_key) if change.id.scope else None
    if known is None:
        return
    for path, allowed in {
        "logs[*].category": known.logs,
        "logs[*].categoryGroup": known.groups,
        "metrics[*].category": known.metrics,
    }.items():
        for at, category in find(change.desired, f"properties.{path}"):
            if str(category).lower() not in map(str.lower, allowed):
                raise AzureError("BadRequest", f"Category '{category}' is not supported.", target=at)


def _retention_is_elsewhere(change: Change) -> None:
    """Enforce Azure's rule: retention is a matter of the sink.

    Source: https://learn.microsoft.com/azure/azure-monitor/essentials/migrate-to-azure-storage-lifecycle-policy; the
    words are those of public logs of deployments.
    """
    for kind in ("logs", "metrics"):
        for at, policy in find(change.desired, f"properties.{kind}[*].retentionPolicy"):
            if policy.get("enabled") and not change.existing:
                raise AzureError(
                    "BadRequest",
                    "Diagnostic settings does not support retention for new diagnostic settings.",
                    target=at,
                )


def _sent(body: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the categories that a setting sends, each with its path; a group is kept as a group."""
    for path in ("logs[*]", "metrics[*]"):
        for at, item in find(body, f"properties.{path}"):
            if item.get("enabled") is not False and (name := item.get("category") or item.get("categoryGroup")):
                yield at, str(name)


def _sinks_differ(change: Change) -> None:
    """Enforce Azure's rule: at most five settings; the same category goes to a sink once, which public logs of
    deployments show to be refused.

    Source: https://learn.microsoft.com/azure/azure-monitor/essentials/diagnostic-settings.
    """
    prefix = f"{change.id.scope}/providers/{DIAGNOSTIC_SETTING_TYPE}"
    others = [
        resource
        for resource in change.transaction.of_type(DIAGNOSTIC_SETTING_TYPE, prefix)
        if resource.id.key != change.id.key
    ]
    if len(others) >= _SETTINGS_LIMIT:
        raise conflict(
            f"The resource '{change.id.scope}' has {len(others)} diagnostic settings; {_SETTINGS_LIMIT} are allowed.",
            target=change.id.text,
        )
    for other in others:
        theirs = {name.lower() for _, name in _sent(other.body)}
        for sink in _SINKS:
            asked = change.desires(f"properties.{sink}")
            if not asked or str(other.properties.get(sink)).lower() != str(asked).lower():
                continue
            for at, name in _sent(change.desired):
                if name.lower() in theirs or ("alllogs" in theirs and ".logs[" in at):
                    raise conflict(
                        f"Data sink '{asked}' is already used in diagnostic setting '{other.id.name}' for category "
                        f"'{name}'. Data sinks can't be reused in different settings on the same category for the same "
                        "resource.",
                        target=f"properties.{sink}",
                    )


class DiagnosticSetting(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/diagnostic-settings: an extension resource of what it watches."""

    token = "azure-native:monitor:DiagnosticSetting"
    arm_type = DIAGNOSTIC_SETTING_TYPE
    inputs = Inputs(name="name", scope="resourceUri")
    name_rule = NameRule(r"[^*<>%&:\\?+/]{1,260}", "1 to 260 characters, none of '*<>%&:\\?+/'")
    rules = (_has_a_sink, _retention_is_elsewhere, _categories_are_known, _sinks_differ)
    references = (Reference("properties.workspaceId", (WORKSPACE_TYPE,), missing="ResourceNotFound"),)
    has_provisioning_state = False
    tracked = False


# -- metric alerts

_FREQUENCIES = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H")
_WINDOWS = (*_FREQUENCIES, "PT6H", "PT12H", "P1D")
_OF_INSTANCES = (
    *("cachehits", "cachemisses", "cacheread", "cachewrite", "connectedclients", "evictedkeys", "expiredkeys"),
    *("getcommands", "operationspersecond", "percentprocessortime", "serverload", "setcommands"),
    *("totalcommandsprocessed", "totalkeys", "usedmemory", "usedmemorypercentage", "usedmemoryrss"),
)
_METRIC_NAMES = {
    "microsoft.cache/redis": (
        *_OF_INSTANCES,
        *(f"all{name}" for name in _OF_INSTANCES),
        *("allconnectionsclosedpersecond", "allconnectionscreatedpersecond", "cachelatency", "cachemissrate", "errors"),
        *("georeplicationconnectivitylag", "georeplicationdatasyncoffset", "georeplicationfullsynceventfinished"),
        *("georeplicationfullsynceventstarted", "georeplicationhealthy", "latencyp99"),
    ),
    "microsoft.cache/redisenterprise": (
        *("cachehits", "cachelatency", "cachemisses", "cacheread", "cachewrite", "connectedclients", "evictedkeys"),
        *("expiredkeys", "georeplicationhealthy", "getcommands", "operationspersecond", "percentprocessortime"),
        *("serverload", "setcommands", "totalcommandsprocessed", "totalkeys", "usedmemory", "usedmemorypercentage"),
    ),
}
"""https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-cache-redis-metrics and
microsoft-cache-redisenterprise-metrics, but for those of one shard, which end in its number on the former and start
with `Shard` on the latter. The metrics of other types are not checked."""


def _window_holds_an_evaluation(change: Change) -> None:
    """Check that an alert's window is not shorter than the time between two evaluations.

    Source: https://learn.microsoft.com/rest/api/monitor/metric-alerts/create-or-update.
    """
    window, frequency = change.desires("properties.windowSize"), change.desires("properties.evaluationFrequency")
    if window in _WINDOWS and frequency in _FREQUENCIES and _WINDOWS.index(window) < _WINDOWS.index(frequency):
        raise AzureError(
            "BadRequest",
            f"The window size {window} is less than the evaluation frequency {frequency}.",
            target="properties.windowSize",
        )


def _has_scopes(change: Change) -> None:
    if not as_list(change.desires("properties.scopes")):
        raise AzureError("BadRequest", "The alert rule has no scopes; one is required.", target="properties.scopes")


def _metrics_exist(change: Change) -> None:
    """Check that a resource has the metrics that an alert names.

    Source: https://github.com/Azure/azure-cli, the tests of monitor metrics alert, which have the words.
    """
    scopes = [ArmId.parse(str(item), "properties.scopes") for item in as_list(change.desires("properties.scopes"))]
    for at, criterion in find(change.desired, "properties.criteria.allOf[*]"):
        name, namespace = str(criterion.get("metricName")).lower(), str(criterion.get("metricNamespace") or "").lower()
        for scope in scopes:
            known = _METRIC_NAMES.get(namespace or scope.type_key)
            if (
                known
                and not criterion.get("skipMetricValidation")
                and not name.startswith("shard")
                and name.rstrip("0123456789") not in known
                and name not in known
            ):
                raise AzureError(
                    "BadRequest",
                    f"Couldn't find a metric named {criterion.get('metricName')}. Make sure the name is correct.",
                    target=f"{at}.metricName",
                )


class MetricAlert(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/metric-alerts"""

    token = "azure-native:monitor:MetricAlert"
    arm_type = "Microsoft.Insights/metricAlerts"
    inputs = Inputs(name="ruleName")
    shape = BodyShape(renamed={"criteria.odataType": "odata.type"})
    name_rule = ALERT_NAME
    rules = (
        location_is_global,
        _has_scopes,
        between("properties.severity", 0, 4),
        one_of("properties.evaluationFrequency", *_FREQUENCIES),
        one_of("properties.windowSize", *_WINDOWS),
        _window_holds_an_evaluation,
        _metrics_exist,
    )
    references = (
        Reference("properties.scopes[*]", missing="ResourceNotFound"),
        Reference("properties.actions[*].actionGroupId", (ACTION_GROUP_TYPE,), missing="ResourceNotFound"),
    )
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        change.default("properties.autoMitigate", True)
        change.properties.update({"isMigrated": False, "lastUpdatedTime": timestamp(change.now)})


# -- action groups

_SHORT_NAME_LENGTH = 12
_RECEIVERS = (
    *("armRole", "automationRunbook", "azureAppPush", "azureFunction", "email", "eventHub"),
    *("incident", "itsm", "logicApp", "sms", "voice", "webhook"),
)


def _short_name_is_short(change: Change) -> None:
    """`groupShortName` in azure-rest-api-specs, specification/monitor/.../actionGroups_API.json: at most 12."""
    name = change.desires("properties.groupShortName")
    if not isinstance(name, str) or not 1 <= len(name) <= _SHORT_NAME_LENGTH:
        raise AzureError(
            "BadRequest",
            f"The short name of an action group has 1 to {_SHORT_NAME_LENGTH} characters.",
            target="properties.groupShortName",
        )


def _receivers_are_named_apart(change: Change) -> None:
    """Check that names of receivers are unique across all receivers of an action group, as its specification says."""
    seen: set[str] = set()
    for kind in _RECEIVERS:
        for at, name in find(change.desired, f"properties.{kind}Receivers[*].name"):
            if str(name).lower() in seen:
                raise AzureError("BadRequest", f"The receiver name '{name}' is used more than once.", target=at)
            seen.add(str(name).lower())


def _addresses_are_addresses(change: Change) -> None:
    for at, address in find(change.desired, "properties.emailReceivers[*].emailAddress"):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(address)):
            raise AzureError("BadRequest", "The e-mail address of a receiver is not valid.", target=at)


class ActionGroup(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/action-groups"""

    token = "azure-native:monitor:ActionGroup"
    arm_type = ACTION_GROUP_TYPE
    inputs = Inputs(name="actionGroupName")
    name_rule = NameRule(
        r"[^%&?+/]{0,259}[^%&?+/ .]", "1 to 260 characters other than '%&?+/', not ending in ' ' or '.'"
    )
    rules = (_short_name_is_short, _receivers_are_named_apart, _addresses_are_addresses)
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        change.default("properties.enabled", True)
        for kind in _RECEIVERS:
            change.default(f"properties.{kind}Receivers", [])
        for _, receiver in find(change.body, "properties.emailReceivers[*]"):
            as_object(receiver).setdefault("useCommonAlertSchema", False)
            as_object(receiver)["status"] = "Enabled"


TYPES = (DiagnosticSetting(), MetricAlert(), ActionGroup())
