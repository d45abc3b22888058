"""Finds the server process of a local Azure.

The server inherits an open lock on a file of its home, which the system drops when the process ends. A held lock is
therefore the proof that the process id in that file is still our server, whatever ids the system hands out again.
"""

import fcntl
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from local_azure.system.paths import Home

PROVIDERS = ("azure-native", "random")
"""The providers that the engine is attached to."""
ENDPOINTS = ("arm", "identity", "vault-proxy")
"""What Azure's own clients talk to: see `local_azure.arm.serving`."""


@dataclass(frozen=True)
class ServerProcess:
    """A server process that serves: its process id, and a port on the loopback address for all it serves."""

    pid: int
    ports: Mapping[str, int]
    code: str
    """A fingerprint of the source it was started from."""

    @property
    def providers(self) -> dict[str, int]:
        """The ports of the providers alone."""
        return {name: self.ports[name] for name in PROVIDERS}


def find(home: Home) -> ServerProcess | None:
    """Return the running server, or None if there is none or it does not serve yet."""
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
    """Return the ports that this process has announced, if each of them accepts a connection."""
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
