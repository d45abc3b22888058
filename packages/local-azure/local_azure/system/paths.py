"""Where the local Azure keeps its things: all of them under one home directory."""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's top directory, the one that holds `local`."""

PACKAGE = Path(__file__).resolve().parent

_RUN_MODULE = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def module_command(module: str) -> list[str]:
    """The command that runs a module of this project from any directory.

    `-I` keeps the caller's PYTHON* variables and current directory out of it; nothing is exported to its children.
    """
    return [sys.executable, "-I", "-c", _RUN_MODULE, str(ROOT), module]


def user_cache(environment: Mapping[str, str] = os.environ, system: str | None = None) -> Path:
    """The project's part of the user's cache directory: what clones share, and what can be made again.

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
    return base / "django-aca"


def backend_url(backend: Path) -> str:
    """The address of a directory of stacks, as the engine takes it.

    Without metadata: the engine writes the attributes of a file (`.attrs`) beside it, and not in one step, so that a
    killed engine could leave them cut off; it then failed on every command with nothing but `EOF`.
    """
    return f"{backend.as_uri()}?metadata=skip"


@dataclass(frozen=True)
class Home:
    """The directory of one local Azure: its state, its stacks, its copies of stack configurations and its logs."""

    directory: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """`LOCAL_AZURE_HOME` if set (relative to the current directory), else `.local` in the project."""
        moved = environment.get("LOCAL_AZURE_HOME")
        return cls(Path(moved).expanduser().resolve() if moved else ROOT / ".local")

    @property
    def process_lock(self) -> Path:
        """Locked by the server process as long as it lives; holds its process id."""
        return self.directory / "process.lock"

    @property
    def use_lock(self) -> Path:
        """Share-locked by every command of `run`, so that nobody restarts the server under a running one."""
        return self.directory / "use.lock"

    @property
    def endpoints(self) -> Path:
        """Written by the server once it serves: its process id and a port for each provider."""
        return self.directory / "endpoints.json"

    @property
    def state(self) -> Path:
        """The resources, and all else that is remembered of them."""
        return self.directory / "state.sqlite"

    @property
    def server_log(self) -> Path:
        return self.directory / "server.log"

    @property
    def commands(self) -> Path:
        """First on the PATH of `run`: holds the `pulumi` that works on copies."""
        return self.directory / "bin"

    @property
    def passphrase(self) -> Path:
        return self.directory / "passphrase"

    @property
    def pulumi_home(self) -> Path:
        return self.directory / "pulumi"

    @property
    def projects(self) -> Path:
        """A directory for each Pulumi project that was run: its stacks and its copied configuration."""
        return self.directory / "projects"

    @property
    def fork_servers(self) -> Path:
        """Sockets and locks of the processes that fork programs, and which of the SDK's modules each program used."""
        return self.directory / "fork-servers"

    @property
    def engine_choice(self) -> Path:
        """Remembers which command-line program on PATH was found good, so that it is not asked again."""
        return self.directory / "engine.json"

    @property
    def _mark(self) -> Path:
        return self.directory / "README"

    def create(self) -> None:
        """Makes the directory, readable by its owner alone."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._mark.exists():
            self._mark.write_text("State, stacks and logs of a local Azure. `./local reset` deletes this directory.\n")

    def may_be_deleted(self) -> bool:
        """False for a directory that is not ours: `LOCAL_AZURE_HOME` may name the user's own by mistake."""
        return self._mark.exists() or not any(self.directory.iterdir())
