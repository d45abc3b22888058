"""The state that the handlers of an endpoint share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from local_azure.arm.tokens import ServicePrincipalSecret, TokenIssuer
from local_azure.control_plane.model import Model
from local_azure.resource_types.key_vault.access import Place
from local_azure.status.runtime_status import RuntimeStatus

Locate = Callable[[str], Place]
"""Maps a caller's address to its location: a virtual network, or the internet."""


def outside(address: str) -> Place:
    """Return the internet as the location of every caller, with the caller's address."""
    return Place(addresses=(address,))


@dataclass
class Endpoint:
    """An endpoint: the model that it serves and the identities that it knows."""

    model: Model
    issuer: TokenIssuer
    secret: ServicePrincipalSecret
    locate: Locate = outside
    running: Callable[[], RuntimeStatus | None] = lambda: None
    """Returns the runtime status; None while the data plane does not run."""
    port: int = 0
    """Its port on the loopback address; 0 before it serves."""

    @property
    def base_url(self) -> str:
        """Return the endpoint's URL without a trailing slash."""
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> str:
        """Return the URL of the tenant's sign-in."""
        return f"{self.base_url}/{self.issuer.tenant.tenant_id}"


def origin(request: web.Request) -> str:
    """Return the scheme, host and port that the caller used, for URLs in the response."""
    return f"https://{request.host}"
