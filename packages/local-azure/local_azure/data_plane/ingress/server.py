"""The HTTP ingress of all environments (https://learn.microsoft.com/azure/container-apps/ingress-overview).

It listens on the loopback address alone:

- over HTTPS for every host name, for clients outside the environments, which the local Azure's proxy connects to it;
- over HTTPS and HTTP for processes within an environment, to which apps without external ingress answer, too;
- over plain HTTP on a port of its own for each host name with external ingress, for a browser on this machine.

`ingress.json` of the home directory has the ports. Those of host names are used again while they are free.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from local_azure.data_plane.desired_state import AppPlan
from local_azure.data_plane.ingress import answers
from local_azure.data_plane.ingress.forwarding import HEAD_BYTES, REQUEST_SECONDS, Forwarder, Wake, without_additions
from local_azure.data_plane.ingress.headers import Front
from local_azure.data_plane.ingress.sites import Backend, Share, Site, Sites
from local_azure.status.ingress_ports import ENVIRONMENT_HTTP, ENVIRONMENT_HTTPS, HTTPS, remembered_ports, write_ports
from local_azure.system.certificates import CertificateAuthority
from local_azure.system.http_log import library_log
from local_azure.system.sockets import listen, port_of

_SHUTDOWN_SECONDS = 1.0
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1"})
_SERVED_NAME = re.compile(r"[a-z0-9-]+\.(?:internal\.)?([a-z0-9-]+\.[a-z0-9-]+\.azurecontainerapps\.io)")


@dataclass(frozen=True)
class _Entrance:
    """A place where requests come in."""

    name: str
    """What its port is known by; of a local one, the host name that it is for."""
    scheme: Literal["http", "https"]
    inside: bool = False
    """Whether its clients are within an environment."""
    is_local: bool = False
    """Whether it is for a browser on this machine."""


class Ingress:
    """Routes requests to replicas."""

    def __init__(self, home: Path, authority: CertificateAuthority, wake: Wake, request_seconds: float) -> None:
        self._home = home
        self._authority = authority
        self._sites = Sites()
        self._forwarder = Forwarder(self._sites, wake, request_seconds)
        application = web.Application(client_max_size=0)
        application.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        application.on_response_prepare.append(without_additions)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=library_log,
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            max_line_size=HEAD_BYTES,
            max_field_size=HEAD_BYTES,
        )
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._remembered = remembered_ports(home)
        self._entrances: dict[int, _Entrance] = {}
        self._listening: dict[int, tuple[web.SockSite, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @staticmethod
    async def start(
        home: Path, authority: CertificateAuthority, wake: Wake, *, request_seconds: float = REQUEST_SECONDS
    ) -> Ingress:
        """Start to listen. `wake` is called with revisions that requests wait for. Raises `OSError` when no port can be
        had."""
        ingress = Ingress(home, authority, wake, request_seconds)
        await ingress._runner.setup()
        context = authority.server_context(label="ingress")
        context.sni_callback = ingress._use_certificate
        ingress._open(_Entrance(HTTPS, "https"), context)
        ingress._open(_Entrance(ENVIRONMENT_HTTPS, "https", inside=True), context)
        ingress._open(_Entrance(ENVIRONMENT_HTTP, "http", inside=True))
        ingress._write_ports()
        return ingress

    async def close(self) -> None:
        """Shut down; requests still in progress are cut."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        self._entrances.clear()
        self._write_ports()
        await self._forwarder.close()

    def route_app(
        self, app: AppPlan, names: Mapping[str, Sequence[Share]], ready: Mapping[str, Sequence[Backend]]
    ) -> None:
        """Route an app's host names to revisions; unlisted names are removed. `ready` gives the ready replicas of each
        revision that runs, even if it has none.
        """
        ingress = app.ingress
        sites = [
            Site(
                host, app.id.key, ingress.external, bool(ingress.settings.get("allowInsecure")), ingress.transport, led
            )
            for host, led in names.items()
            if ingress and ingress.transport != "tcp"
        ]
        self._sites.route_app(app.id.key, sites, ready)
        self._listen()

    def forget(self, app: AppPlan) -> None:
        """Remove an app that is deleted."""
        self._sites.forget(app.id.key)
        self._listen()

    async def drained(self, replica: str) -> None:
        """Return once a replica has no request any more."""
        await self._sites.drained(replica)

    def requests(self, revision: str) -> int:
        """Return how many requests a revision has had so far."""
        return self._sites.requests(revision)

    # -- listening

    def _listen(self) -> None:
        """Open a port for each host name that answers requests from outside."""
        wanted = set(self._sites.hosts)
        open_hosts = {entrance.name: port for port, entrance in self._entrances.items() if entrance.is_local}
        if wanted == set(open_hosts):
            return
        for host in set(open_hosts) - wanted:
            self._shut(open_hosts[host])
        for host in sorted(wanted - set(open_hosts)):
            self._open(_Entrance(host, "http", is_local=True))
        self._write_ports()

    def _open(self, entrance: _Entrance, context: ssl.SSLContext | None = None) -> None:
        listening = listen(self._remembered.pop(entrance.name, 0))
        port = port_of(listening)
        self._remembered[entrance.name] = port
        self._entrances[port] = entrance
        # What is sent to it meanwhile waits in its socket.
        site = web.SockSite(self._runner, listening, ssl_context=context)
        self._listening[port] = (site, self._begin(site.start()))

    def _shut(self, port: int) -> None:
        del self._entrances[port]
        self._begin(self._stop(*self._listening.pop(port)))

    @staticmethod
    async def _stop(site: web.SockSite, started: asyncio.Task[None]) -> None:
        await started
        await site.stop()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _write_ports(self) -> None:
        hosts = {entrance.name: port for port, entrance in self._entrances.items() if entrance.is_local}
        fixed = {entrance.name: port for port, entrance in self._entrances.items() if not entrance.is_local}
        now = {**fixed, **hosts}
        earlier = {name: port for name, port in self._remembered.items() if name not in now}
        write_ports(self._home, fixed, hosts, earlier)

    def _use_certificate(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Show the certificate of an environment, which is for all names of its domain."""
        fits = _SERVED_NAME.fullmatch((name or "").lower())
        if fits is None:
            return None
        domain = fits[1]
        if domain not in self._contexts:
            names = (f"*.{domain}", f"*.internal.{domain}")
            self._contexts[domain] = self._authority.server_context(names, f"ingress-{domain}")
        connection.context = self._contexts[domain]
        return None

    # -- requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        entrance = self._entrances.get(int(transport.get_extra_info("sockname")[1])) if transport else None
        if entrance is None:
            return answers.not_here()
        host = _host_name(request.host)
        is_at_browser = entrance.is_local and host in _LOCAL_NAMES
        site = self._sites.find(entrance.name if is_at_browser else host)
        if site is None or not (site.external or entrance.inside):
            return answers.not_here()
        if is_at_browser:
            return await self._forwarder.forward(request, site, Front(site.host, "https", f"http://{request.host}"))
        if entrance.scheme == "http" and not entrance.is_local and not site.allows_http:
            return answers.moved_to_https(f"https://{site.host}{request.raw_path}")
        scheme = "https" if entrance.is_local else entrance.scheme
        return await self._forwarder.forward(request, site, Front(site.host, scheme))


def _host_name(host: str) -> str:
    """Return the host of a Host header, without its port."""
    return host.rpartition(":")[0].lower() if re.search(r":\d+$", host) else host.lower()
