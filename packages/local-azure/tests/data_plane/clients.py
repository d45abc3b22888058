"""Uses Redis by URLs with the real clients, as a process in a replica does, and tells how that went.

Reads `[[client, URL], ...]` as JSON from standard input, writes a list of outcomes: `works`, or the names of the
errors' types, the outermost first.
"""

import json
import sys
from collections.abc import Callable, Iterator

import redis
from celery import Celery
from django.conf import settings
from django_redis.cache import RedisCache
from kombu import Connection

SECONDS = 5.0
TIMEOUTS = {"socket_connect_timeout": SECONDS, "socket_timeout": SECONDS}


def by_redis_py(url: str) -> None:
    with redis.Redis.from_url(url, retry=None, **TIMEOUTS) as client:
        client.set("redis-py", "1")
        assert client.get("redis-py") == b"1"


def by_django_redis(url: str) -> None:
    cache = RedisCache(url, {"OPTIONS": {"SOCKET_CONNECT_TIMEOUT": SECONDS, "SOCKET_TIMEOUT": SECONDS}})
    cache.set("django-redis", 1)
    assert cache.get("django-redis") == 1


def by_kombu(url: str) -> None:
    options = {**TIMEOUTS, "max_retries": 1}
    with Connection(url, transport_options=options) as connection, connection.SimpleQueue("queue") as queue:
        queue.put({"n": 1})
        message = queue.get(timeout=60)
        assert message.payload == {"n": 1}
        message.ack()


def by_celery_backend(url: str) -> None:
    app = Celery(backend=url, set_as_current=False)
    app.conf.update(redis_socket_connect_timeout=SECONDS, redis_socket_timeout=SECONDS, redis_retry_on_timeout=False)
    app.backend.client.set("celery", "1")
    assert app.backend.client.get("celery") == b"1"


CLIENTS: dict[str, Callable[[str], None]] = {
    "redis-py": by_redis_py,
    "django-redis": by_django_redis,
    "kombu": by_kombu,
    "celery-backend": by_celery_backend,
}


def types_of(error: BaseException | None) -> Iterator[str]:
    seen: list[BaseException] = []  # django-redis makes an error its own cause
    while error and error not in seen:
        seen.append(error)
        yield type(error).__name__
        error = error.__cause__ or error.__context__


def outcome(client: str, url: str) -> str:
    try:
        CLIENTS[client](url)
    except Exception as error:
        return " ".join(types_of(error))
    return "works"


if __name__ == "__main__":
    settings.configure()
    json.dump([outcome(client, url) for client, url in json.load(sys.stdin)], sys.stdout)
