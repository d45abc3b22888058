"""The Azure CLI for the emulator: its virtual environment and the sign-in.

The CLI is Microsoft's, unchanged (requirements.txt beside this file). Its clouds and accounts are in the emulator's
home directory, separate from the user's accounts.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.system import progress, python_environments
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import PACKAGE

REQUIREMENTS = PACKAGE / "azure_cli" / "requirements.txt"
CLOUD_NAME = "LocalAzure"
_STAMP = "signed-in"
_KEPT = frozenset({"config", "cliextensions"})
"""The user's settings and extensions, which a new sign-in keeps."""
_SECONDS = 120.0
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


class AzError(LocalAzureError):
    """The Azure CLI could not be set up, or not be signed in. The message is for the user."""


@dataclass(frozen=True)
class Cloud:
    """The CLI's configuration for an emulator."""

    arm_port: int
    proxy_port: int
    """The port of the forward proxy for the host names of Azure's data planes."""
    tenant_id: str
    client_id: str
    secret_file: Path
    """The file with the service principal's secret; process arguments contain only its path."""
    authority_file: Path
    """The certificate authority to trust."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.arm_port}/"

    def fingerprint(self) -> str:
        """Return a hash that changes when the CLI must sign in again. It contains no secret."""
        digest = hashlib.sha256(f"{self.url} {self.tenant_id} {self.client_id} ".encode())
        digest.update(self.secret_file.read_bytes() + b" " + self.authority_file.read_bytes())
        return digest.hexdigest()


def is_installed() -> bool:
    """Return whether `command` would find the CLI installed."""
    return python_environments.is_cached("az", (REQUIREMENTS,))


def command() -> list[str]:
    """Return the words that start the CLI, which is installed if it is not there. Raises `AzError`.

    `-I` keeps the caller's PYTHON* variables and current directory out of it.
    """
    try:
        python = python_environments.cached("az", (REQUIREMENTS,))
    except progress.CommandFailedError as failure:
        raise AzError(f"the Azure CLI could not be installed: {failure}") from failure
    return [str(python), "-Im", "azure.cli"]


def variables(environment: Mapping[str, str], configuration: Path, cloud: Cloud) -> dict[str, str]:
    """Return the environment of the CLI: its configuration in a directory of its own, every name led to the local
    Azure."""
    kept = {name: value for name, value in environment.items() if name.lower() not in _PROXIES}
    return {
        **kept,
        "AZURE_CONFIG_DIR": str(configuration),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_SURVEY_MESSAGE": "false",
        # An extension that is missing would be looked for on the internet.
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "HTTPS_PROXY": f"http://127.0.0.1:{cloud.proxy_port}",
        "NO_PROXY": "localhost,127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(cloud.authority_file),
    }


def sign_in(az: list[str], environment: Mapping[str, str], configuration: Path, cloud: Cloud) -> None:
    """Register the cloud and sign its service principal in, if not done yet. Raises `AzError`."""
    configuration.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(configuration / "sign-in.lock"):
        stamp, wanted = configuration / _STAMP, cloud.fingerprint()
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        _forget(configuration)
        with progress.reported("Signing the Azure CLI in to the local Azure ..."):
            for words in (
                ("cloud", "register", "--name", CLOUD_NAME, "--endpoint-resource-manager", cloud.url),
                ("cloud", "set", "--name", CLOUD_NAME),
                (
                    *("login", "--service-principal", "--tenant", cloud.tenant_id),
                    *("--username", cloud.client_id, "--password", f"@{cloud.secret_file}"),
                ),
            ):
                try:
                    progress.run_quietly([*az, *words, "--only-show-errors"], env=environment, timeout=_SECONDS)
                except progress.CommandFailedError as failure:
                    raise AzError(f"the Azure CLI failed at `az {words[0]}` on {cloud.url}: {failure}") from failure
        write_atomically(stamp, wanted)


def _forget(configuration: Path) -> None:
    """Delete the CLI's data of another cloud or an earlier sign-in."""
    for path in configuration.iterdir():
        if path.name in _KEPT or path.name.endswith(".lock"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
