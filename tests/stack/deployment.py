"""The program's projects and stacks, for tests that deploy them with the engine."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from local_azure.testing import COMMAND_SECONDS, LocalAzure, Stack, Step, operations

__all__ = ["COMMAND_SECONDS", "Deployment", "LocalAzure", "Step", "operations", "write_project"]

ROOT = Path(__file__).parents[2]
IMAGE = "contoso.azurecr.io/shop:1.4.2"
PROGRAM = ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py", "settings.py", "requirements.txt")


def write_project(directory: Path, stack: str, settings: Mapping[str, Any], *, name: str | None = None) -> None:
    """Copy the program to a directory, with a stack file of these settings; ``name`` renames the project."""
    directory.mkdir(parents=True)
    for file in PROGRAM:
        shutil.copy(ROOT / file, directory / file)
    shutil.copytree(ROOT / "components", directory / "components", ignore=shutil.ignore_patterns("__pycache__"))
    # The images of this repository, and none of the settings that its own local runs lay over a stack.
    images = (ROOT / "local-azure.toml").read_text().partition("[[image]]")
    (directory / "local-azure.toml").write_text("".join(images[1:]).replace('"sample', f'"{ROOT}/sample'))
    configuration = {
        "azure-native:location": "westeurope",
        "app": "magictoolbox",
        "image": IMAGE,
        "rolePropagationSeconds": 0,
        "rollOut": {"steadySeconds": 2},
        **settings,
    }
    (directory / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": configuration}))
    project = yaml.safe_load((directory / "Pulumi.yaml").read_text())
    project["name"] = name or project["name"]
    project["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))


class Deployment(Stack):
    """A stack of this program."""

    def revisions(self) -> dict[str, str]:
        """Return the latest revision of each container app, by its logical name."""
        return {
            one["urn"].rsplit("::", 1)[-1]: one["outputs"]["latestRevisionName"]
            for one in self.resources()
            if one["type"] == "azure-native:app:ContainerApp"
        }

    def secrets(self) -> set[str]:
        """Return every secret of the stack as it may turn up: keys, passwords and URLs, raw and percent-encoded."""
        outputs = self.outputs()
        found = {outputs[name] for name in ("redisUrl", "celeryBrokerUrl", "celeryResultBackend")}
        for one in self.resources(show_secrets=True):
            if one["type"].endswith(("RandomPassword", "RandomBytes")):
                found.add(json.loads(one["outputs"]["result"]["plaintext"]))
            if one["type"] == "azure-native:keyvault:Secret":
                found.add(json.loads(one["inputs"]["properties"]["value"]["plaintext"]))
        found |= {quote(secret, safe="") for secret in found}
        return {secret for secret in found if len(secret) >= 16}
