"""Commands to a running redis-server by the one user that may change it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from local_azure.data_plane.redis_configuration import ADMINISTRATOR, SLOTS

_ANSWER_SECONDS = 20.0
_POLL_SECONDS = 0.02


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
        """The answer to a command, as text. Raises `RedisError` or `OSError`."""
        redis = cast("Any", self._redis)  # redis-py leaves the type of an answer open
        return str(await redis.execute_command(*words))

    async def take_all_slots(self) -> None:
        """Make the server a cluster of one. It has taken the slots of what it read from disk already."""
        slots = (await self.ask("CLUSTER", "NODES")).split()[8:]
        taken = {slot for first, _, last in (one.partition("-") for one in slots) for slot in _range(first, last)}
        if free := [str(slot) for slot in range(SLOTS) if slot not in taken]:
            await self.ask("CLUSTER", "ADDSLOTS", *free)
        while "cluster_state:ok" not in await self.ask("CLUSTER", "INFO"):
            await asyncio.sleep(_POLL_SECONDS)

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
