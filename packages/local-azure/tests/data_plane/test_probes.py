"""What probes ask, and what is made of the answers."""

import asyncio
import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from local_azure.data_plane.backoff import Backoff
from local_azure.data_plane.probes import Asker, Kind, Probe, Verdict, of_container

SEEN: list[dict[str, str]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /STATUS with that status, and /slow never."""

    def do_GET(self) -> None:
        SEEN.append(dict(self.headers.items()))
        if self.path == "/slow":
            self.server.patience.wait()  # pyright: ignore[reportAttributeAccessIssue]
            return
        self.send_response(int(self.path.strip("/")))
        if self.path == "/302":
            self.send_header("Location", "http://192.0.2.1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Yield where something answers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.patience = threading.Event()  # pyright: ignore[reportAttributeAccessIssue]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.patience.set()  # pyright: ignore[reportAttributeAccessIssue]
    server.shutdown()


def ask(probe: Probe, port: int | None) -> str | None:
    """Ask once."""

    async def run() -> str | None:
        asker = Asker()
        try:
            return await asker.ask(probe, lambda number: port if number == 8000 else None)
        finally:
            await asker.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (204, True), (302, True), (399, True), (400, False), (503, False)]
)
def test_an_answer_from_200_to_399_is_good_and_no_redirect_is_followed(port: int, status: int, good: bool) -> None:
    fault = ask(Probe(Kind.READINESS, 8000, f"/{status}"), port)
    assert (fault is None) == good
    assert good or str(status) in str(fault)


def test_the_headers_are_those_of_the_template_and_kubernetes(port: int) -> None:
    ask(Probe(Kind.LIVENESS, 8000, "200", headers={"Host": "app.example.com", "X-One": "1"}), port)
    assert SEEN[-1]["Host"] == "app.example.com"
    assert SEEN[-1]["X-One"] == "1"
    assert SEEN[-1]["User-Agent"].startswith("kube-probe/")


def test_one_that_does_not_answer_in_time_has_failed(port: int) -> None:
    assert ask(Probe(Kind.LIVENESS, 8000, "/slow", timeout=0.2), port) == "context deadline exceeded"


def test_by_tcp_a_connection_is_enough(port: int) -> None:
    assert ask(Probe(Kind.STARTUP, 8000), port) is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    assert "8000" in str(ask(Probe(Kind.STARTUP, 8000), closed))


def test_a_port_that_the_replica_does_not_listen_on_refuses() -> None:
    assert "connection refused" in str(ask(Probe(Kind.STARTUP, 8001), 1))


# -- what is asked


def test_a_probe_has_kubernetes_defaults() -> None:
    probe = Probe.parse({"type": "liveness", "httpGet": {"port": 8000}})
    assert probe == Probe(Kind.LIVENESS, 8000, "/", "http", {}, 0, 10, 1, 1, 3)


def test_a_probe_is_read_whole() -> None:
    probe = Probe.parse(
        {
            "type": "Startup",
            "httpGet": {
                "port": 8443,
                "path": "/up",
                "scheme": "HTTPS",
                "httpHeaders": [{"name": "Host", "value": "app.example.com"}],
            },
            "initialDelaySeconds": 1,
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "successThreshold": 1,
            "failureThreshold": 5,
        }
    )
    assert probe == Probe(Kind.STARTUP, 8443, "/up", "https", {"Host": "app.example.com"}, 1, 2, 3, 1, 5)


def test_an_app_with_an_ingress_gets_the_probes_that_it_lacks_by_tcp() -> None:
    found = of_container([{"type": "Readiness", "httpGet": {"port": 8000, "path": "/ready"}}], 8000)
    assert found[Kind.READINESS].path == "/ready"
    assert found[Kind.STARTUP] == Probe(Kind.STARTUP, 8000, None, initial_delay=1, period=1, timeout=3, failures=240)
    assert found[Kind.LIVENESS].path is None
    assert of_container([], None) == {}, "one without an ingress gets none"


# -- what is made of it


@pytest.mark.parametrize(
    ("healthy", "answers", "verdicts"),
    [
        (True, "xx.xxx", [True, True, True, True, True, False]),
        (False, "xxx.", [False, False, False, True]),
        (True, ".x.x.x", [True] * 6),
    ],
)
def test_only_answers_in_a_row_change_a_verdict(healthy: bool, answers: str, verdicts: list[bool]) -> None:
    verdict = Verdict(Probe(Kind.LIVENESS, 80, failures=3), healthy)
    seen: list[bool] = []
    for answer in answers:
        verdict.take(answer == ".")
        seen.append(verdict.healthy)
    assert seen == verdicts


def test_readiness_may_ask_for_several_successes() -> None:
    verdict = Verdict(Probe(Kind.READINESS, 80, successes=2, failures=1), healthy=False)
    assert [verdict.take(answer) and verdict.healthy for answer in (True, True)] == [False, True]
    assert verdict.take(False)
    assert not verdict.healthy


def test_a_container_that_keeps_ending_waits_longer_each_time() -> None:
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.after(600) == 0, "it has run well"
    assert backoff.after(1) == 10
