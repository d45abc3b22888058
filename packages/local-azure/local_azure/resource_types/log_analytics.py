"""Log Analytics workspaces."""

from __future__ import annotations

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError
from local_azure.core.state import timestamp
from local_azure.core.values import JsonObject
from local_azure.resource_types.allowed_values import one_of
from local_azure.resource_types.base import Action, Change, Inputs, Keys, NameRule, Request, ResourceType
from local_azure.resource_types.generated import access_key, guid

WORKSPACE_TYPE = "Microsoft.OperationalInsights/workspaces"
_KEYS = Keys({"Primary": "primarySharedKey", "Secondary": "secondarySharedKey"})


def _regenerate(request: Request) -> JsonObject:
    return _KEYS.regenerate(request, access_key)


def _retention_fits_the_price(change: Change) -> None:
    """Check that logs are kept for 30 to 730 days, or 7 in the free tier.

    Source: https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure.
    """
    days, sku = change.desires("properties.retentionInDays"), change.desires("properties.sku.name", "PerGB2018")
    allowed = (7,) if str(sku).lower() == "free" else range(30, 731)
    if days is not None and days not in allowed:
        raise AzureError(
            "InvalidParameter",
            "'RetentionInDays' property doesn't match the SKU limits.",
            target="properties.retentionInDays",
        )


class Workspace(ResourceType):
    """https://learn.microsoft.com/rest/api/loganalytics/workspaces"""

    token = "azure-native:operationalinsights:Workspace"
    arm_type = WORKSPACE_TYPE
    inputs = Inputs(name="workspaceName")
    shape = BodyShape(inside=frozenset({"sku"}))
    name_rule = NameRule(
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "4 to 63 letters, digits and '-', no '-' at either end"
    )
    rules = (
        one_of(
            "properties.sku.name",
            *("CapacityReservation", "Free", "LACluster", "PerGB2018", "PerNode", "Premium", "Standalone", "Standard"),
            code="InvalidParameter",
        ),
        _retention_fits_the_price,
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
