"""What the handlers of an endpoint share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from local_azure.arm.tokens import ServicePrincipalSecret, TokenIssuer
from local_azure.control_plane.model import Model
from local_azure.resource_types.key_vault.access import Place
from local_azure.status.runtime_status import RuntimeStatus

Locate = Callable[[str], Place]
"""Tells from a caller's address where it stands: in which virtual network, or outside, on the internet."""


def outside(address: str) -> Place:
    """Every caller is outside, and is seen by the address that it has."""
    return Place(addresses=(address,))


@dataclass
class Endpoint:
    """One endpoint: the model that it serves and the identities that it knows."""

    model: Model
    issuer: TokenIssuer
    secret: ServicePrincipalSecret
    locate: Locate = outside
    running: Callable[[], RuntimeStatus | None] = lambda: None
    """Tells what runs; None while there is no data plane."""
    port: int = 0
    """Its port on the loopback address, once it serves."""

    @property
    def base_url(self) -> str:
        """Its own address, without a slash at the end."""
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> str:
        """Where the tenant's callers sign in."""
        return f"{self.base_url}/{self.issuer.tenant.tenant_id}"


def origin(request: web.Request) -> str:
    """Scheme, host and port that the caller used, for the addresses in an answer."""
    return f"https://{request.host}"
