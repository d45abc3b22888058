"""The Azure CLI, unchanged, as the tests call it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_azure.azure_cli import installation
from local_azure.resource_types.base import Tenant

COMMAND_SECONDS = 300
Az = Callable[..., Any]


class RefusedError(Exception):
    """The error output of a failed az command."""


def installed() -> list[str]:
    """Return the words that start the CLI. Where it is not installed CI installs it, and other machines leave the test
    out."""
    if not installation.is_installed() and not os.environ.get("CI"):
        pytest.skip("the Azure CLI is not installed (700 MB): `./local run az version` does it")
    return installation.command()


def signed_in(home: Path, configuration: Path, *, arm_port: int, proxy_port: int) -> Az:
    """Return a function that runs az, signed in to the emulator, and returns its output; it raises `RefusedError`."""
    tenant = Tenant()
    cloud = installation.Cloud(
        arm_port=arm_port,
        proxy_port=proxy_port,
        tenant_id=tenant.tenant_id,
        client_id=tenant.client_id,
        secret_file=home / "service-principal-secret",
        authority_file=home / "tls" / "ca.pem",
    )
    command = installed()
    environment = installation.variables(os.environ, configuration, cloud) | {"AZURE_CORE_ONLY_SHOW_ERRORS": "true"}
    installation.sign_in(command, environment, configuration, cloud)

    def run(*arguments: str) -> Any:
        ended = subprocess.run(
            [*command, *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if ended.returncode:
            raise RefusedError(ended.stderr)
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    return run
