"""Container images on this machine: tables of folders, since there is no container engine.

An image is a folder of a project, with the Python packages, the command and the variables that its Dockerfile would
give it. A project's `local-azure.toml` has its images; a few common images are in this package's table.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from local_azure.system import project_file, python_environments
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import PACKAGE, Home

TABLE = PACKAGE / "data_plane" / "images.toml"
_MOUNT = re.compile(r"\{mount:(/[^}]*)\}")
_KEYS = {"names", "folder", "requirements", "command", "port", "environment"}
_log = logging.getLogger(__name__)


class ImageTableError(LocalAzureError):
    """A table of images cannot be read. The message says which, and what is wrong."""


@dataclass(frozen=True)
class Image:
    """An image, and what a container of it has before its template adds anything."""

    names: tuple[str, ...]
    folder: Path
    command: tuple[str, ...]
    requirements: Path | None = None
    """The list of its packages; None: none beyond Python's own."""
    port: int | None = None
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """Variables, in which `{mount:/path}` is replaced by the directory that is mounted at `/path`."""

    def fits(self, reference: str) -> bool:
        """Return whether a reference (registry, name, tag or digest) means this image."""
        return any(fnmatchcase(reference, pattern) for pattern in self.names)

    def python(self) -> Path:
        """Return its interpreter, in an environment that is made if it is missing: up to a minute, with progress.

        Raises `CommandFailedError`.
        """
        if self.requirements is None:
            return Path(sys.executable)
        return python_environments.cached(self.folder.name, [self.requirements])

    def variables(self, mounts: dict[str, Path]) -> dict[str, str]:
        """Return its variables; `mounts` maps a path in the container to the directory that is mounted there."""
        return {
            name: _MOUNT.sub(lambda match: str(mounts[match[1]]), value) for name, value in self.environment.items()
        }

    def mount_paths(self) -> set[str]:
        """Return the paths that its variables speak of: directories that it has, mounted or not."""
        return {path for value in self.environment.values() for path in _MOUNT.findall(value)}

    def copy_to(self, directory: Path) -> None:
        """Lay its folder out as the working directory of a container."""
        shutil.copytree(
            self.folder, directory, ignore=shutil.ignore_patterns("__pycache__", ".*", "Dockerfile"), dirs_exist_ok=True
        )


class Images:
    """The images that this machine has, as the tables have them now: a changed table is read again."""

    def __init__(self, home: Home) -> None:
        """Read the tables. Raises `ImageTableError` and `ProjectFileError`."""
        self._home = home
        self._tables = _tables(home)
        self._signature = _signature(self._tables)
        self._images = _read(self._tables)

    def find(self, reference: str) -> Image | None:
        """Return the image that a reference means, or None."""
        self._read_again()
        return next((image for image in self._images if image.fits(reference)), None)

    def prepare(self) -> None:
        """Make the Python environments that are missing. Raises `CommandFailedError`."""
        for image in self._images:
            image.python()

    def _read_again(self) -> None:
        tables = _tables(self._home)
        signature = _signature(tables)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._images = _read(tables)
        except LocalAzureError as error:
            _log.warning("the images stay as they were: %s", error)


def read(home: Home) -> Images:
    """Return the images of the projects that a home serves. Raises `ImageTableError` and `ProjectFileError`."""
    return Images(home)


def _tables(home: Home) -> list[Path]:
    return [*project_file.remembered(home), TABLE]


def _signature(tables: list[Path]) -> list[tuple[str, int, int]]:
    """Return what changes when a table does."""
    return [(str(path), status.st_mtime_ns, status.st_size) for path in tables for status in [path.stat()]]


def _read(tables: list[Path]) -> list[Image]:
    return [_image(entry, table) for table in tables for entry in project_file.read(table).images]


def _image(entry: Any, table: Path) -> Image:
    """Return the image of a row; its paths are relative to the table."""
    try:
        if unknown := set(entry) - _KEYS:
            raise ValueError(f"an image has no '{min(unknown)}'; it has {', '.join(sorted(_KEYS))}")
        folder = (table.parent / entry["folder"]).resolve()
        if not folder.is_dir():
            raise ValueError(f"the folder {folder} is not there")
        requirements = table.parent / entry["requirements"] if "requirements" in entry else None
        if requirements and not requirements.is_file():
            raise ValueError(f"the list {requirements} is not there")
        return Image(
            tuple(entry["names"]),
            folder,
            tuple(entry["command"]),
            requirements,
            entry.get("port"),
            dict(entry.get("environment", {})),
        )
    except KeyError as error:
        raise ImageTableError(f"{table}: an image has no {error}") from None
    except (TypeError, ValueError) as error:
        raise ImageTableError(f"{table}: {error}") from None
