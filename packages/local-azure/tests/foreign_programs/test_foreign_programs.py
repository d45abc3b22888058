"""Programs that use the same types in other ways than ours, by the real engine: Azure's verdict on each."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_azure.testing import LocalAzure, Stack, operations

HERE = Path(__file__).parent
REFUSED = {
    "subnet-that-overlaps": "NetcfgSubnetRangesOverlap",
    "subnet-outside": "NetcfgSubnetRangeOutsideVnet",
    "second-zone-of-the-name": "BadRequest",
    "endpoint-with-the-other-service-s-group": "BadRequest",
    "endpoint-in-a-delegated-subnet": "PrivateEndpointCreationNotAllowedAsSubnetIsDelegated",
    "basic-in-zones": "BadRequest",
    "standard-with-shards": "BadRequest",
    "family-of-the-other": "BadRequest",
    "second-database": "InvalidDatabaseName",
    "cluster-with-a-capacity": "BadRequest",
    "vault-without-access-model": "BadRequest",
    "vault-open-to-a-subnet-without-service-endpoint": "VirtualNetworkNotValid",
    "the-same-role-again": "RoleAssignmentExists",
    "halves-that-do-not-match": "ContainerAppInvalidResourceTotal",
    "variable-of-no-secret": "ContainerAppSecretRefNotFound",
    "name-in-capitals": "ContainerAppInvalidName",
    "secret-of-a-closed-vault": "InvalidParameterValueInContainerTemplate",
    "more-least-than-most": "ContainerAppInvalidScaleSpec",
    "weights-of-90": "InvalidRequestParameterWithDetails",
    "volume-that-is-not-there": "ContainerAppInvalidVolumeMount",
    "second-environment-in-the-subnet": "ManagedEnvironmentSubnetInUse",
    "environment-without-delegation": "ManagedEnvironmentSubnetDelegationError",
    "logs-of-a-cluster": "BadRequest",
    "metric-that-is-not-there": "BadRequest",
}
"""Azure's code for each resource of the program in `illegal/` that has a fault."""

Program = Callable[[str], Stack]


@pytest.fixture(scope="module")
def program(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Copy one of the folders here into a project with a stack, on a local Azure for all of them."""

    def copy(name: str) -> Stack:
        directory = tmp_path_factory.mktemp("foreign") / name
        shutil.copytree(HERE / name, directory, ignore=shutil.ignore_patterns("__pycache__"))
        project = yaml.safe_load((directory / "Pulumi.yaml").read_text())
        project["runtime"] = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (directory / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {"azure-native:location": "westeurope"}}))
        return Stack(local_azure, directory, "dev")

    return copy


def _outputs(deployment: Stack, name: str) -> dict[str, Any]:
    return deployment.resource("", name)["outputs"]


def test_what_azure_takes_is_deployed_stays_as_it_is_and_goes(program: Program) -> None:
    legal = program("legal")
    created = legal.up()
    assert {step.operation for step in created} == {"create"}
    assert not legal.up(), "nothing has changed"
    assert not legal.refresh(), "Azure shows what was asked for"

    assert _outputs(legal, "files-endpoint")["customDnsConfigs"][0]["ipAddresses"] == ["192.168.0.40"]
    assert _outputs(legal, "default")["clusteringPolicy"] == "EnterpriseCluster"
    assert _outputs(legal, "platform-environment")["staticIp"].startswith("10.10.0."), "internal: of the subnet"
    app = _outputs(legal, "blue-green")
    assert app["latestRevisionName"] == "blue-green--v1"
    assert app["configuration"]["ingress"]["traffic"][0]["label"] == "blue"

    legal.configure("version", "v2")
    assert operations(legal.up()) == {("update", "blue-green")}
    assert _outputs(legal, "blue-green")["latestRevisionName"] == "blue-green--v2"

    deleted = legal.destroy()
    assert {step.name for step in deleted} == {step.name for step in created}


def test_what_azure_refuses_is_refused_with_its_code_and_nothing_else_is(program: Program) -> None:
    illegal = program("illegal")
    log = illegal.directory / "events"
    done = illegal.pulumi(
        *("up", "--stack", "dev", "--yes", "--skip-preview", "--continue-on-error", "--event-log", str(log)),
        check=False,
    )
    assert done.returncode != 0
    assert log.exists(), done.stderr
    codes: dict[str, str] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line).get("diagnosticEvent") or {}
        if event.get("severity") == "error" and (code := re.search(r'Code="(\w+)"', event["message"])):
            codes[event["urn"].rsplit("::", 1)[-1]] = code[1]
    assert codes == REFUSED
    made = {one["urn"].rsplit("::", 1)[-1] for one in illegal.resources()}
    assert not made & set(REFUSED)
    assert {"apps", "environment", "vault", "cache", "cluster", "link", "other-zone", "reads"} <= made
