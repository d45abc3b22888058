"""What the ingress changes in the headers of requests and answers.

A browser on this machine reaches an app at `http://localhost:PORT`, and the app is to see nothing of it: it is asked by
its own host name over HTTPS, and what it answers with that name in it is put back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from multidict import CIMultiDict, CIMultiDictProxy

# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and what Connection itself names.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What the ingress alone may say (https://learn.microsoft.com/azure/container-apps/ingress-overview#http-headers).
_OURS = frozenset({"host", "expect", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-client-cert"})
_ADDRESSES_ASKED = ("Origin", "Referer")
_ADDRESSES_ANSWERED = ("Location", "Content-Location", "Access-Control-Allow-Origin")
_PREFIXED_COOKIE = re.compile(r"\s*__(host|secure)-", re.IGNORECASE)


@dataclass(frozen=True)
class Front:
    """How a client has reached an app."""

    host: str
    """The app's host name."""
    scheme: Literal["http", "https"] = "https"
    """The protocol that the client uses, as the app sees it."""
    local: str = ""
    """The address that a browser on this machine has used in the place of the app's own, such as
    `http://localhost:8123`; empty when it has used the app's own."""

    @property
    def own(self) -> str:
        """Return the app's own address."""
        return f"{self.scheme}://{self.host}"


def for_app(headers: CIMultiDictProxy[str], front: Front, client: str) -> CIMultiDict[str]:
    """Return the headers of a request as the app is to see them; `client` is the client's address."""
    kept = _end_to_end(headers, _OURS)
    if front.local:
        for name in _ADDRESSES_ASKED:
            if name in kept:
                kept[name] = _moved(kept[name], front.local, front.own)
    forwarded = [*kept.popall("X-Forwarded-For", []), client]
    kept["X-Forwarded-For"] = ", ".join(forwarded)
    kept["X-Forwarded-Proto"] = front.scheme
    kept["X-Forwarded-Host"] = front.host
    kept["Host"] = front.host
    return kept


def for_client(headers: CIMultiDictProxy[str], front: Front) -> CIMultiDict[str]:
    """Return the headers of an answer as the client is to see them."""
    kept = _end_to_end(headers)
    if not front.local:
        return kept
    for name in _ADDRESSES_ANSWERED:
        if name in kept:
            plain = _moved(kept[name], f"http://{front.host}", front.local)
            kept[name] = _moved(plain, f"https://{front.host}", front.local)
    # It makes a browser use HTTPS for `localhost`, where other things listen, too.
    kept.popall("Strict-Transport-Security", None)
    cookies = [_local_cookie(item, front.host) for item in kept.popall("Set-Cookie", [])]
    kept.extend(("Set-Cookie", cookie) for cookie in cookies)
    return kept


def _end_to_end(headers: CIMultiDictProxy[str], dropped: Iterable[str] = ()) -> CIMultiDict[str]:
    named = {item.strip().lower() for value in headers.getall("Connection", []) for item in value.split(",")}
    left_out = _HOP_BY_HOP | named | set(dropped)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in left_out)


def _moved(address: str, before: str, after: str) -> str:
    """Return an address with another beginning, if it has that beginning."""
    rest = address[len(before) :]
    fits = address[: len(before)].lower() == before.lower() and (not rest or rest[0] in "/?#")
    return after + rest if fits else address


def _local_cookie(cookie: str, host: str) -> str:
    """Return a cookie that a client keeps and sends back over plain HTTP: browsers and programs differ in whether they
    count `localhost` as secure. A cookie whose very name says that it is secure stays so."""
    first, *attributes = cookie.split(";")
    if _PREFIXED_COOKIE.match(first):
        return cookie
    none = any(attribute.replace(" ", "").lower() == "samesite=none" for attribute in attributes)
    kept = [
        attribute
        for attribute in attributes
        if not (attribute.strip().lower() == "secure" and not none)
        and attribute.replace(" ", "").lower() not in (f"domain={host.lower()}", f"domain=.{host.lower()}")
    ]
    return ";".join([first, *kept])
