"""Common functions of the endpoints: request bodies, JSON responses, Azure's error format, request ids and the access
log.

aiohttp is the HTTP server: it runs in the providers' event loop and supports TLS and a limit on bodies. No further
framework is needed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from local_azure.arm.tokens import trace_id
from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Azure Resource Manager's limit
(https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits)."""
_READ_SECONDS = 30
_log = logging.getLogger("local_azure.arm")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AnsweredError(Exception):
    """Ends the handling of a request with a response."""

    def __init__(self, response: web.Response) -> None:
        self.response = response
        super().__init__()


def answer(body: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON response; without a body for None."""
    if body is None:
        return web.Response(status=status, headers=headers)
    return web.json_response(body, status=status, headers=headers)


def refuse(error: AzureError, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the response for an `AzureError`."""
    later = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return answer(error.body(), error.status, {"x-ms-failure-cause": "gateway", **later, **(headers or {})})


def invalid_content(why: str, target: str | None = None) -> AzureError:
    """Return the error for a body that is unreadable or does not match its type."""
    return AzureError(
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{why}'.",
        target=target,
    )


async def read_bytes(request: web.Request) -> bytes:
    """Return the body of a request. Raises `AzureError` when it is too large or takes too long."""
    try:
        return await asyncio.wait_for(request.read(), _READ_SECONDS)
    except web.HTTPRequestEntityTooLarge:
        raise AzureError(
            "RequestContentTooLarge",
            f"The request content size exceeds the maximum size of {MAX_BODY_BYTES // 1024 // 1024} MB.",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ) from None
    except TimeoutError:
        raise AzureError(
            "RequestTimeout",
            f"The request content did not arrive within {_READ_SECONDS} seconds.",
            status=HTTPStatus.REQUEST_TIMEOUT,
        ) from None
    except (HttpProcessingError, web.RequestPayloadError):
        raise invalid_content("the body is not what its headers say") from None


async def read_object(request: web.Request) -> JsonObject:
    """Return the JSON object in the body of a request, empty when there is no body. Raises `InvalidRequestContent`."""
    text = await read_bytes(request)
    if not text.strip():
        return {}
    try:
        body: Any = json.loads(text, parse_constant=_no_number)
        # A lone half of a surrogate pair is legal JSON and no text.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid_content("the body is no valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise invalid_content("the body is no JSON object")
    return body  # pyright: ignore[reportUnknownVariableType]  # what JSON holds is known only now


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: give every response Azure's error format and request ids, and write a line to the access log.

    The line has the method, the path and the status: no query, which may contain a token, no header, no body.
    """
    started = time.perf_counter()
    correlation = request.headers.get("x-ms-correlation-request-id", "")
    correlation = correlation if _is_plain(correlation) else trace_id()
    try:
        response = await handler(request)
    except AnsweredError as given:
        response = given.response
    except AzureError as error:
        response = refuse(error)
    except web.HTTPException as error:
        response = refuse(AzureError("BadRequest", error.reason, status=HTTPStatus(error.status)))
    except Exception as error:  # whatever goes wrong, the caller gets an error and no traceback
        _log.error("%s failed: %s", correlation, _where(error))
        response = refuse(
            AzureError(
                "InternalServerError",
                f"The local Azure failed on this request; its log says where (correlation id {correlation}).",
                status=HTTPStatus.INTERNAL_SERVER_ERROR,
            )
        )
    response.headers.update(
        {
            "Cache-Control": "no-cache",
            "x-content-type-options": "nosniff",
            "x-ms-correlation-request-id": correlation,
            "x-ms-request-id": trace_id(),
        }
    )
    client_id = request.headers.get("x-ms-client-request-id", "")
    if _is_plain(client_id):
        response.headers["x-ms-client-request-id"] = client_id
    _log.info(
        "%s %s %s %d %.1f ms %s",
        request.host if _is_plain(request.host) else "-",
        request.method,
        request.rel_url.raw_path[:1024],
        response.status,
        (time.perf_counter() - started) * 1000,
        correlation,
    )
    return response


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= 128 and text.isascii() and text.isprintable()


def _where(error: Exception) -> str:
    """Return the kind and the location of an exception, without its message, which may contain a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(f"{one.filename}:{one.lineno}" for one in reversed(frames))
