"""Pagination: `$top` limits a page, `nextLink` is the URL of the next page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from aiohttp import web

from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject

PAGE_SIZE = 100
"""The default page size, without `$top`."""
_MAX_PAGE_SIZE = 1000

T = TypeVar("T")


def page(
    request: web.Request,
    origin: str,
    found: Sequence[T],
    key: Callable[[T], str],
    show: Callable[[T], JsonObject],
    *,
    limit: str = "$top",
    token: str = "$skiptoken",
    link: str = "nextLink",
) -> JsonObject:
    """Return one page of the items, sorted by key; only items on the page are rendered.

    `origin` is the scheme, host and port of the link to the next page.
    """

    def walk(after: str) -> Iterable[T]:
        return (one for one in sorted(found, key=key) if not after or key(one) > after)

    return page_of(request, origin, walk, key, show, limit=limit, token=token, link=link)


def page_of(
    request: web.Request,
    origin: str,
    walk: Callable[[str], Iterable[T]],
    key: Callable[[T], str],
    show: Callable[[T], JsonObject],
    *,
    limit: str = "$top",
    token: str = "$skiptoken",
    link: str = "nextLink",
) -> JsonObject:
    """Return one page of the resources that `walk` yields after a key, in the order of the keys; only the page is read.

    A page begins after a key, so that no resource is missed when others are created or deleted meanwhile.
    """
    size = _page_size(request.query.get(limit), limit)
    after = _decode(next((value for name, value in request.query.items() if name.lower() == token), None))
    first = list(islice(walk(after), size + 1))
    listed: JsonObject = {"value": [show(one) for one in first[:size]]}
    if len(first) > size:
        query = {name: value for name, value in request.query.items() if name.lower() != token}
        # The path as it was sent, so that an encoded name stays encoded.
        target = request.rel_url.with_query({**query, token: _encode(key(first[size - 1]))})
        listed[link] = f"{origin}{target}"
    return listed


def _page_size(text: str | None, name: str) -> int:
    if text is None:
        return PAGE_SIZE
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise AzureError("InvalidQueryParameterValue", f"The value of {name} must be a positive integer.", target=name)
    return min(int(text), _MAX_PAGE_SIZE)


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise AzureError("InvalidSkipToken", "The $skiptoken of the request is invalid.", target="$skiptoken") from None
