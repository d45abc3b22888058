"""A local Azure and projects of the benchmark's own, and the engine's commands on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

ROOT = Path(__file__).resolve().parents[1]
STACK = "dev"
IMAGE = "contoso.azurecr.io/shop:1.4.2"
_PROGRAM = ("Pulumi.yaml", "__main__.py", "settings.py", "requirements.txt")
_COMMAND_SECONDS = 900


class BenchError(Exception):
    """A command failed; the message says which, and the end of what it printed."""


@dataclass(frozen=True)
class Step:
    """An operation of the engine on a resource."""

    operation: str
    type: str
    name: str


def own_environment(**variables: str) -> dict[str, str]:
    """Return the environment of what is measured: as it is here, but with compiled modules kept, as they are by
    default."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **variables}


class Workbench:
    """A local Azure in a directory of its own, without caches and apps that run, ended with the block.

    The environment of `./local run` is asked for once: its own start, some tenths of a second, is part of no
    measurement.
    """

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self._own = own_environment(LOCAL_AZURE_HOME=str(self._directory / "home"))
        self.environment: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
            printed = self.local("run", "env", "-0")
        except BaseException:
            self.close()
            raise
        pairs = (entry.partition("=") for entry in printed.split("\0") if entry)
        # The engine offers --event-log only with this variable.
        self.environment = {name: value for name, _, value in pairs} | {"PULUMI_DEBUG_COMMANDS": "true"}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the local Azure and delete all that was made."""
        self.local("stop")
        shutil.rmtree(self._directory, ignore_errors=True)

    def start(self, *options: str) -> None:
        """Start the local Azure, or change the options of the one that runs."""
        self.local("start", "--data-plane", "no", *options)

    def local(self, *arguments: str) -> str:
        """Run `./local ARGUMENTS`; return what it printed. Raises `BenchError`."""
        return run([str(ROOT / "local"), *arguments], ROOT, self._own)

    def engine_version(self) -> str:
        """Return the version of the Pulumi command-line program."""
        return run(["pulumi", "version"], self._directory, self.environment).strip().removeprefix("v")

    def project(self, name: str, settings: Mapping[str, Any] | None = None) -> Project:
        """Return a copy of the program with a stack of these settings; the wait for roles, which only sleeps, is left
        out."""
        directory = self._directory / name
        directory.mkdir()
        for file in _PROGRAM:
            shutil.copy(ROOT / file, directory / file)
        shutil.copytree(ROOT / "components", directory / "components", ignore=shutil.ignore_patterns("__pycache__"))
        description = yaml.safe_load((directory / "Pulumi.yaml").read_text())
        description["name"] = name
        description["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(description, sort_keys=False))
        project = Project(self, directory)
        project.configure({"app": "magictoolbox", "image": IMAGE, "rolePropagationSeconds": 0, **(settings or {})})
        return project

    def empty_project(self, name: str) -> Project:
        """Return a Python program that registers nothing, run by the same engine and interpreter."""
        directory = self._directory / name
        directory.mkdir()
        description = {
            "name": name,
            "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}},
        }
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(description, sort_keys=False))
        (directory / "__main__.py").write_text("")
        project = Project(self, directory)
        project.configure({})
        return project


@dataclass(frozen=True)
class Project:
    """A Pulumi project with one stack."""

    workbench: Workbench
    directory: Path

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the stack's file."""
        config = {"azure-native:location": "westeurope", **settings}
        (self.directory / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))

    def pulumi(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run a command of the engine on the stack; return what it printed. Raises `BenchError`."""
        environment = {**self.workbench.environment, **(variables or {})}
        return run(["pulumi", *arguments, "--stack", STACK, "--non-interactive"], self.directory, environment)

    def seconds(self, *arguments: str, variables: Mapping[str, str] | None = None) -> float:
        """Return the wall time of a command of the engine in seconds."""
        started = time.perf_counter()
        self.pulumi(*arguments, variables=variables)
        return time.perf_counter() - started

    def steps(self, *arguments: str, variables: Mapping[str, str] | None = None) -> list[Step]:
        """Run a command; return what it did, or would do, to which resource, by the engine's event log."""
        return self.timed_steps(*arguments, variables=variables)[1]

    def timed_steps(self, *arguments: str, variables: Mapping[str, str] | None = None) -> tuple[float, list[Step]]:
        """Return the steps as `steps` does, with the command's seconds."""
        log = self.directory / "events.json"
        log.unlink(missing_ok=True)
        seconds = self.seconds(*arguments, "--event-log", str(log), variables=variables)
        steps: list[Step] = []
        for line in log.read_text().splitlines():
            event: dict[str, dict[str, dict[str, str]]] = json.loads(line)
            metadata = event.get("resOutputsEvent", {}).get("metadata")
            if metadata and metadata["op"] not in ("same", "read"):
                steps.append(Step(metadata["op"], metadata["type"], metadata["urn"].rsplit("::", 1)[-1]))
        return seconds, steps

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the engine's state, secrets encrypted."""
        return json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> str:
    """Run a command to its end; return its standard output.

    Raises:
        BenchError: with the last lines that it printed; a process that outlives the limit is ended.
    """
    # Found on the PATH of the command's own environment, not on ours.
    program = shutil.which(command[0], path=environment.get("PATH")) or command[0]
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command[:3])}: not done after {_COMMAND_SECONDS} s") from None
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BenchError(f"{' '.join(command[:3])}: exit code {done.returncode}\n{last}")
    return done.stdout
