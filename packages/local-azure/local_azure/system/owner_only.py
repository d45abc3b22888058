"""A TCP port of the loopback address that serves connections of this process's user alone.

The Pulumi engine attaches providers by a TCP port and sends no credential, and every user of a machine reaches its
loopback address. So the providers listen on a Unix socket in a directory of their owner, and connections to the TCP
port are forwarded to it once the operating system has said whose they are: Linux lists the owner of each socket in
`/proc/net/tcp` (proc(5)); elsewhere `lsof` lists the sockets of this user's processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)

_CHUNK_BYTES = 256 * 1024
_SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""A client may reach 127.0.0.1 by a socket of IPv6 as well: its addresses are then IPv4-mapped (RFC 4291)."""
_LSOF_SECONDS = 10.0


class OwnerOnlyPort:
    """Forwards a TCP port to a Unix socket, for the connections of this process's user."""

    def __init__(self, listening: socket.socket) -> None:
        """Take a listening socket of 127.0.0.1. The Unix socket is to be listened on before `start`."""
        self._listening = listening
        self._directory = Path(tempfile.mkdtemp(prefix="local-azure-"))  # mode 0700
        self.path = self._directory / "socket"
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._count = 0

    async def start(self) -> None:
        """Begin to accept connections."""
        self._server = await asyncio.start_server(self._accept, sock=self._listening)

    async def close(self) -> None:
        """End all connections, and remove the Unix socket."""
        if self._server:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._listening.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            peer = writer.get_extra_info("peername")
            own = writer.get_extra_info("sockname")
            if not await _is_of_this_user(peer[1], own[1]):
                _log.warning("a connection of another user to port %d was refused", own[1])
                return
            with contextlib.suppress(OSError):
                await self._forward(reader, writer)
        finally:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client's end has a name of its own, so that the server can tell its clients apart.
        self._count += 1
        name = self._directory / f"client-{self._count}"
        inner = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        inner.setblocking(False)
        inner.bind(str(name))
        await asyncio.get_running_loop().sock_connect(inner, str(self.path))
        inner_reader, inner_writer = await asyncio.open_unix_connection(sock=inner)
        try:
            both = [
                asyncio.ensure_future(_copy(reader, inner_writer)),
                asyncio.ensure_future(_copy(inner_reader, writer)),
            ]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copying in both:
                    copying.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            inner_writer.close()
            name.unlink(missing_ok=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()


async def _is_of_this_user(peer_port: int, own_port: int) -> bool:
    """Return whether the client's end of a loopback connection belongs to this process's user."""
    if _SOCKETS[0].exists():
        sockets = "".join(path.read_text() for path in _SOCKETS if path.exists())
        return owner(sockets, peer_port, own_port) == os.geteuid()
    return await _lsof_lists(peer_port, own_port)


def owner(sockets: str, peer_port: int, own_port: int) -> int | None:
    """Return the user id of a client's socket by the text of `/proc/net/tcp`; None where it is not listed.

    Args:
        sockets: the text. Addresses are hexadecimal in the byte order of the machine, ports in that of the network.
        peer_port: port of the client's end on 127.0.0.1.
        own_port: port of the server's end on 127.0.0.1.
    """
    loopback = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
    mapped = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in (b"\0" * 4, b"\0" * 4, b"\0\0\xff\xff"))
    ends = {(f"{prefix}{loopback}:{peer_port:04X}", f"{prefix}{loopback}:{own_port:04X}") for prefix in ("", mapped)}
    for line in sockets.splitlines():
        fields = line.split()
        if len(fields) > 7 and (fields[1], fields[2]) in ends:
            return int(fields[7])
    return None


async def _lsof_lists(peer_port: int, own_port: int) -> bool:
    """Return whether lsof lists the client's socket among those of this user's processes."""
    command = ("lsof", "-a", "-nP", "-u", str(os.geteuid()), f"-iTCP@127.0.0.1:{peer_port}", "-Fn")
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(_LSOF_SECONDS):
            printed, _ = await process.communicate()
    except (OSError, TimeoutError):
        return False
    return f"127.0.0.1:{peer_port}->127.0.0.1:{own_port}" in printed.decode(errors="replace")
