"""Resources with real redis-servers behind them, and clients in and outside their network."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from local_azure.core.ids import ArmId
from local_azure.data_plane.dns import NetworkViews
from local_azure.data_plane.processes import Processes
from local_azure.data_plane.redis.servers import RedisServers
from local_azure.system.certificates import certificate_authority
from modules.landscape import Landscape

T = TypeVar("T")
CLIENTS = Path(__file__).with_name("clients.py")
ALL = ("redis-py", "django-redis", "kombu", "celery-backend")
SECONDS = 240


class RedisFixture(Landscape):
    """A landscape whose caches run."""

    def __init__(self, home: Path) -> None:
        super().__init__(home / "state.sqlite")
        self.home = home
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()

    def start(self) -> None:
        """Start a data plane, as after a start of the local Azure."""
        self.processes = Processes(self.home)
        self.run(self.processes.end_leftovers())
        self.redis = RedisServers(self.model.store, self.home, self.processes, certificate_authority(self.home))
        self.names = NetworkViews(self.model.store, self.home)

    def stop(self) -> None:
        """Stop the data plane."""
        self.run(self.redis.close())
        self.run(self.processes.close())
        self.names.close()

    def close(self) -> None:
        """End everything."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()
        self.model.store.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something of the data plane to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    def settle(self) -> None:
        """Let the data plane see what the resources say now."""
        self.run(self._settle())

    async def _settle(self) -> None:
        await self.redis.reconcile()
        for host in self.names.publish(self.redis.ports):
            await self.redis.cut(host)

    def keys(self, resource: str) -> list[str]:
        """Return the two keys of a cache."""
        return list(self.action(resource, "listKeys").values())

    def replica_environment(self, network: str | None, *, trusts: bool = True) -> dict[str, str]:
        """Return the environment of a process in a replica."""
        vnet = ArmId.parse(network) if network else None
        return {
            "PATH": os.environ["PATH"],
            **self.names.shim_environment(vnet, self.home / "replica"),
            **({"SSL_CERT_FILE": str(self.home / "tls" / "ca.pem")} if trusts else {}),
        }

    def python(self, script: str, network: str | None, given: str = "") -> str:
        """Return what a script says that runs in a replica in a network."""
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=self.replica_environment(network),
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def outcomes(
        self, *uses: tuple[str, str], network: str | None = "vnet", trusts: bool = True
    ) -> dict[tuple[str, str], str]:
        """Return how each client fared with each URL, in the landscape's network or in none."""
        done = subprocess.run(
            [sys.executable, str(CLIENTS)],
            env=self.replica_environment(self.vnet if network == "vnet" else network, trusts=trusts),
            input=json.dumps(uses),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(zip(uses, json.loads(done.stdout), strict=True))

    def outcome(self, url: str, *, network: str | None = "vnet", trusts: bool = True) -> str:
        """Return how redis-py fared."""
        return self.outcomes(("redis-py", url), network=network, trusts=trusts)[("redis-py", url)]


def url(host: str, port: int, key: str, database: int = 0) -> str:
    """Return the URL in the contract's form."""
    return f"rediss://:{quote(key, safe='')}@{host}:{port}/{database}?ssl_cert_reqs=required"
