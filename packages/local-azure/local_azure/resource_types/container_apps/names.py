"""The types of Container Apps."""

from __future__ import annotations

from local_azure.core.ids import ArmId

ENVIRONMENT_TYPE = "Microsoft.App/managedEnvironments"
STORAGE_TYPE = f"{ENVIRONMENT_TYPE}/storages"
APP_TYPE = "Microsoft.App/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"

CONSUMPTION = "Consumption"
"""The workload profile that every environment has."""

STREAM_DOMAIN = "azurecontainerapps.dev"
"""Each region streams its logs at a host name of this domain."""


def stream_address(region: str, resource_id: ArmId) -> str:
    """Return where the logs of an app, of an environment or of what is nested in them are streamed from: an id without
    the provider (https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/get)."""
    path = resource_id.text.replace("/providers/Microsoft.App/", "/", 1)
    return f"https://{region}.{STREAM_DOMAIN}{path}"
