"""Which revisions run, and which of them answer."""

import json
import signal
import threading
from typing import Any

from data_plane.plane import Plane, probe, wait_until

HTTP: dict[str, Any] = {"external": True, "targetPort": 8000}
PROBES = [probe("Startup", failureThreshold=20), probe("Readiness"), probe("Liveness")]


def version(number: int, **more: str) -> list[dict[str, str]]:
    """Variables that make a template another one."""
    return [{"name": "VERSION", "value": str(number)}, *({"name": key, "value": value} for key, value in more.items())]


def test_in_single_mode_the_new_one_takes_over_when_it_is_ready_and_no_request_fails(plane: Plane) -> None:
    scale = {"minReplicas": 2, "maxReplicas": 2}
    plane.put_app("blue", ingress=HTTP, probes=PROBES, env=version(1), scale=scale)
    plane.replicas("blue--0000001", 2)
    wait_until(lambda: plane.revision_that_answers("blue") == "blue--0000001", "the first one's answer")
    statuses: list[int] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            statuses.append(plane.request("blue")[0])

    thread = threading.Thread(target=load)
    thread.start()
    try:
        plane.put_app("blue", ingress=HTTP, probes=PROBES, env=version(2, DELAY="2"), scale=scale)
        wait_until(lambda: plane.revision("blue--0000002"), "the new one")
        app = plane.app("blue")
        assert app
        assert app.latest_ready_revision == "blue--0000001"
        assert plane.revision_that_answers("blue") == "blue--0000001", "until the new one is ready"
        wait_until(lambda: plane.is_gone("blue--0000001"), "the end of the old one")
        assert plane.revision_that_answers("blue") == "blue--0000002"
    finally:
        done.set()
        thread.join()
    assert set(statuses) == {200}
    assert len(statuses) > 20
    assert len(plane.replicas("blue--0000002", 2)) == 2


def test_a_broken_new_one_changes_nothing_for_those_who_ask(plane: Plane) -> None:
    plane.put_app("green", ingress=HTTP, probes=PROBES, env=version(1))
    plane.replicas("green--0000001")
    plane.put_app("green", ingress=HTTP, probes=PROBES, env=version(2), command=["python", "-c", "raise SystemExit(1)"])

    def has_failed() -> bool:
        revision = plane.revision("green--0000002")
        return revision is not None and revision.state == "ActivationFailed"

    wait_until(has_failed, "its failure")
    assert plane.revision_that_answers("green") == "green--0000001"
    plane.put_app("green", ingress=HTTP, probes=PROBES, env=version(3))
    wait_until(lambda: plane.is_gone("green--0000001") and plane.is_gone("green--0000002"), "the end of both")
    assert plane.revision_that_answers("green") == "green--0000003"


def test_in_multiple_mode_requests_go_by_weight_and_labels(plane: Plane) -> None:
    plane.put_app("many", mode="Multiple", ingress=HTTP, probes=PROBES, env=version(1))
    plane.replicas("many--0000001")
    shares = [
        {"revisionName": "many--0000001", "weight": 50, "label": "old"},
        {"latestRevision": True, "weight": 50, "label": "new"},
    ]
    plane.put_app("many", mode="Multiple", ingress={**HTTP, "traffic": shares}, probes=PROBES, env=version(2))
    plane.replicas("many--0000002")
    wait_until(lambda: plane.revision_that_answers("many---new") == "many--0000002", "the new one by its label")
    assert plane.revision_that_answers("many---old") == "many--0000001"
    seen = [plane.revision_that_answers("many") for _ in range(60)]
    assert {"many--0000001", "many--0000002"} == set(seen)
    assert plane.revision_that_answers("many--0000001") == "many--0000001", "each has a name of its own"


def test_a_revision_is_deactivated_and_activated_again(plane: Plane) -> None:
    shares = [{"revisionName": "two--0000001", "weight": 100}]
    plane.put_app("two", mode="Multiple", ingress=HTTP, probes=PROBES, env=version(1))
    plane.put_app("two", mode="Multiple", ingress={**HTTP, "traffic": shares}, probes=PROBES, env=version(2))
    plane.replicas("two--0000001")
    plane.replicas("two--0000002")
    plane.model.action(plane.revision_id("two--0000002"), "deactivate")
    wait_until(lambda: plane.is_gone("two--0000002"), "its end")
    wait_until(lambda: not _has_host(plane, "two--0000002"), "that nothing leads to it any more")
    plane.model.action(plane.revision_id("two--0000002"), "activate")
    plane.replicas("two--0000002")
    assert plane.revision_that_answers("two") == "two--0000001"


def _has_host(plane: Plane, name: str) -> bool:
    hosts = json.loads((plane.home / "ingress.json").read_text())["hosts"]
    return any(host.startswith(f"{name}.") for host in hosts)


def test_a_changed_secret_restarts_nothing_until_the_revision_is_restarted(plane: Plane) -> None:
    env = [{"name": "KEY", "secretRef": "key"}]
    plane.put_app("keys", ingress=HTTP, probes=PROBES, env=env, secrets={"key": "first"})
    (before,) = plane.replicas("keys--0000001")
    plane.put_app("keys", ingress=HTTP, probes=PROBES, env=env, secrets={"key": "second"})
    assert plane.ask(before)["variables"]["KEY"] == "first"
    plane.model.action(plane.revision_id("keys--0000001"), "restart")

    def is_replaced() -> bool:
        (replica,) = plane.replicas("keys--0000001")
        return replica.name != before.name

    wait_until(is_replaced, "another replica")
    (after,) = plane.replicas("keys--0000001")
    assert plane.ask(after)["variables"]["KEY"] == "second"


def test_a_data_plane_that_was_killed_leaves_nothing_to_the_next_one_and_goes_on(plane: Plane) -> None:
    plane.put_app("life", ingress=HTTP, probes=PROBES)
    (before,) = plane.replicas("life--0000001")
    pid = plane.pid(before)
    plane.kill()
    assert pid in plane.left(), "its replicas live on"
    plane.start()

    def is_another() -> bool:
        (replica,) = plane.replicas("life--0000001")
        return replica.name != before.name

    wait_until(is_another, "another replica")
    assert pid not in plane.left()
    wait_until(lambda: plane.request("life")[0] == 200, "an answer")


def test_it_ends_with_all_that_it_runs_when_its_server_is_gone(plane: Plane) -> None:
    plane.put_app("last", ingress=HTTP, probes=PROBES)
    plane.replicas("last--0000001")
    assert plane.left()
    assert plane.stop() == 0
    assert plane.left() == []
    assert not (plane.home / "running.json").exists()
    plane.start()
    plane.replicas("last--0000001")
    plane.process.send_signal(signal.SIGTERM)
    assert plane.process.wait(60) == 0
    assert plane.left() == []
