"""A deployed stack with running apps, and its users: visitors, load, and an operator."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential

from local_azure.core.tenant import Tenant
from local_azure.status import runtime_status
from local_azure.status.ingress_ports import read_ports
from local_azure.status.runtime_status import RunningRevision
from tests.stack.deployment import Deployment

IMAGE = "ghcr.io/contoso/magictoolbox:1.0.0"
READINESS = "/api/health/readiness/"
READY = {"status": "ready", "checks": {"database": True, "cache": True}}
PATIENCE = 240
"""Seconds after which a test stops waiting for an event."""
_TASK_SECONDS = 0.05
_CACHES = {"microsoft.cache/redis": "2024-11-01", "microsoft.cache/redisenterprise/databases": "2025-07-01"}
"""Versions of the interfaces of what has access keys."""
_URLS = ("REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return the value of `condition` once it is true; fail the test with `what` is missing after a time-out."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {PATIENCE} s")
        time.sleep(0.1)
    return found


class Visitor:
    """A browser on this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self.session.get(f"{self.address}{path}", timeout=PATIENCE)

    def visits(self) -> int:
        """Open the page, and read there how often this visitor has opened it."""
        response = self.get("/")
        assert response.status_code == 200, f"{response.status_code} {response.text[:200]}"
        found = re.search(r'id="visits">(\d+)<', response.text)
        assert found, response.text
        return int(found[1])

    def queue_task(self, seconds: float) -> str:
        """Post the page's form; return the task's id."""
        if "csrftoken" not in self.session.cookies:
            self.visits()
        response = self.session.post(
            f"{self.address}/api/tasks/",
            data={"seconds": seconds, "csrfmiddlewaretoken": self.session.cookies["csrftoken"]},
            headers={"Origin": self.address, "Referer": f"{self.address}/"},
            timeout=PATIENCE,
        )
        assert response.status_code == 202, f"{response.status_code} {response.text[:200]}"
        return response.json()["id"]

    def task(self, task_id: str) -> dict[str, Any]:
        """Return the status of a task."""
        response = self.get(f"/api/tasks/{task_id}/")
        assert response.status_code == 200, f"{response.status_code} {response.text[:200]}"
        return response.json()

    def result(self, task_id: str) -> dict[str, Any]:
        """Return a task's result after its completion."""
        wait_until(lambda: self.task(task_id)["state"] == "SUCCESS", f"the result of the task {task_id}")
        return self.task(task_id)["result"]


@dataclass
class Load:
    """Continuous load: visitors who open the page, some of whom queue tasks, and their failures."""

    address: str
    failures: list[str] = field(default_factory=list[str])
    tasks: list[str] = field(default_factory=list[str])
    requests: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self, visitors: int = 3, queuers: int = 1) -> Iterator[Load]:
        """Put the load on while the block runs."""
        threads = [threading.Thread(target=self._visit) for _ in range(visitors)]
        threads += [threading.Thread(target=self._queue) for _ in range(queuers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _visit(self) -> None:
        visitor, before = Visitor(self.address), 0
        while not self._ended.wait(0.05):
            try:
                visits = visitor.visits()
                assert visits == before + 1, f"the session is lost: visit {before + 1} is counted as {visits}"
            except Exception as failure:  # whatever it is, the visitor was not served
                self.failures.append(f"{time.strftime('%X')} page: {failure!r}")
            else:
                before = visits
            self.requests += 1

    def _queue(self) -> None:
        visitor = Visitor(self.address)
        while not self._ended.wait(0.2):
            try:
                self.tasks.append(visitor.queue_task(_TASK_SECONDS))
            except Exception as failure:
                self.failures.append(f"{time.strftime('%X')} task: {failure!r}")
            self.requests += 1

    def check(self) -> None:
        """Assert that no request failed and that every task is complete."""
        assert self.failures == []
        assert self.requests > 20
        assert len(self.tasks) > 5
        visitor = Visitor(self.address)
        for task_id in self.tasks:
            assert visitor.result(task_id)["seconds"] == _TASK_SECONDS


@dataclass
class Site:
    """A deployed stack whose apps run."""

    deployment: Deployment

    @property
    def home(self) -> Path:
        return self.deployment.azure.home

    def local(self, *arguments: str) -> str:
        """Run `./local ARGUMENTS` in the program's directory."""
        return self.deployment.azure.run(*arguments, directory=self.deployment.directory).stdout

    def ready(self) -> str:
        """Wait until the stack is ready; what the command says."""
        return self.local("ready", "--stack", self.deployment.stack)

    # -- what runs

    @property
    def host(self) -> str:
        """The host name of web."""
        ports = read_ports(self.home)
        assert ports
        return min(ports.hosts, key=len)

    @property
    def address(self) -> str:
        """Return the URL of web for a browser on this machine."""
        ports = read_ports(self.home)
        assert ports
        return f"http://localhost:{ports.hosts[self.host]}"

    def apps(self) -> dict[str, list[RunningRevision]]:
        """Return the revisions that run, by the names of their apps."""
        told = runtime_status.read(self.home)
        return {app.name: list(app.revisions) for app in told.apps} if told else {}

    def replicas(self, role: str, *, leaving: bool = True) -> list[str]:
        """Return the names of the replicas of web, worker or beat; those that are leaving, too, unless told
        otherwise."""
        return [
            replica.name
            for revisions in self.apps().values()
            for revision in revisions
            for replica in revision.replicas
            if role in {container.name for container in replica.containers} and (leaving or not replica.leaving)
        ]

    def processes(self) -> dict[str, int]:
        """Return the processes that run, by their labels."""
        records = json.loads((self.home / "processes.json").read_text())
        return {one["label"]: one["pid"] for one in records}

    def kill(self, replica: str, container: str) -> None:
        """End a container's process as `kill -9` does."""
        os.kill(self.processes()[f"{replica}/{container}"], signal.SIGKILL)

    # -- the operator

    @cached_property
    def _ports(self) -> Mapping[str, int]:
        return json.loads((self.home / "endpoints.json").read_text())

    def arm(self, method: str, path: str, body: dict[str, Any] | None = None, *, version: str) -> Any:
        """Ask Azure Resource Manager as the service principal."""
        url = f"https://localhost:{self._ports['arm']}"
        authority = str(self.home / "tls" / "ca.pem")
        tenant = Tenant()
        credential = ClientSecretCredential(
            tenant.tenant_id,
            tenant.client_id,
            (self.home / "service-principal-secret").read_text().strip(),
            authority=url,
            disable_instance_discovery=True,
            transport=RequestsTransport(connection_verify=authority, use_env_settings=False),
        )
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(
                method,
                f"{url}{path}?api-version={version}",
                json=body,
                headers={"Authorization": f"Bearer {credential.get_token(f'{url}/.default').token}"},
                verify=authority,
                timeout=PATIENCE,
            )
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json() if response.content else None

    def regenerate(self, key: str) -> None:
        """Renew one of the two keys, `Primary` or `Secondary`, of every cache."""
        for cache, version in self._caches():
            self.arm("POST", f"{cache}/regenerateKey", {"keyType": key}, version=version)

    def dead_keys(self) -> list[str]:
        """Return the variables of processes whose key is none of a cache any more; the keys themselves are not shown.

        A connection that was open before its key was renewed goes on, so that no failure would tell of it.
        """
        alive = {
            value
            for cache, version in self._caches()
            for value in self.arm("POST", f"{cache}/listKeys", version=version).values()
        }
        found: list[str] = []
        for label, pid in self.processes().items():
            if label.startswith("redis "):
                continue
            try:
                environment = Path(f"/proc/{pid}/environ").read_text()
            except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                continue
            for variable in environment.split("\0"):
                name, _, url = variable.partition("=")
                if name in _URLS and unquote(urlsplit(url).password or "") not in alive:
                    found.append(f"{label} {name}")
        return found

    def _caches(self) -> list[tuple[str, str]]:
        """Return the ids of what has access keys, with the versions of their interfaces."""
        ids = [one["id"] for one in self.deployment.resources() if one.get("id")]
        caches = [(one, _CACHES[_type_of(one)]) for one in ids if _type_of(one) in _CACHES]
        assert caches
        return caches

    def wait_drained(self) -> None:
        """Wait until no replica of an old revision is left, by the documented command."""
        python = self.deployment.directory / ".venv" / "bin" / "python"
        assert python.exists()
        self.local("run", str(python), "-m", "doctor", "--stack", self.deployment.stack, "--wait-drained")

    def use_key(self, key: str) -> None:
        """Move all apps to a key, by the documented commands."""
        stack = ("--stack", self.deployment.stack)
        self.deployment.pulumi("config", "set", "--path", "redis.activeKey", key, *stack)
        self.deployment.up()
        self.ready()
        self.wait_drained()

    def ask_by_name(self, path: str) -> requests.Response:
        """Ask web by its own name over HTTPS, as a client on this machine that uses the proxy."""
        proxies = {"https": f"http://127.0.0.1:{self._ports['vault-proxy']}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.get(
                f"https://{self.host}{path}",
                proxies=proxies,
                verify=str(self.home / "tls" / "ca.pem"),
                timeout=PATIENCE,
            )


def _type_of(resource_id: str) -> str:
    """Return the type of a resource id, in lower case; empty for what is none of a provider's."""
    _, _, rest = resource_id.lower().rpartition("/providers/")
    namespace, *levels = rest.split("/")
    return "/".join([namespace, *levels[::2]])


def what_is_left(processes: Mapping[str, int], ports: Mapping[str, int]) -> list[str]:
    """Return the processes and ports of an emulator that still exist."""
    left = [label for label, pid in processes.items() if is_alive(pid)]
    for name, port in ports.items():
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                left.append(f"port {port} ({name})")
    return left


def all_processes(home: Path) -> dict[str, int]:
    """Return all processes of a local Azure, by names."""
    told = runtime_status.read(home)
    records = json.loads((home / "processes.json").read_text())
    return {
        "server": int((home / "process.lock").read_text().split()[0]),
        **({"data plane": told.pid} if told else {}),
        **{one["label"]: one["pid"] for one in records},
    }


def all_ports(home: Path) -> dict[str, int]:
    """Return all ports of a local Azure, by names."""
    endpoints = {
        name: port for name, port in json.loads((home / "endpoints.json").read_text()).items() if name != "pid"
    }
    ports = read_ports(home)
    told = runtime_status.read(home)
    assert ports
    assert told
    return {
        **endpoints,
        "https": ports.https,
        "environment-https": ports.environment_https,
        "environment-http": ports.environment_http,
        **ports.hosts,
        **{cache.host: cache.port for cache in told.caches},
        **{
            f"{replica.name}:{port}": real
            for app in told.apps
            for revision in app.revisions
            for replica in revision.replicas
            for port, real in replica.ports.items()
        },
    }


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(listed) and not listed.startswith("Z")
