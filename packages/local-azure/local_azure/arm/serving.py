"""Start and stop the servers of the endpoint."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from local_azure.arm import registry, vault
from local_azure.arm.cloud import Cloud
from local_azure.arm.connections import HEAD_SECONDS, Connections
from local_azure.arm.endpoint import Endpoint, Locate, outside
from local_azure.arm.log_stream import LogStream, is_stream_host
from local_azure.arm.managed_identity import ManagedIdentityEndpoint
from local_azure.arm.resource_manager import ResourceManager
from local_azure.arm.tokens import ServicePrincipalSecret, TokenIssuer
from local_azure.arm.tunnel import FindPort, Tunnel
from local_azure.arm.web import MAX_BODY_BYTES, Handler, answered
from local_azure.control_plane.model import Model
from local_azure.core.identity_headers import IdentityHeaders
from local_azure.status import runtime_status
from local_azure.status.ingress_ports import read_ports
from local_azure.system.certificates import certificate_authority
from local_azure.system.http_log import library_log
from local_azure.system.sockets import listen, port_of

ARM, IDENTITY, PROXY = "arm", "identity", "vault-proxy"
"""The names of the ports."""
APPS_DOMAIN = "azurecontainerapps.io"
"""The domain of the apps' host names."""
_SHUTDOWN_SECONDS = 5


@dataclass(frozen=True)
class Served:
    """A running endpoint."""

    ports: Mapping[str, int]
    """`arm`: HTTPS, all endpoints except the following; `identity`: the managed-identity endpoint, HTTP; `vault-proxy`:
    a forward proxy for clients that call vaults and apps by host name."""
    certificate_authority: Path
    """The certificate authority's file, which clients have to trust."""
    close: Callable[[], Awaitable[None]]
    """Shuts the endpoint down gracefully: open requests are answered first."""


async def serve(
    model: Model, home: Path, ports: Mapping[str, int] | None = None, *, locate: Locate = outside
) -> Served:
    """Serve a model; keys, certificates and the service principal's secret are kept in `home`.

    `ports` are those of an earlier run, reused if they are free. `locate` maps a caller's address to its location.
    Raises `OSError` when no port is available.
    """
    wanted = ports or {}
    authority = certificate_authority(home)
    endpoint = Endpoint(
        model,
        TokenIssuer(home, model.tenant),
        ServicePrincipalSecret(home),
        locate,
        lambda: runtime_status.read(home),
    )
    stream = LogStream(endpoint, home)
    identity = ManagedIdentityEndpoint(endpoint, IdentityHeaders(home))
    listening = listen(wanted.get(ARM, 0))
    endpoint.port = port_of(listening)
    close_main = await _start(_route(endpoint, stream), listening, authority.server_context())
    identity_listening = listen(wanted.get(IDENTITY, 0))
    close_identity = await _start(identity.handle, identity_listening)
    tunnel = Tunnel(_find_port(endpoint.port, home))
    tunnel_port = await _start_tunnel(tunnel, wanted.get(PROXY, 0))

    async def close() -> None:
        stream.end()
        await close_identity()
        await close_main()
        await tunnel.close()

    found = {ARM: endpoint.port, IDENTITY: port_of(identity_listening), PROXY: tunnel_port}
    return Served(found, authority.certificate_file, close)


def _find_port(port: int, home: Path) -> FindPort:
    """Return a function that maps host names of data planes to ports; `port` is the endpoint's own."""

    def find_port(host: str) -> int | None:
        if vault.is_vault_host(host) or is_stream_host(host) or registry.is_registry_host(host):
            return port
        if host.endswith(f".{APPS_DOMAIN}"):
            ports = read_ports(home)
            return ports.https if ports else 0
        return None

    return find_port


def _route(endpoint: Endpoint, stream: LogStream) -> Handler:
    """Return a handler that dispatches requests: vaults and registries by host, the tenant by path, else Resource
    Manager."""
    cloud, manager, vaults = Cloud(endpoint), ResourceManager(endpoint), vault.VaultDataPlane(endpoint)
    registries = registry.RegistryDataPlane(endpoint)

    async def handle(request: web.Request) -> web.StreamResponse:
        if vault.is_vault_host(request.host):
            return await vaults.handle(request)
        if registry.is_registry_host(request.host):
            return await registries.handle(request)
        if is_stream_host(request.host):
            return await stream.handle(request)
        return await cloud.handle(request) or await manager.handle(request)

    return handle


async def _start(
    handler: Handler, listening: socket.socket, context: ssl.SSLContext | None = None
) -> Callable[[], Awaitable[None]]:
    """Serve on a listening socket; return a function that stops serving."""
    connections = Connections(HEAD_SECONDS)
    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[connections.heard, answered])
    application.router.add_route("*", r"/{path:[\s\S]*}", handler)
    runner = web.AppRunner(
        application, access_log=None, logger=library_log, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
    )
    await runner.setup()
    assert runner.server is not None
    server = await asyncio.get_running_loop().create_server(
        connections.factory(runner.server),
        sock=listening,
        ssl=context,
        ssl_handshake_timeout=HEAD_SECONDS if context else None,
    )

    async def close() -> None:
        server.close()
        await runner.cleanup()

    return close


async def _start_tunnel(tunnel: Tunnel, port: int) -> int:
    try:
        return await tunnel.start(port)
    except OSError:
        return await tunnel.start()
