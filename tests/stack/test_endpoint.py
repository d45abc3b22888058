"""The deployed stack, read and changed with Azure's clients."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.redisenterprise import RedisEnterpriseManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from local_azure.resource_types.base import Tenant
from tests.stack.deployment import Deployment, LocalAzure, write_project


def _client(azure: LocalAzure, kind: Callable[..., Any]) -> Any:
    """Return one of Microsoft's clients with the emulator's URL, certificate authority and credential."""
    tenant = Tenant()
    url = f"https://localhost:{json.loads((azure.home / 'endpoints.json').read_text())['arm']}"
    authority = str(azure.home / "tls" / "ca.pem")
    credential = ClientSecretCredential(
        tenant.tenant_id,
        tenant.client_id,
        (azure.home / "service-principal-secret").read_text().strip(),
        authority=url,
        disable_instance_discovery=True,
        transport=RequestsTransport(connection_verify=authority),
    )
    return kind(
        credential,
        tenant.subscription_id,
        base_url=url,
        credential_scopes=[f"{url}/.default"],
        connection_verify=authority,
    )


@pytest.fixture(scope="module")
def stack(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployed stack, which each test leaves as the program wants it."""
    directory = tmp_path_factory.mktemp("endpoint") / "project"
    write_project(directory, "dev", {})
    deployed = Deployment(local_azure, directory, "dev")
    deployed.up()
    return deployed


def test_a_deployed_stack_is_listed_whole_and_reads_back_as_asked(stack: Deployment) -> None:
    group = stack.outputs()["resourceGroupName"]
    resources = _client(stack.azure, ResourceManagementClient).resources
    listed = {one.id.lower() for one in resources.list_by_resource_group(group)}
    tracked = {
        one["id"].lower()
        for one in stack.resources()
        if one["type"].startswith("azure-native:")
        and "location" in one.get("inputs", {})
        and one["type"].count(":") == 2
    }
    tracked -= {
        one["id"].lower() for one in stack.resources() if one["type"].endswith(("ResourceGroup", "NetworkLink"))
    }
    assert tracked
    assert tracked <= listed

    apps = _client(stack.azure, ContainerAppsAPIClient).container_apps
    web = stack.resource(":ContainerApp", "apps-web")
    read = apps.get(group, web["inputs"]["containerAppName"])
    asked = web["inputs"]["template"]["containers"][0]
    (container,) = read.template.containers
    assert (container.image, container.name) == (asked["image"], asked["name"])
    assert [(one.name, one.secret_ref or one.value) for one in container.env] == [
        (one["name"], one.get("secretRef") or one["value"]) for one in asked["env"]
    ]
    assert [one.name for one in read.configuration.secrets] == sorted(one.name for one in read.configuration.secrets)


def test_refresh_sees_what_changed_behind_the_stacks_back_and_up_mends_it(stack: Deployment) -> None:
    group = stack.outputs()["resourceGroupName"]
    client = _client(stack.azure, RedisEnterpriseManagementClient)
    cluster = stack.resource(":RedisEnterprise")["inputs"]["clusterName"]
    client.databases.begin_update(group, cluster, "default", {"properties": {"evictionPolicy": "NoEviction"}}).result()
    assert [(step.operation, step.name) for step in stack.refresh()] == [("update", "redis-database")]
    assert [(step.operation, step.name) for step in stack.up()] == [("update", "redis-database")]
    assert client.databases.get(group, cluster, "default").eviction_policy == "VolatileLRU"
    assert stack.refresh() == []


def test_a_regenerated_key_reaches_the_apps_with_the_next_up(stack: Deployment) -> None:
    outputs, before = stack.outputs(), stack.revisions()
    client = _client(stack.azure, RedisEnterpriseManagementClient)
    cluster = stack.resource(":RedisEnterprise")["inputs"]["clusterName"]
    client.databases.begin_regenerate_key(
        outputs["resourceGroupName"], cluster, "default", {"keyType": "Primary"}
    ).result()
    assert {step.operation for step in stack.up()} == {"update"}
    assert stack.outputs()["redisUrl"] != outputs["redisUrl"]
    after = stack.revisions()
    assert after.keys() == before.keys()
    assert all(after[app] != before[app] for app in before), "each app has one new revision"
    assert stack.up() == []
