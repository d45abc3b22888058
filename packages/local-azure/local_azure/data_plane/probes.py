"""Health probes: what they ask, how often, and what their answers mean.

They are those of Kubernetes (https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes), by
HTTP or TCP alone (https://learn.microsoft.com/azure/container-apps/health-probes).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import aiohttp

from local_azure.core.values import JsonObject, as_list, as_object

_USER_AGENT = "kube-probe/1.30"


class Kind(Enum):
    """What a probe is for."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"


@dataclass(frozen=True)
class Probe:
    """A probe; times in seconds. The defaults are those of Kubernetes."""

    kind: Kind
    port: int
    path: str | None = None
    """None: it connects by TCP and asks nothing."""
    scheme: str = "http"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    successes: int = 1
    """So many in a row make a success."""
    failures: int = 3
    """So many in a row make a failure."""

    @staticmethod
    def parse(probe: JsonObject) -> Probe:
        """Read a probe of a template."""
        asked = as_object(probe.get("httpGet"))
        headers = [as_object(header) for header in as_list(asked.get("httpHeaders"))]
        return Probe(
            kind=Kind(str(probe["type"]).capitalize()),
            port=int((asked or as_object(probe.get("tcpSocket")))["port"]),
            path=str(asked.get("path") or "/") if asked else None,
            scheme=str(asked.get("scheme") or "http").lower(),
            headers={str(header["name"]): str(header.get("value") or "") for header in headers},
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            successes=probe.get("successThreshold") or 1,
            failures=probe.get("failureThreshold") or 3,
        )


def of_container(probes: Sequence[JsonObject], target_port: int | None) -> dict[Kind, Probe]:
    """Return the probes of a container, by what they are for.

    `target_port` is that of the ingress for the main container of an app that has one: Container Apps then adds the
    kinds that the template does not have, by TCP
    (https://learn.microsoft.com/azure/container-apps/health-probes#default-configuration).
    """
    found = {probe.kind: probe for probe in map(Probe.parse, probes)}
    if target_port:
        for probe in (
            Probe(Kind.STARTUP, target_port, initial_delay=1, period=1, timeout=3, failures=240),
            Probe(Kind.LIVENESS, target_port),
            Probe(Kind.READINESS, target_port, initial_delay=3, period=5, timeout=5, failures=48),
        ):
            found.setdefault(probe.kind, probe)
    return found


@dataclass
class Verdict:
    """What a probe's answers come to so far."""

    probe: Probe
    healthy: bool
    """What holds until enough answers in a row say otherwise."""
    _in_a_row: int = 0
    _last: bool | None = None

    def take(self, success: bool) -> bool:
        """Take an answer in; returns whether enough of its kind have come in a row."""
        self._in_a_row = self._in_a_row + 1 if success == self._last else 1
        self._last = success
        enough = self._in_a_row >= (self.probe.successes if success else self.probe.failures)
        if enough:
            self.healthy = success
        return enough


class Asker:
    """Asks containers; ports are found in what the replica says of where it really listens."""

    def __init__(self) -> None:
        # Connections are not kept: a probe is to find out whether one can be had.
        connector = aiohttp.TCPConnector(force_close=True, ssl=False, limit=0)
        self._client = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, probe: Probe, locate: Callable[[int], int | None]) -> str | None:
        """Ask once; None for a success, else what was wrong, in the words of Kubernetes' events."""
        try:
            async with asyncio.timeout(probe.timeout):
                return await self._ask(probe, locate(probe.port))
        except TimeoutError:
            return "context deadline exceeded"
        except (OSError, aiohttp.ClientError) as error:
            return f"connection to port {probe.port} failed: {type(error).__name__}"

    async def _ask(self, probe: Probe, port: int | None) -> str | None:
        if port is None:
            return f"dial tcp :{probe.port}: connect: connection refused"
        if probe.path is None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return None
        path = probe.path if probe.path.startswith("/") else f"/{probe.path}"
        headers = {"User-Agent": _USER_AGENT, "Accept": "*/*", **probe.headers}
        url = f"{probe.scheme}://127.0.0.1:{port}{path}"
        async with self._client.get(url, headers=headers, allow_redirects=False) as response:
            return None if 200 <= response.status < 400 else f"HTTP probe failed with statuscode: {response.status}"
