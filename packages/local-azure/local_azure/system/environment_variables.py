"""The environment of a command under `run`: what it must not inherit, and what it is given."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_azure.pulumi_engine.engine import Engine
from local_azure.system.paths import ROOT, Home, backend_url

# Credentials of Azure, of Pulumi and of the pipelines that lend either: none may reach a local run, in which nothing
# could use them and anything could show them. Sources: azure-native's configuration (ARM_*), azure-identity's
# EnvironmentCredential and ManagedIdentityCredential (AZURE_*, IDENTITY_*, MSI_*), GitHub's OIDC token request
# (ACTIONS_ID_TOKEN_*), Azure DevOps (SYSTEM_*), Pulumi's documented environment variables.
_DROPPED_PREFIXES = (
    "ARM_",
    "AZURE_",
    "ACTIONS_ID_TOKEN_",
    "IDENTITY_",
    "MSI_",
    "PULUMI_CONFIG",
    "PULUMI_DIY_BACKEND_",
    "PULUMI_SELF_MANAGED_STATE_",
)
_DROPPED = frozenset(
    {
        "PULUMI_ACCESS_TOKEN",
        "PULUMI_API",
        "PULUMI_AUTOMATION_API",
        "PULUMI_BACKEND_URL",
        "PULUMI_CREDENTIALS_PATH",
        "PULUMI_CREDENTIAL_STORE",
        "PULUMI_DEBUG_LANGUAGES",
        "PULUMI_DEBUG_PROVIDERS",
        "PULUMI_DEFAULT_ORGANIZATION",
        "PULUMI_HOME",
        "PULUMI_OPTION_CONFIG_FILE",
        "PULUMI_OPTION_CWD",
        "PULUMI_OPTION_SECRETS_PROVIDER",
        "PULUMI_TEAM_ACCESS_TOKEN",
        "SYSTEM_ACCESSTOKEN",
        "SYSTEM_OIDCREQUESTURI",
    }
)


def without_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without Azure's and Pulumi's credentials and without settings that lead to another cloud."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }


def for_command(
    environment: Mapping[str, str], *, home: Home, engine: Engine, ports: Mapping[str, int], python: str, backend: Path
) -> dict[str, str]:
    """What a command under `run` gets: the engine first on PATH, the attached providers, a backend of its own.

    `ports` maps a provider's name to its port on the loopback address, `python` runs programs that name no virtual
    environment, `backend` is the directory of the stacks.
    """
    path = environment.get("PATH", os.defpath)
    return {
        **without_credentials(environment),
        "PATH": os.pathsep.join([str(home.commands), str(engine.directory), path]),
        "LOCAL_AZURE_HOME": str(home.directory),
        "LOCAL_AZURE_PYTHON": python,
        "LOCAL_AZURE_ROOT": str(ROOT),
        "LOCAL_AZURE_ENGINE": str(engine.program),
        "PULUMI_BACKEND_URL": backend_url(backend),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home.passphrase),
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in sorted(ports.items())),
        # Looking for plugins that are attached already costs seconds on a machine without network.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(home.pulumi_home),
        "PULUMI_PYTHON_CMD": python,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
