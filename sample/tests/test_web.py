"""Web against a real Redis: health, sessions, and the word for each way in which Redis can fail."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from workload_processes import HOST, RedisServer, Workload, free_port, silent_port

READY = {"status": "ready", "checks": {"database": True, "cache": True}}
NO_CACHE = {"status": "not ready", "checks": {"database": True, "cache": False}}
NO_DATABASE = {"status": "not ready", "checks": {"database": False, "cache": True}}
SUCCESS = "Redis connection successful - using cache-based sessions"


@pytest.mark.parametrize("databases", [1, 16], ids=["managed", "classic"])
def test_sessions_live_in_the_cache_and_survive_a_restart(
    workload: Workload, start_redis: Callable[..., RedisServer], databases: int
) -> None:
    redis = start_redis(databases=databases)
    workload.use_redis(redis.url(), redis.url(1 if databases > 1 else 0))
    web, browser = workload.start_web()
    response = browser.get("/api/health/readiness/")
    assert (response.status, response.json()) == (200, READY)
    assert [browser.visits() for _ in range(3)] == [1, 2, 3]
    assert web.log().count(SUCCESS) == 1, "a replica says once which sessions it uses"
    assert redis.client.keys("cache:*sessions*"), "the session is in Redis, under the cache's prefix"

    assert web.terminate() == 0
    _, restarted = workload.start_web()
    restarted.cookies = browser.cookies
    assert restarted.visits() == 4


def test_the_second_key_is_as_good_as_the_first(workload: Workload, redis: RedisServer) -> None:
    workload.use_redis(redis.url(key=redis.keys[1]))
    _, browser = workload.start_web()
    assert browser.get("/api/health/readiness/").json() == READY


def break_redis(failure: str, workload: Workload, redis: RedisServer, cleanup: ExitStack) -> None:
    """Have the workload meet the failure of this name."""
    match failure:
        case "unknown host":
            workload.use_redis(redis.url().replace("localhost", "no-such-host.invalid"))
        case "silent port":
            workload.use_redis(redis.url(port=cleanup.enter_context(silent_port())))
        case "closed port":
            workload.use_redis(redis.url(port=free_port()))
        case "unknown authority":
            del workload.environment["SSL_CERT_FILE"]
        case "another host's certificate":
            workload.use_redis(redis.url().replace("localhost", "127.0.0.1"))
        case "wrong key":
            workload.use_redis(redis.url(key="wrong"))
        case "no key":
            workload.use_redis(f"rediss://default@localhost:{redis.port}/0?ssl_cert_reqs=required")
        case "raw key":
            workload.use_redis(f"rediss://:{redis.keys[0]}@localhost:{redis.port}/0?ssl_cert_reqs=required")
        case "raw key that begins like a port":
            workload.use_redis(f"rediss://:123/{redis.keys[0]}@localhost:{redis.port}/0?ssl_cert_reqs=required")
        case "database 1 of 1":
            workload.use_redis(redis.url(database=1))
        case "no memory left":
            redis.fill()
        case "a replica":
            redis.client.replicaof("localhost", "1")
        case "data that cannot be saved":
            redis.fail_to_save()


FAILURES = {
    "unknown host": "dns",
    "silent port": "timeout",
    "closed port": "timeout",
    "unknown authority": "tls",
    "another host's certificate": "tls",
    "wrong key": "auth",
    "no key": "auth",
    "raw key": "auth",
    "raw key that begins like a port": "auth",
    "database 1 of 1": "database",
    "no memory left": "full",
    "a replica": "readonly",
    "data that cannot be saved": "misconf",
}


KEY_FLAWS = {
    "wrong key": "refused",
    "no key": "missing",
    "raw key": "not percent-encoded",
    "raw key that begins like a port": "not percent-encoded",
}


@pytest.mark.parametrize(("failure", "word"), FAILURES.items(), ids=FAILURES)
def test_web_names_the_failure_and_keeps_sessions_in_the_database(
    workload: Workload, redis: RedisServer, failure: str, word: str
) -> None:
    with ExitStack() as cleanup:
        break_redis(failure, workload, redis, cleanup)
        web, browser = workload.start_web()
        response = browser.get("/api/health/readiness/")
        assert (response.status, response.json()) == (503, NO_CACHE)
        assert web.log().count(f"Redis connection failed: {word}\n") == 2, "once at the start, once for readiness"
        flaw = KEY_FLAWS.get(failure)
        assert web.log().count("Redis access key in REDIS_URL: ") == (2 if flaw else 0)
        assert web.log().count(f"Redis access key in REDIS_URL: {flaw}\n") == (2 if flaw else 0)
        assert SUCCESS not in web.log()
        assert [browser.visits(), browser.visits()] == [1, 2]


def test_redis_may_go_and_come_back(workload: Workload, redis: RedisServer) -> None:
    _, browser = workload.start_web()
    assert browser.visits() == 1
    redis.stop()
    assert browser.get("/api/health/readiness/").json() == NO_CACHE
    assert browser.get("/api/health/liveness/").status == 200, "a restart of web would not mend Redis"
    redis.start()
    assert browser.get("/api/health/readiness/").json() == READY
    assert browser.visits() == 2


def test_redis_may_be_slower_to_start_than_web(workload: Workload, redis: RedisServer) -> None:
    """The check at the start is still waiting while gunicorn forks; its workers must not wait for ever."""
    redis.pause()
    web, browser = workload.start_web()
    assert "Redis connection failed: timeout\n" in web.log()
    redis.resume()
    for _ in range(8):  # both workers answer some
        assert browser.get("/api/health/readiness/").json() == READY


def test_a_database_without_its_migrations_is_not_ready(workload: Workload) -> None:
    workload.database.unlink()
    web, browser = workload.start_web()
    response = browser.get("/api/health/readiness/")
    assert (response.status, response.json()) == (503, NO_DATABASE)
    assert "Database check failed" in web.log()
    assert workload.run("python", "manage.py", "migrate", "--noinput").returncode == 0
    assert browser.get("/api/health/readiness/").json() == READY


def test_a_database_that_does_not_answer_is_not_ready(workload: Workload) -> None:
    """The server accepts connections and then says nothing: without a time limit the check would never end."""
    with silent_port() as port:
        workload.secrets.append("database-password")
        workload.environment["DATABASE_URL"] = f"postgres://user:database-password@127.0.0.1:{port}/db"
        _, browser = workload.start_web()
        response = browser.get("/api/health/readiness/")
        assert (response.status, response.json()) == (503, NO_DATABASE)


def test_the_database_is_a_file_on_the_mounted_volume_by_default(workload: Workload) -> None:
    del workload.environment["DATABASE_URL"]
    result = workload.run(
        "python", "-c", "from magictoolbox.settings import DATABASES; print(DATABASES['default']['NAME'])"
    )
    assert result.stdout == "/data/db.sqlite3\n"


def test_missing_variables_are_named_together(workload: Workload) -> None:
    del workload.environment["REDIS_URL"], workload.environment["SECRET_KEY"]
    result = workload.run("python", "manage.py", "check")
    assert result.returncode != 0
    assert "Set the environment variables SECRET_KEY, REDIS_URL." in result.stdout


def test_health_paths_do_not_redirect(workload: Workload) -> None:
    _, browser = workload.start_web()
    for path in ("liveness", "liveness/", "readiness", "readiness/"):
        for protocol in ("http", "https"):  # a probe comes without the ingress, by plain HTTP
            response = browser.get(f"/api/health/{path}", X_Forwarded_Proto=protocol)
            assert response.status == 200, f"{path} by {protocol}"


def test_only_the_apps_own_hosts_are_served(workload: Workload) -> None:
    _, browser = workload.start_web()
    assert browser.get("/", Host="www.example.org").status == 200
    assert browser.get("/", Host="10.0.0.7:8000").status == 400


def test_forms_need_their_token_and_a_trusted_origin(workload: Workload) -> None:
    _, browser = workload.start_web()
    browser.visits()

    def post(**headers: str) -> int:
        return browser.request("POST", "/api/tasks/", {"seconds": 0}, **headers).status

    token = browser.cookies["csrftoken"]
    assert post(Origin=f"https://{HOST}") == 403, "no token"
    assert post(Origin=f"https://{HOST}", X_CSRFToken=token) == 202
    assert post(Origin="https://www.example.org", X_CSRFToken=token) == 202, "a trusted origin"
    assert post(Origin="https://evil.example.net", X_CSRFToken=token) == 403


def test_web_knows_from_the_ingress_that_a_visitor_uses_https(workload: Workload) -> None:
    del workload.environment["CSRF_TRUSTED_ORIGINS"]
    _, browser = workload.start_web()
    page = browser.get("/")
    assert all("Secure" in cookie for cookie in page.headers.get_all("Set-Cookie"))
    headers = {"Origin": f"https://{HOST}", "X_CSRFToken": browser.cookies["csrftoken"]}
    assert browser.request("POST", "/api/tasks/", {"seconds": 0}, **headers).status == 202
    assert browser.request("POST", "/api/tasks/", {"seconds": 0}, X_Forwarded_Proto="http", **headers).status == 403


def test_a_page_with_a_session_answers_503_while_redis_is_down(workload: Workload, redis: RedisServer) -> None:
    _, browser = workload.start_web()
    assert browser.visits() == 1
    redis.stop()
    assert browser.get("/").status == 503, "neither 500 nor a traceback"
