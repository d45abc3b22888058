"""Diagnostic settings, metric alerts and action groups."""

from __future__ import annotations

from local_azure.arm_body import BodyShape
from local_azure.azure_error import AzureError
from local_azure.resource_types.base import Change, Inputs, NameRule, Reference, ResourceType
from local_azure.resource_types.log_analytics import WORKSPACE_TYPE
from local_azure.resource_types.private_dns import location_is_global
from local_azure.state import timestamp
from local_azure.values import as_object, find

ACTION_GROUP_TYPE = "Microsoft.Insights/actionGroups"
_SINKS = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "marketplacePartnerId")


def _has_a_sink(change: Change) -> None:
    if not any(change.desires(f"properties.{name}") for name in _SINKS):
        raise AzureError(
            "BadRequest",
            f"The diagnostic setting '{change.id.name}' has no data sink; one of {', '.join(_SINKS)} is required.",
            target="properties",
        )


class DiagnosticSetting(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/diagnostic-settings: an extension resource of what it watches."""

    token = "azure-native:monitor:DiagnosticSetting"
    arm_type = "Microsoft.Insights/diagnosticSettings"
    inputs = Inputs(name="name", scope="resourceUri")
    rules = (_has_a_sink,)
    references = (Reference("properties.workspaceId", (WORKSPACE_TYPE,), missing="ResourceNotFound"),)
    has_provisioning_state = False
    tracked = False


class MetricAlert(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/metric-alerts"""

    token = "azure-native:monitor:MetricAlert"
    arm_type = "Microsoft.Insights/metricAlerts"
    inputs = Inputs(name="ruleName")
    shape = BodyShape(renamed={"criteria.odataType": "odata.type"})
    rules = (location_is_global,)
    references = (
        Reference("properties.scopes[*]", missing="ResourceNotFound"),
        Reference("properties.actions[*].actionGroupId", (ACTION_GROUP_TYPE,), missing="ResourceNotFound"),
    )
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        change.default("properties.autoMitigate", True)
        change.properties.update({"isMigrated": False, "lastUpdatedTime": timestamp(change.now)})


_RECEIVERS = (
    *("armRole", "automationRunbook", "azureAppPush", "azureFunction", "email", "eventHub"),
    *("incident", "itsm", "logicApp", "sms", "voice", "webhook"),
)


class ActionGroup(ResourceType):
    """https://learn.microsoft.com/rest/api/monitor/action-groups"""

    token = "azure-native:monitor:ActionGroup"
    arm_type = ACTION_GROUP_TYPE
    inputs = Inputs(name="actionGroupName")
    name_rule = NameRule(
        r"[^%&?+/]{0,259}[^%&?+/ .]", "1 to 260 characters other than '%&?+/', not ending in ' ' or '.'"
    )
    has_provisioning_state = False

    def complete(self, change: Change) -> None:
        change.default("properties.enabled", True)
        for kind in _RECEIVERS:
            change.default(f"properties.{kind}Receivers", [])
        for _, receiver in find(change.body, "properties.emailReceivers[*]"):
            as_object(receiver).setdefault("useCommonAlertSchema", False)
            as_object(receiver)["status"] = "Enabled"


TYPES = (DiagnosticSetting(), MetricAlert(), ActionGroup())
