"""Starts and ends the servers of the endpoint."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from local_azure.arm import vault
from local_azure.arm.certificates import certificate_authority
from local_azure.arm.cloud import Cloud
from local_azure.arm.endpoint import Endpoint, Locate, outside
from local_azure.arm.managed_identity import IdentityHeaders, ManagedIdentityEndpoint
from local_azure.arm.resource_manager import ResourceManager
from local_azure.arm.tokens import ServicePrincipalSecret, TokenIssuer
from local_azure.arm.tunnel import Tunnel
from local_azure.arm.web import MAX_BODY_BYTES, Handler, answered, library_log
from local_azure.model import Model

ARM, IDENTITY, PROXY = "arm", "identity", "vault-proxy"
"""The names of the ports."""
_SHUTDOWN_SECONDS = 5


@dataclass(frozen=True)
class Served:
    """A running endpoint."""

    ports: Mapping[str, int]
    """`arm`: HTTPS, everything but what follows; `identity`: the managed-identity endpoint, HTTP; `vault-proxy`: a
    proxy for clients that call vaults by their names."""
    certificate_authority: Path
    """What clients trust."""
    close: Callable[[], Awaitable[None]]
    """Ends it: what is being answered is answered first."""


async def serve(
    model: Model, home: Path, ports: Mapping[str, int] | None = None, *, locate: Locate = outside
) -> Served:
    """Serve a model; keys, certificates and the service principal's secret are kept in `home`.

    `ports` are those of an earlier run, used again while they are free. `locate` tells which virtual network a caller
    is in. Raises `OSError` when no port can be had.
    """
    wanted = ports or {}
    authority = certificate_authority(home)
    endpoint = Endpoint(model, TokenIssuer(home, model.directory), ServicePrincipalSecret(home), locate)
    identity = ManagedIdentityEndpoint(endpoint, IdentityHeaders(home))
    listening = _listen(wanted.get(ARM, 0))
    endpoint.port = _port(listening)
    main = await _start(_route(endpoint), listening, authority.server_context())
    identity_listening = _listen(wanted.get(IDENTITY, 0))
    side = await _start(identity.handle, identity_listening)
    tunnel = Tunnel(endpoint.port)
    tunnel_port = await _start_tunnel(tunnel, wanted.get(PROXY, 0))

    async def close() -> None:
        await tunnel.close()
        await side.cleanup()
        await main.cleanup()

    found = {ARM: endpoint.port, IDENTITY: _port(identity_listening), PROXY: tunnel_port}
    return Served(found, authority.certificate_file, close)


def _route(endpoint: Endpoint) -> Handler:
    """Which part of the endpoint a request is for: a vault by its host, the tenant by its path, or Resource Manager."""
    cloud, manager, vaults = Cloud(endpoint), ResourceManager(endpoint), vault.VaultDataPlane(endpoint)

    async def handle(request: web.Request) -> web.StreamResponse:
        if vault.is_vault_host(request.host):
            return await vaults.handle(request)
        return await cloud.handle(request) or await manager.handle(request)

    return handle


async def _start(handler: Handler, listening: socket.socket, context: ssl.SSLContext | None = None) -> web.AppRunner:
    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[answered])
    application.router.add_route("*", r"/{path:[\s\S]*}", handler)
    runner = web.AppRunner(
        application, access_log=None, logger=library_log, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
    )
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=context).start()
    return runner


async def _start_tunnel(tunnel: Tunnel, port: int) -> int:
    try:
        return await tunnel.start(port)
    except OSError:
        return await tunnel.start()


def _listen(port: int) -> socket.socket:
    """A listening socket on a port, or on one that the system gives when that is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        if not port:
            raise
        listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])
