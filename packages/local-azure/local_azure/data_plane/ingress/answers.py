"""What the ingress itself answers, in the words of Azure's: Envoy's, or a page of Container Apps."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

# Envoy's words, as Container Apps' users quote them: https://github.com/microsoft/azure-container-apps/issues/1166,
# https://github.com/microsoft/azure-container-apps/issues/1305.
_CONNECT_ERROR = "upstream connect error or disconnect/reset before headers. "
NO_REPLICA = "no healthy upstream"
REFUSED = (
    f"{_CONNECT_ERROR}retried and the latest reset reason: remote connection failure, transport failure reason: "
    "delayed connect error: Connection refused"
)
CUT = f"{_CONNECT_ERROR}reset reason: connection termination"
NOT_HTTP = f"{_CONNECT_ERROR}reset reason: protocol error"
TOO_LONG = "stream timeout"


def unavailable(words: str) -> web.Response:
    """Return the response when no replica has answered."""
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE, words)


def bad_gateway() -> web.Response:
    """Return the response when a replica's answer is not HTTP."""
    return _plain(HTTPStatus.BAD_GATEWAY, NOT_HTTP)


def timed_out() -> web.Response:
    """Return the response when a replica has not answered in time."""
    return _plain(HTTPStatus.GATEWAY_TIMEOUT, TOO_LONG)


def not_modelled(what: str) -> web.Response:
    """Return the response for what Azure can do and the local Azure cannot."""
    return _plain(HTTPStatus.NOT_IMPLEMENTED, f"the local Azure does not model {what}")


def not_here() -> web.Response:
    """Return the response for a host name that is unknown, or cannot be reached from where the request comes."""
    return _page(HTTPStatus.NOT_FOUND, "This Container App is stopped or does not exist")


def stopped() -> web.Response:
    """Return the response when no revision of the app is active
    (https://github.com/microsoft/azure-container-apps/issues/755).
    """
    return _page(HTTPStatus.FORBIDDEN, "This Container App is stopped")


def moved_to_https(address: str) -> web.Response:
    """Return the redirect to HTTPS (https://learn.microsoft.com/azure/container-apps/ingress-overview#http)."""
    return web.Response(status=HTTPStatus.MOVED_PERMANENTLY, headers={"Location": address})


def _plain(status: HTTPStatus, words: str) -> web.Response:
    return web.Response(status=status, text=words)


def _page(status: HTTPStatus, words: str) -> web.Response:
    return web.Response(
        status=status,
        content_type="text/html",
        text=f"<!DOCTYPE html><html><head><title>Azure Container App - Unavailable</title></head>"
        f"<body><h1>Error {status.value} - {words}</h1></body></html>\n",
    )
