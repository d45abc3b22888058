"""The process that runs what the resources describe: `python -m local_azure.data_plane.main --home DIR`.

The server starts it and starts it again when it dies; standard input is a pipe of the server's, at whose end all that
runs is ended, and this process with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import ssl
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from redis.exceptions import RedisError

from local_azure.core import options
from local_azure.core.identity_headers import IdentityHeaders
from local_azure.core.state import Store
from local_azure.data_plane import desired_state, images, traffic
from local_azure.data_plane.app import AppServices
from local_azure.data_plane.apps import Apps, ReadyRevisions
from local_azure.data_plane.dns import NetworkViews
from local_azure.data_plane.ingress.server import Ingress
from local_azure.data_plane.measures import Sources
from local_azure.data_plane.probes import Asker
from local_azure.data_plane.processes import Processes
from local_azure.data_plane.redis.servers import RedisServers
from local_azure.data_plane.replica import ReplicaServices
from local_azure.data_plane.watch import Watch
from local_azure.status import runtime_status
from local_azure.status.ingress_ports import read_ports
from local_azure.status.replica_logs import Logs
from local_azure.status.runtime_status import RuntimeStatus
from local_azure.system.certificates import certificate_authority
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import Home

_log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 8.0
"""What replicas have to end when the local Azure stops, whatever their own time is."""
_END_SECONDS = 14.0
"""What all of it has, caches included; the supervisor waits a little longer."""
_KILL_SECONDS = 1.0
"""What is left after that has to end."""
_PUBLISH_SECONDS = 0.1
_RETRY_SECONDS = 1.0
_CHECK_SECONDS = 1.0


class DataPlane:
    """Follows the state: runs what the resources describe, and publishes the status of what runs."""

    def __init__(self, home: Path, store: Store, redis: RedisServers, network_views: NetworkViews) -> None:
        self._home = home
        self._store = store
        self._redis = redis
        self._network_views = network_views
        self._watch = Watch(home / "state.sqlite")
        self._changed = asyncio.Event()
        self._published: RuntimeStatus | None = None
        self._to_cut: set[str] = set()
        """The hosts of caches whose clients are still to be cut off."""
        self.speedup = 1.0
        """The option of that name."""

    def changed(self) -> None:
        """Note that what runs has changed."""
        self._changed.set()

    async def follow(self, apps: Apps, ended: asyncio.Event) -> None:
        """Follow the state until `ended` is set. Raises the error that ended it earlier."""
        tasks = [asyncio.create_task(self._reconcile(apps)), asyncio.create_task(self._publish_status(apps))]
        end_requested = asyncio.create_task(ended.wait())
        await asyncio.wait([end_requested, *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in tasks if task.done()]
        for task in (end_requested, *tasks):
            task.cancel()
        await asyncio.gather(end_requested, *tasks, return_exceptions=True)
        self._watch.close()
        for task in failed:
            _log.error("the state is not followed any more")
            task.result()

    async def _reconcile(self, apps: Apps) -> None:
        while True:
            try:
                with self._store.reading() as transaction:
                    self.speedup = options.read(transaction).speedup
                    wanted = desired_state.read_apps(transaction)
                await self._reconcile_caches(wanted)
                apps.reconcile(wanted)
                self.changed()
                await self._next_change(wanted)
            except Exception:  # whatever one change has brought about, the next ones are still to be followed
                _log.exception("a change could not be followed; it is tried again")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _reconcile_caches(self, apps: Sequence[desired_state.AppPlan]) -> None:
        await self._redis.reconcile()
        front = read_ports(self._home)
        ports = {443: front.environment_https, 80: front.environment_http} if front else {}
        hosts = [host for app in apps for host in traffic.host_names(app)]
        self._to_cut |= self._network_views.publish(self._redis.ports, public=dict.fromkeys(hosts, ports))
        for host in sorted(self._to_cut):
            try:
                await self._redis.cut(host)
            except (RedisError, OSError) as error:
                _log.error("%s: clients could not be cut off (%s); it is tried again", host, type(error).__name__)
            else:
                self._to_cut.remove(host)

    async def _next_change(self, apps: Sequence[desired_state.AppPlan]) -> None:
        """Wait for a change; meanwhile a cache whose server has died is started again."""
        change = asyncio.create_task(self._watch.changed())
        try:
            while not (await asyncio.wait([change], timeout=_CHECK_SECONDS))[0]:
                await self._reconcile_caches(apps)
                self.changed()
            change.result()
        finally:
            change.cancel()

    async def _publish_status(self, apps: Apps) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                now = RuntimeStatus(os.getpid(), apps.as_running(), self._redis.running)
                if now != self._published:
                    runtime_status.write(self._home, now)
                    self._published = now
            except Exception:  # a full disk, say, which is not full for ever
                _log.exception("the runtime status could not be published; it is tried again")
                self.changed()
                await asyncio.sleep(_RETRY_SECONDS)
            await asyncio.sleep(_PUBLISH_SECONDS)


async def run(home: Path, identity_port: int, ended: asyncio.Event) -> None:
    """Run what the resources describe until `ended` is set; then stop all of it."""
    processes = Processes(home)
    for label in await processes.end_leftovers():
        _log.info("ended %s, which an earlier data plane had left", label)
    shutil.rmtree(home / "replicas", ignore_errors=True)
    authority = certificate_authority(home)
    trust = _trust(home, authority.certificate_file)
    store = Store(home / "state.sqlite")
    redis = RedisServers(store, home, processes, authority)
    network_views = NetworkViews(store, home)
    asker = Asker()
    ready = ReadyRevisions(home)
    plane = DataPlane(home, store, redis, network_views)
    ingress = await Ingress.start(home, authority, lambda app, revision: apps.wake(app, revision))
    replica_services = ReplicaServices(
        home=home,
        processes=processes,
        asker=asker,
        images=images.read(Home(home)),
        logs=Logs(home),
        shim=network_views.shim_environment,
        trust=trust,
        identity_port=identity_port,
        identity_header=IdentityHeaders(home).header,
    )
    services = AppServices(
        replica_services=replica_services,
        sources=Sources(network_views.locate, trust, ingress.requests),
        ingress=ingress,
        speedup=lambda: plane.speedup,
        ready=ready.keep,
        changed=plane.changed,
    )
    apps = Apps(services, ready)
    async with AsyncExitStack() as closing:  # each is done whatever becomes of the others
        closing.callback(store.close)
        closing.callback(runtime_status.remove, home)
        closing.callback(shutil.rmtree, home / "replicas", ignore_errors=True)
        closing.callback(network_views.close)
        closing.push_async_callback(processes.close, _KILL_SECONDS)
        closing.push_async_callback(_end, apps, redis, ingress, asker)
        await plane.follow(apps, ended)


async def _end(apps: Apps, redis: RedisServers, ingress: Ingress, asker: Asker) -> None:
    try:
        async with asyncio.timeout(_END_SECONDS):
            await apps.close(STOP_GRACE_SECONDS)
            ends = await asyncio.gather(redis.close(), ingress.close(), asker.close(), return_exceptions=True)
    except TimeoutError:
        _log.error("not all has ended within %.0f s; what is left is killed", _END_SECONDS)
    else:
        for error in ends:
            if isinstance(error, BaseException):
                _log.error("not all has ended; what is left is killed", exc_info=error)


def _trust(home: Path, authority: Path) -> Path:
    """Return a file with this machine's authorities and the local one."""
    system = ssl.get_default_verify_paths().cafile
    texts = [Path(file).read_text(encoding="utf-8") for file in (system, authority) if file and Path(file).exists()]
    bundle = home / "tls" / "trust.pem"
    write_atomically(bundle, "\n".join(texts), 0o644)
    return bundle


async def serve(home: Path) -> None:
    """Run until SIGTERM, SIGINT or the end of standard input."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    end_of_input = asyncio.create_task(reader.read())
    end_of_input.add_done_callback(lambda _: ended.set())
    endpoints = json.loads((home / "endpoints.json").read_text(encoding="utf-8"))
    await run(home, int(endpoints["identity"]), ended)
    end_of_input.cancel()
    transport.close()


def main() -> int:
    """Run the data plane; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local_azure.data_plane.main", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--home", type=Path, required=True, help="the directory of the state")
    home: Path = parser.parse_args().home
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    os.umask(0o077)
    # Wait for an earlier data plane that is still ending its processes without its server.
    with locked(home / "data-plane.lock"):
        asyncio.run(serve(home))
    return 0


if __name__ == "__main__":
    sys.exit(main())
