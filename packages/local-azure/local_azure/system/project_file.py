"""`local-azure.toml`: the project's configuration of the emulator.

    [config]                    # laid over each stack's configuration in local runs
    rolePropagationSeconds = 2

    [[image]]                   # what a container image is on this machine; see the guide to container images
    names = ["*/shop:*"]
    folder = "shop"
    command = ["gunicorn", "shop.wsgi"]

Projects that were run on a local Azure are remembered in its home, so that the processes behind its apps find their
images whatever directory they were started in.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import PROJECT_FILE, Home

_SECTIONS = frozenset({"config", "image"})


class ProjectFileError(LocalAzureError):
    """A project file cannot be read. The message names the file and what is wrong."""


@dataclass(frozen=True)
class ProjectFile:
    """A project file.

    Attributes:
        path: the file.
        config: settings by name, laid over the stack's configuration; a name without namespace is the project's.
        images: rows of the table of container images, as they are written.
    """

    path: Path
    config: dict[str, Any]
    images: list[dict[str, Any]]


def read(path: Path) -> ProjectFile:
    """Read a project file.

    Raises:
        ProjectFileError: when it cannot be read or has a section that is not known.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectFileError(f"{path}: {error}") from None
    if unknown := set(content) - _SECTIONS:
        raise ProjectFileError(f"{path}: there is no section '{min(unknown)}'; it has {', '.join(sorted(_SECTIONS))}")
    config, images = content.get("config", {}), content.get("image", [])
    if not isinstance(config, dict) or not isinstance(images, list):
        raise ProjectFileError(f"{path}: `config` is a table and `image` a list of tables: [config], [[image]]")
    return ProjectFile(path, cast("dict[str, Any]", config), cast("list[dict[str, Any]]", images))


def find(directory: Path) -> Path | None:
    """Return the project file of a directory: the nearest in it or above it."""
    return next((path for one in (directory, *directory.parents) if (path := one / PROJECT_FILE).is_file()), None)


def remember(home: Home, directory: Path) -> None:
    """Record the project file of a directory, if it exists, in the emulator's home directory."""
    path = find(directory)
    if path is None:
        return
    record = _record(home)
    with locked(record.with_name("project-files.lock")):
        known = _known(record)
        if known[:1] != [path]:
            write_atomically(record, "".join(f"{one}\n" for one in [path, *(one for one in known if one != path)]))


def remembered(home: Home) -> list[Path]:
    """Return the project files that this local Azure serves, the last one used first.

    The home's own file comes before all, and the project that the home lies in after all.
    """
    own = home.directory / PROJECT_FILE
    around = find(home.directory.parent)
    paths = [own, *_known(_record(home)), *([around] if around else [])]
    return [path for path in dict.fromkeys(paths) if path.is_file()]


def _record(home: Home) -> Path:
    return home.directory / "project-files.txt"


def _known(record: Path) -> list[Path]:
    try:
        return [Path(line) for line in record.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
