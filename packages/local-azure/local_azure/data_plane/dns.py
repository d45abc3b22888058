"""What names resolve to and where addresses are served, seen from within each virtual network.

What a network sees is written to a file, `names/NETWORK.json` of the home directory, which the processes of a replica
follow (`shim/replica_network.py`): no name server, no entry in /etc/hosts and no address but 127.0.0.1 is needed.

- A name resolves to the address that Azure's name servers would return (`resource_types/name_resolution.py`).
- A service answers at the address of an approved private endpoint in the network, and at its public address if public
  network access is on. At a public address where it is off the connection is refused; an address of the network where
  nothing is, such as that of an endpoint that was rejected, does not answer at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store, Transaction
from local_azure.core.values import as_list, get
from local_azure.data_plane.redis.desired_state import CLASSIC_TYPE, CLUSTER_TYPE
from local_azure.resource_types.base import PrivateLink
from local_azure.resource_types.name_resolution import (
    Resolution,
    endpoint_addresses,
    endpoints_in,
    linked_zones,
    record_addresses,
    resolve,
)
from local_azure.resource_types.network import RECORD_TYPE, VNET_TYPE
from local_azure.resource_types.redis_classic import Redis
from local_azure.resource_types.redis_managed import RedisEnterprise
from local_azure.system.files import write_atomically

Ports = Mapping[int, int]
"""For each port of a service on Azure, the local port on the loopback address."""

SHIM = Path(__file__).parent / "shim"
_DOMAINS = ("redis.azure.net", "redis.cache.windows.net", "azurecontainerapps.io")
"""Azure's own domains of what is served here: no other name server is asked for a name in them."""
_LINKS: dict[str, PrivateLink] = {
    CLASSIC_TYPE: Redis.private_links[0],
    CLUSTER_TYPE: RedisEnterprise.private_links[0],
}
_ANY = "*"
_OUTSIDE = "outside"


@dataclass(frozen=True)
class View:
    """What is seen from one network. The form in which a replica reads it."""

    names: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The addresses of a name; none for a name that does not exist."""
    zones: list[str] = field(default_factory=list[str])
    """Domains of which no other name exists."""
    routes: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """For an address and a port of it (or `*`, any other) the port on the loopback address."""
    ranges: list[str] = field(default_factory=list[str])
    """The network's own addresses: without a route, nothing answers."""
    refusing: int = 0
    """A loopback port that refuses connections."""
    silent: int = 0
    """A loopback port that does not answer."""


class NetworkViews:
    """Writes what each network sees, and answers for it."""

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._directory = home / "names"
        self._dead_ends = _DeadEnds()
        self._views: dict[str, View] = {}
        self._ways: set[tuple[str, str, str]] | None = None

    def close(self) -> None:
        """Release the ports."""
        self._dead_ends.close()

    def publish(self, caches: Mapping[str, Ports], *, public: Mapping[str, Ports] | None = None) -> set[str]:
        """Write what each network sees.

        Args:
            caches: by host name, the ports of the caches that run.
            public: by host name, the ports of what is reached by a public address from everywhere.

        Returns:
            The caches that could be reached before by a way that is gone: their connections are to be cut.
        """
        ways: set[tuple[str, str, str]] = set()
        with self._store.reading() as transaction:
            targets = [
                (item, link) for kind, link in _LINKS.items() for item in transaction.of_type(kind) if link.host(item)
            ]
            networks: list[Resource | None] = [None, *transaction.of_type(VNET_TYPE)]
            for network in networks:
                view = View(
                    zones=list(_DOMAINS),
                    ranges=as_list(get(network.body, "properties.addressSpace.addressPrefixes")) if network else [],
                    refusing=self._dead_ends.refusing,
                    silent=self._dead_ends.silent,
                )
                key = network.id.key if network else _OUTSIDE
                for target, link in targets:
                    host = link.host(target)
                    for address in _add_target(view, target, link, network, caches.get(host), transaction):
                        ways.add((key, host, address))
                for host, ports in (public or {}).items():
                    _add_public(view, host, ports)
                if network:
                    _add_zones(view, network.id, transaction)
                self._write(key, view)
        lost, self._ways = (self._ways or set()) - ways, ways
        return {host for _, host, _ in lost}

    def view(self, network: ArmId | None) -> View:
        """Return what was last written for a network, or for processes outside of any."""
        return self._views.get(network.key if network else _OUTSIDE, View())

    def addresses(self, network: ArmId | None, host: str) -> list[str]:
        """Return the addresses that a process in a network gets for a name of Azure's; empty when it does not exist."""
        return self.view(network).names.get(host.lower().rstrip("."), [])

    def locate(self, network: ArmId | None, host: str, port: int) -> tuple[str, int]:
        """Return the local address and port for a host name and a port, as seen from within a network.

        Raises `OSError`, as a process there gets it: `socket.gaierror` for a name that does not exist,
        `ConnectionRefusedError` or `TimeoutError` where nothing answers. A name that is not Azure's is returned.
        """
        view, name = self.view(network), host.lower().rstrip(".")
        if name not in view.names and not any(f".{name}".endswith(f".{zone}") for zone in view.zones):
            return host, port
        addresses = self.addresses(network, host)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        route = view.routes.get(addresses[0], {})
        local = route.get(str(port), route.get(_ANY, view.silent))
        if local == view.refusing:
            raise ConnectionRefusedError(f"{name} ({addresses[0]}) refuses connections to port {port}")
        if local == view.silent:
            raise TimeoutError(f"{name} ({addresses[0]}) does not answer at port {port}")
        return "127.0.0.1", local

    def shim_environment(self, network: ArmId | None, replica_directory: Path, python_path: str = "") -> dict[str, str]:
        """Return the variables by which the Python processes of a replica in a network follow what is written here.

        Args:
            network: the virtual network; None for an environment without one.
            replica_directory: what the containers of a replica share; gets a directory `ports`, in which the file `P`
                has the loopback port of what listens on port P.
            python_path: the PYTHONPATH that the replica has besides.
        """
        ports = replica_directory / "ports"
        ports.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            "PYTHONPATH": f"{SHIM}:{python_path}" if python_path else str(SHIM),
            "LOCAL_AZURE_NAMES": str(self._file(network.key if network else _OUTSIDE)),
            "LOCAL_AZURE_PORTS": str(ports),
        }

    def _file(self, key: str) -> Path:
        name = key if key == _OUTSIDE else hashlib.sha256(key.encode()).hexdigest()[:16]
        return self._directory / f"{name}.json"

    def _write(self, key: str, view: View) -> None:
        if self._views.get(key) != view:
            write_atomically(self._file(key), json.dumps(asdict(view), indent=1))
            self._views[key] = view


def public_address(host: str) -> str:
    """Return the public address of a host: made up, always the same, and of a range of Azure's own."""
    number = int.from_bytes(hashlib.sha256(host.encode()).digest()[:3])
    return str(ipaddress.IPv4Address("20.0.0.0") + 1 + number % (2**24 - 2))


def _add_target(
    view: View,
    target: Resource,
    link: PrivateLink,
    network: Resource | None,
    ports: Ports | None,
    transaction: Transaction,
) -> Iterator[str]:
    """Add what a network sees of a cache; gives the addresses at which the cache answers."""
    host, public = link.host(target).lower(), public_address(link.host(target))
    resolution = resolve(target, link, network.id if network else None, transaction)
    match resolution:
        case Resolution.PUBLIC:
            view.names[host] = [public]
        case Resolution.UNRESOLVED:
            view.names[host] = []
        case Resolution.PRIVATE | Resolution.WRONG_ADDRESS:
            assert network
            view.names[host] = list(_record_of(host, link, network.id, transaction))
    # A cache that is down is found, and refuses.
    known = {str(port): local for port, local in ports.items()} if ports else {_ANY: view.refusing}
    for endpoint in endpoints_in(target, network.id, transaction) if network else ():
        for address in endpoint_addresses(endpoint):
            view.routes[address] = {_ANY: view.silent, **known}
            yield address
    view.routes[public] = {_ANY: view.refusing}
    if target.properties.get("publicNetworkAccess") != "Disabled":
        view.routes[public] |= known
        yield public


def _record_of(host: str, link: PrivateLink, network: ArmId, transaction: Transaction) -> Iterator[str]:
    for zone in linked_zones(network, transaction):
        if zone.name.lower() == link.zone:
            record = transaction.get(zone.child("A", host.removesuffix(f".{link.domain}")))
            yield from record_addresses(record) if record else ()


def _add_public(view: View, host: str, ports: Ports) -> None:
    address = public_address(host)
    view.names[host.lower()] = [address]
    view.routes[address] = {_ANY: view.refusing, **{str(port): local for port, local in ports.items()}}


def _add_zones(view: View, network: ArmId, transaction: Transaction) -> None:
    """Add the names of the private zones themselves."""
    for zone in linked_zones(network, transaction):
        view.zones.append(zone.name.lower())
        for record in transaction.of_type(RECORD_TYPE, zone):
            name = zone.name if record.id.name == "@" else f"{record.id.name}.{zone.name}"
            view.names[name.lower()] = record_addresses(record)


class _DeadEnds:
    """A port that refuses connections, and a port that does not answer; both are held against other processes."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        refusing = self._open.enter_context(socket.socket())
        refusing.bind(("127.0.0.1", 0))
        self.refusing = int(refusing.getsockname()[1])
        silent = self._open.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        self.silent = int(silent.getsockname()[1])
        # Whoever comes after these finds the queue full, and the system drops what it sends, as a firewall would.
        for _ in range(4):
            waiting = self._open.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.silent))

    def close(self) -> None:
        self._open.close()
