"""The environment of a command under `run`: the engine, the attached providers, a file backend."""

import os
from collections.abc import Mapping
from pathlib import Path

from local_azure.pulumi_engine.engine import LANGUAGE_HOST_MODULE, Engine
from local_azure.system.environment_variables import without_credentials
from local_azure.system.paths import Home, backend_url


def for_command(
    environment: Mapping[str, str], *, home: Home, engine: Engine, ports: Mapping[str, int], python: str, backend: Path
) -> dict[str, str]:
    """Return the environment of a command under `run`: the engine first on PATH, the attached providers, a file
    backend.

    `ports` maps a provider's name to its port on the loopback address, `python` runs programs that name no virtual
    environment, `backend` is the directory of the stacks.
    """
    path = environment.get("PATH", os.defpath)
    return {
        **without_credentials(environment),
        "PATH": os.pathsep.join([str(home.commands), str(engine.directory), path]),
        "LOCAL_AZURE_HOME": str(home.directory),
        "LOCAL_AZURE_PYTHON": python,
        "LOCAL_AZURE_LANGUAGE_HOST": LANGUAGE_HOST_MODULE,
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
