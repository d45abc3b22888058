"""What the stack says of itself: its outputs, without the secret ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

from doctor.errors import CannotLookError
from doctor.facts import Address, Stack

_NEEDED = (
    "resourceGroupId",
    "redisHostName",
    "redisPort",
    "brokerHostName",
    "brokerPort",
    "keyVaultUri",
    "readinessUrl",
)
_TIMEOUT_SECONDS = 60


def read(name: str, directory: Path) -> Stack:
    """Read the outputs of the stack ``name`` of the program in a directory.

    Secret outputs stay hidden: the doctor has no use for what the stack believes a key to be.

    Raises:
        CannotLookError: when there is no Pulumi, no such stack, or a stack that was not deployed by this program.
    """
    if shutil.which("pulumi") is None:
        raise CannotLookError("pulumi is not on PATH: install it, or run `./local run python -m doctor --stack STACK`")
    command = ["pulumi", "stack", "output", "--json", "--non-interactive", "--stack", name]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotLookError(f"`{' '.join(command)}` took longer than {_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise CannotLookError(f"`{' '.join(command)}` failed: {words[-1] if words else 'it says nothing'}")
    outputs = cast("dict[str, Any]", json.loads(done.stdout))
    if missing := [one for one in _NEEDED if outputs.get(one) in (None, "")]:
        raise CannotLookError(
            f"the stack {name} has no output {', '.join(missing)}: deploy it with `pulumi up --stack {name}`"
        )
    return Stack(
        name=name,
        group_id=str(outputs["resourceGroupId"]),
        redis=Address(str(outputs["redisHostName"]), int(outputs["redisPort"])),
        broker=Address(str(outputs["brokerHostName"]), int(outputs["brokerPort"])),
        vault_uri=str(outputs["keyVaultUri"]),
        readiness_url=str(outputs["readinessUrl"]),
    )
