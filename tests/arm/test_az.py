"""The Azure CLI, unchanged, on the endpoint. Needs `az` of requirements-az.txt on PATH; it is too large to be asked of
every machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.arm.landscape import GROUP, Azure, deploy, running

pytestmark = pytest.mark.skipif(not shutil.which("az"), reason="the Azure CLI (requirements-az.txt) is not on PATH")
APP = ("--name", "app-we-magictoolbox-01", "--resource-group", GROUP)
CACHE = ("--name", "red-westeurope-magictoolbox-01", "--resource-group", GROUP)
ZONE = ("--resource-group", GROUP, "--zone-name", "privatelink.redis.cache.windows.net")
Az = Callable[..., Any]


class RefusedError(Exception):
    """What az says of a command that failed."""


@pytest.fixture(scope="module")
def deployed_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as azure:
        deploy(azure)
        yield azure


@pytest.fixture(scope="module")
def az(deployed_azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """Runs az, with this cloud registered and its service principal logged in; returns what it prints."""
    azure = deployed_azure
    environment = {
        **os.environ,
        "AZURE_CONFIG_DIR": str(tmp_path_factory.mktemp("az")),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
        "REQUESTS_CA_BUNDLE": azure.authority_file,
        "HTTPS_PROXY": f"http://127.0.0.1:{azure.served.ports['vault-proxy']}",
        "NO_PROXY": "localhost,127.0.0.1",
    }

    def run(*arguments: str) -> Any:
        command = ["az", *arguments, "--output", "json"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if ended.returncode:
            raise RefusedError(ended.stderr)
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    run("cloud", "register", "--name", "LocalAzure", "--endpoint-resource-manager", azure.url)
    run("cloud", "set", "--name", "LocalAzure")
    secret = Path(azure.home / "service-principal-secret")
    client = azure.model.directory.client_id
    run("login", "--service-principal", "--username", client, "--password", f"@{secret}", "--tenant", azure.tenant)
    return run


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


def test_the_vault_opens_with_a_role(az: Az, deployed_azure: Azure) -> None:
    secret = ("--vault-name", "kv-dev", "--name", "redis-url")
    with pytest.raises(RefusedError, match="ForbiddenByRbac"):
        az("keyvault", "secret", "show", *secret)
    vault = str(deployed_azure.id("Microsoft.KeyVault/vaults", "kv-dev"))
    client = deployed_azure.model.directory.client_id
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
