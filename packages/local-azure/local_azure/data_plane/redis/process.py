"""One redis-server: its start, its changes and its end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from redis.exceptions import RedisError

from local_azure.data_plane.processes import Child, Processes
from local_azure.data_plane.redis.administration import Administrator
from local_azure.data_plane.redis.configuration import BUS, Administration, ServerFiles, configuration, user_rules
from local_azure.data_plane.redis.desired_state import RedisPlan
from local_azure.data_plane.redis.installation import PROGRAM
from local_azure.system.certificates import CertificateAuthority
from local_azure.system.files import write_atomically

_START_SECONDS = 20.0
_STOP_SECONDS = 20.0
"""Writing what is in memory to disk takes its time."""
_ATTEMPTS = 5
_CLUSTER_VERSION = 7
"""The first that announces itself by its host name."""
_RENAMED = ("CONFIG", "SHUTDOWN")


class RedisServerError(Exception):
    """A server could not be started. The message is for the user."""


class RedisProcess:
    """A server of one cache."""

    def __init__(
        self, plan: RedisPlan, number: int, directory: Path, processes: Processes, authority: CertificateAuthority
    ) -> None:
        """`number` distinguishes it from the other servers of the cache; the first has 0."""
        self.created = plan.created
        self.admin: Administrator | None = None
        """As long as it runs: who may change it."""
        self._number = number
        self._local_ports: dict[int, int] = {}
        self._plan = plan
        self._directory = directory
        self._processes = processes
        self._authority = authority
        self._child: Child | None = None
        self._config = ""
        self._recall()

    @property
    def is_running(self) -> bool:
        """Return whether there is a process that has not ended."""
        return self._child is not None and self._child.exit_code is None

    @property
    def ports(self) -> dict[int, int]:
        """The local port on the loopback address for each of its ports on Azure."""
        return {port: local for port, local in self._local_ports.items() if port != BUS}

    @property
    def bus_port(self) -> int:
        """Return the loopback port by which it talks to the other servers of its cluster; 0 without one."""
        return self._local_ports.get(BUS, 0)

    @property
    def port(self) -> int:
        """Return the loopback port that clients are meant to use; 0 before the first start."""
        return self._local_ports.get(self._plan.tls_port or self._plan.plain_port or 0, 0)

    async def become(self, plan: RedisPlan) -> None:
        """Make it as planned. Raises `RedisServerError`, `RedisError` or `OSError`."""
        runs = self.is_running
        if runs and (plan.is_down or plan.fixed != self._plan.fixed):
            await self.stop()
            runs = False
        if not runs and not plan.is_down:
            await self.stop()  # of one that has ended by itself, the connection to it
            await self._start(plan)
        elif runs and plan != self._plan:
            await self._change(plan)
        self._plan = plan

    async def cut(self) -> None:
        """Close the connections of its clients."""
        if self.admin:
            await self.admin.cut()

    async def stop(self) -> None:
        """Stop it; what it holds is written to disk."""
        admin, child = self.admin, self._child
        self.admin = self._child = None
        if admin:
            await admin.close()
        if child:
            await child.stop(_STOP_SECONDS)

    async def end(self) -> None:
        """Stop it and forget what it held."""
        if self._child:
            self._child.kill()
        await self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    # -- a change

    async def _change(self, plan: RedisPlan) -> None:
        assert self.admin
        for name, value in plan.settings.items():
            if value != self._plan.settings.get(name):
                await self.admin.ask(self._config, "SET", name, value)
        if plan.key_hashes != self._plan.key_hashes:
            await self.admin.ask("ACL", "SETUSER", "default", "reset", *user_rules(plan))
            if not plan.key_hashes:
                # https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication:
                # without keys all connections are terminated. A renewed key leaves the open ones:
                # https://redis.io/docs/latest/operate/kubernetes/security/authentication/manage-redb-credentials.
                await self.cut()

    # -- the start

    async def _start(self, plan: RedisPlan) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            raise RedisServerError(f"{PROGRAM} is not on PATH; `local-azure setup` installs it or says how")
        if plan.clustering == "OSSCluster" and await asyncio.to_thread(_version, program) < _CLUSTER_VERSION:
            raise RedisServerError(f"the policy OSSCluster needs {PROGRAM} {_CLUSTER_VERSION} or later")
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            self._local_ports = _free_ports(plan, self._local_ports)
            try:
                await self._start_once(program, plan)
                break
            except _PortTakenError:
                self._local_ports = {}
        else:
            raise RedisServerError("no port could be had")
        self._remember()

    async def _start_once(self, program: str, plan: RedisPlan) -> None:
        password = secrets.token_urlsafe(32)
        renamed = {name: f"{name}-{secrets.token_hex(16)}" for name in _RENAMED}
        self._config = renamed["CONFIG"]
        # Beside the data, to go with it.
        certificate, certificate_key = replace(self._authority, directory=self._directory).server_files(
            [plan.host], "server"
        )
        text = configuration(
            plan,
            self._number,
            Administration(hashlib.sha256(password.encode()).hexdigest(), renamed),
            ServerFiles(self._directory, certificate, certificate_key),
            self._local_ports,
        )
        write_atomically(self._directory / "redis.conf", text)
        log = self._directory / "redis.log"
        with log.open("wb") as output:
            child = await self._processes.start(
                [program, str(self._directory / "redis.conf")],
                environment={"PATH": "/usr/bin:/bin"},
                directory=self._directory,
                output=output,
                label=f"redis {plan.host}" + (f" {self._number}" if self._number else ""),
            )
        port = self._local_ports[plan.tls_port or plan.plain_port or 0]
        admin = Administrator(port, password, self._authority.certificate_file if plan.tls_port else None)
        try:
            await _answer(child, admin, log)
        except BaseException:
            await admin.close()
            child.kill()
            await child.wait()
            raise
        self._child, self.admin = child, admin

    # -- what is kept between two runs

    def _recall(self) -> None:
        """Read the ports of an earlier run; delete what an earlier cache of the same name has left."""
        try:
            kept = cast("dict[str, Any]", json.loads((self._directory / "cache.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            kept = {}
        if kept.get("created") == self.created:
            self._local_ports = {int(port): int(local) for port, local in kept["ports"].items()}
        else:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _remember(self) -> None:
        write_atomically(
            self._directory / "cache.json", json.dumps({"created": self.created, "ports": self._local_ports})
        )


class _PortTakenError(Exception):
    """Another process was quicker."""


def _free_ports(plan: RedisPlan, earlier: Mapping[int, int]) -> dict[int, int]:
    """Return a port on the loopback address for each that is needed: that of before, or if it is taken one of the
    system's."""
    wanted = [port for port in (plan.tls_port, plan.plain_port) if port] + ([BUS] if plan.is_cluster else [])
    found: dict[int, int] = {}
    with contextlib.ExitStack() as held:
        for port in wanted:
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", earlier.get(port, 0)))
            except OSError:
                listener.bind(("127.0.0.1", 0))
            found[port] = int(listener.getsockname()[1])
    return found


async def _answer(child: Child, admin: Administrator, log: Path) -> None:
    """Return once a server answers."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if child.exit_code is not None:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if any("already in use" in line for line in said):
                raise _PortTakenError
            last = re.sub(r"^\d+:\w .*? [*#] ", "", said[-1]) if said else "it said nothing"
            raise RedisServerError(f"{PROGRAM} ended with code {child.exit_code}: {last} (more in {log})")
        try:
            await admin.ask("PING")
            return
        except (RedisError, OSError) as error:
            if time.monotonic() > deadline:
                raise RedisServerError(f"{PROGRAM} did not answer within {_START_SECONDS:.0f} s: {error}") from None
        await asyncio.sleep(0.02)


def _version(program: str) -> int:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.search(r"\bv=(\d+)\.", answer)
    return int(found[1]) if found else 0
