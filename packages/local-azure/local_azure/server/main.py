"""The server process of the local Azure: `python -m local_azure.server.main --home DIR`.

It opens `DIR/state.sqlite`, serves the `azure-native` and the `random` provider and the endpoint of Azure Resource
Manager on ports of 127.0.0.1, and then writes `DIR/endpoints.json` with its process id and each port by its name:
`azure-native`, `random`, `arm`, `identity`, `vault-proxy`. The ports of an earlier run are used again while they are
free. It ends cleanly on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from local_azure.arm import serving
from local_azure.arm.tokens import TokenIssuer
from local_azure.control_plane.model import Model
from local_azure.core import options
from local_azure.core.schema import package_version
from local_azure.core.state import Store
from local_azure.data_plane import images, supervisor
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.provider.random_values import RandomProvider
from local_azure.provider.servicer import Served
from local_azure.resource_types.container_apps.secrets import re_read_references
from local_azure.server.log import ServerLog
from local_azure.system.files import write_atomically
from local_azure.system.paths import Home

_log = logging.getLogger(__name__)

_GRACE_SECONDS = 5
_RE_READ_SECONDS = 60.0


class AlreadyRunningError(Exception):
    """Another server uses the directory."""


@contextmanager
def _sole_server(home: Path) -> Generator[None, None, None]:
    """Lock the directory for this process; the system releases the lock when the process ends."""
    with (home / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"an emulator is already running on {home}; stop it first, or use another directory"
            ) from None
        yield


def _recorded_ports(endpoints: Path) -> dict[str, int]:
    try:
        recorded = json.loads(endpoints.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(recorded, dict):
        return {}
    return {name: port for name, port in cast("dict[str, Any]", recorded).items() if isinstance(port, int)}


def _wants_data_plane(store: Store) -> bool:
    with store.reading() as transaction:
        return options.read(transaction).data_plane


async def _re_read_references(model: Model, ended: asyncio.Event) -> None:
    """Make apps re-read their Key Vault references periodically, until `ended` is set."""
    while not ended.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_RE_READ_SECONDS):
                await ended.wait()
        try:
            with model.work() as work:
                re_read_references(work.transaction)
        except Exception:  # The next round may succeed.
            _log.exception("Key Vault references could not be re-read")


async def serve(home: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises `OSError` when no port is available."""
    store = Store(home / "state.sqlite")
    model = Model(store)
    model.has_image = lambda reference: images.read(Home(home)).find(reference) is not None
    issuer = TokenIssuer(home, model.tenant)

    def issue_token(audience: str) -> str:
        return issuer.issue(issuer.service_principal, audience)

    providers = {"azure-native": AzureNativeProvider(model, issue_token), "random": RandomProvider()}
    endpoints = home / "endpoints.json"
    recorded = _recorded_ports(endpoints)
    served = {
        name: Served(provider, package_version(name), recorded.get(name, 0)) for name, provider in providers.items()
    }
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # Started parts are closed even if a later part fails to start, so that the user sees the failure.
    async with AsyncExitStack() as closing:
        closing.callback(store.close)
        for one in served.values():
            await one.start()
            closing.push_async_callback(one.stop, _GRACE_SECONDS)
        endpoint = await serving.serve(model, home, recorded)
        closing.push_async_callback(endpoint.close)
        ports = {**{name: one.port for name, one in served.items()}, **endpoint.ports}
        write_atomically(endpoints, json.dumps({"pid": os.getpid(), **ports}))
        await asyncio.gather(
            ended.wait(),
            supervisor.keep_running(home, lambda: _wants_data_plane(store), ended),
            _re_read_references(model, ended),
        )


def main() -> int:
    """Run the server; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local_azure.server.main", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--home", type=Path, required=True, help="the directory of the state and of endpoints.json")
    home: Path = parser.parse_args().home
    logging.getLogger("local_azure.arm").setLevel(logging.INFO)  # the access log
    os.umask(0o077)
    home.mkdir(parents=True, exist_ok=True)
    try:
        with _sole_server(home):
            logging.basicConfig(handlers=[ServerLog(home / "server.log")])
            asyncio.run(serve(home))
    except AlreadyRunningError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
