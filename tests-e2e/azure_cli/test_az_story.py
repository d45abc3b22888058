"""The commands by which a Redis connection was mended on Azure, with its names, through `./local run az`."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arm.azure_cli import installed
from tests.stack.deployment import Deployment, LocalAzure, write_project

GROUP = "rg-westeurope-magictoolbox-dev"
APP = "app-we-magictoolbox-01"
CACHE = "red-westeurope-magictoolbox-01"
ZONE = "privatelink.redis.cache.windows.net"
SET_SECRET = f"""
az containerapp secret set \
  --name {APP} \
  --resource-group {GROUP} \
  --secrets redis-url="rediss://:YOUR_REDIS_ACCESS_KEY@YOUR_REDIS_HOST:6380/0?ssl_cert_reqs=required"
"""
USE_SECRET = f"""
az containerapp update \
  --name {APP} \
  --resource-group {GROUP} \
  --set-env-vars REDIS_URL=secretref:redis-url
"""
SHOW_ADDRESS = f"""
az containerapp show \
  --name {APP} \
  --resource-group {GROUP} \
  --query "properties.configuration.ingress.fqdn"
"""
LIST_KEYS = f"""
az redis list-keys \
  --name {CACHE} \
  --resource-group {GROUP}
"""
LIST_LINKS = f"""
az network private-dns link vnet list \
  --resource-group {GROUP} \
  --zone-name {ZONE}
"""
Run = Callable[..., Any]

pytestmark = pytest.mark.slow("Microsoft's Azure CLI, 700 MB")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The program with the classic service and without a unique suffix, deployed by the engine."""
    installed()
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"))
    project = tmp_path_factory.mktemp("story") / "project"
    write_project(project, "dev", {"uniqueSuffix": "", "redis": {"service": "classic"}})
    deployment = Deployment(azure, project, "dev")
    try:
        deployment.up()
        yield deployment
    finally:
        azure.run("stop", check=False)


@pytest.fixture(scope="module")
def run(stack: Deployment) -> Run:
    """Run a command line by `./local run` as a shell would read it; return what it prints."""

    def do(line: str) -> Any:
        done = stack.azure.run("run", *shlex.split(line), directory=Path("/"))
        return json.loads(done.stdout) if done.stdout.strip() else None

    return do


def test_the_story_is_played(stack: Deployment, run: Run) -> None:
    before = run(f"az containerapp show --name {APP} --resource-group {GROUP}")["properties"]
    secrets = {one["name"]: one for one in run(SET_SECRET)}
    assert {"redis-url", "celery-broker-url", "celery-result-backend"} <= set(secrets)
    assert not secrets["redis-url"]["keyVaultUrl"]
    between = run(f"az containerapp show --name {APP} --resource-group {GROUP}")["properties"]
    assert between["latestRevisionName"] == before["latestRevisionName"], "a secret alone makes no revision"
    after = run(USE_SECRET)["properties"]
    variables = {one["name"]: one for one in after["template"]["containers"][0]["env"]}
    assert variables["REDIS_URL"]["secretRef"] == "redis-url"
    assert run(SHOW_ADDRESS) == before["configuration"]["ingress"]["fqdn"]
    (link,) = run(LIST_LINKS)
    assert link["virtualNetwork"]["id"].rsplit("/", 2)[-2:] == ["virtualNetworks", "vnet-westeurope-magictoolbox-01"]
    keys = run(LIST_KEYS)
    assert set(keys) == {"primaryKey", "secondaryKey"}
    assert {"update apps-web"} <= {f"{one.operation} {one.name}" for one in stack.refresh()}, "a refresh sees it"


def test_it_signs_in_once_and_apart_from_the_users_own_accounts(stack: Deployment, run: Run) -> None:
    account = run("az account show")
    assert (account["environmentName"], account["name"]) == ("LocalAzure", "Local Azure")
    configuration = stack.azure.home / "azure-cli"
    assert configuration.stat().st_mode & 0o077 == 0
    kept = (configuration / "signed-in").stat().st_mtime_ns
    run("az group list")
    assert (configuration / "signed-in").stat().st_mtime_ns == kept


def test_it_signs_in_again_where_the_endpoint_has_moved(stack: Deployment, run: Run) -> None:
    azure = stack.azure
    run(f"az group show --name {GROUP}")
    azure.run("stop")
    (azure.home / "tls" / "ca.key").unlink()  # another authority, as after a `reset`
    for name in ("ca.pem", "server.key", "server.pem"):
        (azure.home / "tls" / name).unlink(missing_ok=True)
    assert run(f"az group show --name {GROUP}")["name"] == GROUP


def test_without_a_local_azure_it_says_so(stack: Deployment) -> None:
    stack.azure.run("stop")
    stand_in = stack.azure.home / "bin" / "az"
    done = subprocess.run(
        [str(stand_in), "account", "show"],
        env={"LOCAL_AZURE_HOME": str(stack.azure.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "does not run: ./local run az" in done.stderr
