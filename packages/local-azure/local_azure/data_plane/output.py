"""What a container writes, line by line, on its way to the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

_LONGEST_LINE = 16 * 1024
"""A longer line is cut in several, as Kubernetes does."""

TakeLine = Callable[[bytes], None]


class _Lines(asyncio.Protocol):
    def __init__(self, take: TakeLine, ended: asyncio.Future[None]) -> None:
        self._take = take
        self._ended = ended
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        while len(self._rest) > _LONGEST_LINE:
            self._take(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._take(self._rest)
        if not self._ended.done():
            self._ended.set_result(None)

    def _write(self, line: bytes) -> None:
        for start in range(0, len(line) or 1, _LONGEST_LINE):
            self._take(line[start : start + _LONGEST_LINE])


class Pipe:
    """A pipe whose lines are taken as they come."""

    def __init__(self, transport: asyncio.ReadTransport, ended: asyncio.Future[None], descriptor: int) -> None:
        self._transport = transport
        self._ended = ended
        self.descriptor = descriptor
        """Where a process is to write."""

    @staticmethod
    async def open(take: TakeLine) -> Pipe:
        """Make one; `take` gets each line without its end."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        read_end, write_end = os.pipe()
        transport, _ = await loop.connect_read_pipe(lambda: _Lines(take, ended), os.fdopen(read_end, "rb", buffering=0))
        return Pipe(transport, ended, write_end)

    def started(self) -> None:
        """Close this process's end of the pipe, so that the pipe ends with the process."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    async def drain(self, seconds: float = 1.0) -> None:
        """Return once all that was written is taken; a process that has left the group may keep it open for longer."""
        self.started()
        await asyncio.wait([self._ended], timeout=seconds)
        self._transport.close()
