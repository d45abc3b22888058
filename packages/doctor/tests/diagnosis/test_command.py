"""The doctor's command line: what it needs, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from diagnosis.world import Deployed, copied
from doctor import cloud
from doctor.client import Client
from doctor.draining import wait
from doctor.errors import CannotLookError
from tests.stack.deployment import ROOT, Deployment, LocalAzure, write_project

DOCTOR = [sys.executable, "-m", "doctor", "--stack", "dev"]


def test_a_deployed_stack_is_looked_at_by_the_command_that_the_guide_names(stacks: dict[str, Deployment]) -> None:
    stack = stacks["managed"]
    done = stack.azure.run("run", *DOCTOR, directory=stack.directory)
    assert "No fault was found" in done.stdout
    assert not any(secret in done.stdout + done.stderr for secret in stack.secrets())


def test_a_stack_that_is_not_there_cannot_be_looked_at(stacks: dict[str, Deployment]) -> None:
    stack = stacks["managed"]
    command = ("run", sys.executable, "-m", "doctor", "--stack", "absent")
    done = stack.azure.run(*command, directory=stack.directory, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_a_first_deployment_that_found_no_capacity_is_named_and_mended(local_azure: LocalAzure, tmp_path: Path) -> None:
    directory = tmp_path / "refused"
    write_project(directory, "dev", {"app": "refused", "env": {}}, name="refused")
    stack = Deployment(local_azure, directory, "dev")
    local_azure.run("faults", "add", "no-capacity", "--name", "*refused*", "--once")
    stack.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    command = ("run", "env", f"PYTHONPATH={ROOT}", "PULUMI_SKIP_CONFIRMATIONS=true")
    done = local_azure.run(*command, *DOCTOR, "--json", directory=directory, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["cause"]["name"]) == (1, "cache-failed"), done.stdout
    remedy = report["cause"]["remedy"].replace("IMAGE", "contoso.azurecr.io/magictoolbox:1.0.0")
    mended = local_azure.run(*command, "sh", "-ec", remedy, directory=directory, check=False)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "No fault was found" in local_azure.run(*command, *DOCTOR, directory=directory).stdout


def test_without_pulumi_nothing_can_be_looked_at(tmp_path: Path) -> None:
    hidden = {"ARM_METADATA_HOSTNAME", "ARM_ENVIRONMENT"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"PATH": str(tmp_path), "ARM_ENVIRONMENT": "moon"}
    done = subprocess.run(DOCTOR, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "ARM_ENVIRONMENT is 'moon'" in done.stderr


def test_a_cloud_that_does_not_answer_is_named() -> None:
    with pytest.raises(CannotLookError, match=r"127\.0\.0\.1:9"):
        cloud.find({"ARM_METADATA_HOSTNAME": "127.0.0.1:9"})


def test_waiting_ends_when_no_replica_of_an_old_revision_is_left(deployed: dict[str, Deployed], tmp_path: Path) -> None:
    said: list[str] = []
    with copied(deployed["managed"], tmp_path) as world:
        where = cloud.find(os.environ)
        client = Client(where, cloud.credential(where, os.environ))
        assert wait(client, world.deployed.stack, 0, said.append)
        world.set_secret("redis-url", world.redis_url())
        first = f"{world.web['id']}/revisions/{world.web['name']}--0000001"
        world.edit(first, lambda one: one.update(replicas=1))
        assert not wait(client, world.deployed.stack, 0, said.append)
        assert said == [f"{world.web['name']}: {world.web['name']}--0000001 has 1 replicas"]
        world.edit(first, lambda one: one.update(replicas=0))
        assert wait(client, world.deployed.stack, 0, said.append)
