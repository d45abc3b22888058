"""A proxy that leads the host names of vaults to the endpoint, for clients on this machine.

A vault's address is `https://NAME.vault.azure.net`, and only a name server could lead that name here. A client that is
given this proxy (`HTTPS_PROXY`) asks it to `CONNECT NAME.vault.azure.net:443` and gets the endpoint, which shows a
certificate for that name. It connects to nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib

from local_azure.arm.vault import is_vault_host

_HEAD_BYTES = 16 * 1024
_HEAD_SECONDS = 10
_CHUNK = 64 * 1024


class Tunnel:
    """Serves CONNECT on the loopback address."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen, on a port given by the system when it is 0; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end what is open."""
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
            refusal = await self._refusal(reader)
            if refusal:
                writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return
            there = await asyncio.open_connection("127.0.0.1", self._target_port)
            writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        except OSError:
            pass  # Either side may go at any time.
        finally:
            writer.close()

    async def _refusal(self, reader: asyncio.StreamReader) -> str | None:
        """Read the head of a request; what to answer when it is not for a vault."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return "400 Bad Request"
        except TimeoutError:
            return "408 Request Timeout"
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[0] != "CONNECT":
            return "405 Method Not Allowed"
        host, _, port = words[1].rpartition(":")
        return None if port == "443" and is_vault_host(host) else "403 Forbidden"


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()
