"""The data plane as a process of its own, on a state that the test writes, with an image whose behaviour it chooses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_azure.control_plane.model import Model
from local_azure.core import options
from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.status import runtime_status
from local_azure.status.runtime_status import RunningApp, RunningReplica, RunningRevision

PATIENCE = 180
"""Seconds after which a test stops waiting for what should have happened."""
LOCATION = "westeurope"
IMAGE = "test/app:1"

# Its port, and what it answers, are variables; a file `sick` in its working directory makes it ill.
SERVE = """
import http.server, json, os, pathlib, signal, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ill = self.path == "/health" and pathlib.Path("sick").exists()
        told = {"pid": os.getpid(), "variables": dict(os.environ), "directory": os.getcwd(), "path": self.path}
        body = json.dumps(told).encode()
        self.send_response(503 if ill else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

def end(*_):
    print("told to end", flush=True)
    if "STUBBORN" not in os.environ:
        sys.exit(0)

signal.signal(signal.SIGTERM, end)
time.sleep(float(os.environ.get("DELAY", "0")))
print("serving", flush=True)
print("with errors", file=sys.stderr, flush=True)
port = int(os.environ.get("LISTEN", "8000"))
threading.Thread(target=http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever, daemon=True).start()
while True:
    signal.pause()
"""


def probe(kind: str, path: str = "/health", **limits: int) -> dict[str, Any]:
    """Return a probe by HTTP that asks every second."""
    return {"type": kind, "httpGet": {"path": path, "port": 8000}, "periodSeconds": 1, **limits}


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` gives once that is true; fail the test, naming `what`, when it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {PATIENCE} s")
        time.sleep(0.05)
    return found


class Plane:
    """A data plane, and the state that it follows."""

    def __init__(self, home: Path) -> None:
        self.home = home
        image = home / "image"
        image.mkdir()
        (image / "serve.py").write_text(SERVE)
        (home / "local-azure.toml").write_text(
            textwrap.dedent("""
            [[image]]
            names = ["test/app:*"]
            folder = "image"
            command = ["python", "serve.py"]
            port = 8000
            """)
        )
        (home / "endpoints.json").write_text(json.dumps({"identity": 1}))
        self.store = Store(home / "state.sqlite")
        self.model = Model(self.store)
        self._group = f"/subscriptions/{self.model.tenant.subscription_id}/resourceGroups/rg"
        self.model.put(ArmId.parse(self._group), {"location": LOCATION})
        self.environment = self.put("Microsoft.App/managedEnvironments", "env", {})
        self.start()

    def start(self) -> None:
        """Start the process."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local_azure.data_plane.main", "--home", str(self.home)],
            stdin=subprocess.PIPE,
            stderr=(self.home / "plane.log").open("ab"),
        )

    def stop(self) -> int:
        """Let it end by closing its standard input, as when the server is gone; its exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self) -> None:
        """End all."""
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.process.kill()
            self.store.close()

    # -- resources

    def id(self, kind: str, *names: str) -> ArmId:
        """Return the id of a resource of the group."""
        return ArmId.build(self._group, kind, *names)

    def put(self, kind: str, name: str, properties: dict[str, Any], **body: Any) -> ArmId:
        """Put a resource."""
        return self.model.put(self.id(kind, name), {"location": LOCATION, "properties": properties, **body}).id

    def put_app(
        self,
        name: str,
        *,
        mode: str = "Single",
        ingress: dict[str, Any] | None = None,
        secrets: dict[str, str] | None = None,
        scale: dict[str, Any] | None = None,
        containers: list[dict[str, Any]] | None = None,
        template: dict[str, Any] | None = None,
        envelope: dict[str, Any] | None = None,
        **container: Any,
    ) -> ArmId:
        """Put an app of one container, `web`; the keyword arguments beyond are fields of it."""
        web = {"name": "web", "image": IMAGE, "resources": {"cpu": 0.25, "memory": "0.5Gi"}, **container}
        for item in containers or ():
            item.setdefault("resources", {"cpu": 0.25, "memory": "0.5Gi"})
        properties = {
            "environmentId": self.environment.text,
            "configuration": {
                "activeRevisionsMode": mode,
                "secrets": [{"name": key, "value": value} for key, value in (secrets or {}).items()],
                **({"ingress": ingress} if ingress else {}),
            },
            "template": {
                "containers": containers or [web],
                "scale": {"minReplicas": 1, "maxReplicas": 3, **(scale or {})},
                "terminationGracePeriodSeconds": 5,
                **(template or {}),
            },
        }
        return self.put("Microsoft.App/containerApps", name, properties, **(envelope or {}))

    def revision_id(self, name: str) -> ArmId:
        """Return the id of a revision by its name."""
        return self.id("Microsoft.App/containerApps", name.partition("--")[0]).child("revisions", name)

    def set_option(self, **changes: Any) -> None:
        """Set options of the local Azure."""
        with self.store.transaction() as transaction:
            options.change(transaction, **changes)

    # -- what runs

    def app(self, name: str) -> RunningApp | None:
        """Return an app that runs."""
        told = runtime_status.read(self.home)
        return told.app(self.id("Microsoft.App/containerApps", name).text) if told else None

    def revision(self, name: str) -> RunningRevision | None:
        """Return a revision that runs, by its name."""
        app = self.app(name.partition("--")[0])
        return next((item for item in app.revisions if item.name == name), None) if app else None

    def replicas(self, revision: str, count: int = 1, *, ready: bool = True) -> list[RunningReplica]:
        """Return the replicas of a revision, once there are so many and they are ready."""

        def found() -> list[RunningReplica]:
            told = self.revision(revision)
            staying = [replica for replica in told.replicas if not replica.leaving] if told else []
            is_good = len(staying) == count and all(replica.ready or not ready for replica in staying)
            return staying if is_good else []

        return wait_until(found, f"{count} replicas of {revision}")

    def is_gone(self, revision: str) -> bool:
        """Return whether nothing of a revision is left."""
        told = self.revision(revision)
        return told is None or not told.replicas

    def pid(self, replica: RunningReplica, container: str = "web") -> int:
        """Return the process of a container."""
        recorded = json.loads((self.home / "processes.json").read_text())
        return next(int(item["pid"]) for item in recorded if item["label"] == f"{replica.name}/{container}")

    def directory(self, replica: RunningReplica) -> Path:
        """Return the directory of a replica."""
        return next(self.home.glob(f"replicas/*/*/{replica.name}"))

    def log(self, replica: RunningReplica, container: str = "web") -> str:
        """Return what a container wrote."""
        return next(self.home.glob(f"logs/*/*/{replica.name}/{container}.log")).read_text()

    def events(self, app: str) -> str:
        """Return what the platform did for an app."""
        file = self.home / "logs" / app / "system.log"
        return file.read_text() if file.exists() else ""

    def ask(self, replica: RunningReplica, path: str = "/") -> dict[str, Any]:
        """Return what a replica answers by itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{replica.ports[8000]}{path}", timeout=PATIENCE) as response:
            return json.load(response)

    def request(self, app: str, path: str = "/") -> tuple[int, str]:
        """Status and body of a request to an app through the ingress."""
        hosts: dict[str, int] = json.loads((self.home / "ingress.json").read_text())["hosts"]
        port = next(port for host, port in hosts.items() if host.startswith(f"{app}."))
        try:
            with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def revision_that_answers(self, app: str) -> str:
        """Return the revision that a request to an app comes to."""
        status, body = self.request(app)
        return str(json.loads(body)["variables"]["CONTAINER_APP_REVISION"]) if status == 200 else ""

    def left(self) -> list[int]:
        """Return the processes that run with a directory of this home as theirs."""
        found: list[int] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    directory = os.readlink(entry / "cwd")
                except OSError:  # another user's, or ended
                    continue
                if directory.startswith(f"{self.home}/"):
                    found.append(int(entry.name))
        return found


def kill(pid: int) -> None:
    """End a process as `kill -9` does."""
    os.kill(pid, signal.SIGKILL)
