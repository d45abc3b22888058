"""Container Apps: environments and their storages, apps, and the revisions that an app's changes make."""

from __future__ import annotations

from local_azure.resource_types.container_apps.apps import ContainerApp
from local_azure.resource_types.container_apps.environments import EnvironmentStorage, ManagedEnvironment
from local_azure.resource_types.container_apps.names import APP_TYPE, ENVIRONMENT_TYPE, REVISION_TYPE
from local_azure.resource_types.container_apps.revisions import Revision

TYPES = (ManagedEnvironment(), EnvironmentStorage(), ContainerApp(), Revision())

__all__ = ["APP_TYPE", "ENVIRONMENT_TYPE", "REVISION_TYPE", "TYPES"]
