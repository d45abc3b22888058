"""Paths of the emulator, all under one home directory."""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The directory of the package `local_azure`."""

PROJECT_FILE = "local-azure.toml"
"""The project's configuration of the emulator: container images, and settings for local runs."""
_HOME_NAME = ".local-azure"
_PROJECT_MARKS = (PROJECT_FILE, "Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def command_name(environment: Mapping[str, str] = os.environ) -> str:
    """Return how the user calls this program: `LOCAL_AZURE_COMMAND` names a script that wraps it."""
    return environment.get("LOCAL_AZURE_COMMAND") or "local-azure"


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of this package from any directory.

    `-I` keeps the caller's PYTHON* variables and current directory out of it; nothing is exported to its children.
    """
    return [sys.executable, "-I", "-m", module]


def project_directory(directory: Path) -> Path | None:
    """Return the nearest directory, from this one upwards, that holds a project file of ours or of Pulumi's."""
    for candidate in (directory, *directory.parents):
        if any((candidate / name).is_file() for name in _PROJECT_MARKS):
            return candidate
    return None


def user_cache(environment: Mapping[str, str] = os.environ, system: str | None = None) -> Path:
    """Return our part of the user's cache directory: what projects share, and what can be made again.

    `XDG_CACHE_HOME` if it is absolute (as the XDG Base Directory Specification asks), else `~/Library/Caches` on macOS
    and `~/.cache` elsewhere.
    """
    moved = environment.get("XDG_CACHE_HOME", "")
    if os.path.isabs(moved):
        base = Path(moved)
    elif (system or platform.system()) == "Darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "local-azure"


def backend_url(backend: Path) -> str:
    """Return the address of a directory of stacks, as the engine takes it.

    Without metadata: the engine writes the attributes of a file (`.attrs`) beside it, and not in one step, so that a
    killed engine could leave them cut off; it then failed on every command with nothing but `EOF`.
    """
    return f"{backend.as_uri()}?metadata=skip"


@dataclass(frozen=True)
class Home:
    """The home directory of an emulator: its state, stacks, copied stack configuration and logs."""

    directory: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """Return the home of a command.

        `LOCAL_AZURE_HOME` if set (relative to the current directory), else `.local-azure` in the directory of the
        nearest project, else in the current directory.
        """
        if moved := environment.get("LOCAL_AZURE_HOME"):
            return cls(Path(moved).expanduser().resolve())
        here = Path.cwd()
        return cls((project_directory(here) or here) / _HOME_NAME)

    @property
    def process_lock(self) -> Path:
        """Locked by the server process while it runs; contains its process id."""
        return self.directory / "process.lock"

    @property
    def use_lock(self) -> Path:
        """Locked (shared) by every command of `run`, so that the server is not restarted while a command runs."""
        return self.directory / "use.lock"

    @property
    def endpoints(self) -> Path:
        """Written by the server when it is ready: its process id and its ports."""
        return self.directory / "endpoints.json"

    @property
    def state(self) -> Path:
        """The state file."""
        return self.directory / "state.sqlite"

    @property
    def server_log(self) -> Path:
        return self.directory / "server.log"

    @property
    def commands(self) -> Path:
        """The directory of the shims, first on the PATH of `run`."""
        return self.directory / "bin"

    @property
    def passphrase(self) -> Path:
        return self.directory / "passphrase"

    @property
    def pulumi_home(self) -> Path:
        return self.directory / "pulumi"

    @property
    def projects(self) -> Path:
        """A directory for each Pulumi project: its stacks and its copied configuration."""
        return self.directory / "projects"

    @property
    def fork_servers(self) -> Path:
        """Sockets and locks of the fork servers, and the SDK modules that each program used."""
        return self.directory / "fork-servers"

    @property
    def engine_choice(self) -> Path:
        """Caches the version of the `pulumi` on PATH."""
        return self.directory / "engine.json"

    @property
    def _mark(self) -> Path:
        return self.directory / "README"

    def create(self) -> None:
        """Make the directory, readable by its owner alone."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._mark.exists():
            self._mark.write_text(
                "State, stacks and logs of a local Azure. `local-azure reset` deletes this directory.\n"
            )
            # Whatever repository the project is in, none of this belongs into it.
            (self.directory / ".gitignore").write_text("*\n")

    def may_be_deleted(self) -> bool:
        """Return whether the directory is an emulator's home; `LOCAL_AZURE_HOME` may be another directory by
        mistake."""
        return self._mark.exists() or not any(self.directory.iterdir())
