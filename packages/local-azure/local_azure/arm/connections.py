"""A time limit for the first request of a new connection, which the HTTP library lacks.

Between two requests of a connection the library's limit applies (`keepalive_timeout`), and for a body that of
`local_azure.arm.web`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from local_azure.arm.web import Handler

HEAD_SECONDS = 20.0


class Connections:
    """Creates a protocol for each connection, and closes connections without a request in time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._silent: set[object] = set()

    def factory(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        """Return a protocol factory for the event loop that wraps the server's."""

        def connect() -> asyncio.BaseProtocol:
            protocol = server()
            self._silent.add(protocol)
            asyncio.get_running_loop().call_later(self._seconds, self._end_if_silent, protocol)
            return protocol

        return connect

    @web.middleware
    async def heard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Middleware: cancel the time limit, because the request's head is complete."""
        self._silent.discard(request.protocol)
        return await handler(request)

    def _end_if_silent(self, protocol: web.RequestHandler) -> None:
        if protocol in self._silent:
            self._silent.discard(protocol)
            protocol.force_close()
