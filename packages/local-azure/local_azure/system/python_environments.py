"""Virtual environments of container images and of the Azure CLI, in the user's cache directory.

uv creates them: it needs neither `ensurepip` nor `pip`, and it links cached packages.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from local_azure.system import progress
from local_azure.system.files import locked
from local_azure.system.paths import user_cache

_COMPLETE = "complete"
"""A marker file in an environment whose packages are all installed."""


def cached(name: str, lists: Sequence[Path]) -> Path:
    """Return the interpreter of an environment that holds some requirement lists; make it if it is missing.

    Several processes may ask at once: one makes it, the others wait.

    Args:
        name: what the environment is for; part of its directory's name.
        lists: requirement files. Lists with hashes are installed with every hash checked.

    Raises:
        CommandFailedError: when it could not be made.
    """
    directory = _directory(name, lists)
    if not _is_complete(directory):
        with locked(directory.with_name(f"{directory.name}.lock")):
            if not _is_complete(directory):
                _make(directory, lists)
    return directory / "bin" / "python"


def is_cached(name: str, lists: Sequence[Path]) -> bool:
    """Return whether `cached` would find the environment made."""
    return _is_complete(_directory(name, lists))


def _directory(name: str, lists: Sequence[Path]) -> Path:
    """Return the directory of an environment: by the text of its lists and the version of Python."""
    digest = hashlib.sha256("{}.{}".format(*sys.version_info[:2]).encode())
    for path in lists:
        digest.update(b"\0" + path.read_bytes())
    return user_cache() / "environments" / f"{name}-{digest.hexdigest()[:12]}"


def _is_complete(directory: Path) -> bool:
    return (directory / _COMPLETE).exists() and os.access(directory / "bin" / "python", os.X_OK)


def _make(directory: Path, lists: Sequence[Path]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    with progress.reported(f"Making {directory.name} with Python {version} ..."):
        _uv("venv", "--python", sys.executable, str(directory))
        for path in lists:
            hashes = ["--require-hashes"] if "--hash=" in path.read_text(encoding="utf-8") else []
            python = str(directory / "bin" / "python")
            _uv("pip", "install", "--python", python, *hashes, "--requirement", str(path))
    # Written last: an interrupted installation is done again.
    (directory / _COMPLETE).touch()


def _uv(*arguments: str) -> None:
    # A configuration of the project in the current directory has no say in these environments.
    progress.run_quietly([find_uv_bin(), "--no-config", "--quiet", *arguments])
