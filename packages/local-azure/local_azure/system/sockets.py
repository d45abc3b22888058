"""Ports of the loopback address."""

from __future__ import annotations

import socket

_BACKLOG = 128


def listen(port: int) -> socket.socket:
    """Return a listening socket on a port, or on one that the system gives when that is 0 or taken.

    Raises `OSError` when no port can be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        if not port:
            raise
        listening.bind(("127.0.0.1", 0))
    listening.listen(_BACKLOG)
    return listening


def port_of(listening: socket.socket) -> int:
    """Return the port that a socket listens on."""
    return int(listening.getsockname()[1])
