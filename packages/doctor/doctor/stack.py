"""Read the stack: its outputs, without the secret ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

from doctor.errors import CannotLookError
from doctor.facts import Address, Stack
from doctor.values import objects, text

_NEEDED = (
    "resourceGroupId",
    "redisHostName",
    "redisPort",
    "brokerHostName",
    "brokerPort",
    "keyVaultUri",
    "readinessUrl",
)
_GROUP_TYPE = "azure-native:resources:ResourceGroup"
_TIMEOUT_SECONDS = 60


def read(name: str, directory: Path) -> Stack:
    """Return the outputs of the stack ``name`` of the program in a directory.

    Secret outputs stay hidden: the doctor does not need to know which key the stack has. A stack whose first deployment
    did not finish has no outputs; its resource group is in its state.

    Raises:
        CannotLookError: when there is no Pulumi, no such stack, or a stack that this program did not deploy.
    """
    if shutil.which("pulumi") is None:
        raise CannotLookError("pulumi is not on PATH: install it, or run `./local run python -m doctor --stack STACK`")
    outputs = cast("dict[str, Any]", _pulumi(directory, "stack", "output", "--json", "--stack", name))
    missing = tuple(one for one in _NEEDED if outputs.get(one) in (None, ""))
    if missing:
        group_id = _group_in_state(name, directory)
        if not group_id:
            raise not_deployed(name, missing)
        return Stack(name, group_id, Address("", 0), Address("", 0), "", "", missing)
    return Stack(
        name=name,
        group_id=str(outputs["resourceGroupId"]),
        redis=Address(str(outputs["redisHostName"]), int(outputs["redisPort"])),
        broker=Address(str(outputs["brokerHostName"]), int(outputs["brokerPort"])),
        vault_uri=str(outputs["keyVaultUri"]),
        readiness_url=str(outputs["readinessUrl"]),
    )


def not_deployed(name: str, missing: tuple[str, ...]) -> CannotLookError:
    """Return the error for a stack without some of its outputs."""
    return CannotLookError(
        f"the stack {name} has no output {', '.join(missing)}: deploy it with `pulumi up --stack {name}`"
    )


def _group_in_state(name: str, directory: Path) -> str:
    """Return the resource id of the stack's resource group; empty where its state has none.

    Secrets are encrypted in what is read.
    """
    state = _pulumi(directory, "stack", "export", "--stack", name)
    found = objects(state, "deployment.resources")
    return next((text(one, "id") for one in found if text(one, "type") == _GROUP_TYPE), "")


def _pulumi(directory: Path, *arguments: str) -> object:
    """Return what a command of Pulumi's prints as JSON. Raises `CannotLookError`."""
    command = ["pulumi", *arguments, "--non-interactive"]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotLookError(f"`{' '.join(command)}` took longer than {_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise CannotLookError(f"`{' '.join(command)}` failed: {lines[-1] if lines else 'it printed nothing'}")
    return json.loads(done.stdout)
