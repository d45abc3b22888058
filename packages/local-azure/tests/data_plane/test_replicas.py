"""Replicas are real processes that live as Azure's containers do."""

import sys
from pathlib import Path

import pytest

from data_plane.plane import Plane, kill, probe, wait_until

HTTP = {"external": True, "targetPort": 8000}


DOLLARS = {"name": "DOLLARS", "secretRef": "dollars"}


def test_a_replica_runs_the_template_s_command_with_its_variables_and_secrets(plane: Plane) -> None:
    plane.put_app(
        "one",
        ingress=HTTP,
        secrets={"key": "s3cret", "dollars": "a$$b$c"},
        env=[{"name": "PLAIN", "value": "1"}, {"name": "KEY", "secretRef": "key"}, DOLLARS],
        command=["python"],
        args=["serve.py"],
        probes=[probe("Startup")],
    )
    (replica,) = plane.replicas("one--0000001")
    told = plane.ask(replica)
    assert told["variables"]["KEY"] == "s3cret"
    assert told["variables"]["PLAIN"] == "1"
    assert told["variables"]["DOLLARS"] == "a$b$c", "Azure makes one of two"
    assert told["variables"]["CONTAINER_APP_REPLICA_NAME"] == replica.name
    assert "PYTEST_CURRENT_TEST" not in told["variables"], "nothing of this machine's own comes in"
    assert Path(told["directory"]) == plane.directory(replica) / "web" / "app", "a directory of its own"
    log = plane.log(replica)
    assert " stdout serving\n" in log
    assert " stderr with errors\n" in log
    command = Path(f"/proc/{plane.pid(replica)}/cmdline").read_text()
    assert "s3cret" not in command


def test_replicas_listen_on_the_same_port_side_by_side(plane: Plane) -> None:
    plane.put_app("pair", ingress=HTTP, scale={"minReplicas": 2}, probes=[probe("Startup")])
    first, second = plane.replicas("pair--0000001", 2)
    assert plane.ask(first)["pid"] != plane.ask(second)["pid"]
    assert plane.ask(first)["directory"] != plane.ask(second)["directory"]


def test_init_containers_run_first_one_after_the_other_on_the_same_volume(plane: Plane) -> None:
    mount = [{"volumeName": "data", "mountPath": "/data"}]
    write = {"image": "test/app:1", "resources": {"cpu": 0.25, "memory": "0.5Gi"}, "volumeMounts": mount}
    script = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.open('a').write(sys.argv[2])"
    read = "import sys, pathlib, time; print(pathlib.Path(sys.argv[1]).read_text(), flush=True); time.sleep(600)"
    plane.put_app(
        "order",
        command=["python", "-c", read, "/data/file"],
        volumeMounts=mount,
        template={
            "volumes": [{"name": "data", "storageType": "EmptyDir"}],
            "initContainers": [
                {**write, "name": name, "command": ["python", "-c", script, "/data/file", name]} for name in ("a", "b")
            ],
        },
    )
    (replica,) = plane.replicas("order--0000001")
    assert [container.details for container in replica.init_containers] == ["Completed", "Completed"]
    wait_until(lambda: " stdout ab\n" in plane.log(replica), "what both have written")


def test_containers_of_a_replica_share_its_network(plane: Plane) -> None:
    script = (
        "import time, urllib.request\n"
        "while True:\n"
        "    try:\n"
        "        print(urllib.request.urlopen('http://localhost:8000/').status, flush=True)\n"
        "        time.sleep(600)\n"
        "    except OSError:\n"
        "        time.sleep(0.1)\n"
    )
    plane.put_app(
        "side",
        containers=[
            {"name": "web", "image": "test/app:1"},
            {"name": "beside", "image": "test/app:1", "command": ["python", "-c", script]},
        ],
    )
    (replica,) = plane.replicas("side--0000001")
    wait_until(lambda: " stdout 200\n" in plane.log(replica, "beside"), "the answer of the other container")


def test_a_killed_process_is_started_again_in_its_replica(plane: Plane) -> None:
    plane.put_app("killed", ingress=HTTP, probes=[probe("Startup")])
    (replica,) = plane.replicas("killed--0000001")
    first = plane.ask(replica)["pid"]
    kill(plane.pid(replica))
    wait_until(lambda: plane.replicas("killed--0000001", ready=False)[0].containers[0].restarts == 1, "a restart")
    (again,) = plane.replicas("killed--0000001")
    assert again.name == replica.name
    assert again.containers[0].exit_code == 137
    assert plane.ask(again)["pid"] != first


@pytest.mark.parametrize(
    ("name", "script", "code"),
    [("shell", "python serve.py; exit", 137), ("exec", "exec python serve.py", 0)],
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which signals a process handles")
def test_a_signal_that_the_first_process_does_not_handle_does_not_reach_it(
    plane: Plane, name: str, script: str, code: int
) -> None:
    """As the kernel has it for a container's process 1: a script without `exec` runs on until it is killed."""
    template = {"terminationGracePeriodSeconds": 5}
    plane.put_app(name, command=["sh", "-c", script], probes=[probe("Startup")], template=template)
    (replica,) = plane.replicas(f"{name}--0000001")
    plane.put_app(name, command=["sh", "-c", f"{script} "], probes=[probe("Startup")], template=template)
    wait_until(lambda: plane.is_gone(f"{name}--0000001"), "the end of the first revision")
    ends = [line for line in plane.events(name).splitlines() if "ContainerTerminated" in line and replica.name in line]
    assert [f"exit code '{code}'" in end for end in ends] == [True], ends


def test_one_that_keeps_failing_waits_and_its_revision_is_not_activated(plane: Plane) -> None:
    plane.put_app("failing", ingress=HTTP, command=["python", "-c", "raise SystemExit('no such setting')"])

    def waits() -> bool:
        (replica,) = plane.replicas("failing--0000001", ready=False)
        return replica.containers[0].details == "CrashLoopBackOff"

    wait_until(waits, "its back-off")
    (replica,) = plane.replicas("failing--0000001", ready=False)
    assert replica.containers[0].exit_code == 1
    assert replica.containers[0].restarts == 1, "at once the first time"
    revision = plane.revision("failing--0000001")
    assert revision
    assert (revision.state, revision.health) == ("ActivationFailed", "Unhealthy")
    assert "no such setting" in plane.log(replica)
    assert plane.request("failing")[0] == 503


@pytest.mark.parametrize(
    ("name", "container", "details", "words"),
    [
        ("unknown", {"image": "contoso.example/other:1"}, "ImagePullBackOff", "contoso.example/other:1"),
        ("program", {"command": ["no-such-program"]}, "RunContainerError", "no-such-program"),
    ],
)
def test_what_cannot_be_started_says_why(
    plane: Plane, name: str, container: dict[str, object], details: str, words: str
) -> None:
    plane.put_app(name, **container)  # pyright: ignore[reportArgumentType]
    wait_until(lambda: plane.replicas(f"{name}--0000001", ready=False)[0].containers[0].details == details, details)
    assert words in plane.events(name)


def test_one_that_never_passes_its_startup_probe_is_restarted(plane: Plane) -> None:
    plane.put_app("slow", env=[{"name": "LISTEN", "value": "9"}], probes=[probe("Startup", failureThreshold=2)])
    wait_until(lambda: plane.replicas("slow--0000001", ready=False)[0].containers[0].restarts >= 1, "a restart")
    assert "failed Startup probe, will be restarted" in plane.events("slow")
    (replica,) = plane.replicas("slow--0000001", ready=False)
    assert not replica.containers[0].started


def test_an_ill_replica_gets_no_requests_until_it_is_well_again(plane: Plane) -> None:
    plane.put_app("ready", ingress=HTTP, probes=[probe("Startup"), probe("Readiness", failureThreshold=1)])
    (replica,) = plane.replicas("ready--0000001")
    wait_until(lambda: plane.request("ready")[0] == 200, "an answer")
    sick = plane.directory(replica) / "web" / "app" / "sick"
    sick.touch()
    wait_until(lambda: plane.request("ready")[0] == 503, "no answer")
    wait_until(lambda: getattr(plane.revision("ready--0000001"), "health", "") == "Unhealthy", "its ill health told")
    sick.unlink()
    wait_until(lambda: plane.request("ready")[0] == 200, "an answer again")
    (again,) = plane.replicas("ready--0000001")
    assert again.containers[0].restarts == 0


def test_one_whose_liveness_fails_is_restarted(plane: Plane) -> None:
    plane.put_app("alive", probes=[probe("Startup"), probe("Liveness", failureThreshold=2)])
    (replica,) = plane.replicas("alive--0000001")
    (plane.directory(replica) / "web" / "app" / "sick").touch()
    wait_until(lambda: plane.replicas("alive--0000001", ready=False)[0].containers[0].restarts == 1, "a restart")
    plane.replicas("alive--0000001")
    assert "told to end" in plane.log(replica), "by SIGTERM first"


def test_an_app_that_is_made_again_under_its_name_is_another(plane: Plane) -> None:
    plane.put_app("again", ingress=HTTP, probes=[probe("Startup")])
    (before,) = plane.replicas("again--0000001")
    with plane.model.work() as work:
        work.delete(plane.id("Microsoft.App/containerApps", "again"))
    plane.put_app("again", ingress=HTTP, probes=[probe("Startup")], env=[{"name": "NEW", "value": "1"}])

    def is_another() -> bool:
        (replica,) = plane.replicas("again--0000001")
        return replica.name != before.name

    wait_until(is_another, "the new one")
    (after,) = plane.replicas("again--0000001")
    assert plane.ask(after)["variables"]["NEW"] == "1"
    wait_until(lambda: plane.request("again")[0] == 200, "its answer through the ingress")


def test_a_stubborn_one_is_killed_after_its_grace(plane: Plane) -> None:
    plane.put_app("stubborn", env=[{"name": "STUBBORN", "value": "1"}], template={"terminationGracePeriodSeconds": 1})
    (replica,) = plane.replicas("stubborn--0000001")
    wait_until(lambda: "serving" in plane.log(replica), "its start")
    pid = plane.pid(replica)
    plane.model.delete(plane.id("Microsoft.App/containerApps", "stubborn"))
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "its end")
    assert "told to end" in plane.log(replica)
    wait_until(lambda: plane.app("stubborn") is None, "no sign of it")
    wait_until(lambda: not list(plane.home.glob(f"replicas/*/*/{replica.name}")), "the end of its files")
