"""What the handlers of an endpoint share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from local_azure.arm.long_running import Operations
from local_azure.arm.tokens import ServicePrincipalSecret, TokenIssuer
from local_azure.ids import ArmId
from local_azure.model import Model

Locate = Callable[[str], ArmId | None]
"""Tells from a caller's address in which virtual network it is; None for one that comes from outside, over the
internet."""


def outside(address: str) -> ArmId | None:
    """Every caller is outside: nothing runs inside a network."""
    return None


@dataclass
class Endpoint:
    """One endpoint: the model that it serves and the identities that it knows."""

    model: Model
    issuer: TokenIssuer
    secret: ServicePrincipalSecret
    locate: Locate = outside
    operations: Operations = field(default_factory=Operations)
    port: int = 0
    """Its port on the loopback address, once it serves."""

    @property
    def base_url(self) -> str:
        """Its own address, without a slash at the end."""
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> str:
        """Where the tenant's callers sign in."""
        return f"{self.base_url}/{self.issuer.directory.tenant_id}"


def origin(request: web.Request) -> str:
    """Scheme, host and port that the caller used, for the addresses in an answer."""
    return f"https://{request.host}"
