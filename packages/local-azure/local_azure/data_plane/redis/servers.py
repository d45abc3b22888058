"""Runs a redis-server for each cache, and keeps it as the resources say."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from redis.exceptions import RedisError

from local_azure.core.state import Store
from local_azure.data_plane.processes import Processes
from local_azure.data_plane.redis.cluster import RedisCluster
from local_azure.data_plane.redis.desired_state import RedisPlan, redis_plans
from local_azure.data_plane.redis.process import RedisServerError
from local_azure.status.runtime_status import RunningCache
from local_azure.system.certificates import CertificateAuthority

_log = logging.getLogger(__name__)


class RedisServers:
    """The servers of all caches. Each keeps its data and its ports in `redis/HOST` of the home directory."""

    def __init__(self, store: Store, home: Path, processes: Processes, authority: CertificateAuthority) -> None:
        self._store = store
        self._directory = home / "redis"
        self._processes = processes
        self._authority = authority
        self._servers: dict[str, RedisCluster] = {}
        self._changing = asyncio.Lock()
        self.failures: dict[str, str] = {}
        """Why the server of a host does not run, in words for the user."""

    @property
    def ports(self) -> dict[str, dict[int, int]]:
        """By the host of each running cache: the local port on the loopback address for each of its ports on Azure."""
        return {host: server.ports for host, server in self._servers.items() if server.is_running}

    @property
    def running(self) -> tuple[RunningCache, ...]:
        """Return all caches, for those who ask what runs."""
        return tuple(
            RunningCache(server.id.text, host, server.port if server.is_running else 0, self.failures.get(host, ""))
            for host, server in sorted(self._servers.items())
        )

    async def reconcile(self) -> None:
        """Start, change, restart and end servers until they are as the resources say."""
        async with self._changing:
            with self._store.reading() as transaction:
                plans = {plan.host: plan for plan in redis_plans(transaction)}
            gone = [host for host in self._servers if host not in plans]
            await asyncio.gather(*(self._servers.pop(host).end() for host in gone))
            self._remove_data(kept=plans)
            await asyncio.gather(*(self._reconcile(plan) for plan in plans.values()))

    async def cut(self, host: str) -> None:
        """Close the connections of all clients of a cache: the way they came by is gone."""
        server = self._servers.get(host)
        if server:
            await server.cut()

    async def close(self) -> None:
        """Stop all servers; what they hold is written to disk."""
        async with self._changing:
            await asyncio.gather(*(server.stop() for server in self._servers.values()))
            self._servers.clear()

    async def _reconcile(self, plan: RedisPlan) -> None:
        server = self._servers.get(plan.host)
        if server and server.created != plan.created:
            await self._servers.pop(plan.host).end()
            server = None
        if server is None:
            server = self._servers[plan.host] = RedisCluster(
                plan, self._directory / plan.host, self._processes, self._authority
            )
        try:
            await server.become(plan)
            self.failures.pop(plan.host, None)
        except (RedisServerError, RedisError, OSError) as error:
            words = f"the Redis {plan.host} does not run: {error}"
            if self.failures.get(plan.host) != words:
                _log.error("%s", words)
            self.failures[plan.host] = words

    def _remove_data(self, kept: Mapping[str, object]) -> None:
        """Forget caches that were deleted while nothing ran here."""
        for directory in self._directory.glob("*"):
            if directory.name not in kept and directory.name not in self._servers:
                shutil.rmtree(directory, ignore_errors=True)
