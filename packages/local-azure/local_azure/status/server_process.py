"""Find the emulator's server process.

The server inherits a lock on a file in its home directory, which the system releases when the process ends. A held lock
therefore proves that the process id in that file is the server's, even if the system reuses ids.
"""

import fcntl
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from local_azure.system.paths import Home

PROVIDERS = ("azure-native", "random")
"""The providers that the engine attaches to."""
ENDPOINTS = ("arm", "identity", "vault-proxy")
"""The endpoints for Azure's clients: see `local_azure.arm.serving`."""


@dataclass(frozen=True)
class ServerProcess:
    """A running server: its process id, and its ports on the loopback address."""

    pid: int
    ports: Mapping[str, int]
    code: str
    """The fingerprint of the source code that it was started from."""

    @property
    def providers(self) -> dict[str, int]:
        """Return the ports of the providers only."""
        return {name: self.ports[name] for name in PROVIDERS}


def find(home: Home) -> ServerProcess | None:
    """Return the running server, or None if none runs or it is still starting."""
    pid, code = locked_by(home)
    if not pid:
        return None
    ports = served_ports(home, pid)
    return ServerProcess(pid, ports, code) if ports else None


def locked_by(home: Home) -> tuple[int, str]:
    """Return the process id and the fingerprint of the server that holds the lock; (0, "") when none does."""
    try:
        with open(home.process_lock, "r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, _, code = file.read().partition(" ")
                return (int(pid), code.strip()) if pid.isdigit() else (0, "")
    except FileNotFoundError:
        pass
    return 0, ""


def served_ports(home: Home, pid: int) -> dict[str, int]:
    """Return the ports that a server process has written, if each accepts a connection; else none."""
    try:
        announced = json.loads(home.endpoints.read_text(encoding="utf-8"))
        ports = {name: int(announced[name]) for name in (*PROVIDERS, *ENDPOINTS)}
        if announced["pid"] != pid:
            return {}
        for port in ports.values():
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return ports
