"""The servers of one cache: one, or as many as a cluster shows to its clients."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from local_azure.data_plane.processes import Processes
from local_azure.data_plane.redis.administration import Administrator
from local_azure.data_plane.redis.desired_state import RedisPlan
from local_azure.data_plane.redis.process import RedisProcess, RedisServerError
from local_azure.system.certificates import CertificateAuthority

_SLOTS = 16384
_POLL_SECONDS = 0.02
_JOIN_SECONDS = 20.0
"""A server that comes back waits some seconds before it trusts its cluster."""


class RedisCluster:
    """The servers of one cache. The first keeps its data in the cache's directory, the others in `node-N` of it."""

    def __init__(self, plan: RedisPlan, directory: Path, processes: Processes, authority: CertificateAuthority) -> None:
        self.id = plan.id
        self.created = plan.created
        self._plan = plan
        self._directory = directory
        self._processes = processes
        self._authority = authority
        self._nodes = [RedisProcess(plan, 0, directory, processes, authority)]
        self._joined: list[Administrator | None] = []

    @property
    def is_running(self) -> bool:
        """Return whether every server runs."""
        return all(node.is_running for node in self._nodes)

    @property
    def ports(self) -> dict[int, int]:
        """The local port on the loopback address for each of the cache's ports on Azure."""
        first = self._plan.first_node_port
        seen = self._nodes if self._plan.clustering == "OSSCluster" else []
        return {**self._nodes[0].ports, **{first + number: node.port for number, node in enumerate(seen)}}

    @property
    def port(self) -> int:
        """Return the loopback port that clients are meant to use; 0 before the first start."""
        return self._nodes[0].port

    async def become(self, plan: RedisPlan) -> None:
        """Make it as planned. Raises `RedisServerError`, `RedisError` or `OSError`."""
        for number in range(len(self._nodes), self._count(plan)):
            directory = self._directory / f"node-{number}"
            self._nodes.append(RedisProcess(plan, number, directory, self._processes, self._authority))
        self._plan = plan
        # None is left at work when another fails: the next attempt would meet it.
        for error in await asyncio.gather(*(node.become(plan) for node in self._nodes), return_exceptions=True):
            if error is not None:
                raise error
        running = [node.admin for node in self._nodes]
        if plan.is_cluster and not plan.is_down and self._joined != running:
            await self._join()
            self._joined = running

    async def cut(self) -> None:
        """Close the connections of its clients."""
        await asyncio.gather(*(node.cut() for node in self._nodes))

    async def stop(self) -> None:
        """Stop it; what it holds is written to disk."""
        await asyncio.gather(*(node.stop() for node in self._nodes))

    async def end(self) -> None:
        """Stop it and forget what it held."""
        for node in reversed(self._nodes):  # the first has the directory of all
            await node.end()

    def _count(self, plan: RedisPlan) -> int:
        """Return how many servers. A server that has keys stays, whatever the size says now."""
        kept = sum(1 for _ in self._directory.glob("node-*")) if plan.clustering == "OSSCluster" else 0
        return max(plan.nodes, 1 + kept)

    async def _join(self) -> None:
        """Join the servers to one cluster, in which every slot is assigned."""
        admins = [node.admin for node in self._nodes if node.admin]
        taken = {slot for admin in admins for slot in await admin.own_slots()}
        for number, admin in enumerate(admins):
            share = range(_SLOTS * number // len(admins), _SLOTS * (number + 1) // len(admins))
            await admin.add_slots(slot for slot in share if slot not in taken)
        for node in self._nodes[1:]:
            await admins[0].meet(node.port, node.bus_port)
        deadline = time.monotonic() + _JOIN_SECONDS
        while not all([await admin.sees_cluster_of(len(admins)) for admin in admins]):
            if time.monotonic() > deadline:
                raise RedisServerError(f"its {len(admins)} servers did not find each other in {_JOIN_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)
