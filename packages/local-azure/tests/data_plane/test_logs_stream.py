"""What runs and what it writes, as Azure's clients see it through Resource Manager and the log stream."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from arm.landscape import GROUP, Azure, deploy, running
from local_azure.status import runtime_status as running_file
from local_azure.status.replica_logs import Logs
from local_azure.status.runtime_status import (
    RunningApp,
    RunningContainer,
    RunningReplica,
    RunningRevision,
    RuntimeStatus,
)

APP = "app-we-magictoolbox-01"
REVISION, REPLICA = f"{APP}--0000001", f"{APP}--0000001-7c9-abcde"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("home")) as found:
        deploy(found)
        yield found


@pytest.fixture
def azure(endpoint: Azure) -> Iterator[Azure]:
    """Yield the endpoint, before anything runs or has run."""
    yield endpoint
    running_file.remove(endpoint.home)
    shutil.rmtree(endpoint.home / "logs", ignore_errors=True)


def app_id(azure: Azure) -> str:
    return azure.id("Microsoft.App/containerApps", APP).text


def runs(azure: Azure, *replicas: RunningReplica, state: str = "Running", health: str = "Healthy") -> None:
    """Tell that the app's revision runs with some replicas."""
    app = app_id(azure)
    revision = RunningRevision(f"{app}/revisions/{REVISION}", REVISION, state, health, replicas=replicas)
    running_file.write(azure.home, RuntimeStatus(1, (RunningApp(app, APP, REVISION, (revision,)),)))


def replica(name: str = REPLICA, *, leaving: bool = False) -> RunningReplica:
    return RunningReplica(
        name,
        "2026-11-24T03:00:00.000000Z",
        "Running",
        ready=True,
        leaving=leaving,
        containers=(RunningContainer("web", "Running", ready=True, started=True, restarts=2),),
        init_containers=(RunningContainer("migrate", "Terminated", "Completed"),),
    )


class Client:
    """Asks as the Azure CLI does."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = azure.authority_file
        self.session.proxies = {"https": f"http://127.0.0.1:{azure.served.ports['vault-proxy']}"}
        self.arm_token = azure.credential().get_token(f"{azure.url}/.default").token

    def arm(self, method: str, path: str) -> Any:
        """Ask Resource Manager about the app, or what is below it."""
        response = self.session.request(
            method,
            f"{self.azure.url}{app_id(self.azure)}{path}?api-version=2025-01-01",
            headers={"Authorization": f"Bearer {self.arm_token}"},
            proxies={"https": ""},
        )
        assert response.ok, response.text
        return response.json()

    def token(self) -> str:
        return self.arm("POST", "/getAuthToken")["properties"]["token"]

    def stream(self, path: str, *, token: str | None = None, **query: str) -> requests.Response:
        base = str(self.arm("GET", "")["properties"]["eventStreamEndpoint"])
        start = base[: base.index("/subscriptions/")]
        url = f"{start}/subscriptions/{self.azure.subscription}/resourceGroups/{GROUP}/containerApps/{APP}{path}"
        headers = {"Authorization": f"Bearer {self.token() if token is None else token}"}
        return self.session.get(url, params=query, headers=headers, stream=True, timeout=120)


CONTAINER = f"/revisions/{REVISION}/replicas/{REPLICA}/containers/web/logstream"


@pytest.fixture
def client(azure: Azure) -> Client:
    return Client(azure)


# -- what runs


def test_resource_manager_shows_what_runs(azure: Azure, client: Client) -> None:
    runs(azure, replica("old", leaving=True), replica(), state="Degraded", health="Unhealthy")
    shown = client.arm("GET", f"/revisions/{REVISION}")["properties"]
    assert (shown["runningState"], shown["healthState"], shown["replicas"]) == ("Degraded", "Unhealthy", 1)
    assert client.arm("GET", "/revisions")["value"][0]["properties"]["runningState"] == "Degraded", "also in a list"
    assert client.arm("GET", "")["properties"]["latestReadyRevisionName"] == REVISION
    listed = client.arm("GET", f"/revisions/{REVISION}/replicas")["value"]
    assert [item["name"] for item in listed] == [REPLICA, "old"], "one that is ending is there until it has ended"
    (container,) = listed[0]["properties"]["containers"]
    assert (container["name"], container["restartCount"], container["runningState"]) == ("web", 2, "Running")
    assert container["logStreamEndpoint"].startswith("https://westeurope.azurecontainerapps.dev/subscriptions/")
    assert listed[0]["properties"]["initContainers"][0]["runningStateDetails"] == "Completed"
    single = client.arm("GET", f"/revisions/{REVISION}/replicas/{REPLICA}")
    assert single == listed[0]


def test_active_revision_that_has_not_started_yet_is_shown_without_replicas(azure: Azure, client: Client) -> None:
    running_file.write(azure.home, RuntimeStatus(1))
    shown = client.arm("GET", f"/revisions/{REVISION}")["properties"]
    assert (shown["runningState"], shown["replicas"]) == ("Processing", 0)
    assert client.arm("GET", "")["properties"]["latestReadyRevisionName"] == ""


def test_without_a_data_plane_all_is_shown_as_it_would_run(azure: Azure, client: Client) -> None:
    shown = client.arm("GET", f"/revisions/{REVISION}")["properties"]
    assert (shown["runningState"], shown["replicas"]) == ("Running", 1)
    assert len(client.arm("GET", f"/revisions/{REVISION}/replicas")["value"]) == 1


# -- the stream


def test_stream_has_the_last_lines(azure: Azure, client: Client) -> None:
    runs(azure, replica())
    log = Logs(azure.home).container(APP, REVISION, REPLICA, "web")
    for number in range(30):
        log.write(f'{{"n": {number}}} é'.encode(), "stdout")
    with client.stream(CONTAINER, follow="false", output="json", tailLines="3") as response:
        assert response.status_code == 200
        lines = [json.loads(line) for line in response.iter_lines() if line]
    assert [line["Log"] for line in lines] == [
        "Connecting to the container 'web'...",
        f"Successfully Connected to container: 'web' [Revision: '{REVISION}', Replica: '{REPLICA}']",
        *(f'{{"n": {number}}} é' for number in (27, 28, 29)),
    ]
    assert all(line["TimeStamp"].endswith("+00:00") for line in lines[2:])
    with client.stream(CONTAINER) as response:
        assert len([line for line in response.iter_lines() if line]) == 22, "20 lines unless told"
    with client.stream(CONTAINER, output="text", tailLines="1") as response:
        assert response.text.splitlines()[-1].endswith('Z {"n": 29} é')


def test_followed_stream_goes_on_until_the_replica_has_ended(azure: Azure, client: Client) -> None:
    runs(azure, replica())
    log = Logs(azure.home).container(APP, REVISION, REPLICA, "web")
    seen: list[str] = []
    with client.stream(CONTAINER, follow="true", output="json", tailLines="0") as response:
        for line in response.iter_lines():
            seen.append(json.loads(line)["Log"])
            if len(seen) == 2:
                log.write(b"first", "stdout")
            elif seen[-1] == "first":
                log.write(b"last", "stderr")
                runs(azure)
    assert seen[2:] == ["first", "last"]


def test_server_that_ends_ends_followed_streams(tmp_path: Path) -> None:
    ended = threading.Event()
    with running(tmp_path) as azure:
        deploy(azure)
        runs(azure, replica())
        client = Client(azure)
        response = client.stream(CONTAINER, follow="true")
        lines = response.iter_lines()
        next(lines)

        def read_on() -> None:
            for _ in lines:
                pass
            ended.set()

        threading.Thread(target=read_on, daemon=True).start()
    assert ended.wait(10)


def test_events_are_streamed_as_azure_writes_them(azure: Azure, client: Client) -> None:
    runs(azure, replica())
    written = Logs(azure.home)
    written.system(APP, REVISION, REPLICA, "ContainerStarted", "Started container 'web'")
    written.system(APP, REVISION, REPLICA, "ProbeFailed", "Probe of Startup failed: 503")
    with client.stream("/eventstream", follow="false", tailLines="10") as response:
        events = [json.loads(line) for line in response.iter_lines() if line]
    assert [(event["Type"], event["Reason"]) for event in events[2:]] == [
        ("Normal", "ContainerStarted"),
        ("Warning", "ProbeFailed"),
    ]
    assert (events[3]["ContainerAppName"], events[3]["ReplicaName"]) == (APP, REPLICA)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (CONTAINER.replace("/web/", "/other/"), {}, 404),
        (CONTAINER.replace(REPLICA, "gone"), {}, 404),
        (f"/revisions/{REVISION}/replicas/..%2f..%2f..%2fx/containers/web/logstream", {}, 404),
        ("/nothing", {}, 404),
        (CONTAINER, {"tailLines": "301"}, 400),
        (CONTAINER, {"tailLines": "-1"}, 400),
    ],
)
def test_what_is_not_there_or_not_allowed_is_refused(
    azure: Azure, client: Client, path: str, query: dict[str, str], status: int
) -> None:
    runs(azure, replica())
    assert client.stream(path, **query).status_code == status


def test_stream_takes_its_own_token_alone(azure: Azure, client: Client) -> None:
    runs(azure, replica())
    other = azure.put(
        "Microsoft.App/containerApps",
        "other",
        location="westeurope",
        properties={
            "managedEnvironmentId": azure.id("Microsoft.App/managedEnvironments", "cae-dev").text,
            "template": {
                "containers": [
                    {"name": "web", "image": "contoso.azurecr.io/x:1", "resources": {"cpu": 0.5, "memory": "1Gi"}}
                ]
            },
        },
    )
    response = client.session.post(
        f"{azure.url}{other}/getAuthToken?api-version=2025-01-01",
        headers={"Authorization": f"Bearer {client.arm_token}"},
        proxies={"https": ""},
    )
    for token in ("", "x", client.arm_token, response.json()["properties"]["token"]):
        assert client.stream(CONTAINER, token=token).status_code == 401
