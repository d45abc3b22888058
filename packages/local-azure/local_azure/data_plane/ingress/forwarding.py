"""Carries requests to replicas and their answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from local_azure.data_plane.ingress import answers
from local_azure.data_plane.ingress.headers import Front, for_app, for_client
from local_azure.data_plane.ingress.sites import Backend, Site, Sites

REQUEST_SECONDS = 240.0
"""https://learn.microsoft.com/azure/container-apps/ingress-overview#http"""
HEAD_BYTES = 60 * 1024
"""Envoy's limit on the head of a request: `max_request_headers_kb` of its HTTP connection manager."""
_CONNECT_SECONDS = 5.0

Wake = Callable[[str, str], bool]
"""Called with an app (by its id in lower case) and a revision that a request waits for, any number of times; returns
whether to wait, since the revision scales up from zero."""
_ADDED = web.ResponseKey("headers that the HTTP library adds", list[str])
_WebSocket = aiohttp.ClientWebSocketResponse | web.WebSocketResponse


async def without_additions(_: web.Request, response: web.StreamResponse) -> None:
    """Remove from an app's response what the HTTP library adds to it; called before a response is sent."""
    for name in response.get(_ADDED, ()):
        response.headers.pop(name, None)


class Forwarder:
    """Carries requests to the replicas of sites."""

    def __init__(self, sites: Sites, wake: Wake, request_seconds: float = REQUEST_SECONDS) -> None:
        self._sites = sites
        self._wake = wake
        self._request_seconds = request_seconds
        # A connection of its own for each request: a reused connection may be closed by the replica at the moment
        # when the next request is sent on it, and it would not be known whether that request was done.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            auto_decompress=False,
            skip_auto_headers=(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT),
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def forward(self, request: web.Request, site: Site, front: Front) -> web.StreamResponse:
        """Answer a request with a replica's response."""
        if site.transport == "http2":
            return answers.not_modelled("the transport http2")
        exchange = _Exchange(self._session, request, front)
        try:
            async with asyncio.timeout(self._request_seconds) as limit:
                return await self._deliver(exchange, site, limit)
        except TimeoutError:
            return exchange.cut() or answers.timed_out()

    async def _deliver(self, exchange: _Exchange, site: Site, limit: asyncio.Timeout) -> web.StreamResponse:
        """Find a replica that takes the request. A replica that refuses the connection has seen nothing of it, so it is
        sent to another; a replica that has seen it may have done it, so it is sent to no other."""
        tried: set[str] = set()
        revision = ""
        while True:
            if not revision or not self._sites.runs(site, revision):
                revision = site.choose()
                if not self._sites.runs(site, revision):
                    return answers.stopped()
                self._sites.count(revision)
            backend = self._sites.pick(site, revision, tried)
            if backend is None:
                if tried:
                    return answers.unavailable(answers.REFUSED)
                if not self._wake(site.app, revision):
                    return answers.unavailable(answers.NO_REPLICA)
                await self._sites.news()
                found = self._sites.find(site.host)
                if found is None:
                    return answers.not_here()
                site = found
                continue
            with self._sites.serving(backend):
                try:
                    return await exchange.carry(backend, limit)
                except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):  # nothing of it was sent
                    tried.add(backend.name)
                except aiohttp.ClientResponseError:
                    return exchange.cut() or answers.bad_gateway()
                except (aiohttp.ClientError, ConnectionError):
                    return exchange.cut() or answers.unavailable(answers.CUT)


class _Exchange:
    """A request, and what has become of it."""

    def __init__(self, session: aiohttp.ClientSession, request: web.Request, front: Front) -> None:
        self._session = session
        self._request = request
        self._front = front
        self._headers = for_app(request.headers, front, request.remote or "")
        self._begun: web.StreamResponse | None = None

    async def carry(self, backend: Backend, limit: asyncio.Timeout) -> web.StreamResponse:
        """Carry it to a replica. Raises `aiohttp.ClientConnectorError` or `aiohttp.ConnectionTimeoutError` when
        nothing of it was sent, and another `aiohttp.ClientError` when it was cut."""
        url = URL(f"http://127.0.0.1:{backend.port}{_target(self._request)}", encoded=True)
        if _is_websocket(self._request):
            return await self._carry_websocket(url, limit)
        body = self._request.content if self._request.can_read_body else None
        async with self._session.request(
            self._request.method, url, headers=self._headers, data=body, allow_redirects=False
        ) as theirs:
            ours = web.StreamResponse(
                status=theirs.status, reason=theirs.reason, headers=for_client(theirs.headers, self._front)
            )
            ours[_ADDED] = [str(name) for name in (hdrs.CONTENT_TYPE, hdrs.SERVER) if name not in theirs.headers]
            await ours.prepare(self._request)
            self._begun = ours
            async for chunk in theirs.content.iter_any():
                await ours.write(chunk)
            await ours.write_eof()
            return ours

    def cut(self) -> web.StreamResponse | None:
        """End an answer that has begun and cannot be finished: its client is to see that it is not whole. None when
        there is no such answer."""
        if self._begun and self._request.transport:
            self._request.transport.abort()
        return self._begun

    async def _carry_websocket(self, url: URL, limit: asyncio.Timeout) -> web.StreamResponse:
        offered = ",".join(self._headers.popall(hdrs.SEC_WEBSOCKET_PROTOCOL, []))
        headers = CIMultiDict(
            (name, value) for name, value in self._headers.items() if not name.lower().startswith("sec-websocket-")
        )
        try:
            theirs = await self._session.ws_connect(
                url,
                protocols=[item.strip() for item in offered.split(",") if item.strip()],
                headers=headers,
                autoping=False,
                autoclose=False,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as refusal:
            return web.Response(status=refusal.status)
        limit.reschedule(None)
        async with theirs:
            ours = web.WebSocketResponse(
                protocols=(theirs.protocol,) if theirs.protocol else (),
                autoping=False,
                autoclose=False,
                max_msg_size=0,
                compress=False,
            )
            await ours.prepare(self._request)
            self._begun = ours
            await asyncio.gather(_relay(ours, theirs), _relay(theirs, ours))
            return ours


async def _relay(source: _WebSocket, target: _WebSocket) -> None:
    while True:
        message = await source.receive()
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                await target.send_str(message.data)
            case aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)
            case aiohttp.WSMsgType.PING:
                await target.ping(message.data)
            case aiohttp.WSMsgType.PONG:
                await target.pong(message.data)
            case aiohttp.WSMsgType.CLOSE:
                await target.close(code=message.data or aiohttp.WSCloseCode.OK, message=(message.extra or "").encode())
                return
            case _:
                await target.close(code=aiohttp.WSCloseCode.GOING_AWAY)
                return


def _target(request: web.Request) -> str:
    """Return path and query as the client has written them."""
    return request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs or "/"


def _is_websocket(request: web.Request) -> bool:
    upgrades = {item.strip().lower() for item in request.headers.get(hdrs.CONNECTION, "").split(",")}
    return (
        request.method == "GET"
        and "upgrade" in upgrades
        and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    )
