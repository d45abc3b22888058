"""The `az` on the PATH of `local-azure run`: Microsoft's CLI, configured for and signed in to the emulator."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from local_azure.azure_cli import installation
from local_azure.core.tenant import Tenant
from local_azure.status import server_process
from local_azure.system import path_shims
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home, command_name
from local_azure.system.progress import say


def install(home: Home) -> None:
    """Install the `az` shim on the PATH of `run`. The CLI itself is installed at the first call."""
    path_shims.install(home, "az", "local_azure.azure_cli.az_command", "The Azure CLI, signed in to the local Azure.")


def cloud(home: Home) -> installation.Cloud:
    """Return the CLI's configuration for the running emulator of a home directory. Raises `AzError` when none runs."""
    running = server_process.find(home)
    if running is None:
        raise installation.AzError(
            f"this az works under the local Azure alone, which does not run: {command_name()} run az ..."
        )
    tenant = Tenant()
    return installation.Cloud(
        arm_port=running.ports["arm"],
        proxy_port=running.ports["vault-proxy"],
        tenant_id=tenant.tenant_id,
        client_id=tenant.client_id,
        secret_file=home.directory / "service-principal-secret",
        authority_file=home.directory / "tls" / "ca.pem",
    )


def main() -> int:
    """Replace this process by the CLI; return 1 when it is not available."""
    home = Home.from_environment()
    configuration = Path(home.directory / "azure-cli")
    try:
        found = cloud(home)
        command = installation.command()
        environment = installation.variables(os.environ, configuration, found)
        installation.sign_in(command, environment, configuration, found)
    except LocalAzureError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    os.execve(command[0], [*command, *sys.argv[1:]], environment)


if __name__ == "__main__":
    sys.exit(main())
