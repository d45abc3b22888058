"""The types of Container Apps."""

from __future__ import annotations

ENVIRONMENT_TYPE = "Microsoft.App/managedEnvironments"
STORAGE_TYPE = f"{ENVIRONMENT_TYPE}/storages"
APP_TYPE = "Microsoft.App/containerApps"
REVISION_TYPE = f"{APP_TYPE}/revisions"

CONSUMPTION = "Consumption"
"""The workload profile that every environment has."""
