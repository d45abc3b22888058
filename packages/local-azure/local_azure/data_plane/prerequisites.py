"""What the data plane needs on this machine: redis-server, and the Python environments of the images."""

from __future__ import annotations

from local_azure.core import options
from local_azure.data_plane import images
from local_azure.data_plane.redis import installation
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home, command_name
from local_azure.system.progress import CommandFailedError


class PrerequisiteError(LocalAzureError):
    """Something is missing and could not be made. The message is one line for the user."""


def ensure(home: Home) -> None:
    """Install what is missing, with progress; nothing when the data plane is not wanted.

    Raises `RedisServerError`, `ImageTableError`, `ProjectFileError` and `PrerequisiteError`.
    """
    if not options.load(home).data_plane:
        return
    try:
        installation.ensure()
        images.read(home).prepare()
    except CommandFailedError as failure:
        raise PrerequisiteError(
            f"the packages of an image could not be installed: {failure}; "
            f"`{command_name()} start --data-plane no` does without running applications"
        ) from None
