"""Finds redis-server, the program behind each cache, and installs it where that can be done without asking."""

import os
import shutil
from pathlib import Path

from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import command_name
from local_azure.system.progress import CommandFailedError, reported, run_quietly

PROGRAM = "redis-server"

_BY_HAND = (
    "install it: `apt-get install redis-server` on Debian and Ubuntu, `brew install redis` on macOS; or do without "
    f"running applications: `{command_name()} start --data-plane no`"
)
_INSTALL_SECONDS = 600


class RedisServerError(LocalAzureError):
    """There is no redis-server and none could be installed. The message is one line for the user."""


def ensure() -> Path:
    """Return the program on PATH; installed first by apt-get, as root or with a sudo that asks nothing, or by brew.

    Raises:
        RedisServerError: where none of these is possible, with what to do by hand.
    """
    if found := shutil.which(PROGRAM):
        return Path(found)
    commands = _commands()
    if not commands:
        raise RedisServerError(f"{PROGRAM} is missing and cannot be installed without asking; {_BY_HAND}")
    try:
        with reported(f"Installing {PROGRAM} ..."):
            for command in commands:
                run_quietly(command, timeout=_INSTALL_SECONDS)
    except CommandFailedError as failure:
        raise RedisServerError(f"{PROGRAM} could not be installed ({failure}); {_BY_HAND}") from None
    if found := shutil.which(PROGRAM):
        return Path(found)
    raise RedisServerError(f"{PROGRAM} was installed, but is not on PATH; add its directory")


def _commands() -> list[list[str]]:
    """Return what installs it on this machine, or nothing."""
    if shutil.which("apt-get"):
        # Debian starts a server of its own with the package, which is not needed here; no policy, no server.
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "--quiet", "--yes"]
        steps = [[*apt, "update"], [*apt, "install", "--no-install-recommends", PROGRAM]]
        if os.geteuid() == 0:
            return steps
        if shutil.which("sudo") and _sudo_asks_nothing():
            return [["sudo", "--non-interactive", *step] for step in steps]
        return []
    if brew := shutil.which("brew"):
        return [[brew, "install", "--quiet", "redis"]]
    return []


def _sudo_asks_nothing() -> bool:
    try:
        run_quietly(["sudo", "--non-interactive", "true"], timeout=10)
    except CommandFailedError:
        return False
    return True
