"""The stacks and the copied configuration of a Pulumi project in local runs.

The engine runs in the project's directory, so that relative paths on its command line are valid, but reads and writes
the stack's configuration in a workspace with copies of the project file and of each stack's file. Each project
directory has its own file backend: programs with the same name do not share stacks.
"""

import hashlib
import json
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from local_azure.pulumi_engine import stack_config
from local_azure.pulumi_engine.stack_config import StackConfigError, StackFile
from local_azure.system import project_file
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import PROJECT_FILE, Home, backend_url
from local_azure.system.progress import say

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
_NOT_COPIED = ("backend", "main", "packages", "plugins", "stackConfigDir", "template")
"""Settings of a project file that select other files than the copy, or contain paths relative to the project."""


class ProjectError(LocalAzureError):
    """A project or a stack cannot be prepared for a local run. The message is one line for the user."""


@dataclass(frozen=True)
class Project:
    """A Pulumi project on disk, by its project file."""

    file: Path
    name: str
    settings: Mapping[str, yaml.Node]

    @classmethod
    def find(cls, directory: Path) -> "Project | None":
        """Return the project of a directory: the nearest project file in it or above it, as Pulumi finds it."""
        for candidate in (directory, *directory.parents):
            for name in _PROJECT_FILES:
                if (candidate / name).is_file():
                    return cls.load(candidate / name)
        return None

    @classmethod
    def load(cls, file: Path) -> "Project":
        try:
            root = stack_config.parse(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ProjectError(f"{file} cannot be read as a Pulumi project: {type(error).__name__}") from None
        settings = stack_config.children(root) if root is not None else None
        name = (settings or {}).get("name")
        if settings is None or not isinstance(name, yaml.ScalarNode):
            raise ProjectError(f"{file} is no Pulumi project: it has no name")
        return cls(file, name.value, settings)

    @property
    def directory(self) -> Path:
        return self.file.parent

    def stack_file(self, stack: str) -> Path:
        """Return the path of the tracked configuration of a stack."""
        folder = self.settings.get("stackConfigDir") or self.settings.get("config")
        directory = self.directory / folder.value if isinstance(folder, yaml.ScalarNode) else self.directory
        return directory / f"Pulumi.{stack}{self.file.suffix}"


@dataclass(frozen=True)
class Pulumi:
    """The engine as this module calls it: the program and the environment of the local run."""

    program: str
    environment: Mapping[str, str]

    def run(self, arguments: list[str], workspace: Path, standard_input: str = "") -> None:
        """Run a command that must not ask anything. Raises `ProjectError` with the engine's own words."""
        answer = subprocess.run(
            [self.program, "--non-interactive", "--color", "never", *arguments],
            cwd=workspace,
            env=self.environment,
            input=standard_input,
            capture_output=True,
            text=True,
        )
        if answer.returncode != 0:
            words = " ".join(answer.stderr.split()) or f"exit code {answer.returncode}"
            raise ProjectError(f"pulumi {' '.join(arguments[:2])}: {words}")


def backend_of(home: Home, directory: Path) -> Path:
    """Return the backend directory of a project directory; create it if necessary."""
    backend = _directory_of(home, directory) / "backend"
    backend.mkdir(mode=0o700, parents=True, exist_ok=True)
    return backend


def _directory_of(home: Home, directory: Path) -> Path:
    """Return a readable name for people, made unique by the path."""
    resolved = directory.resolve()
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", resolved.name)[:40] or "root"
    digest = hashlib.sha256(str(resolved).encode()).hexdigest()[:8]
    return home.projects / f"{readable}-{digest}"


@dataclass(frozen=True)
class ProjectCopy:
    """The workspace of a project: its copies of the project file and of the stacks' configuration."""

    home: Home
    project: Project

    @property
    def directory(self) -> Path:
        return _directory_of(self.home, self.project.directory)

    @property
    def workspace(self) -> Path:
        return self.directory / "workspace"

    @property
    def backend(self) -> Path:
        return backend_of(self.home, self.project.directory)

    def stack_file(self, stack: str) -> Path:
        """Return the copy of a stack's configuration, which the engine reads and writes."""
        return self.workspace / f"Pulumi.{stack}.yaml"

    def _base_file(self, stack: str) -> Path:
        """Return the path of the configuration as last derived: the base of the three-way merge."""
        return self.directory / "derived" / f"Pulumi.{stack}.yaml"

    def has_stack(self, stack: str) -> bool:
        """Return whether the backend has the stack."""
        folder = self.backend / ".pulumi" / "stacks" / self.project.name
        return any((folder / f"{stack}.json{compression}").exists() for compression in ("", ".gz", ".zst"))

    def selected_stack(self) -> str | None:
        """Return the stack chosen by `pulumi stack select`, from the engine's own records of workspaces."""
        for record in sorted((self.home.pulumi_home / "workspaces").glob("*-workspace.json")):
            try:
                stacks = json.loads(record.read_text(encoding="utf-8"))["stacks"]
                return short_name(str(stacks[backend_url(self.backend)]))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # of another project, or with nothing selected
        return None

    def refresh(self) -> None:
        """Bring the copy of the project file up to date, and forget what was derived for copies that are gone.

        The engine removes a stack's file with the stack. A copy that it makes later has another salt, and nothing in it
        that its user has taken out.
        """
        for base_file in (self.directory / "derived").glob("Pulumi.*.yaml"):
            if not (self.workspace / base_file.name).exists():
                base_file.unlink(missing_ok=True)
        settings = {name: node for name, node in self.project.settings.items() if name not in _NOT_COPIED}
        if isinstance(settings.get("config"), yaml.ScalarNode):
            del settings["config"]  # an old name of stackConfigDir
        self.workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_if_changed(self.workspace / "Pulumi.yaml", stack_config.serialize(stack_config.mapping(settings)))

    def prepare(self, stack: str, pulumi: Pulumi, tracked_file: Path | None = None) -> None:
        """Create the stack in the backend if it does not exist, and derive its configuration again.

        `tracked_file` is another file than the usual one to derive it from. A stack without a tracked file is left to
        the engine. Raises `ProjectError`.
        """
        tracked_file = tracked_file or self.project.stack_file(stack)
        with locked(self.directory / "lock"):
            if not tracked_file.is_file():
                return
            if not self.has_stack(stack):
                # Writes the local encryption's salt into the copy, which the generated secrets below need.
                pulumi.run(["stack", "init", "--no-select", stack], self.workspace)
                say(f"Created stack '{stack}' in the local Azure.")
            try:
                self._derive(stack, tracked_file, pulumi)
            except StackConfigError as error:
                raise ProjectError(str(error)) from None

    def _derive(self, stack: str, tracked_file: Path, pulumi: Pulumi) -> None:
        tracked = self._read(tracked_file)
        copy = self._read(self.stack_file(stack))
        base_file = self._base_file(stack)
        base = self._read(base_file).entries
        if "environment" in tracked.settings and not base_file.exists():
            say(f"{tracked_file.name}: `environment` is left out of the local run: it is Pulumi Cloud's.")

        def secret(path: stack_config.Path) -> str:
            return stack_config.ciphertext_of(stack_config.at(base, path)) or self._generated_secret(
                stack, copy, pulumi
            )

        derived = stack_config.derive(tracked, self._overlay(), secret)
        merged = stack_config.merge(base, copy.entries, derived)
        _write_if_changed(self.stack_file(stack), StackFile(merged, copy.settings).text())
        _write_if_changed(base_file, StackFile(derived, {}).text())

    def adopt(self, file: Path) -> None:
        """Take over a stack file that the engine has written into the project.

        What the local passphrase encrypts moves to the copy; the file keeps what another backend can read.
        """
        stack = file.name.removeprefix("Pulumi.").removesuffix(file.suffix)
        with locked(self.directory / "lock"):
            self.refresh()
            written = self._read(file)
            write_atomically(self.stack_file(stack), written.text())
            readable = {key: node for key, node in written.entries.items() if stack_config.ciphertext_of(node) is None}
            if readable:
                write_atomically(file, StackFile(readable, {}).text(), 0o644)
            else:
                file.unlink()
            _write_if_changed(self._base_file(stack), StackFile(readable, {}).text())

    def _generated_secret(self, stack: str, copy: StackFile, pulumi: Pulumi) -> str:
        """Return a random value, encrypted by the engine for the stack; it is passed by standard input only."""
        scratch = self.directory / "secret.yaml"
        key = f"{self.project.name}:generated"
        try:
            write_atomically(scratch, StackFile({}, copy.settings).text())
            pulumi.run(
                ["config", "set", "--secret", "--stack", stack, "--config-file", str(scratch), key],
                self.workspace,
                secrets.token_urlsafe(24),
            )
            ciphertext = stack_config.ciphertext_of(self._read(scratch).entries.get(key))
        finally:
            scratch.unlink(missing_ok=True)
        if ciphertext is None:
            raise ProjectError(f"pulumi config set wrote no encrypted value for stack {stack}")
        return ciphertext

    def _overlay(self) -> StackFile | None:
        """Return the settings that the project's `local-azure.toml` lays over its stacks in local runs."""
        path = self.project.directory / PROJECT_FILE
        if not path.is_file():
            return None
        config = project_file.read(path).config
        return StackFile.parse(yaml.safe_dump({"config": config}), self.project.name, path.name)

    def _read(self, file: Path) -> StackFile:
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        return StackFile.parse(text, self.project.name, file.name)


def short_name(stack: str) -> str:
    """Return the short name of a stack: `organization/project/dev` -> `dev`."""
    return stack.rpartition("/")[2]


def _write_if_changed(file: Path, text: str) -> None:
    try:
        if file.read_text(encoding="utf-8") == text:
            return
    except FileNotFoundError:
        pass
    write_atomically(file, text)
