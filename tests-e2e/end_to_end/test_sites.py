"""A deployed application works, and goes on working while it is changed, broken and mended."""

from __future__ import annotations

import sys

import pytest

from end_to_end.conftest import KINDS
from end_to_end.sites import READINESS, READY, Load, Site, Visitor, wait_until

REFERENCES, DIRECT, SCALED = "managed-references-shared", "classic-direct-shared", "managed-direct-dedicated"
DEDICATED = "classic-references-dedicated"


def on(*kinds: str, slow: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Run a test on stacks of these kinds, and on those of the slow ones in long runs."""
    later = pytest.mark.slow("applications in use, of further kinds and under load")
    sites = [pytest.param(kind, marks=later if kind in slow else []) for kind in (*kinds, *slow)]
    return pytest.mark.parametrize("site", sites, indirect=True, scope="module")


every_kind = on(REFERENCES, slow=tuple(kind for kind in KINDS if kind != REFERENCES))


@every_kind
def test_readiness_is_answered_at_both_addresses(site: Site) -> None:
    assert Visitor(site.address).get(READINESS).json() == READY
    response = site.ask_by_name(READINESS)
    assert response.status_code == 200
    assert response.json() == READY


@every_kind
def test_task_runs_and_returns(site: Site) -> None:
    visitor = Visitor(site.address)
    result = visitor.result(visitor.queue_task(0.1))
    assert result["seconds"] == 0.1
    assert "-worker--" in result["worker"], "a worker's replica has done it"


@every_kind
def test_session_outlives_the_replica(site: Site) -> None:
    visitor = Visitor(site.address)
    assert [visitor.visits(), visitor.visits()] == [1, 2]
    before = set(site.replicas("web"))
    ((_, (revision,)),) = [
        one for one in site.apps().items() if any(replica.name in before for replica in one[1][0].replicas)
    ]
    site.arm("POST", f"{revision.id}/restart", version="2025-01-01")
    wait_until(
        lambda: (now := site.replicas("web")) and not before & set(now), "other replicas in the place of the first"
    )
    site.ready()
    assert visitor.visits() == 3


@on(REFERENCES)
def test_killed_web_comes_up_again_with_its_sessions(site: Site) -> None:
    visitor = Visitor(site.address)
    assert visitor.visits() == 1
    (replica,) = site.replicas("web", leaving=False)
    site.kill(replica, "web")
    wait_until(lambda: Visitor(site.address).get(READINESS).status_code == 200, "web to answer again")
    assert visitor.visits() == 2


# -- changes under load


@on(slow=(REFERENCES, DIRECT, DEDICATED))
def test_keys_are_rotated_under_load_and_nothing_fails(site: Site) -> None:
    with Load(site.address).running() as load:
        for key, other in (("secondary", "Primary"), ("primary", "Secondary")):
            site.use_key(key)
            site.regenerate(other)
            if sys.platform == "linux":
                assert site.dead_keys() == []
    load.check()
    assert Visitor(site.address).get(READINESS).json() == READY


@on(REFERENCES)
def test_image_is_updated_under_load_and_nothing_fails(site: Site) -> None:
    before = set(site.replicas("web") + site.replicas("worker"))
    with Load(site.address).running() as load:
        site.deployment.configure("image", "ghcr.io/contoso/magictoolbox:1.0.1")
        site.deployment.up()
        site.ready()
        site.wait_drained()
    assert not before & set(site.replicas("web") + site.replicas("worker")), "all replicas are new"
    load.check()


@on(slow=(REFERENCES,))
def test_settings_of_the_cache_are_changed_under_load_and_no_task_is_lost(site: Site) -> None:
    with Load(site.address).running() as load:
        for setting, value in (("evictionPolicy", "NoEviction"), ("highAvailability", True), ("sku", "Balanced_B1")):
            site.deployment.configure(f"redis.{setting}", value)
            site.deployment.up()
            site.ready()
    load.check()


# -- a worker that is killed


@on(slow=(SCALED,))
def test_task_of_a_killed_worker_is_done_by_another(site: Site) -> None:
    """The only worker there is, with an empty queue behind it: what keeps one running is the task in its hands."""
    visitor = Visitor(site.address)
    task_id = visitor.queue_task(4)
    wait_until(lambda: visitor.task(task_id)["state"] == "STARTED", "the start of the task")
    (replica,) = site.replicas("worker", leaving=False)
    first = site.processes()[f"{replica}/worker"]
    site.kill(replica, "worker")
    assert visitor.task(task_id)["state"] != "SUCCESS"
    assert visitor.result(task_id)["seconds"] == 4
    (now,) = site.replicas("worker", leaving=False)
    assert site.processes()[f"{now}/worker"] != first, "another process has done it"


@on(slow=(SCALED,))
def test_workers_go_when_there_is_nothing_to_do_and_come_with_the_next_task(site: Site) -> None:
    wait_until(lambda: not site.replicas("worker"), "the end of the idle worker")
    visitor = Visitor(site.address)
    assert visitor.result(visitor.queue_task(0))["seconds"] == 0


@on(REFERENCES)
def test_key_that_is_renewed_before_the_apps_have_left_it_is_seen(site: Site) -> None:
    """The wrong order: it would not do to test for failures alone."""
    site.regenerate("Primary")
    assert {one.rpartition("/")[2] for one in site.dead_keys()} >= {"web REDIS_URL", "worker CELERY_BROKER_URL"}
