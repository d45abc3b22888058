"""The Azure CLI, unchanged, on the endpoint: each group of its commands that concerns a stack like this one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arm.azure_cli import Az, RefusedError, signed_in
from arm.landscape import GROUP, Azure, deploy, running

APP = ("--name", "app-we-magictoolbox-01", "--resource-group", GROUP)
CACHE = ("--name", "red-westeurope-magictoolbox-01", "--resource-group", GROUP)
ZONE = ("--resource-group", GROUP, "--zone-name", "privatelink.redis.cache.windows.net")

pytestmark = pytest.mark.slow("Microsoft's Azure CLI, 700 MB")


@pytest.fixture(scope="module")
def deployed_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as azure:
        deploy(azure)
        yield azure


@pytest.fixture(scope="module")
def az(deployed_azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """Run az, signed in to the endpoint; return what it prints."""
    ports = deployed_azure.served.ports
    configuration = tmp_path_factory.mktemp("az")
    return signed_in(deployed_azure.home, configuration, arm_port=ports["arm"], proxy_port=ports["vault-proxy"])


def test_the_keys_of_a_cache_are_listed_and_renewed(az: Az) -> None:
    before = az("redis", "list-keys", *CACHE)
    after = az("redis", "regenerate-keys", *CACHE, "--key-type", "Secondary")
    assert after["primaryKey"] == before["primaryKey"]
    assert after["secondaryKey"] != before["secondaryKey"]


def test_a_secret_is_set_and_used_as_the_story_does_it(az: Az) -> None:
    first = az("containerapp", "show", *APP)["properties"]
    assert first["configuration"]["ingress"]["fqdn"]
    az("containerapp", "secret", "set", *APP, "--secrets", "redis-url=rediss://:a%2Fb%3D@host:6380/0")
    assert az("containerapp", "show", *APP)["properties"]["latestRevisionName"] == first["latestRevisionName"]
    updated = az("containerapp", "update", *APP, "--set-env-vars", "CELERY_BROKER_URL=secretref:redis-url")
    assert updated["properties"]["latestRevisionName"] != first["latestRevisionName"]
    (revision,) = az("containerapp", "revision", "list", *APP)
    az("containerapp", "revision", "restart", *APP, "--revision", revision["name"])
    assert len(az("containerapp", "replica", "list", *APP)) == 1
    shown = az("containerapp", "secret", "show", *APP, "--secret-name", "redis-url")
    assert shown["value"] == "rediss://:a%2Fb%3D@host:6380/0"


def test_links_endpoints_and_resources_are_listed(az: Az) -> None:
    assert [one["name"] for one in az("network", "private-dns", "link", "vnet", "list", *ZONE)] == ["vnet-dev"]
    (endpoint,) = az("network", "private-endpoint", "list", "--resource-group", GROUP)
    assert endpoint["customDnsConfigs"][0]["ipAddresses"] == ["10.0.2.4"]
    listed = az("resource", "list", "--resource-group", GROUP)
    (cache,) = [one for one in listed if one["type"] == "Microsoft.Cache/redis"]
    assert az("resource", "show", "--ids", cache["id"])["id"] == cache["id"]


def test_what_watches_is_shown(az: Az, deployed_azure: Azure) -> None:
    cache = str(deployed_azure.id("Microsoft.Cache/redis", CACHE[1]))
    (setting,) = az("monitor", "diagnostic-settings", "list", "--resource", cache)
    assert setting["metrics"][0]["category"] == "AllMetrics"
    (alert,) = az("monitor", "metrics", "alert", "list", "--resource-group", GROUP)
    assert alert["criteria"]["allOf"][0]["metricName"] == "usedmemorypercentage"
    (workspace,) = az("monitor", "log-analytics", "workspace", "list", "--resource-group", GROUP)
    assert workspace["id"].endswith("/log-dev")
    (group,) = az("monitor", "action-group", "list", "--resource-group", GROUP)
    assert group["groupShortName"] == "ag"


def test_managed_caches_are_reached_without_their_extension(az: Az, deployed_azure: Azure) -> None:
    database = str(deployed_azure.id("Microsoft.Cache/redisEnterprise/databases", "amr-dev", "default"))
    version = "api-version=2025-07-01"
    assert az("rest", "--method", "get", "--uri", f"{database}?{version}")["properties"]["port"] == 10000
    keys = az("rest", "--method", "post", "--uri", f"{database}/listKeys?{version}")
    assert set(keys) == {"primaryKey", "secondaryKey"}


def test_the_vault_opens_with_a_role(az: Az, deployed_azure: Azure) -> None:
    secret = ("--vault-name", "kv-dev", "--name", "redis-url")
    with pytest.raises(RefusedError, match="ForbiddenByRbac"):
        az("keyvault", "secret", "show", *secret)
    vault = str(deployed_azure.id("Microsoft.KeyVault/vaults", "kv-dev"))
    client = deployed_azure.model.tenant.client_id
    role = "Key Vault Secrets Officer"
    az("role", "assignment", "create", "--assignee", client, "--role", role, "--scope", vault)
    (assignment,) = az("role", "assignment", "list", "--scope", vault)
    assert assignment["roleDefinitionName"] == role
    az("keyvault", "secret", "set", *secret, "--value", "new")
    assert az("keyvault", "secret", "show", *secret)["value"] == "new"


def test_a_refusal_comes_with_azures_code(az: Az) -> None:
    subnet = ("--resource-group", GROUP, "--vnet-name", "vnet-dev", "--name", "apps")
    with pytest.raises(RefusedError, match="InUseSubnetCannotBeDeleted"):
        az("network", "vnet", "subnet", "delete", *subnet)
    with pytest.raises(RefusedError, match="ResourceGroupNotFound"):
        az("redis", "show", "--name", "x", "--resource-group", "absent")
