"""Makes or updates the project's virtual environment. Run by any Python of the machine: standard library only."""

import argparse
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local_azure.system import progress
from local_azure.system.files import locked
from local_azure.system.paths import ROOT, user_cache

SUPPORTED = ((3, 11), (3, 13))
"""The oldest and the newest Python that the project runs with."""

LISTS = ("requirements.txt", "requirements-local.txt")
"""What the program needs, and what the local Azure needs beside it."""
DEVELOPMENT_LISTS = ("sample/requirements.txt", "requirements-dev.txt")
"""What the tests need: the sample application's packages, and the tools."""


def make(directory: Path, *, development: bool) -> None:
    """Brings the environment in line with `LISTS`, and with `DEVELOPMENT_LISTS` too if asked.

    Several processes may ask at once: one works, the others wait for it. Raises `progress.CommandFailedError`.
    """
    _make(directory, (*LISTS, *(DEVELOPMENT_LISTS if development else ())))


def cached(name: str, lists: Sequence[str]) -> Path:
    """The interpreter of an environment that holds some lists (paths in the project), made before it is first needed.

    It stands in the user's cache directory, by the text of the lists and the version of Python, so that clones share
    it; `name` is what it is for. Raises `progress.CommandFailedError`.
    """
    directory = _cached_directory(name, lists)
    if not _is_complete(directory, lists):
        _make(directory, lists)
    return directory / "bin" / "python"


def is_cached(name: str, lists: Sequence[str]) -> bool:
    """Whether `cached` would find the environment made."""
    return _is_complete(_cached_directory(name, lists), lists)


def _cached_directory(name: str, lists: Sequence[str]) -> Path:
    digest = hashlib.sha256("{}.{}".format(*sys.version_info[:2]).encode())
    for one in lists:
        digest.update(b"\0" + (ROOT / one).read_bytes())
    return user_cache() / "environments" / f"{name}-{digest.hexdigest()[:12]}"


def _is_complete(directory: Path, lists: Sequence[str]) -> bool:
    # Each list is recorded as installed only once it is.
    recorded = all((directory / "installed" / one).exists() for one in lists)
    return recorded and os.access(directory / "bin" / "python", os.X_OK)


def _make(directory: Path, lists: Sequence[str]) -> None:
    with locked(directory.with_name(f"{directory.name}.lock")):
        if not _is_usable(directory):
            _create(directory)
        for name in lists:
            _install(directory, name)


def _is_usable(directory: Path) -> bool:
    """Whether its interpreter runs (the Python it was made from may be gone), is a supported one and has pip."""
    check = f"import pip, sys; sys.exit(not {SUPPORTED[0]} <= sys.version_info[:2] <= {SUPPORTED[1]})"
    try:
        progress.run_quietly([str(directory / "bin" / "python"), "-c", check])
    except progress.CommandFailedError:
        return False
    return True


def _create(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    with progress.reported(f"Making {directory.name} with Python {version} ..."):
        if importlib.util.find_spec("ensurepip"):
            progress.run_quietly([sys.executable, "-m", "venv", str(directory)])
        elif importlib.util.find_spec("virtualenv"):
            progress.run_quietly([sys.executable, "-m", "virtualenv", "--quiet", str(directory)])
        elif importlib.util.find_spec("pip"):
            # Debian's Python without python3-venv: virtualenv brings the pip that is missing.
            with tempfile.TemporaryDirectory() as tool:
                progress.run_quietly(_pip(sys.executable, "--target", tool, "virtualenv"))
                environment = {**os.environ, "PYTHONPATH": tool}
                progress.run_quietly([sys.executable, "-m", "virtualenv", "--quiet", str(directory)], env=environment)
        else:
            raise progress.CommandFailedError(
                f"{sys.executable} can make no virtual environment: install its venv module "
                "(Debian and Ubuntu: apt-get install python3-venv)"
            )


def _install(directory: Path, name: str) -> None:
    wanted = ROOT / name
    installed = directory / "installed" / name
    if installed.exists() and installed.read_bytes() == wanted.read_bytes():
        return
    installed.parent.mkdir(parents=True, exist_ok=True)
    installed.unlink(missing_ok=True)
    text = wanted.read_bytes()
    with progress.reported(f"Installing {name} into {directory.name} ..."):
        progress.run_quietly(_pip(str(directory / "bin" / "python"), "--requirement", str(wanted)))
    # Written last: an interrupted installation is done again.
    installed.write_bytes(text)


def _pip(python: str, *arguments: str) -> list[str]:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--dev", action="store_true")
    arguments = parser.parse_args()
    try:
        make(arguments.directory, development=arguments.dev)
    except progress.CommandFailedError as failure:
        print(f"error: the virtual environment {arguments.directory} could not be made: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
