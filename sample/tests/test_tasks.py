"""Workers and beat against a real Redis: no task is lost, and the queue's keys are the queue's own."""

import os
import signal
import subprocess
from collections.abc import Callable
from uuid import uuid4

import pytest
from workload_processes import Browser, RedisServer, Workload, free_port, wait_until

SHORT = {"DJANGO_SETTINGS_MODULE": "short_timeouts"}
QUEUE = "celery:celery"
UNACKED = "celery:unacked"
LONG_SECONDS = 5
"""A task that is still running when the test has seen its start, also on a busy machine."""


def queue_task(workload: Workload, seconds: float) -> str:
    """Queue a task as code of the application does; its id."""
    result = workload.run(
        "python",
        "-c",
        f"import magictoolbox; from magictoolbox.tasks import work; print(work.delay({seconds}).id)",
    )
    assert result.returncode == 0, result.stdout
    return result.stdout.split()[-1]


@pytest.mark.parametrize("dedicated_broker", [False, True], ids=["shared", "dedicated"])
def test_a_task_is_queued_done_and_shown(
    workload: Workload, redis: RedisServer, start_redis: Callable[..., RedisServer], dedicated_broker: bool
) -> None:
    broker = start_redis() if dedicated_broker else redis
    workload.use_redis(redis.url(), broker.url())
    _, browser = workload.start_web()
    queued = browser.queue_task(1)
    assert queued.status == 202
    task_id = queued.json()["id"]
    assert broker.client.llen(QUEUE) == 1, "the list that KEDA watches"
    assert browser.task(task_id) == {"id": task_id, "state": "PENDING", "result": None}

    workload.start_worker("one@example")
    wait_until(lambda: broker.client.hlen(UNACKED) == 1, "the running task in the hash that KEDA watches")
    assert browser.result(task_id) == {"seconds": 1, "worker": "one@example"}
    wait_until(lambda: not broker.client.exists(QUEUE, UNACKED), "an empty queue")
    assert all(key.startswith(("celery:", "cache:")) for key in broker.client.scan_iter())
    assert broker.client.ttl(f"celery:celery-task-meta-{task_id}") > 0, "results do not pile up"


def test_wrong_input_is_refused(workload: Workload) -> None:
    _, browser = workload.start_web()
    assert browser.queue_task(-1).status == 400
    assert browser.queue_task(3600).status == 400
    assert browser.task(str(uuid4()))["state"] == "PENDING"


def test_clearing_the_cache_leaves_the_queue_alone(workload: Workload, redis: RedisServer) -> None:
    task_id = queue_task(workload, 0)
    script = "from django.core.cache import cache; cache.set('a', 1); cache.set('b', 2); {}print(cache.get('a'))"
    assert workload.run("python", "manage.py", "shell", "-c", script.format("")).stdout.split()[-1] == "1"
    cleared = workload.run("python", "manage.py", "shell", "-c", script.format("cache.clear(); "))
    assert cleared.stdout.split()[-1] == "None"
    assert not redis.client.keys("cache:*")
    workload.start_worker()
    _, browser = workload.start_web()
    assert browser.result(task_id)["seconds"] == 0


def test_web_says_so_when_the_queue_cannot_be_reached(workload: Workload, redis: RedisServer) -> None:
    workload.use_redis(redis.url(), redis.url(port=free_port()))
    _, browser = workload.start_web()
    assert browser.queue_task(1).status == 503
    assert browser.get(f"/api/tasks/{uuid4()}/").status == 503


def running_task(browser: Browser, seconds: float) -> str:
    """Queue a task and wait until a worker is at it; its id."""
    task_id = browser.queue_task(seconds).json()["id"]
    wait_until(lambda: browser.task(task_id)["state"] == "STARTED", "the start of the task")
    return task_id


def test_a_killed_workers_task_is_done_by_another(workload: Workload) -> None:
    _, browser = workload.start_web()
    workers = {name: workload.start_worker(name, **SHORT) for name in ("one@example", "other@example")}
    task_id = running_task(browser, LONG_SECONDS)
    (killed,) = [name for name, worker in workers.items() if f"{task_id}] received" in worker.log()]
    workers[killed].kill()
    assert browser.result(task_id)["worker"] in workers.keys() - {killed}


def test_the_only_workers_task_waits_for_the_next_worker(workload: Workload, redis: RedisServer) -> None:
    """Nothing is in the queue then: what keeps a worker scaled out is the hash of tasks in hand."""
    _, browser = workload.start_web()
    killed = workload.start_worker("killed@example", **SHORT)
    task_id = running_task(browser, LONG_SECONDS)
    killed.kill()
    assert (redis.client.llen(QUEUE), redis.client.hlen(UNACKED)) == (0, 1)
    workload.start_worker("next@example", **SHORT)
    assert browser.result(task_id)["worker"] == "next@example"
    wait_until(lambda: not redis.client.exists(QUEUE, UNACKED), "an empty queue")


def test_a_task_whose_process_dies_is_done_again(workload: Workload) -> None:
    """The worker survives and puts the task back at once: the visibility time-out is longer than a test's patience."""
    _, browser = workload.start_web()
    worker = workload.start_worker()
    task_id = running_task(browser, LONG_SECONDS)
    for child in subprocess.check_output(["pgrep", "-P", str(worker.popen.pid)], text=True).split():
        os.kill(int(child), signal.SIGKILL)
    assert browser.result(task_id)["seconds"] == LONG_SECONDS
    assert worker.log().count(f"{task_id}] received") == 2


def test_a_worker_that_must_stop_hands_its_task_back(workload: Workload, redis: RedisServer) -> None:
    """With the image's REMAP_SIGTERM, SIGTERM begins Celery's soft shutdown."""
    _, browser = workload.start_web()
    stopped = workload.start_worker("stopped@example", REMAP_SIGTERM="SIGQUIT", TEST_VISIBILITY_TIMEOUT="60", **SHORT)
    task_id = running_task(browser, 10)
    assert stopped.terminate() == 0
    assert "Initiating Soft Shutdown" in stopped.log()
    assert (redis.client.llen(QUEUE), redis.client.hlen(UNACKED)) == (1, 0), "at once, without a visibility time-out"
    workload.start_worker("other@example")
    assert browser.result(task_id)["worker"] == "other@example"


def test_a_worker_that_must_stop_finishes_what_it_can(workload: Workload, redis: RedisServer) -> None:
    _, browser = workload.start_web()
    # The worker waits its whole time, in which the task ends on the busiest machine.
    worker = workload.start_worker(
        "stopped@example",
        REMAP_SIGTERM="SIGQUIT",
        TEST_SOFT_SHUTDOWN_TIMEOUT="8",
        TEST_VISIBILITY_TIMEOUT="60",
        **SHORT,
    )
    task_id = running_task(browser, 1.5)
    assert worker.terminate() == 0
    assert browser.result(task_id)["worker"] == "stopped@example"
    assert not redis.client.exists(QUEUE, UNACKED), "done, so not handed back"


@pytest.mark.parametrize("command", [("worker",), ("beat",)], ids=["worker", "beat"])
@pytest.mark.parametrize("word", ["auth", "database", "tls"])
def test_workers_and_beat_name_the_failure(
    workload: Workload, redis: RedisServer, command: tuple[str], word: str
) -> None:
    match word:
        case "auth":
            workload.use_redis(f"rediss://:{redis.keys[0]}@localhost:{redis.port}/0?ssl_cert_reqs=required")
        case "database":
            workload.use_redis(redis.url(), redis.url(database=1))
        case "tls":
            del workload.environment["SSL_CERT_FILE"]
    process = workload.start("celery", "-A", "magictoolbox", *command)
    process.wait_for_log(f"Redis connection failed: {word}\n")
    if command == ("worker",):
        process.wait_for_log("Trying again in")
        assert "Connected to" not in process.log(), "the worker's own connection fails as well"


def test_a_task_for_later_than_the_broker_holds_it_is_refused(workload: Workload) -> None:
    script = (
        "import magictoolbox\nfrom magictoolbox.tasks import work\n"
        "work.apply_async((0,), countdown=180)\n"
        "try:\n    work.apply_async((0,), countdown=181)\nexcept ValueError as error:\n    print(error)"
    )
    result = workload.run("python", "-c", script)
    assert "a task can wait for 180 s at most" in result.stdout


def test_limits_fit_into_the_time_that_a_worker_has_to_stop(workload: Workload) -> None:
    """Container Apps waits 120 s for a worker; a task must be over before it is given to another."""
    script = (
        "from magictoolbox.celery import app; options = app.conf.broker_transport_options;"
        "from django.conf import settings;"
        "print(app.conf.task_time_limit, options['visibility_timeout'], app.conf.worker_soft_shutdown_timeout,"
        "settings.LONGEST_COUNTDOWN)"
    )
    result = workload.run("python", "-c", script)
    time_limit, visibility_timeout, soft_shutdown_timeout, countdown = map(float, result.stdout.split())
    assert countdown + time_limit < visibility_timeout
    assert countdown >= 180, "Celery's default countdown of a retry"
    assert soft_shutdown_timeout < 120


def test_beat_ticks(workload: Workload) -> None:
    worker = workload.start_worker()
    beat = workload.start("celery", "-A", "magictoolbox", "beat", **SHORT)
    worker.wait_for_log("Heartbeat from beat")
    assert "Redis connection successful" in beat.log()


def test_a_worker_says_that_redis_takes_values_again_though_its_connection_stayed_open(
    workload: Workload, redis: RedisServer
) -> None:
    worker = workload.start_worker()
    says_so = "Redis connection successful"
    assert worker.log().count(says_so) == 1
    limit = redis.client.config_get("maxmemory")["maxmemory"]
    redis.fill()
    worker.wait_for_log("Redis connection failed: full\n")
    assert worker.log().count("Connected to") == 1
    redis.client.config_set("maxmemory", limit)
    wait_until(lambda: worker.log().count(says_so) == 2, "the worker's word that Redis takes values again")
    assert worker.log().count("Connected to") == 1, "the same connection"
