"""Test helpers: start an emulator, deploy a Pulumi program to it with the real engine, and wait for its apps.

A pytest plugin: the fixtures `local_azure`, `local_azure_with_apps` and `local_azure_factory` are there wherever the
package is installed. For example, in the tests of any Pulumi azure-native program:

    from local_azure.testing import LocalAzure, Stack

    def test_the_program_is_idempotent(local_azure: LocalAzure) -> None:
        stack = Stack(local_azure, Path("infra"), "dev")
        assert stack.up()
        assert not stack.up(), "a second deployment changes nothing"

Each local Azure has a state of its own in a temporary directory and is stopped after the last test. With pytest-xdist,
each worker has its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import yaml

from local_azure.core import options
from local_azure.pulumi_engine.project_copy import backend_of
from local_azure.system.paths import Home

COMMAND_SECONDS = 600.0
"""Time-out of a command in seconds."""
_CHANGING = frozenset({"create", "update", "replace", "delete", "create-replacement", "delete-replaced", "import"})
"""The engine's operations that change resources."""


@dataclass
class LocalAzure:
    """A local Azure: the directory of its state, and all that its commands have printed.

    It starts with the first command that needs it.

    Attributes:
        home: directory of its state.
        data_plane: whether caches and apps really run. Without it a deployment is only judged and recorded, in a
            fraction of the time.
        variables: environment variables of every command, beside the caller's.
        transcript: standard output and standard error of every command.
    """

    home: Path
    data_plane: bool = False
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    transcript: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        options.save(Home(self.home), data_plane=self.data_plane)

    def __enter__(self) -> LocalAzure:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of every command."""
        return {**os.environ, **self.variables, "LOCAL_AZURE_HOME": str(self.home)}

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """Return the command line of `local-azure ARGUMENTS`."""
        return [sys.executable, "-I", "-m", "local_azure", *arguments]

    def run(
        self,
        *arguments: str,
        directory: Path | None = None,
        check: bool = True,
        typed: str = "",
        seconds: float = COMMAND_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        """Run `local-azure ARGUMENTS`.

        Args:
            arguments: such as `"run", "pulumi", "preview"`.
            directory: where it runs; the current directory if it is not given.
            check: fail the test if the command fails, with what it printed.
            typed: its standard input.
            seconds: time limit.

        Raises:
            subprocess.TimeoutExpired: after the time limit.
        """
        done = subprocess.run(
            self.command(*arguments),
            cwd=directory,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        self.transcript += [done.stdout, done.stderr]
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments: str) -> None:
        """Start it with options of `local-azure start`, such as `"--latency", "azure"`."""
        self.run("start", *arguments)

    def stop(self) -> None:
        """Stop it; its state stays."""
        self.run("stop", check=False)

    def status(self) -> dict[str, Any]:
        """Return what `local-azure status --json` says: ports by name, process id, resources by type, faults."""
        return json.loads(self.run("status", "--json", check=False).stdout)


@dataclass(frozen=True)
class Step:
    """An operation of the engine on a resource.

    Attributes:
        operation: the engine's word, such as `create`, `update` or `replace`.
        type: Pulumi's type token.
        name: the resource's name in the program.
    """

    operation: str
    type: str
    name: str


@dataclass
class Stack:
    """A stack of a Pulumi project on a local Azure.

    Attributes:
        azure: the local Azure.
        directory: the project's directory; none of its files is changed.
        stack: the stack's name. It is made when it is not there yet.
    """

    azure: LocalAzure
    directory: Path
    stack: str

    def pulumi(self, *arguments: str, check: bool = True, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run `pulumi ARGUMENTS` in the project."""
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
        """Refresh; return the drift that was found."""
        return self._change("refresh", "--yes", "--skip-preview")

    def wait_until_ready(self, seconds: float = 120.0) -> None:
        """Wait until every app of the stack serves its newest revision; fail the test after the time limit.

        This needs a local Azure with its data plane.
        """
        arguments = ("ready", "--stack", self.stack, "--seconds", str(seconds))
        self.azure.run(*arguments, directory=self.directory, seconds=seconds + COMMAND_SECONDS)

    def configure(self, path: str, value: Any) -> None:
        """Change a setting in the project's stack file, by its path with dots."""
        file = self.directory / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        holder = content["config"]
        *parents, last = path.split(".")
        for parent in parents:
            holder = holder.setdefault(parent, {})
        holder[last] = value
        file.write_text(yaml.safe_dump(content), encoding="utf-8")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets in the clear; they are not part of the transcript."""
        return self._read("stack", "output", "--json", "--show-secrets")

    def resources(self, *, show_secrets: bool = False) -> list[dict[str, Any]]:
        """Return the resources in the engine's state; they are not part of the transcript."""
        read = ("stack", "export", "--show-secrets")
        state = self._read(*read)["deployment"] if show_secrets else self._state()
        return state.get("resources") or []

    def resource(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """Return the one resource in the state whose type ends with `kind`, or the one of a name as well."""
        found = [
            one
            for one in self.resources()
            if one["type"].endswith(kind) and name in (None, one["urn"].rsplit("::", 1)[-1])
        ]
        assert len(found) == 1, f"{kind} {name or ''}: {[one['urn'] for one in found]}"
        return found[0]

    def pending_operations(self) -> list[dict[str, Any]]:
        """Return what the engine had begun when it was interrupted, and has not recorded."""
        return self._state().get("pending_operations") or []

    def remove(self) -> None:
        """Destroy the stack, what it protects included, and forget it."""
        self.pulumi("state", "unprotect", "--all", "--yes", "--stack", self.stack, check=False)
        self.pulumi("destroy", "--yes", "--skip-preview", "--remove", "--stack", self.stack, check=False)

    def _change(self, command: str, *arguments: str) -> list[Step]:
        # The engine writes values in the clear into its events: they are read and gone.
        with tempfile.TemporaryDirectory() as aside:
            log = Path(aside) / "events"
            self.pulumi(command, "--stack", self.stack, "--event-log", str(log), *arguments)
            lines = log.read_text(encoding="utf-8").splitlines()
        steps: list[Step] = []
        for line in lines:
            event: dict[str, Any] = json.loads(line)
            # What came of a step; before it, a refresh does not know yet whether it will find a change.
            outcome: dict[str, Any] = event.get("resOutputsEvent") or {}
            metadata: dict[str, Any] | None = outcome.get("metadata")
            if metadata and metadata["op"] in _CHANGING:
                steps.append(Step(metadata["op"], metadata["type"], metadata["urn"].rsplit("::", 1)[-1]))
        return steps

    def _state(self) -> dict[str, Any]:
        """Return the stack's state as the engine last wrote it, without a process that reads it."""
        project = yaml.safe_load((self.directory / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
        backend = backend_of(Home(self.azure.home), self.directory)
        file = backend / ".pulumi" / "stacks" / project / f"{self.stack}.json"
        return json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}

    def _read(self, *arguments: str) -> dict[str, Any]:
        before = len(self.azure.transcript)
        done = self.pulumi(*arguments, "--stack", self.stack)
        del self.azure.transcript[before:]
        return json.loads(done.stdout)


def operations(steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Return operation and name of each step."""
    return {(step.operation, step.name) for step in steps}


@pytest.fixture(scope="session")
def local_azure_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., LocalAzure]]:
    """Make local Azures; each is stopped after the last test. Arguments are those of `LocalAzure` after `home`."""
    made: list[LocalAzure] = []

    def make(**arguments: Any) -> LocalAzure:
        made.append(LocalAzure(tmp_path_factory.mktemp("local-azure"), **arguments))
        return made[-1]

    yield make
    for azure in made:
        azure.stop()


@pytest.fixture(scope="session")
def local_azure(local_azure_factory: Callable[..., LocalAzure]) -> LocalAzure:
    """Provide an emulator without the data plane: it validates and records deployments; caches and apps do not run."""
    return local_azure_factory()


@pytest.fixture(scope="session")
def local_azure_with_apps(local_azure_factory: Callable[..., LocalAzure]) -> LocalAzure:
    """Provide an emulator with the data plane: caches and apps run."""
    return local_azure_factory(data_plane=True)
