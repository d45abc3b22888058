"""`./local ready` tells whether a stack serves, and if not, what is missing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local_azure.cli.main import main
from local_azure.core import options
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.pulumi_engine.project_copy import Project, ProjectCopy
from local_azure.status import runtime_status
from local_azure.status.ingress_ports import write_ports
from local_azure.status.replica_logs import Logs
from local_azure.status.runtime_status import (
    RunningApp,
    RunningContainer,
    RunningReplica,
    RunningRevision,
    RuntimeStatus,
)
from local_azure.system import project_file
from local_azure.system.paths import Home

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
IMAGE = "contoso.azurecr.io/team/shop:1.4.2"
HOST = "web.calm-river.westeurope.azurecontainerapps.io"


@dataclass
class Stack:
    """A deployed stack of two apps, as far as the command reads it; `web` has an ingress."""

    home: Path
    answers: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """What web answers, one after the other; the last one from then on."""
    asked: list[str] = field(default_factory=list[str])

    def runs(
        self, web: str = "Running", worker: str = "ScaledToZero", *, ready: str = "web--2", details: str = ""
    ) -> None:
        waiting = RunningContainer("web", "Waiting", details) if details else RunningContainer("web", "Running")
        states = (
            ("web", "web--2", web, (RunningReplica("r", "", "Running", containers=(waiting,)),)),
            ("worker", "worker--1", worker, ()),
        )
        runtime_status.write(
            self.home,
            RuntimeStatus(
                1,
                tuple(
                    RunningApp(
                        app_id(name).text,
                        name,
                        ready if name == "web" else revision,
                        (
                            RunningRevision(
                                f"{app_id(name)}/revisions/{revision}", revision, state, "None", replicas=replicas
                            ),
                        ),
                    )
                    for name, revision, state, replicas in states
                ),
            ),
        )


def app_id(name: str) -> ArmId:
    return ArmId.build(GROUP, "Microsoft.App/containerApps", name)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    home, program = Home(tmp_path / "home"), tmp_path / "program"
    home.create()
    program.mkdir()
    (program / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(home.directory))
    monkeypatch.chdir(program)
    made = Stack(home.directory, [(200, '{"status": "ready"}')])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            status, body = made.answers[0] if len(made.answers) == 1 else made.answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    write_ports(
        home.directory, {"https": 1, "environment-https": 2, "environment-http": 3}, {HOST: server.server_port}, {}
    )
    write_state(home, program)
    (program / "local-azure.toml").write_text(f'[[image]]\nnames = ["{IMAGE}"]\nfolder = "."\ncommand = ["true"]\n')
    project_file.remember(home, program)
    yield made
    server.shutdown()
    server.server_close()


def write_state(home: Home, program: Path) -> None:
    probes = [
        {"type": "Liveness", "httpGet": {"path": "/alive/", "port": 8000}},
        {"type": "Startup", "httpGet": {"path": "/ready/", "port": 8000}},
    ]
    store = Store(home.state)
    with store.transaction() as transaction:
        for name, revision, ingress in (
            ("web", "web--2", {"external": True, "fqdn": HOST, "transport": "Auto"}),
            ("worker", "worker--1", None),
        ):
            template = {"containers": [{"name": name, "image": IMAGE, "probes": probes}]}
            body = {
                "properties": {
                    "latestRevisionName": revision,
                    "configuration": {"ingress": ingress},
                    "template": template,
                }
            }
            transaction.save(Resource(app_id(name), body))
    store.close()
    project = Project.find(program)
    assert project
    file = ProjectCopy(home, project).backend / ".pulumi" / "stacks" / "shop" / "dev.json"
    file.parent.mkdir(parents=True)
    resources = [
        {"urn": "u", "type": "pulumi:pulumi:Stack"},
        *({"id": app_id(name).text} for name in ("web", "worker")),
    ]
    file.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))


def test_ready_stack_is_told_with_its_address_and_its_answer(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.runs()
    assert main(["ready", "--stack", "dev"]) == 0
    told = capsys.readouterr()
    assert "web: http://localhost:" in told.out
    assert f"https://{HOST}/" in told.out
    assert '/ready/ answers 200 {"status": "ready"}' in told.out
    assert "worker: ScaledToZero" in told.out
    assert told.err == ""
    assert stack.asked == ["/ready/"], "the path of the startup probe"


def test_an_image_of_no_table_is_an_error_at_once_with_the_row_to_write(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Path("local-azure.toml")
    table.write_text("")
    stack.runs(web="Activating", details="ImagePullBackOff")
    assert main(["ready", "--stack", "dev"]) == 1
    told = capsys.readouterr().err
    assert f"the image {IMAGE} is not known on this machine" in told
    assert f"add to {table.resolve()}" in told
    assert "Waiting for" not in told
    row = told[told.index("[[image]]") :].replace("../shop", ".").replace("./requirements.txt", "Pulumi.yaml")
    table.write_text(row)
    stack.runs()
    assert main(["ready", "--stack", "dev"]) == 0, "with the row that it names, and a folder that is there"


def test_it_waits_for_the_answer(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.runs()
    stack.answers[:] = [(503, "not yet"), (503, "not yet"), (200, "ready")]
    assert main(["ready", "--stack", "dev"]) == 0
    told = capsys.readouterr()
    assert "answers 200 ready" in told.out
    assert told.err.count("Waiting for web (503 from") == 1, "one line for as long as nothing changes"


def test_it_waits_until_requests_go_to_the_newest_revision(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.runs(ready="web--1")
    assert main(["ready", "--stack", "dev", "--seconds", "0"]) == 1
    assert "web: revision web--2: Running" in capsys.readouterr().err
    assert stack.asked == []


def test_what_is_not_ready_is_told_with_the_last_lines(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.runs(web="ActivationFailed", details="CrashLoopBackOff")
    logs = Logs(stack.home)
    logs.container("web", "web--2", "web--2-r", "web").write(b"Redis connection failed: auth", "stderr")
    logs.container("web", "web--1", "web--1-r", "web").write(b"of the old one", "stderr")
    logs.system("web", "web--2", "web--2-r", "ContainerTerminated", "exit code '1'")
    assert main(["ready", "--stack", "dev", "--seconds", "0.3"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "not ready after 0 s" in told.err
    assert "ActivationFailed: web: CrashLoopBackOff" in told.err
    assert "Redis connection failed: auth" in told.err
    assert "exit code '1'" in told.err
    assert "of the old one" not in told.err
    assert "worker" not in told.err.replace("./local", ""), "only what is not ready"


def test_answer_of_an_app_that_is_not_ready_is_shown(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.runs()
    stack.answers[:] = [(503, '{"status": "not ready"}')]
    assert main(["ready", "--stack", "dev", "--seconds", "0"]) == 1
    assert '{"status": "not ready"}' in capsys.readouterr().err


def test_data_plane_that_has_not_started_is_waited_for(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ready", "--stack", "dev", "--seconds", "0"]) == 1
    assert "the data plane is starting" in capsys.readouterr().err


def test_waiting_for_what_cannot_come_is_refused(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ready", "--stack", "prod"]) == 1
    assert "there is no stack prod: local-azure run pulumi up --stack prod" in capsys.readouterr().err
    assert main(["ready"]) == 1
    assert "--stack" in capsys.readouterr().err
    options.save(Home(stack.home), data_plane=False)
    assert main(["ready", "--stack", "dev"]) == 1
    assert "--data-plane yes" in capsys.readouterr().err
