"""The cost of the emulator: the time of an operation, its growth with the number of resources, and the start.

Run it from the project's directory: `.venv/bin/python -m bench.local_azure`. It prints medians and ratios, and fails
when a limit is passed: 5 ms for an operation (the median), 1 s for the start, and a state of 1,000 resources no slower
than one of 10 (half again as slow at most, which allows for noise).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from local_azure.arm import serve
from local_azure.control_plane.model import Model
from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.core.values import JsonObject

ROOT = Path(__file__).resolve().parents[1]
REGION = "westeurope"
OPERATION_MS = 5.0
START_S = 1.0
GROWTH = 1.5
SMALL, LARGE = 10, 1_000
_NETWORK: JsonObject = {"location": REGION, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}
_CLUSTER: JsonObject = {
    "location": REGION,
    "sku": {"name": "Balanced_B0"},
    "properties": {"publicNetworkAccess": "Disabled", "minimumTlsVersion": "1.2"},
}
_DATABASE: JsonObject = {"properties": {"accessKeysAuthentication": "Enabled", "clusteringPolicy": "NoCluster"}}


@dataclass
class Site:
    """A state with a number of resources."""

    model: Model

    def __post_init__(self) -> None:
        self.group = f"/subscriptions/{self.model.tenant.subscription_id}/resourceGroups/rg"
        self._put(self.group, {"location": REGION})
        self._put(self.id("network", "virtualNetworks/vnet"), _NETWORK)
        self._put(f"{self.id('network', 'virtualNetworks/vnet')}/subnets/endpoints", _subnet("10.255.0.0/16"))
        self._put(self.id("network", "virtualNetworks/apps"), _NETWORK)
        self._put(f"{self.id('network', 'virtualNetworks/apps')}/subnets/apps", _subnet("10.1.0.0/23", delegated=True))
        environment = {"vnetConfiguration": {"infrastructureSubnetId": self.apps_subnet}}
        self._put(self.id("app", "managedEnvironments/env"), {"location": REGION, "properties": environment})

    @property
    def apps_subnet(self) -> str:
        return f"{self.id('network', 'virtualNetworks/apps')}/subnets/apps"

    def id(self, namespace: str, path: str) -> str:
        return f"{self.group}/providers/Microsoft.{namespace}/{path}"

    def _put(self, resource_id: str, body: JsonObject) -> None:
        target = ArmId.parse(resource_id)
        self.model.put(target, body, outcome=self.model.evaluate_faults("put", target))

    def fill(self, count: int) -> None:
        """Add resources of the sorts that a deployment has, each with those that refer to it."""
        number = 0
        while (missing := count - self.count()) > 0:
            puts = (self.put_subnet, self.put_cluster, self.put_database, self.put_endpoint, self.put_app)
            for put in puts[:missing]:
                put(number)
            number += 1

    def count(self) -> int:
        with self.model.store.transaction() as transaction:
            return len(transaction.under(""))

    def put_subnet(self, number: int) -> None:
        prefix = f"10.{128 + number // 256}.{number % 256}.0/24"
        self._put(f"{self.id('network', 'virtualNetworks/vnet')}/subnets/s{number}", _subnet(prefix))

    def put_cluster(self, number: int) -> None:
        self._put(self.id("Cache", f"redisEnterprise/r{number}"), _CLUSTER)

    def put_database(self, number: int) -> None:
        self._put(self.id("Cache", f"redisEnterprise/r{number}/databases/default"), _DATABASE)

    def put_endpoint(self, number: int) -> None:
        connection = {
            "privateLinkServiceId": self.id("Cache", f"redisEnterprise/r{number}"),
            "groupIds": ["redisEnterprise"],
        }
        subnet = {"id": f"{self.id('network', 'virtualNetworks/vnet')}/subnets/endpoints"}
        properties = {"subnet": subnet, "privateLinkServiceConnections": [{"name": "one", "properties": connection}]}
        self._put(self.id("network", f"privateEndpoints/p{number}"), {"location": REGION, "properties": properties})

    def put_app(self, number: int, image: str = "app:1") -> None:
        container = {
            "name": "web",
            "image": image,
            "resources": {"cpu": 0.5, "memory": "1Gi"},
            "env": [{"name": "URL", "secretRef": "url"}],
        }
        properties = {
            "environmentId": self.id("app", "managedEnvironments/env"),
            "configuration": {"secrets": [{"name": "url", "value": "x"}]},
            "template": {"containers": [container]},
        }
        self._put(self.id("app", f"containerApps/a{number}"), {"location": REGION, "properties": properties})

    def get(self, resource_id: str) -> None:
        target = ArmId.parse(resource_id)
        self.model.evaluate_faults("read", target)
        self.model.get(target)

    def delete(self, resource_id: str) -> None:
        target = ArmId.parse(resource_id)
        self.model.delete(target, outcome=self.model.evaluate_faults("delete", target))


def _subnet(prefix: str, *, delegated: bool = False) -> JsonObject:
    delegation = {"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}
    return {"properties": {"addressPrefix": prefix, "delegations": [delegation] if delegated else []}}


def operations(site: Site) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Yield the operations that are measured, each on a number of its own."""
    yield "create a cluster", site.put_cluster
    yield "create a database", site.put_database
    yield "create a private endpoint", site.put_endpoint
    yield "create a container app", site.put_app
    yield "update a container app", lambda number: site.put_app(number, "app:2")
    yield "read a container app", lambda number: site.get(site.id("app", f"containerApps/a{number}"))
    yield (
        "list the keys of a database",
        lambda number: site.model.action(
            ArmId.parse(site.id("Cache", f"redisEnterprise/r{number}/databases/default")), "listKeys"
        ),
    )
    yield "delete a private endpoint", lambda number: site.delete(site.id("network", f"privateEndpoints/p{number}"))
    yield "delete a container app", lambda number: site.delete(site.id("app", f"containerApps/a{number}"))
    yield "delete a cluster", lambda number: site.delete(site.id("Cache", f"redisEnterprise/r{number}"))


def measure(count: int, samples: int) -> dict[str, float]:
    """Return the median milliseconds of each operation, and of each request, in a state with so many resources."""
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Model(Store(Path(directory) / "state.sqlite")))
        site.fill(count)
        medians: dict[str, float] = {}
        for name, do in operations(site):
            taken: list[float] = []
            for number in range(samples):
                started = time.perf_counter()
                do(100_000 + number)
                taken.append((time.perf_counter() - started) * 1000)
            medians[name] = statistics.median(taken)
        return medians | asyncio.run(_measure_requests(site, Path(directory), samples))


def requests(site: Site) -> Iterator[tuple[str, str]]:
    """Yield the requests that are measured, through the endpoint and its TLS: what each is, and its path."""
    small = "$top=10"
    yield "GET an environment", f"{site.id('app', 'managedEnvironments/env')}?api-version=2025-07-01"
    yield "GET 10 of a group's resources", f"{site.group}/resources?api-version=2021-04-01&{small}"
    yield (
        "GET 1 resource of a group by a filter",
        f"{site.group}/resources?api-version=2021-04-01&$filter=resourceType eq 'Microsoft.App/managedEnvironments'",
    )
    yield "GET 10 clusters", f"{site.id('Cache', 'redisEnterprise')}?api-version=2025-07-01&{small}"


async def _measure_requests(site: Site, home: Path, samples: int) -> dict[str, float]:
    served = await serve(site.model, home)
    address = f"https://localhost:{served.ports['arm']}"
    trust = ssl.create_default_context(cafile=str(served.certificate_authority))
    form = {
        "grant_type": "client_credentials",
        "client_id": site.model.tenant.client_id,
        "client_secret": (home / "service-principal-secret").read_text().strip(),
        "scope": f"{address}/.default",
    }
    medians: dict[str, float] = {}
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
            tenant = site.model.tenant.tenant_id
            async with session.post(f"{address}/{tenant}/oauth2/v2.0/token", data=form) as answer:
                token = (await answer.json())["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            for name, path in requests(site):
                taken: list[float] = []
                for _ in range(samples):
                    started = time.perf_counter()
                    async with session.get(f"{address}{path}") as answer:
                        answer.raise_for_status()
                        await answer.read()
                    taken.append((time.perf_counter() - started) * 1000)
                medians[name] = statistics.median(taken)
    finally:
        await served.close()
    return medians


def start_up(samples: int) -> float:
    """Return the median seconds from the start of the server process until it says where it serves."""
    taken: list[float] = []
    for _ in range(samples):
        with tempfile.TemporaryDirectory() as directory:
            # The first start of a home makes its keys and certificates; every later one finds them.
            _start(Path(directory))
            taken.append(_start(Path(directory)))
    return statistics.median(taken)


def _start(home: Path) -> float:
    endpoints = home / "endpoints.json"
    endpoints.unlink(missing_ok=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", "local_azure.server.main", "--home", str(home)]
    process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))
    try:
        while not endpoints.exists():
            if process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.005)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    """Measure and print; return 1 when a limit is passed."""
    parser = argparse.ArgumentParser(prog="python -m bench.local_azure", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="of each operation (default: 100)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args()
    small, large = measure(SMALL, options.samples), measure(LARGE, options.samples)
    start = start_up(3)
    growth = {name: large[name] / small[name] for name in small}
    slowest, typical_growth = max(large.values()), statistics.median(growth.values())
    throughput = 1000 / statistics.mean(large.values())
    if options.json:
        print(json.dumps({"small": small, "large": large, "growth": growth, "start": start, "throughput": throughput}))
    else:
        print(f"{'operation (median ms)':<40} {SMALL:>10} {LARGE:>10}  ratio   (resources in the state)")
        for name, value in small.items():
            print(f"{name:<40} {value:>10.2f} {large[name]:>10.2f} {growth[name]:>6.2f}")
        print(f"operations a second with {LARGE} resources: {throughput:.0f}")
        print(f"slowest operation: {slowest:.2f} ms, {slowest / OPERATION_MS:.2f} of the limit of {OPERATION_MS:g} ms")
        print(f"{LARGE} resources against {SMALL}: {typical_growth:.2f} times (limit {GROWTH:g})")
        print(f"start: {start:.2f} s, {start / START_S:.2f} of the limit of {START_S:g} s")
    return 0 if slowest <= OPERATION_MS and typical_growth <= GROWTH and start <= START_S else 1


if __name__ == "__main__":
    sys.exit(main())
