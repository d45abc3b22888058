"""Which subscription a deployment goes to: the same places are asked as by the provider of the program."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

from doctor.client import Client, RefusedError, UnreachableError
from doctor.errors import CannotLookError
from doctor.preflight.plan import Plan
from doctor.values import text

_VARIABLES = ("ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID")
_TIMEOUT_SECONDS = 30


def find(plan: Plan, client: Client, environment: Mapping[str, str]) -> str:
    """Return the subscription's id: of the stack's configuration, the environment, or who is signed in.

    https://www.pulumi.com/registry/packages/azure-native/installation-configuration. Raises `CannotLookError`.
    """
    named = plan.settings.get("azure-native:subscriptionId", "")
    for name in _VARIABLES:
        named = named or environment.get(name, "")
    named = named or next((one.id.split("/")[2] for one in plan.resources if one.id.startswith("/subscriptions/")), "")
    if named or (named := _of_azure_cli()):
        return named
    try:
        found = [text(one, "subscriptionId") for one in client.list("/subscriptions")]
    except (RefusedError, UnreachableError) as error:
        raise CannotLookError(f"the subscriptions cannot be listed: {error}") from None
    if len(found) != 1:
        raise CannotLookError(
            f"{len(found)} subscriptions can be seen and none is chosen: run `az account set --subscription ID`, or "
            "`pulumi config set azure-native:subscriptionId ID`"
        )
    return found[0]


def _of_azure_cli() -> str:
    program = shutil.which("az")
    if program is None:
        return ""
    command = [program, "account", "show", "--query", "id", "--output", "tsv"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
