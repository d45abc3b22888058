"""The server process of the local Azure: `python -m local_azure.server --home DIR`.

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
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from local_azure.arm import serving
from local_azure.files import write_atomically
from local_azure.model import Model
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.provider.random_values import RandomProvider
from local_azure.provider.servicer import bind
from local_azure.schema import package_version
from local_azure.state import Store

_GRACE_SECONDS = 5


class AlreadyRunningError(Exception):
    """Another server has the directory."""


@contextmanager
def _sole_server(home: Path) -> Generator[None, None, None]:
    """Hold the directory for this process alone; the system lets go of it when the process ends in any way."""
    with (home / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(
                f"a local Azure is already running on {home}; stop it first, or use another directory"
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


async def serve(home: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    store = Store(home / "state.sqlite")
    model = Model(store)
    providers = {"azure-native": AzureNativeProvider(model), "random": RandomProvider()}
    endpoints = home / "endpoints.json"
    recorded = _recorded_ports(endpoints)
    bound = {name: bind(provider, package_version(name), recorded.get(name, 0)) for name, provider in providers.items()}
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    for server, _ in bound.values():
        await server.start()
    endpoint = await serving.serve(model, home, recorded)
    ports = {**{name: port for name, (_, port) in bound.items()}, **endpoint.ports}
    write_atomically(endpoints, json.dumps({"pid": os.getpid(), **ports}))
    await ended.wait()
    await asyncio.gather(endpoint.close(), *(server.stop(_GRACE_SECONDS) for server, _ in bound.values()))
    store.close()


def main() -> int:
    """Run the server; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_azure.server", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="the directory of the state and of endpoints.json")
    home: Path = parser.parse_args().home
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("local_azure.arm").setLevel(logging.INFO)  # the access log
    os.umask(0o077)
    home.mkdir(parents=True, exist_ok=True)
    try:
        with _sole_server(home):
            asyncio.run(serve(home))
    except AlreadyRunningError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
