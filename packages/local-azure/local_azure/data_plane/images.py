"""What stands for a container image on this machine: `packages/local-azure/local_azure/data_plane/images.toml` tells.

There is no container engine. An image is a folder of the project, with the Python packages, the command and the
variables that its Dockerfile would give it.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from local_azure.system import python_environments
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import PACKAGE, ROOT, Home

TABLE = PACKAGE / "images.toml"
_MOUNT = re.compile(r"\{mount:(/[^}]*)\}")
_KEYS = {"names", "folder", "requirements", "command", "port", "environment"}


class ImageTableError(LocalAzureError):
    """A table of images cannot be read. The message says which, and what is wrong."""


@dataclass(frozen=True)
class Image:
    """An image, and what a container of it has before its template adds anything."""

    names: tuple[str, ...]
    folder: Path
    command: tuple[str, ...]
    requirements: str | None = None
    """The list of its packages, as a path in the project; None: none beyond Python's own."""
    port: int | None = None
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """Variables, in which `{mount:/path}` stands for the directory that is mounted at `/path`."""

    def fits(self, reference: str) -> bool:
        """Whether a reference (registry, name, tag or digest) means this image."""
        return any(fnmatchcase(reference, pattern) for pattern in self.names)

    def python(self) -> Path:
        """Its interpreter, in an environment that is made if it is missing: up to a minute, with progress.

        Raises `CommandFailedError`.
        """
        if self.requirements is None:
            return Path(sys.executable)
        return python_environments.cached(self.folder.name, [self.requirements])

    def variables(self, mounts: dict[str, Path]) -> dict[str, str]:
        """Its variables where directories are mounted; `mounts` maps a path in the container to the directory."""
        return {
            name: _MOUNT.sub(lambda match: str(mounts[match[1]]), value) for name, value in self.environment.items()
        }

    def mount_paths(self) -> set[str]:
        """The paths that its variables speak of: directories that it has, mounted or not."""
        return {path for value in self.environment.values() for path in _MOUNT.findall(value)}

    def copy_to(self, directory: Path) -> None:
        """Lay its folder out as the working directory of a container."""
        shutil.copytree(
            self.folder, directory, ignore=shutil.ignore_patterns("__pycache__", ".*", "Dockerfile"), dirs_exist_ok=True
        )


class Images:
    """The images that this machine has."""

    def __init__(self, images: list[Image]) -> None:
        self._images = images

    def find(self, reference: str) -> Image | None:
        """The image that a reference means, or None."""
        return next((image for image in self._images if image.fits(reference)), None)

    def prepare(self) -> None:
        """Make the Python environments that are missing. Raises `CommandFailedError`."""
        for image in self._images:
            image.python()


def read(home: Home) -> Images:
    """The images of the home's own table, if it has one, and of the project's. Raises `ImageTableError`."""
    own = home.directory / TABLE.name
    return Images([image for table in (own, TABLE) if table.exists() for image in _read(table)])


def _read(table: Path) -> list[Image]:
    try:
        entries = cast("list[dict[str, Any]]", tomllib.loads(table.read_text(encoding="utf-8")).get("image", []))
        return [_image(entry, table) for entry in entries]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ImageTableError(f"{table}: {error}") from None


def _image(entry: dict[str, Any], table: Path) -> Image:
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"an image has no '{min(unknown)}'; it has {', '.join(sorted(_KEYS))}")
    # Paths of the project's own table are those of the project; others are relative to their table.
    base = ROOT if table == TABLE else table.parent
    folder = (base / entry["folder"]).resolve()
    if not folder.is_dir():
        raise ValueError(f"the folder {folder} is not there")
    return Image(
        tuple(entry["names"]),
        folder,
        tuple(entry["command"]),
        entry.get("requirements"),
        entry.get("port"),
        dict(entry.get("environment", {})),
    )
