"""Microsoft's clients of roles, groups, logs, identities, alerts and registries."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.containerregistry import ContainerRegistryManagementClient
from azure.mgmt.loganalytics import LogAnalyticsManagementClient
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.msi import ManagedServiceIdentityClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resourcehealth import ResourceHealthMgmtClient

from arm.landscape import GROUP, Azure
from local_azure.status import runtime_status
from local_azure.status.runtime_status import RunningCache, RuntimeStatus

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NAMES = [f"{digit * 8}-1111-2222-3333-444444444444" for digit in "123"]


@pytest.fixture
def resources(azure: Azure, deployed: dict[str, str]) -> ResourceManagementClient:
    return azure.client(ResourceManagementClient)


@pytest.fixture
def roles(azure: Azure, deployed: dict[str, str]) -> AuthorizationManagementClient:
    return azure.client(AuthorizationManagementClient)


# -- groups and resources


def test_a_group_is_made_changed_and_deleted_with_its_content(resources: ResourceManagementClient) -> None:
    groups = resources.resource_groups
    made = groups.create_or_update("rg-two", {"location": "North Europe", "tags": {"a": "b"}})
    assert (made.name, made.location, str(made.id).split("/")[3]) == ("rg-two", "northeurope", "resourceGroups")
    assert groups.update("rg-two", {"tags": {"c": "d"}}).tags
    assert groups.check_existence("rg-two") is True
    assert {one.name for one in groups.list()} == {GROUP, "rg-two"}
    assert [one.name for one in groups.list(filter="tagName eq 'environment' and tagValue eq 'dev'")] == [GROUP]
    groups.begin_delete("rg-two").result()
    assert groups.check_existence("rg-two") is False
    with pytest.raises(ResourceNotFoundError) as refused:
        groups.get("rg-two")
    assert refused.value.error
    assert refused.value.error.code == "ResourceGroupNotFound"


def test_deleting_the_group_deletes_the_landscape(resources: ResourceManagementClient) -> None:
    resources.resource_groups.begin_delete(GROUP).result()
    assert list(resources.resources.list()) == []


def test_all_resources_are_listed_with_filters(resources: ResourceManagementClient, deployed: dict[str, str]) -> None:
    everything = {one.id for one in resources.resources.list()}
    untracked = {"apps", "endpoints", "database", "zone-group", "secret", "diagnostics"}
    assert everything >= {one for name, one in deployed.items() if name not in untracked}
    assert not everything & {deployed[name] for name in untracked}
    assert {one.id for one in resources.resources.list_by_resource_group(GROUP)} == everything
    by_type = resources.resources.list(filter="resourceType eq 'Microsoft.KeyVault/vaults'", expand="createdTime")
    assert [(one.name, one.created_time is not None) for one in by_type] == [("kv-dev", True)]
    by_name = resources.resources.list(filter=f"resourceGroup eq '{GROUP}' and substringof('amr', name)")
    assert [one.name for one in by_name] == ["amr-dev"]
    assert len(list(resources.resources.list(top=3))) == len(everything), "pages are followed to the end"


def test_any_resource_is_read_by_its_id(resources: ResourceManagementClient, deployed: dict[str, str]) -> None:
    for resource_id in deployed.values():
        assert (
            str(resources.resources.get_by_id(resource_id, api_version="2024-01-01").id).lower() == resource_id.lower()
        )


def test_a_resource_is_made_changed_and_deleted_by_its_id(
    azure: Azure, resources: ResourceManagementClient, deployed: dict[str, str]
) -> None:
    made = str(azure.id("Microsoft.ManagedIdentity/userAssignedIdentities", "id-two"))
    assert resources.resources.begin_create_or_update_by_id(
        made, {"location": "westeurope"}, api_version="2024-11-30"
    ).result()
    changed = resources.resources.begin_update_by_id(made, {"tags": {"a": "b"}}, api_version="2024-11-30").result()
    assert changed.tags == {"a": "b"}
    assert resources.resources.check_existence_by_id(made, api_version="2024-11-30") is True
    resources.resources.begin_delete_by_id(made, api_version="2024-11-30").result()
    assert resources.resources.check_existence_by_id(made, api_version="2024-11-30") is False


def test_a_namespace_tells_its_types(resources: ResourceManagementClient) -> None:
    provider = resources.providers.get("Microsoft.App")
    assert provider.registration_state == "Registered"
    assert {one.resource_type for one in provider.resource_types or []} >= {"containerApps", "managedEnvironments"}
    assert "Microsoft.Cache" in [one.namespace for one in resources.providers.list()]
    with pytest.raises(HttpResponseError) as refused:
        resources.providers.get("Microsoft.Nothing")
    assert refused.value.error
    assert refused.value.error.code == "InvalidResourceNamespace"


# -- roles


def _assign(azure: Azure, roles: AuthorizationManagementClient, scope: str, name: str, principal: str = "") -> None:
    definition = f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    properties = {
        "roleDefinitionId": definition,
        "principalId": principal or azure.model.tenant.object_id,
        "principalType": "ServicePrincipal",
    }
    roles.role_assignments.create(scope, name, {"properties": properties})


def test_assignments_are_listed_at_above_and_below_a_scope(
    azure: Azure, roles: AuthorizationManagementClient, deployed: dict[str, str]
) -> None:
    subscription = f"/subscriptions/{azure.subscription}"
    group = f"{subscription}/resourceGroups/{GROUP}"
    for scope, name in zip((subscription, group, deployed["redis"]), NAMES, strict=True):
        _assign(azure, roles, scope, name)
    listed = roles.role_assignments
    assert {one.name for one in listed.list_for_scope(group)} == set(NAMES)
    assert {one.name for one in listed.list_for_scope(group, filter="atScope()")} == set(NAMES[:2])
    assert {one.name for one in listed.list_for_subscription()} == set(NAMES)
    by_principal = f"principalId eq '{azure.model.tenant.object_id}'"
    assert {one.name for one in listed.list_for_scope(deployed["redis"], filter=by_principal)} == set(NAMES)
    assert list(listed.list_for_subscription(filter=f"assignedTo('{NAMES[0]}')")) == []


def test_a_second_assignment_of_the_same_role_is_refused(azure: Azure, roles: AuthorizationManagementClient) -> None:
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{GROUP}"
    _assign(azure, roles, scope, NAMES[0])
    with pytest.raises(HttpResponseError) as refused:
        _assign(azure, roles, scope, NAMES[1])
    assert refused.value.error
    assert refused.value.error.code == "RoleAssignmentExists"
    deleted = roles.role_assignments.delete(scope, NAMES[0])
    assert deleted
    assert deleted.name == NAMES[0], "the answer is what was deleted"
    assert roles.role_assignments.delete(scope, NAMES[0]) is None
    _assign(azure, roles, scope, NAMES[1])


def test_built_in_roles_are_found_by_name_and_id(azure: Azure, roles: AuthorizationManagementClient) -> None:
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{GROUP}"
    (found,) = roles.role_definitions.list(scope, filter="roleName eq 'Reader'")
    assert found.name == READER
    assert str(found.id).startswith(f"/subscriptions/{azure.subscription}/providers/")
    assert roles.role_definitions.get(scope, READER).role_name == "Reader"


# -- identities, logs, registries


def test_an_identity_is_made_read_and_deleted(azure: Azure, deployed: dict[str, str]) -> None:
    identities = azure.client(ManagedServiceIdentityClient).user_assigned_identities
    assert identities.get(GROUP, "id-dev").tenant_id == azure.tenant
    assert [one.name for one in identities.list_by_subscription()] == ["id-dev"]
    made = identities.create_or_update(GROUP, "id-two", {"location": "westeurope"})
    assert made.principal_id
    assert made.client_id
    assert (
        identities.update(GROUP, "id-two", {"location": "westeurope", "tags": {"a": "b"}}).client_id == made.client_id
    )
    identities.delete(GROUP, "id-two")
    assert [one.name for one in identities.list_by_resource_group(GROUP)] == ["id-dev"]


def test_a_workspace_is_made_read_and_deleted(azure: Azure, deployed: dict[str, str]) -> None:
    client = azure.client(LogAnalyticsManagementClient)
    workspace = client.workspaces.get(GROUP, "log-dev")
    assert (workspace.id, workspace.retention_in_days) == (deployed["logs"], 30)
    assert workspace.sku
    assert workspace.sku.name == "PerGB2018"
    keys = client.shared_keys.get_shared_keys(GROUP, "log-dev")
    assert keys.primary_shared_key != keys.secondary_shared_key
    client.workspaces.begin_create_or_update(GROUP, "log-two", {"location": "westeurope"}).result()
    assert {one.name for one in client.workspaces.list()} == {"log-dev", "log-two"}
    client.workspaces.begin_delete(GROUP, "log-two").result()
    assert [one.name for one in client.workspaces.list_by_resource_group(GROUP)] == ["log-dev"]


def test_a_registry_is_made_read_and_deleted(azure: Azure, deployed: dict[str, str]) -> None:
    registries = azure.client(ContainerRegistryManagementClient).registries
    assert registries.get(GROUP, "acrdev").login_server == "acrdev.azurecr.io"
    made = registries.begin_create(
        GROUP, "acrtwo", {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {"adminUserEnabled": True}}
    ).result()
    assert made.admin_user_enabled is True
    credentials = registries.list_credentials(GROUP, "acrtwo")
    assert credentials.username == "acrtwo"
    assert len(credentials.passwords or []) == 2
    registries.begin_delete(GROUP, "acrtwo").result()
    assert [one.name for one in registries.list()] == ["acrdev"]


# -- monitoring


@pytest.fixture
def monitor(azure: Azure, deployed: dict[str, str]) -> MonitorManagementClient:
    return azure.client(MonitorManagementClient)


def test_an_alert_and_its_group_read_back_and_change(
    monitor: MonitorManagementClient, deployed: dict[str, str]
) -> None:
    alert = monitor.metric_alerts.get(GROUP, "redis-memory")
    assert alert.scopes == [deployed["redis"]]
    assert [one.action_group_id for one in alert.actions or []] == [deployed["action-group"]]
    assert type(alert.criteria).__name__ == "MetricAlertSingleResourceMultipleMetricCriteria"
    assert monitor.metric_alerts.update(GROUP, "redis-memory", {"properties": {"enabled": False}}).enabled is False
    again = monitor.metric_alerts.get(GROUP, "redis-memory")
    assert monitor.metric_alerts.create_or_update(GROUP, "redis-memory", again).severity == 2
    assert [one.name for one in monitor.metric_alerts.list_by_subscription()] == ["redis-memory"]
    monitor.metric_alerts.delete(GROUP, "redis-memory")
    assert list(monitor.metric_alerts.list_by_resource_group(GROUP)) == []
    group = monitor.action_groups.get(GROUP, "ag-dev")
    assert [one.email_address for one in group.email_receivers or []] == ["ops@example.com"]
    assert [one.name for one in monitor.action_groups.list_by_resource_group(GROUP)] == ["ag-dev"]
    monitor.action_groups.delete(GROUP, "ag-dev")
    with pytest.raises(ResourceNotFoundError):
        monitor.action_groups.get(GROUP, "ag-dev")


# -- health


@pytest.mark.parametrize(("port", "state"), [(40000, "Available"), (0, "Unavailable")])
def test_a_caches_health_is_what_runs(azure: Azure, deployed: dict[str, str], port: int, state: str) -> None:
    runtime_status.write(azure.home, RuntimeStatus(1, caches=(RunningCache(deployed["redis"], "red", port),)))
    health = azure.client(ResourceHealthMgmtClient)
    status = health.availability_statuses.get_by_resource(deployed["redis"].lstrip("/"))
    assert status.properties
    assert (status.name, status.properties.availability_state) == ("current", state)
    with pytest.raises(ResourceNotFoundError):
        health.availability_statuses.get_by_resource(f"{deployed['redis']}-absent".lstrip("/"))
