"""What a Python process in a replica finds: names, ways, and a loopback interface of the replica's own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.core.ids import ArmId
from local_azure.data_plane.dns import NetworkViews
from modules.landscape import Landscape

SECONDS = 240
HOST = "red.westeurope.redis.azure.net"


class Replica:
    """A replica's directory, in which processes run."""

    def __init__(self, names: NetworkViews, directory: Path, network: str | None = None) -> None:
        self._names = names
        self.directory = directory
        self._network = ArmId.parse(network) if network else None
        self._running: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **self._names.shim_environment(self._network, self.directory)}

    def run(self, script: str, **environment: str) -> str:
        """Return what a process says that runs a script to its end."""
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, script: str) -> subprocess.Popen[str]:
        """Return a process that runs a script, once it has said its first line."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", script],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    def port(self, port: int) -> int:
        """Return where what listens on a port really is."""
        return int((self.directory / "ports" / str(port)).read_text())

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def landscape(tmp_path: Path) -> Iterator[Landscape]:
    landscape = Landscape(tmp_path / "state.sqlite").with_network().with_cache().with_zone().with_endpoint()
    config = {"name": "one", "properties": {"privateDnsZoneId": landscape.zone}}
    landscape.put(
        f"{landscape.endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None
    )
    yield landscape
    landscape.model.store.close()


@pytest.fixture
def names(landscape: Landscape, tmp_path: Path) -> Iterator[NetworkViews]:
    names = NetworkViews(landscape.model.store, tmp_path)
    yield names
    names.close()


@pytest.fixture
def greeter() -> Iterator[int]:
    """Yield a port of this machine that greets whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(b"hello")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(SECONDS)


@pytest.fixture
def replica(names: NetworkViews, landscape: Landscape, greeter: int, tmp_path: Path) -> Iterator[Replica]:
    """Yield a replica in the network, where a service that greets is behind the cache's name."""
    names.publish({HOST: {10000: greeter}})
    replica = Replica(names, tmp_path / "replica", landscape.vnet)
    yield replica
    replica.close()


# -- names and connections

LOOK_UP = f"""
import asyncio, json, socket
host = {HOST!r}
async def by_asyncio():
    reader, writer = await asyncio.open_connection(host, 10000)
    said = await reader.read()
    writer.close()
    return said.decode()
with socket.create_connection((host, 10000), 5) as one:
    said = one.recv(5).decode()
with socket.socket() as other:
    code = other.connect_ex((host, 10000))
    named = other.recv(5).decode()
print(json.dumps([
    [one[4] for one in socket.getaddrinfo(host, 10000, type=socket.SOCK_STREAM)],
    socket.gethostbyname(host.upper()), list(socket.gethostbyname_ex(host)),
    said, code, named, asyncio.run(by_asyncio()),
    socket.getaddrinfo(b"localhost", "http", socket.AF_INET)[0][4],
]))
"""


def test_names_have_private_addresses_and_connections_reach_the_service(replica: Replica) -> None:
    found = json.loads(replica.run(LOOK_UP))
    assert found[0] == [["10.0.2.4", 10000]]
    assert found[1] == "10.0.2.4"
    assert found[2] == [HOST, [], ["10.0.2.4"]]
    assert found[3:7] == ["hello", 0, "hello", "hello"]
    assert found[7] == ["127.0.0.1", 80], "other names are the system's matter"


ERRORS = """
import json, socket
errors = []
for host, port in json.loads(%r):
    try:
        socket.create_connection((host, port), 0.3).close()
        errors.append("connected")
    except OSError as error:
        errors.append(type(error).__name__)
print(json.dumps(errors))
"""


def errors(replica: Replica, *places: tuple[str, int]) -> list[str]:
    return json.loads(replica.run(ERRORS % json.dumps(places)))


def test_each_dead_end_has_its_own_error(replica: Replica, names: NetworkViews, landscape: Landscape) -> None:
    assert errors(
        replica,
        (HOST, 10000),
        (HOST, 443),
        ("10.0.2.4", 10000),
        ("10.0.2.99", 10000),
        ("nobody.redis.azure.net", 10000),
        (names.addresses(None, HOST)[0], 10000),
    ) == ["connected", "TimeoutError", "connected", "TimeoutError", "gaierror", "ConnectionRefusedError"]


def test_a_change_is_seen_by_a_process_that_runs(
    replica: Replica, names: NetworkViews, landscape: Landscape, greeter: int
) -> None:
    process = replica.start(
        f"""
import socket, sys
print("ready")
for line in sys.stdin:
    try:
        print(socket.gethostbyname({HOST!r}))
    except socket.gaierror:
        print("no such name")
"""
    )
    assert process.stdin
    assert process.stdout

    def asked() -> str:
        print("?", file=process.stdin, flush=True)
        return process.stdout.readline().strip() if process.stdout else ""

    assert asked() == "10.0.2.4"
    landscape.delete(f"{landscape.endpoint}/privateDnsZoneGroups/default")
    names.publish({HOST: {10000: greeter}})
    assert asked() == "no such name"
    landscape.delete(f"{landscape.zone}/virtualNetworkLinks/vnet")
    names.publish({HOST: {10000: greeter}})
    assert asked().startswith("20.")


def test_a_silent_address_is_silent_for_asyncio_too(replica: Replica) -> None:
    script = """
import asyncio
async def main():
    try:
        await asyncio.wait_for(asyncio.open_connection("10.0.2.99", 10000), 0.3)
    except TimeoutError:
        print("silent")
asyncio.run(main())
"""
    assert replica.run(script) == "silent"


# -- the replica's own loopback interface

SERVER = """
import http.server, socket, sys
class Server(http.server.HTTPServer):
    address_family = socket.{family}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write({body!r}.encode())
    def log_message(self, *_):
        pass
server = Server(({host!r}, {port}), Handler)
print("ready")
server.serve_forever()
"""
GET = "import urllib.request; print(urllib.request.urlopen('http://{host}:{port}/').read().decode())"


def server(body: str, host: str = "0.0.0.0", port: int = 8000, family: str = "AF_INET") -> str:
    return SERVER.format(body=body, host=host, port=port, family=family)


def test_two_replicas_listen_on_the_same_port_and_each_finds_its_own(
    replica: Replica, names: NetworkViews, landscape: Landscape, tmp_path: Path
) -> None:
    other = Replica(names, tmp_path / "other", landscape.vnet)
    try:
        replica.start(server("one"))
        other.start(server("two"))
        assert replica.port(8000) != other.port(8000)
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            assert replica.run(GET.format(host=host, port=8000)) == "one"
            assert other.run(GET.format(host=host, port=8000)) == "two"
        with socket.create_connection(("127.0.0.1", replica.port(8000)), 5) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"
    finally:
        other.close()


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", "AF_INET"), ("", "AF_INET"), ("::", "AF_INET6"), ("::1", "AF_INET6")]
)
def test_it_listens_on_the_loopback_interface_for_ipv4_whatever_it_asks_for(
    replica: Replica, host: str, family: str
) -> None:
    replica.start(server("one", host, family=family))
    assert replica.run(GET.format(host="127.0.0.1", port=8000)) == "one"
    listening = socket.create_connection(("127.0.0.1", replica.port(8000)), 5)
    listening.close()


def test_an_asyncio_server_on_every_interface_is_found(replica: Replica) -> None:
    replica.start(
        """
import asyncio
async def greet(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.0 200 OK\\r\\n\\r\\nasyncio")
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(greet, None, 8000)
    print("ready")
    await server.serve_forever()
asyncio.run(main())
"""
    )
    assert replica.run(GET.format(host="localhost", port=8000)) == "asyncio"


def test_nothing_of_this_machine_is_at_the_loopback_address_but_what_is_told(replica: Replica, greeter: int) -> None:
    assert errors(replica, ("127.0.0.1", greeter), ("localhost", 8000)) == ["ConnectionRefusedError"] * 2
    (replica.directory / "ports" / "42356").write_text(str(greeter))
    assert errors(replica, ("127.0.0.1", 42356), ("localhost", 42356)) == ["connected"] * 2


def test_a_process_reaches_a_port_that_the_system_gave_it(replica: Replica) -> None:
    script = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    client = socket.create_connection(server.getsockname())
    connection, _ = server.accept()
    connection.sendall(b"hello")
    print(client.recv(5).decode())
"""
    assert replica.run(script) == "hello"


def test_a_port_is_taken_within_a_replica_and_kept_over_a_restart(replica: Replica) -> None:
    first = replica.start(server("one"))
    port = replica.port(8000)
    script = """
import socket
try:
    socket.create_server(("0.0.0.0", 8000))
except OSError as error:
    print(error.errno == __import__("errno").EADDRINUSE)
"""
    assert replica.run(script) == "True"
    first.kill()
    first.wait()
    replica.start(server("again"))
    assert replica.port(8000) == port
    assert replica.run(GET.format(host="localhost", port=8000)) == "again"


def test_a_port_that_somebody_else_has_got_since_is_given_up(replica: Replica, greeter: int) -> None:
    first = replica.start(server("one"))
    first.kill()
    first.wait()
    (replica.directory / "ports" / "8000").write_text(str(greeter))
    replica.start(server("again"))
    assert replica.port(8000) != greeter
    assert replica.run(GET.format(host="localhost", port=8000)) == "again"


# -- Python itself


def test_the_process_has_the_replicas_name(replica: Replica) -> None:
    script = "import os, platform, socket; print(socket.gethostname(), os.uname().nodename, platform.node())"
    assert replica.run(script, HOSTNAME="web--1-abc") == "web--1-abc web--1-abc web--1-abc"
    assert replica.run(script) == " ".join([socket.gethostname()] * 3)


def test_the_sitecustomize_that_was_there_before_runs_as_well(names: NetworkViews, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "sitecustomize.py").write_text("import os; os.environ['THEIRS'] = __name__\n")
    environment = names.shim_environment(None, tmp_path / "replica", str(tmp_path / "theirs"))
    script = "import os, socket, sys; print(os.environ['THEIRS'], socket.getaddrinfo.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["sitecustomize", "replica_network"]


def test_without_its_variables_python_is_as_always(names: NetworkViews, tmp_path: Path) -> None:
    path = names.shim_environment(None, tmp_path / "replica")["PYTHONPATH"]
    script = "import socket; print(socket.getaddrinfo.__module__, socket.socket.connect.__qualname__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["socket", "socket.connect"]
