"""`local-azure run`: replaces its process by the command, with the environment of a running emulator."""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from local_azure.azure_cli import az_command, client_environment
from local_azure.data_plane import prerequisites
from local_azure.pulumi_engine import engine, environment, pulumi_command
from local_azure.pulumi_engine.project_copy import Project, ProjectError, backend_of
from local_azure.server import daemon
from local_azure.system import project_file
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import Home
from local_azure.system.progress import say

NOT_EXECUTABLE = 126
NOT_FOUND = 127
"""The exit codes that a shell returns for a command that cannot be run."""


def run(home: Home, command: Sequence[str]) -> NoReturn:
    """Start the emulator if it is not running, and replace this process by the command.

    The command therefore has this process's terminal, signals and exit code. Exits with 126 or 127 if the command
    cannot be run. Raises `EngineError`, `DaemonError`, and what `prerequisites.ensure` raises.
    """
    home.create()
    project_file.remember(home, Path.cwd())
    prerequisites.ensure(home)  # first: it fails at once, while installing an engine may take minutes
    found = engine.ensure(home)
    running, started = daemon.ensure(home)
    if started:
        say(f"The emulator was started (process {running.pid}, state in {home.directory}).")
    daemon.hold_in_use(home)
    _make_passphrase(home)
    pulumi_command.install(home)
    az_command.install(home)
    variables = environment.for_command(
        os.environ,
        home=home,
        engine=found,
        ports=running.providers,
        python=sys.executable,
        backend=backend_of(home, _project_directory()),
    )
    variables = client_environment.variables(variables, home, running.ports)
    try:
        os.execvpe(command[0], list(command), variables)
    except OSError as error:
        say(f"error: {command[0]}: {error.strerror}")
        sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE)


def _project_directory() -> Path:
    """Return the directory of the project whose stacks the engine uses: the current one, else the current directory."""
    try:
        project = Project.find(Path.cwd())
    except ProjectError:
        project = None
    return project.directory if project else Path.cwd()


def _make_passphrase(home: Home) -> None:
    with locked(home.directory / "passphrase.lock"):
        if not home.passphrase.exists():
            write_atomically(home.passphrase, secrets.token_urlsafe(32), 0o600)
