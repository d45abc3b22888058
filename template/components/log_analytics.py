"""Create the Log Analytics workspace for logs and metrics of all other resources."""

import pulumi
from pulumi_azure_native import operationalinsights

from components.placement import Placement


class LogAnalytics(pulumi.ComponentResource):
    """A Log Analytics workspace.

    Attributes:
        workspace_id: resource id of the workspace.
    """

    workspace_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        workspace_name: pulumi.Input[str],
        retention_days: int = 30,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("django-aca:log_analytics:LogAnalytics", name, None, opts)
        workspace = operationalinsights.Workspace(
            f"{name}-workspace",
            workspace_name=workspace_name,
            resource_group_name=placement.resource_group_name,
            location=placement.location,
            tags=placement.tags,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.workspace_id = workspace.id
        self.register_outputs({"workspaceId": self.workspace_id})
