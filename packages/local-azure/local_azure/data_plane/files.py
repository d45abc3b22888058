"""The files of a replica: a working directory for each container, and the volumes that are mounted in them.

    replicas/APP/REVISION/REPLICA/
        ports/           where each port that it listens on really is, and in *.owner the process and the container
                         that listen there (written by the processes themselves)
        volumes/NAME/    its own volumes
        CONTAINER/app/   the copy of the image's folder, the working directory
        CONTAINER/tmp/   its /tmp

A process sees no other root directory than everybody else's: an absolute path of a container is mapped to its directory
only in the arguments of its command and in the image's variables.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from local_azure.data_plane.desired_state import AppPlan, ContainerPlan, RevisionPlan, VolumePlan
from local_azure.data_plane.images import Image

IDENTITY_PORT = 42356
"""Where a replica's processes find the endpoint of its identities."""
_TMP = "/tmp"


class ReplicaFiles:
    """The directory of a replica."""

    def __init__(self, home: Path, app: AppPlan, revision: RevisionPlan, name: str) -> None:
        self.directory = home / "replicas" / app.name / revision.name / name
        self._storages = home / "storages" / app.environment.name
        self._ports = self.directory / "ports"
        self._volumes = {volume.name: volume for volume in revision.volumes}

    def create(self, identity_port: int | None) -> None:
        """Make the directory; `identity_port` is that of the endpoint of its identities, if it has any."""
        self._ports.mkdir(mode=0o700, parents=True)
        if identity_port:
            (self._ports / str(IDENTITY_PORT)).write_text(str(identity_port), encoding="ascii")

    def remove(self) -> None:
        """Delete all that is the replica's own."""
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # others are still in there
            self.directory.parent.rmdir()
            self.directory.parent.parent.rmdir()

    def ports(self) -> dict[int, int]:
        """Return the local port for each port that the replica listens on."""
        found: dict[int, int] = {}
        for file in self._ports.iterdir() if self._ports.is_dir() else ():
            text = _read(file)
            if file.name.isdigit() and text.isdigit() and file.name != str(IDENTITY_PORT):
                found[int(file.name)] = int(text)
        return found

    def port(self, number: int) -> int | None:
        """Return the local port for a port that the replica listens on."""
        text = _read(self._ports / str(number))
        return int(text) if text.isdigit() else None

    def forget_ports(self) -> None:
        """Forget all ports: nothing listens any more."""
        for number in self.ports():
            (self._ports / str(number)).unlink(missing_ok=True)

    def forget_ports_of(self, container: str) -> None:
        """Forget the ports of a container whose process has ended: other processes may soon listen there."""
        for owner in self._ports.glob("*.owner"):
            if _read(owner).partition(" ")[2] == container:
                owner.with_suffix("").unlink(missing_ok=True)
                owner.unlink(missing_ok=True)

    def working_directory(self, container: ContainerPlan, image: Image) -> Path:
        """Return the working directory of a container, as its image has it; files of an earlier run are deleted."""
        directory = self.directory / container.name / "app"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        image.copy_to(directory)
        self._tmp(container).mkdir(exist_ok=True)
        return directory

    def mounts(self, container: ContainerPlan, image: Image, secrets: Mapping[str, str]) -> dict[str, Path]:
        """Return the directories of a container, by their paths in it: volumes, /tmp, and what its image speaks of."""
        found = {_TMP: self._tmp(container)}
        for volume, path, within in container.mounts:
            directory = self._volume(self._volumes[volume], secrets)
            found[path.rstrip("/")] = directory / within if within else directory
        for path in image.mount_paths() - set(found):
            found[path] = self.directory / container.name / "root" / path.strip("/")
        for directory in found.values():
            directory.mkdir(parents=True, exist_ok=True)
        return found

    def _tmp(self, container: ContainerPlan) -> Path:
        return self.directory / container.name / "tmp"

    def _volume(self, volume: VolumePlan, secrets: Mapping[str, str]) -> Path:
        if volume.kind in ("AzureFile", "NfsAzureFile"):
            return self._storages / volume.storage
        directory = self.directory / "volumes" / volume.name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if volume.kind == "Secret":
            for name, file in volume.secrets or tuple((name, name) for name in secrets):
                path = directory / file
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
                    opened.write(secrets.get(name, ""))
        return directory


def in_container(argument: str, mounts: Mapping[str, Path]) -> str:
    """Return an argument of a command, with the absolute paths of the container that it begins with or assigns."""
    # All at once, as a directory may itself have such a path: the longest that fits.
    paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    return re.sub(rf"(?:^|(?<==))({paths})(?=/|$)", lambda match: str(mounts[match[1]]), argument)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
