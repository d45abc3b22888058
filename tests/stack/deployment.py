"""What the stack tests do: they run the commands that a user runs, and read what the engine wrote."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from local_azure.core import options
from local_azure.pulumi_engine.project_copy import backend_of
from local_azure.system.paths import Home

ROOT = Path(__file__).parents[2]
IMAGE = "contoso.azurecr.io/shop:1.4.2"
PROGRAM = ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py", "settings.py", "requirements.txt")
CHANGING = frozenset({"create", "update", "replace", "delete", "create-replacement", "delete-replaced", "import"})
COMMAND_SECONDS = 300


@dataclass
class LocalAzure:
    """A local Azure by its state's directory, and every word that a command printed on it.

    Caches and apps really run only with ``data_plane``.
    """

    home: Path
    transcript: list[str] = field(default_factory=list)
    data_plane: bool = False

    def __post_init__(self) -> None:
        options.keep(Home(self.home), data_plane=self.data_plane)

    def run(
        self, *arguments: str, directory: Path = ROOT, check: bool = True, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``./local ARGUMENTS`` in a directory, with ``typed`` as its input; fail with what it printed."""
        environment = {**os.environ, "LOCAL_AZURE_HOME": str(self.home)}
        done = subprocess.run(
            [str(ROOT / "local"), *arguments],
            cwd=directory,
            env=environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        self.transcript += [done.stdout, done.stderr]
        if check:
            assert done.returncode == 0, (
                f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done


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
        "image": IMAGE,
        "rolePropagationSeconds": 0,
        **settings,
    }
    (directory / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": configuration}))
    project = yaml.safe_load((directory / "Pulumi.yaml").read_text())
    project["name"] = name or project["name"]
    project["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))


@dataclass(frozen=True)
class Step:
    """What the engine did to one resource."""

    operation: str
    type: str
    name: str


@dataclass
class Deployment:
    """A stack of a project on a local Azure."""

    azure: LocalAzure
    directory: Path
    stack: str

    def pulumi(self, *arguments: str, check: bool = True, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``./local run pulumi ARGUMENTS`` in the project, with ``typed`` as its input."""
        # The engine offers its option --event-log only with this variable.
        command = ("run", "env", "PULUMI_DEBUG_COMMANDS=true", "pulumi", *arguments)
        return self.azure.run(*command, directory=self.directory, check=check, typed=typed)

    def up(self, *arguments: str) -> list[Step]:
        """Deploy; return what was changed."""
        return self._change("up", "--yes", "--skip-preview", *arguments)

    def preview(self, *arguments: str) -> list[Step]:
        """Preview; return what would be changed."""
        return self._change("preview", *arguments)

    def destroy(self) -> list[Step]:
        """Destroy; return what was deleted."""
        return self._change("destroy", "--yes", "--skip-preview")

    def refresh(self) -> list[Step]:
        """Refresh; return what was found changed."""
        return self._change("refresh", "--yes", "--skip-preview")

    def _change(self, command: str, *arguments: str) -> list[Step]:
        log = self.directory / f"{command}.events"
        log.unlink(missing_ok=True)
        self.pulumi(command, "--stack", self.stack, "--event-log", str(log), *arguments)
        steps: list[Step] = []
        for line in log.read_text().splitlines():
            event = json.loads(line)
            # What came of a step; before it, a refresh does not know yet whether it will find a change.
            metadata = (event.get("resOutputsEvent") or {}).get("metadata")
            if metadata and (metadata["op"] in CHANGING):
                steps.append(Step(metadata["op"], metadata["type"], metadata["urn"].rsplit("::", 1)[-1]))
        return steps

    def configure(self, path: str, value: Any) -> None:
        """Change a setting in the stack file, by its path with dots."""
        file = self.directory / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text())
        holder = content["config"]
        *parents, last = path.split(".")
        for parent in parents:
            holder = holder.setdefault(parent, {})
        holder[last] = value
        file.write_text(yaml.safe_dump(content))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in the clear: never part of the transcript."""
        return self._read("stack", "output", "--json", "--show-secrets")

    def resources(self, *, show_secrets: bool = False) -> list[dict[str, Any]]:
        """The resources in the engine's state."""
        read = ("stack", "export", "--show-secrets")
        state = self._read(*read)["deployment"] if show_secrets else self._state()
        return state.get("resources") or []

    def pending_operations(self) -> list[dict[str, Any]]:
        """What the engine had begun when it was interrupted, and has not recorded."""
        return self._state().get("pending_operations") or []

    def resource(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The one resource in the state whose type ends so, or the one of that name."""
        found = [
            one
            for one in self.resources()
            if one["type"].endswith(kind) and name in (None, one["urn"].rsplit("::", 1)[-1])
        ]
        assert len(found) == 1, f"{kind} {name or ''}: {[one['urn'] for one in found]}"
        return found[0]

    def revisions(self) -> dict[str, str]:
        """Latest revision of each container app, by Pulumi's name of it."""
        return {
            one["urn"].rsplit("::", 1)[-1]: one["outputs"]["latestRevisionName"]
            for one in self.resources()
            if one["type"] == "azure-native:app:ContainerApp"
        }

    def secrets(self) -> set[str]:
        """Every secret of the stack as it may turn up: keys, passwords and URLs, raw and percent-encoded."""
        outputs = self.outputs()
        found = {outputs[name] for name in ("redisUrl", "celeryBrokerUrl", "celeryResultBackend")}
        for one in self.resources(show_secrets=True):
            if one["type"].endswith(("RandomPassword", "RandomBytes")):
                found.add(json.loads(one["outputs"]["result"]["plaintext"]))
            if one["type"] == "azure-native:keyvault:Secret":
                found.add(json.loads(one["inputs"]["properties"]["value"]["plaintext"]))
        found |= {quote(secret, safe="") for secret in found}
        return {secret for secret in found if len(secret) >= 16}

    def _state(self) -> dict[str, Any]:
        """The stack's state as the engine last wrote it, without a process that reads it."""
        project = yaml.safe_load((self.directory / "Pulumi.yaml").read_text())["name"]
        backend = backend_of(Home(self.azure.home), self.directory)
        file = backend / ".pulumi" / "stacks" / project / f"{self.stack}.json"
        return json.loads(file.read_text())["checkpoint"].get("latest") or {}

    def _read(self, *arguments: str) -> dict[str, Any]:
        before = len(self.azure.transcript)
        done = self.pulumi(*arguments, "--stack", self.stack)
        del self.azure.transcript[before:]
        return json.loads(done.stdout)

    def remove(self) -> None:
        """Destroy the stack and forget it."""
        self.pulumi("state", "unprotect", "--all", "--yes", "--stack", self.stack, check=False)
        self.pulumi("destroy", "--yes", "--skip-preview", "--remove", "--stack", self.stack, check=False)


def operations(steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Operation and name of each step."""
    return {(step.operation, step.name) for step in steps}
