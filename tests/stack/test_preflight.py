"""The preflight and the engine agree: what it names makes `pulumi up` fail, and what it lets through is deployed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack.deployment import ROOT, Deployment, LocalAzure


@pytest.fixture
def sound_again(local_azure: LocalAzure) -> Iterator[LocalAzure]:
    """The local Azure, which is sound again at the end."""
    yield local_azure
    local_azure.run("faults", "clear")
    local_azure.run("start", "--deployer-role", "Owner", "--deployer-without", "")
    _register(local_azure, "Microsoft.ContainerService")


def _preflight(stack: Deployment, *arguments: str) -> tuple[int, Any]:
    command = ("run", "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "doctor.preflight", "--stack", stack.stack)
    done = stack.azure.run(*command, "--json", *arguments, directory=stack.directory, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _register(azure: LocalAzure, namespace: str) -> None:
    """Do what `az provider register` does."""
    code = """
import os, sys, requests
from azure.identity import DefaultAzureCredential
url = "https://" + os.environ["ARM_METADATA_HOSTNAME"]
token = DefaultAzureCredential(disable_instance_discovery=True).get_token(url + "/.default").token
path = f"/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/providers/{sys.argv[1]}/register"
answer = requests.post(url + path, params={"api-version": "2021-04-01"}, headers={"Authorization": "Bearer " + token})
print(answer.json()["registrationState"])
"""
    done = azure.run("run", sys.executable, "-c", code, namespace)
    assert done.stdout.strip().endswith("Registered"), done


def _failed_up(stack: Deployment) -> str:
    done: subprocess.CompletedProcess[str] = stack.pulumi(
        "up", "--yes", "--skip-preview", "--stack", stack.stack, check=False
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def _causes(told: Any) -> set[str]:
    return {one["cause"] for one in told["faults"]}


def test_an_unregistered_provider_is_named_before_it_fails_the_deployment(
    deploy: Callable[..., Deployment], sound_again: LocalAzure
) -> None:
    stack = deploy(app="preflight", env={}, uniqueSuffix="abc12")
    sound_again.run("faults", "add", "provider-unregistered", "--name", "Microsoft.ContainerService")
    code, told = _preflight(stack)
    assert (code, _causes(told)) == (1, {"provider-not-registered"})
    assert "SubscriptionIsNotRegistered" in _failed_up(stack)
    _register(sound_again, "Microsoft.ContainerService")
    code, told = _preflight(stack)
    assert (code, told["unknownTypes"]) == (0, []), told
    stack.up()
    # The deployed stack's names are its own, and what is there is the stack's.
    assert _preflight(stack)[0] == 0
    # Its vault keeps its name when it is destroyed.
    stack.destroy()
    code, told = _preflight(stack)
    assert (code, _causes(told)) == (1, {"vault-soft-deleted"})


@pytest.mark.slow("the preflight and the engine")
def test_a_deployer_who_may_assign_no_roles_is_named_before_the_deployment_fails(
    deploy: Callable[..., Deployment], sound_again: LocalAzure
) -> None:
    stack = deploy(app="rights", env={})
    sound_again.run("start", "--deployer-role", "Contributor")
    code, told = _preflight(stack)
    assert (code, _causes(told)) == (1, {"right-missing-role-assignments"})
    said = _failed_up(stack)
    assert "AuthorizationFailed" in said
    assert "Microsoft.Authorization/roleAssignments/write" in said


@pytest.mark.slow("the preflight and the engine")
def test_what_azure_native_registers_itself_needs_the_right_to(
    deploy: Callable[..., Deployment], sound_again: LocalAzure
) -> None:
    stack = deploy(app="register", env={})
    sound_again.run("faults", "add", "provider-unregistered", "--name", "Microsoft.Cache")
    sound_again.run("start", "--deployer-without", "*/register/action")
    code, told = _preflight(stack)
    assert (code, _causes(told)) == (1, {"provider-not-registered", "right-missing-registration"})
    assert "Microsoft.Cache/register/action" in _failed_up(stack)
    sound_again.run("start", "--deployer-without", "")
    stack.up()


def test_a_fault_in_the_settings_is_told_and_ends_with_3(deploy: Callable[..., Deployment]) -> None:
    stack = deploy(app="Wrong Name", env={})
    command = ("run", "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "doctor.preflight", "--stack", "dev")
    done = stack.azure.run(*command, directory=stack.directory, check=False)
    assert done.returncode == 3
    assert "Wrong Name" in done.stderr
