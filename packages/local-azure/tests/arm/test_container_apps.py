"""Microsoft's client of Container Apps."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.appcontainers import ContainerAppsAPIClient

from arm.landscape import GROUP, Azure

APP = "app-we-magictoolbox-01"


@pytest.fixture
def apps(azure: Azure, deployed: dict[str, str]) -> ContainerAppsAPIClient:
    return azure.client(ContainerAppsAPIClient)


def test_an_app_reads_back_without_the_values_of_its_secrets(
    apps: ContainerAppsAPIClient, deployed: dict[str, str]
) -> None:
    app = apps.container_apps.get(GROUP, APP)
    assert (app.id, app.environment_id) == (deployed["app"], deployed["environment"])
    assert app.configuration
    assert app.configuration.ingress
    assert app.template
    assert str(app.configuration.ingress.fqdn).startswith(f"{APP}.")
    assert [(one.name, one.value) for one in app.configuration.secrets or []] == [("redis-url", None)]
    (container,) = app.template.containers or []
    assert [(one.name, one.secret_ref) for one in container.env or []] == [("REDIS_URL", "redis-url")]
    assert app.identity
    assert list(app.identity.user_assigned_identities or {}) == [deployed["identity"]]
    assert app.system_data
    assert app.system_data.created_at
    assert [one.name for one in apps.container_apps.list_by_resource_group(GROUP)] == [APP]
    assert [one.name for one in apps.container_apps.list_by_subscription()] == [APP]


def test_the_values_of_secrets_are_listed_by_a_call_of_their_own(apps: ContainerAppsAPIClient) -> None:
    listed = apps.container_apps.list_secrets(GROUP, APP)
    assert [(one.name, one.value) for one in listed.value] == [("redis-url", "rediss://secret")]


def test_a_changed_secret_makes_no_revision_and_a_changed_template_does(apps: ContainerAppsAPIClient) -> None:
    first = apps.container_apps.get(GROUP, APP).latest_revision_name
    changed = {"properties": {"configuration": {"secrets": [{"name": "redis-url", "value": "rediss://new"}]}}}
    apps.container_apps.begin_update(GROUP, APP, changed).result()
    after = apps.container_apps.get(GROUP, APP)
    assert after.latest_revision_name == first
    assert after.template
    assert after.template.containers, "what a PATCH leaves out stays"
    assert apps.container_apps.list_secrets(GROUP, APP).value[0].value == "rediss://new"
    container = {
        "name": "web",
        "image": "contoso.azurecr.io/shop:2.0",
        "env": [{"name": "REDIS_URL", "secretRef": "redis-url"}],
        "resources": {"cpu": 0.5, "memory": "1Gi"},
    }
    apps.container_apps.begin_update(GROUP, APP, {"properties": {"template": {"containers": [container]}}}).result()
    second = apps.container_apps.get(GROUP, APP).latest_revision_name
    assert second != first
    active = {one.name: one.active for one in apps.container_apps_revisions.list_revisions(GROUP, APP)}
    assert active == {first: False, second: True}
    assert apps.container_apps.list_secrets(GROUP, APP).value[0].value == "rediss://new", "secrets stay with a PATCH"


def test_a_reference_to_a_missing_secret_is_refused(apps: ContainerAppsAPIClient) -> None:
    container = {"name": "web", "image": "shop:2.0", "env": [{"name": "X", "secretRef": "absent"}]}
    with pytest.raises(HttpResponseError) as refused:
        apps.container_apps.begin_update(GROUP, APP, {"properties": {"template": {"containers": [container]}}}).result()
    assert refused.value.error
    assert refused.value.error.code == "ContainerAppSecretRefNotFound"


def test_a_revision_is_restarted_stopped_and_started(apps: ContainerAppsAPIClient) -> None:
    revisions = apps.container_apps_revisions
    (revision,) = revisions.list_revisions(GROUP, APP)
    name = str(revision.name)
    revisions.restart_revision(GROUP, APP, name)
    replicas = apps.container_apps_revision_replicas
    (replica,) = replicas.list_replicas(GROUP, APP, name).value
    assert replicas.get_replica(GROUP, APP, name, str(replica.name)).containers
    revisions.deactivate_revision(GROUP, APP, name)
    assert revisions.get_revision(GROUP, APP, name).active is False
    assert replicas.list_replicas(GROUP, APP, name).value == []
    revisions.activate_revision(GROUP, APP, name)
    assert revisions.get_revision(GROUP, APP, name).active is True


def test_an_environment_reads_back_and_is_not_deleted_under_an_app(
    apps: ContainerAppsAPIClient, deployed: dict[str, str]
) -> None:
    environment = apps.managed_environments.get(GROUP, "cae-dev")
    assert environment.vnet_configuration
    assert environment.vnet_configuration.infrastructure_subnet_id == deployed["apps"]
    assert str(environment.default_domain).endswith(".westeurope.azurecontainerapps.io")
    assert [one.name for one in apps.managed_environments.list_by_subscription()] == ["cae-dev"]
    with pytest.raises(HttpResponseError) as refused:
        apps.managed_environments.begin_delete(GROUP, "cae-dev").result()
    assert refused.value.error
    assert refused.value.error.code == "ManagedEnvironmentHasContainerApps"


def test_an_app_and_then_its_environment_are_deleted(apps: ContainerAppsAPIClient) -> None:
    apps.container_apps.begin_delete(GROUP, APP).result()
    apps.managed_environments.begin_delete(GROUP, "cae-dev").result()
    with pytest.raises(ResourceNotFoundError):
        apps.managed_environments.get(GROUP, "cae-dev")


def test_an_app_is_created_from_the_clients_models(apps: ContainerAppsAPIClient, deployed: dict[str, str]) -> None:
    app = apps.container_apps.begin_create_or_update(
        GROUP,
        "worker",
        {
            "location": "westeurope",
            "properties": {
                "environmentId": deployed["environment"],
                "configuration": {"activeRevisionsMode": "Multiple"},
                "template": {"containers": [{"name": "worker", "image": "shop:1"}], "revisionSuffix": "first"},
            },
        },
    ).result()
    assert (app.provisioning_state, app.latest_revision_name) == ("Succeeded", "worker--first")
