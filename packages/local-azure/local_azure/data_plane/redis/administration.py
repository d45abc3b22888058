"""Commands to a running redis-server by the only user that may change it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from local_azure.data_plane.redis.configuration import ADMINISTRATOR

_ANSWER_SECONDS = 20.0


class Administrator:
    """A connection to a server as its administrator."""

    def __init__(self, port: int, password: str, authority: Path | None) -> None:
        """`authority` is the certificate to trust; None for a port without TLS."""
        self._redis = Redis(
            host="127.0.0.1",
            port=port,
            username=ADMINISTRATOR,
            password=password,
            ssl=authority is not None,
            ssl_ca_certs=str(authority) if authority else None,
            retry=Retry(NoBackoff(), 1),
            socket_timeout=_ANSWER_SECONDS,
            decode_responses=True,
        )

    async def ask(self, *words: str) -> str:
        """Return the answer to a command, as text. Raises `RedisError` or `OSError`."""
        redis = cast("Any", self._redis)  # redis-py leaves the type of an answer open
        return str(await redis.execute_command(*words))

    async def own_slots(self) -> set[int]:
        """Return the slots that the server has in its cluster: read from disk, or assigned since."""
        for line in (await self.ask("CLUSTER", "NODES")).splitlines():
            _, _, flags, _, _, _, _, _, *slots = line.split()
            if "myself" in flags.split(","):
                return {
                    slot for first, _, last in (item.partition("-") for item in slots) for slot in _range(first, last)
                }
        return set()

    async def add_slots(self, slots: Iterable[int]) -> None:
        """Give the server slots that no server of its cluster has."""
        if numbers := [str(slot) for slot in slots]:
            await self.ask("CLUSTER", "ADDSLOTS", *numbers)

    async def meet(self, port: int, bus_port: int) -> None:
        """Make a cluster with another server."""
        await self.ask("CLUSTER", "MEET", "127.0.0.1", str(port), str(bus_port))

    async def sees_cluster_of(self, nodes: int) -> bool:
        """Return whether the server knows so many, and where each slot is."""
        told = (await self.ask("CLUSTER", "INFO")).splitlines()
        return "cluster_state:ok" in told and f"cluster_known_nodes:{nodes}" in told

    async def cut(self) -> None:
        """Close the connections of all clients but this."""
        for kind in ("normal", "pubsub"):
            await self.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async def close(self) -> None:
        """Leave."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()


def _range(first: str, last: str) -> range:
    return range(int(first), int(last or first) + 1)
