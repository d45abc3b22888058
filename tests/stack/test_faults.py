"""Error messages that a user sees, and the damage of an interruption."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

from tests.stack.deployment import COMMAND_SECONDS, ROOT, Deployment

Deploy = Callable[..., Deployment]


def test_wrong_settings_are_reported_at_once_and_nothing_is_created(deploy: Deploy) -> None:
    stack = deploy(
        instance=1,
        redis={"sku": "Basic_C0"},
        web={"cpu": 0.3, "min_replicas": 2},
        network={"appsSubnet": "10.0.0.0/28"},
        secretEnv={"API_KEY": ""},
        tags={"cost centre": "42"},
    )
    refused = stack.pulumi("up", "--yes", "--stack", "dev", check=False)
    assert refused.returncode != 0
    shown = refused.stdout + refused.stderr
    faults = (
        "instance = 1: without quotes, YAML reads it as a number, not as text; ",
        "redis.sku = 'Basic_C0': ",
        "web.cpu = 0.3: ",
        "web.min_replicas: ",
        "network.appsSubnet = '10.0.0.0/28': ",
        "secretEnv.API_KEY: the value is empty",
        "tags.cost centre = 'cost centre': ",
    )
    for fault in faults:
        assert fault in shown
    assert "did you mean minReplicas?" in shown
    assert "7 settings are wrong" in shown
    assert "Traceback" not in shown
    assert [one["type"] for one in stack.resources()] in ([], ["pulumi:pulumi:Stack"])


def test_an_interrupted_wait_for_roles_leaves_nothing_unrecorded(deploy: Deploy) -> None:
    stack = deploy(rolePropagationSeconds=600)
    command = [str(ROOT / "local"), "run", "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev"]
    process = subprocess.Popen(
        command,
        cwd=stack.directory,
        env={**os.environ, "LOCAL_AZURE_HOME": str(stack.azure.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "taken to be in force" in line:
            break
    else:
        raise AssertionError(f"the wait was not announced:\n{''.join(lines)}")
    # All that does not wait for the roles gets its time to be created.
    while not any("private-zone-group" in one["urn"] for one in stack.resources()):
        assert process.poll() is None
        time.sleep(0.1)
    # The first Ctrl-C lets the engine finish what it has begun, the wait; the second ends it at once.
    os.killpg(process.pid, signal.SIGINT)
    for line in process.stdout:
        lines.append(line)
        if "press ^C again" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=COMMAND_SECONDS)
    assert process.returncode != 0
    stack.azure.transcript.append("".join(lines) + rest)

    recorded = {one["urn"].rsplit("::", 1)[-1] for one in stack.resources()}
    assert "identity-key-vault-secrets-user" in recorded
    pending = {one["resource"]["type"] for one in stack.pending_operations()}
    assert all(not kind.startswith("azure-native:") for kind in pending), "nothing of Azure's is unrecorded"

    stack.configure("rolePropagationSeconds", 0)
    created = {step.name for step in stack.up()}
    assert {"identity-roles-in-force", "apps-web", "apps-worker"} <= created
    assert "identity-key-vault-secrets-user" not in created
    assert stack.up() == []


def test_a_role_that_never_takes_effect_keeps_an_app_from_its_vault(deploy: Deploy) -> None:
    stack = deploy(useKeyVaultReferences=True)
    stack.azure.run("faults", "add", "role-never-effective")
    try:
        failed = stack.pulumi("up", "--yes", "--skip-preview", "--stack", stack.stack, check=False)
    finally:
        stack.azure.run("faults", "clear")
    assert failed.returncode != 0
    assert "apps-web" in failed.stdout
    stack.up()
