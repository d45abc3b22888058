"""Which replicas serve which host name, and how many requests each of them has."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

_MORE_NEWS_SECONDS = 0.5


class Backend(Protocol):
    """A replica that takes requests."""

    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int:
        """On the loopback address."""
        ...


class Share(Protocol):
    """A revision, and its share of the requests for a host name."""

    @property
    def revision(self) -> str: ...
    @property
    def weight(self) -> int: ...


@dataclass(frozen=True)
class Site:
    """A host name of an app."""

    host: str
    app: str
    """The app's id in lower case."""
    external: bool
    """Whether it answers requests from outside its environment."""
    allows_http: bool
    """Whether plain HTTP is served; if not, it is redirected to HTTPS."""
    transport: str
    shares: Sequence[Share]

    def choose(self) -> str:
        """Return the revision that takes the next request; empty when no revision has a share."""
        weights = [share.weight for share in self.shares]
        return random.choices(self.shares, weights)[0].revision if any(weights) else ""


class Sites:
    """All host names, and the replicas behind them."""

    def __init__(self) -> None:
        self._sites: dict[str, Site] = {}
        self._ready: dict[str, dict[str, Sequence[Backend]]] = {}
        self._begun: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()
        self._news = asyncio.Event()

    def find(self, host: str) -> Site | None:
        """Return the site of a host name, in any case."""
        return self._sites.get(host.lower())

    def route_app(self, app: str, sites: Sequence[Site], ready: Mapping[str, Sequence[Backend]]) -> None:
        """Replace the host names that route to an app; `ready` has the ready replicas of each running revision."""
        self._sites = {host: site for host, site in self._sites.items() if site.app != app}
        self._sites.update({site.host.lower(): site for site in sites})
        self._ready[app] = dict(ready)
        self._notify()

    def forget(self, app: str) -> None:
        """Remove an app that is deleted."""
        self.route_app(app, (), {})
        del self._ready[app]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return all host names that answer requests from outside."""
        return tuple(site.host for site in self._sites.values() if site.external)

    def runs(self, site: Site, revision: str) -> bool:
        """Return whether a revision has replicas, or may have some."""
        return revision in self._ready.get(site.app, {})

    def pick(self, site: Site, revision: str, tried: set[str]) -> Backend | None:
        """Return a replica of a revision for a request: the next in turn of those with the fewest requests, and none
        that was tried already.
        """
        backends = [item for item in self._ready.get(site.app, {}).get(revision, ()) if item.name not in tried]
        if not backends:
            return None
        self._turns[revision] += 1
        turn = self._turns[revision] % len(backends)
        return min(backends[turn:] + backends[:turn], key=lambda item: self._open[item.name])

    @contextmanager
    def serving(self, backend: Backend) -> Generator[None]:
        """Count a request of a replica as open as long as the block runs."""
        self._open[backend.name] += 1
        try:
            yield
        finally:
            self._open[backend.name] -= 1
            if not self._open[backend.name]:
                del self._open[backend.name]
                self._notify()

    def count(self, revision: str) -> None:
        """Count one more request of a revision."""
        self._begun[revision] += 1

    def requests(self, revision: str) -> int:
        """Return how many requests a revision has had so far."""
        return self._begun[revision]

    async def news(self) -> None:
        """Return when a replica has come or gone, or has no request any more, and after half a second anyway."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), _MORE_NEWS_SECONDS)

    async def drained(self, replica: str) -> None:
        """Return once a replica has no request any more."""
        while self._open[replica]:
            await self.news()

    def _notify(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
