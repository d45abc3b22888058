"""Log Analytics workspaces."""

from __future__ import annotations

from local_azure.arm_body import BodyShape
from local_azure.resource_types.base import Action, Change, Inputs, Keys, NameRule, Request, ResourceType
from local_azure.resource_types.generated import access_key, guid
from local_azure.state import timestamp
from local_azure.values import JsonObject

WORKSPACE_TYPE = "Microsoft.OperationalInsights/workspaces"
_KEYS = Keys({"Primary": "primarySharedKey", "Secondary": "secondarySharedKey"})


def _regenerate(request: Request) -> JsonObject:
    return _KEYS.regenerate(request, access_key)


class Workspace(ResourceType):
    """https://learn.microsoft.com/rest/api/loganalytics/workspaces"""

    token = "azure-native:operationalinsights:Workspace"
    arm_type = WORKSPACE_TYPE
    inputs = Inputs(name="workspaceName")
    shape = BodyShape(inside=frozenset({"sku"}))
    name_rule = NameRule(
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "4 to 63 letters, digits and '-', no '-' at either end"
    )
    actions = (
        Action("sharedKeys", _KEYS.list, functions=("getSharedKeys", "getWorkspaceSharedKeys")),
        Action("regenerateSharedKey", _regenerate),
    )

    def complete(self, change: Change) -> None:
        now = timestamp(change.now)
        change.keep("properties.customerId", guid)
        change.keep("properties.createdDate", lambda: now)
        change.properties["modifiedDate"] = now
        for name, value in {
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"},
        }.items():
            change.default(f"properties.{name}", value)
        _KEYS.make(change, access_key)


TYPES = (Workspace(),)
