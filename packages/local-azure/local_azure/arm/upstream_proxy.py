"""Connections to hosts outside Azure, for commands that use the emulator's forward proxy."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

_CONNECT_SECONDS = 10
_HEAD_BYTES = 16 * 1024
_PROXY_PORT = 80

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(host: str, port: int, own_port: int, environment: Mapping[str, str] = os.environ) -> Streams:
    """Connect to a host, through the upstream proxy of this process's environment if there is one.

    `own_port` is the port of the calling proxy, which must not connect to itself. Raises `OSError`, including
    `TimeoutError`.
    """
    async with asyncio.timeout(_CONNECT_SECONDS):
        proxy = _proxy(host, own_port, environment)
        if proxy is None:
            return await asyncio.open_connection(host, port)
        streams = await asyncio.open_connection(proxy.hostname, proxy.port or _PROXY_PORT, limit=_HEAD_BYTES)
        try:
            await _ask(streams, f"{host}:{port}", proxy)
        except BaseException:
            streams[1].close()
            raise
        return streams


def _proxy(host: str, own_port: int, environment: Mapping[str, str]) -> SplitResult | None:
    named = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    spared = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if not named or _bypasses_proxy(host, spared):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    is_self = proxy.hostname in ("127.0.0.1", "localhost") and proxy.port == own_port
    return None if is_self or not proxy.hostname else proxy


def _bypasses_proxy(host: str, spared: str) -> bool:
    """Return whether a `NO_PROXY` list such as `localhost,.example.org` contains a host or its domain."""
    names = [one.strip().lstrip(".").lower() for one in spared.split(",")]
    return any(one == "*" or (one and f".{host.lower()}".endswith(f".{one}")) for one in names)


async def _ask(streams: Streams, target: str, proxy: SplitResult) -> None:
    reader, writer = streams
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        head += f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    writer.write(f"{head}\r\n".encode())
    await writer.drain()
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ConnectionError("the proxy does not respond") from error
    words = answer.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or words[1] != b"200":
        raise ConnectionRefusedError("the proxy refuses the connection")
