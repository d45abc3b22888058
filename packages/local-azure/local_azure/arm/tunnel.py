"""A forward proxy that maps the host names of Azure's data planes to local servers, for clients on this machine.

A vault's address is `https://NAME.vault.azure.net`, an app's `https://NAME.DOMAIN.azurecontainerapps.io`, which only a
name server could resolve to this machine. A client with this proxy (`HTTPS_PROXY`) sends `CONNECT NAME:443` and reaches
a server with a certificate for that name. Requests for other hosts are forwarded to them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from local_azure.arm import upstream_proxy

_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 10
_CHUNK = 64 * 1024
_LAST_PORT = 65535

FindPort = Callable[[str], int | None]
"""Maps a host name to a port of the loopback address; None for an unknown host, 0 for a host without a running
server."""


class Tunnel:
    """A forward proxy on the loopback address that supports CONNECT only."""

    def __init__(self, find_port: FindPort) -> None:
        self._find_port = find_port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on a port (0: any free port); return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_HEAD_BYTES)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self._port

    async def close(self) -> None:
        """Stop listening and close all connections."""
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            try:
                there = await self._connect(reader)
            except _RefusedError as refusal:
                await _refuse(writer, str(refusal))
                return
            except OSError:
                await _refuse(writer, _NOBODY)
                return
            writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        except OSError:
            pass  # Either side may close the connection at any time.
        finally:
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader) -> upstream_proxy.Streams:
        """Read the head of a request, and connect to its target. Raises `_RefusedError`, `OSError`."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise _RefusedError("400 Bad Request") from None
        except TimeoutError:
            raise _RefusedError("408 Request Timeout") from None
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[0] != "CONNECT":
            raise _RefusedError("405 Method Not Allowed")
        host, _, port = words[1].rpartition(":")
        target = self._find_port(host.lower())
        if target is None and port.isdecimal() and 0 < int(port) <= _LAST_PORT:
            return await upstream_proxy.connect(host.strip("[]"), int(port), self._port)
        if target is None or port != "443":
            raise _RefusedError("403 Forbidden")
        if not target:
            raise _RefusedError(_NOBODY)
        return await asyncio.open_connection("127.0.0.1", target)


_NOBODY = "502 Bad Gateway"


class _RefusedError(Exception):
    """A refused request; the message is the status line of the response."""


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()
