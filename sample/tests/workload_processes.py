"""The workload's processes and the servers they use, started for real."""

import http.client
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import redis
import trustme

TESTS = Path(__file__).parent
WORKLOAD = TESTS.parent
HOST = "app.example.com"
"""The name under which visitors reach the workload."""
PATIENCE = 180
"""Seconds after which a test stops waiting for what should have happened."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` is true; fail the test, saying `what` is missing, when it is not within PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {PATIENCE} s")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nothing listens on, lower than those that systems give to outgoing connections."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port where connections are neither accepted nor refused, as behind a firewall that drops packets."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:  # they fill the queue of connections that wait to be accepted
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for client in waiting:
            client.close()


class Authority:
    """A certificate authority, and the certificate for `localhost` that it signed, as PEM files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "authority.pem"
        self.server_certificate = directory / "server.pem"
        self.server_key = directory / "server-key.pem"
        authority = trustme.CA()
        server = authority.issue_cert("localhost")
        authority.cert_pem.write_to_path(str(self.certificate))
        server.cert_chain_pems[0].write_to_path(str(self.server_certificate))
        self.server_key.touch(mode=0o600)
        server.private_key_pem.write_to_path(str(self.server_key))


def access_key() -> str:
    """Return an access key of Azure's shape, with each character that needs care in a URL."""
    first, second = (secrets.token_urlsafe(18).replace("-", "a").replace("_", "b") for _ in range(2))
    return f"{first}/{second}+AB="


class RedisServer:
    """A redis-server as Azure runs it: TLS only, two keys at once.

    `databases` is 1 on Azure Managed Redis and 16 on Azure Cache for Redis.
    """

    def __init__(self, directory: Path, authority: Authority, *, databases: int = 1) -> None:
        if not (executable := shutil.which("redis-server")):
            pytest.fail("redis-server is missing; install it, for example by `apt-get install redis-server`")
        self.port = free_port()
        self.keys = (access_key(), access_key())
        self._authority = authority
        self._configuration = directory / f"redis-{self.port}.conf"
        self._configuration.touch(mode=0o600)
        self._configuration.write_text(
            f"""
            bind 127.0.0.1 -::1
            port 0
            tls-port {self.port}
            tls-cert-file {authority.server_certificate}
            tls-key-file {authority.server_key}
            tls-ca-cert-file {authority.certificate}
            tls-auth-clients no
            databases {databases}
            user default on >{self.keys[0]} >{self.keys[1]} ~* &* +@all
            maxmemory 64mb
            maxmemory-policy volatile-lru
            dir {directory}
            appendonly yes
            appendfilename redis-{self.port}.aof
            appenddirname redis-{self.port}
            save ""
            """
        )
        self._command = [executable, str(self._configuration)]
        self.start()

    def start(self) -> None:
        """Start the server, with what it held when it was stopped."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(
            host="localhost",
            port=self.port,
            password=self.keys[0],
            ssl=True,
            ssl_ca_certs=str(self._authority.certificate),
            decode_responses=True,
        )
        wait_until(self._answers, "an answer of redis-server")

    def stop(self) -> None:
        """Stop the server as a failed one stops: without a farewell."""
        self.client.close()
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop answering, without closing a connection or refusing one."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    def fill(self) -> None:
        """Leave no memory for another value, and nothing to evict."""
        self.client.config_set("maxmemory-policy", "noeviction")
        self.client.config_set("maxmemory", "1")

    def fail_to_save(self) -> None:
        """Let snapshots fail, after which the server takes no writes."""
        (self._configuration.parent / "dump.rdb").mkdir()  # where the snapshot's file would be
        self.client.config_set("save", "3600 1")
        self.client.set("unsaved", 1)
        self.client.bgsave()
        wait_until(lambda: self.client.info("persistence")["rdb_last_bgsave_status"] == "err", "a snapshot that fails")

    def url(self, database: int = 0, *, key: str | None = None, port: int | None = None) -> str:
        """Return the connection URL as the stack gives it to the workload, by default with the first key."""
        password = quote(self.keys[0] if key is None else key, safe="")
        return f"rediss://:{password}@localhost:{port or self.port}/{database}?ssl_cert_reqs=required"

    def secrets(self) -> list[str]:
        """Return what no log may hold: the keys, and the pieces that a URL falls into when their "/" is not encoded."""
        return [
            piece
            for key in self.keys
            for piece in (key, quote(key, safe=""), *re.split("[/+=]", key))
            if len(piece) > 7
        ]


@dataclass
class Process:
    """A running process of the workload, the leader of a group of its own, and its log."""

    popen: subprocess.Popen[bytes]
    log_file: Path

    def log(self) -> str:
        """Return what the process and its children wrote so far."""
        return self.log_file.read_text()

    def wait_for_log(self, text: str) -> None:
        """Return once `text` is in the log; fail when the process ends without it."""
        wait_until(lambda: text in self.log() or self.popen.poll() is not None, f"{text!r} in the log")
        assert text in self.log(), f"the process ended with {self.popen.returncode}:\n{self.log()}"

    def kill(self) -> None:
        """End the process and its children at once, as `kill -9` or a lost machine does."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def terminate(self) -> int:
        """Ask the process, not its children, to end, as Container Apps does; its exit code."""
        self.popen.terminate()
        return self.popen.wait(timeout=PATIENCE)


@dataclass
class Response:
    """An answer of web."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


class Browser:
    """A visitor whose requests reach web through the ingress, which speaks HTTPS to the visitor and HTTP to web."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, body: dict[str, object] | None = None, **headers: str) -> Response:
        """Send a request; the keyword arguments are header names, with `_` for `-`, and replace the ingress's own."""
        sent = {"Host": HOST, "X-Forwarded-Proto": "https", "Cookie": "; ".join(map("=".join, self.cookies.items()))}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, urlencode(body or {}), sent)
            response = connection.getresponse()
            for cookie in response.headers.get_all("Set-Cookie", []):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return Response(response.status, response.headers, response.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **headers)

    def visits(self) -> int:
        """Open the page, and read there how often this visitor has opened it."""
        response = self.get("/")
        assert response.status == 200, response.body
        return int(re.search(r'id="visits">(\d+)<', response.body)[1])

    def queue_task(self, seconds: float) -> Response:
        """Post the page's form, for a task that takes `seconds`."""
        self.visits()
        token = self.cookies["csrftoken"]
        return self.request(
            "POST", "/api/tasks/", {"seconds": seconds, "csrfmiddlewaretoken": token}, Origin=f"https://{HOST}"
        )

    def task(self, task_id: str) -> dict[str, Any]:
        """Return what web knows of a task."""
        return self.get(f"/api/tasks/{task_id}/").json()

    def result(self, task_id: str) -> dict[str, Any]:
        """Return what a task returned, once it is done."""
        wait_until(lambda: self.task(task_id)["state"] == "SUCCESS", "the task's result")
        return self.task(task_id)["result"]


class Workload:
    """The workload with an environment as the stack gives it, and its processes."""

    def __init__(self, directory: Path, authority: Authority) -> None:
        self.directory = directory
        self.database = directory / "db.sqlite3"
        self.secrets = [secrets.token_urlsafe(50)]
        self.processes: list[Process] = []
        self.environment = {
            # Commands are found where this Python's packages are.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(WORKLOAD), str(TESTS)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            # gunicorn trusts a proxy on this machine, where tests run; on Container Apps the ingress is elsewhere.
            "FORWARDED_ALLOW_IPS": "192.0.2.1",
            "SSL_CERT_FILE": str(authority.certificate),
            "SECRET_KEY": self.secrets[0],
            "ALLOWED_HOSTS": f"{HOST},www.example.org",
            "CSRF_TRUSTED_ORIGINS": f"https://{HOST},https://www.example.org",
            "REDIS_KEY_PREFIX": "cache",
            "CELERY_KEY_PREFIX": "celery:",
            "DATABASE_URL": f"sqlite:///{self.database}",
        }

    def use_redis(self, cache: str, broker: str | None = None) -> None:
        """Use the Redis of the URL `cache`, and of the URL `broker`, when it is given, for tasks and their results."""
        self.environment |= {
            "REDIS_URL": cache,
            "CELERY_BROKER_URL": broker or cache,
            "CELERY_RESULT_BACKEND": broker or cache,
        }

    def start(self, *command: str, **environment: str) -> Process:
        """Start a command with the workload's environment and `environment` on top."""
        log_file = self.directory / f"process-{len(self.processes)}.log"
        with log_file.open("wb") as log:
            popen = subprocess.Popen(
                command,
                cwd=WORKLOAD,
                env=self.environment | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(Process(popen, log_file))
        return self.processes[-1]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its exit code and output."""
        process = self.start(*command, **environment)
        code = process.popen.wait(timeout=PATIENCE)
        return subprocess.CompletedProcess(command, code, process.log())

    def start_web(self) -> tuple[Process, Browser]:
        """Start web and wait until it is alive."""
        browser = Browser(free_port())
        web = self.start("gunicorn", "magictoolbox.wsgi", PORT=str(browser.port))
        wait_until(lambda: self._alive(browser) or web.popen.poll() is not None, "liveness of web")
        assert web.popen.poll() is None, web.log()
        return web, browser

    @staticmethod
    def _alive(browser: Browser) -> bool:
        try:
            return browser.get("/api/health/liveness/").status == 200
        except OSError:
            return False

    def start_worker(self, name: str = "worker", **environment: str) -> Process:
        """Start a worker and wait until it takes tasks."""
        worker = self.start("celery", "-A", "magictoolbox", "worker", "-n", name, **environment)
        worker.wait_for_log(" ready.")
        return worker

    def logs(self) -> str:
        """Return what all processes wrote."""
        return "\n".join(process.log() for process in self.processes)

    def stop(self) -> None:
        """End every process."""
        for process in self.processes:
            process.kill()
