"""What web and workers rely on, each really used once, and one word for why Redis could not be."""

import logging
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

TIME_LIMIT = 3
"""Seconds that checks may take; a probe must wait longer than this."""


def check_cache() -> None:
    """Raise redis-py's error when the cache takes no value."""
    get_redis_connection().set(cache.make_key("health"), 1, ex=10)


def cache_urls() -> dict[str, str]:
    """Return the URL of the cache, by its variable."""
    return {"REDIS_URL": settings.CACHES["default"]["LOCATION"]}


def queue_urls() -> dict[str, str]:
    """Return the URLs of the broker and of the result backend, by their variables."""
    return {
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "CELERY_RESULT_BACKEND": settings.CELERY_RESULT_BACKEND,
    }


def check_queue() -> None:
    """Raise redis-py's error when the broker or the result backend takes no value."""
    timeouts = {"socket_connect_timeout": settings.REDIS_TIMEOUT, "socket_timeout": settings.REDIS_TIMEOUT}
    for url in set(queue_urls().values()):
        with Redis.from_url(url, retry=None, **timeouts) as redis:
            redis.set(f"{settings.CELERY_KEY_PREFIX}health", 1, ex=10)


def check_database() -> None:
    """Raise an error when the database cannot be reached or lacks a migration."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise RuntimeError("The database lacks a migration.")
    finally:
        connection.close()  # a thread has a connection of its own, and this thread ends here


def errors(*checks: Callable[[], None]) -> list[BaseException | None]:
    """Run `checks` side by side: the error of each, None where all is well, TimeoutError after TIME_LIMIT seconds."""
    # Threads, because name resolution knows no time limit; new ones, so that a check that hangs delays no other check.
    threads = ThreadPoolExecutor(len(checks))
    futures = [threads.submit(check) for check in checks]
    wait(futures, timeout=TIME_LIMIT)
    threads.shutdown(wait=False)
    return [future.exception() if future.done() else TimeoutError() for future in futures]


def redis_failure(error: BaseException) -> str:
    """Return one word for an error of redis-py: it says where to look, and holds no secret.

    - `dns`: the host name has no address.
    - `tls`: no encrypted connection, for example because the certificate is not trusted.
    - `auth`: the key is missing, wrong or not percent-encoded.
    - `database`: the server has no database of that number.
    - `full`: the server's memory is full, and its eviction policy frees none.
    - `connections`: the server has as many connections as it takes. Redis itself says so only without TLS, for it drops
      the connection before the handshake; a proxy in front of it, such as a managed cache has, can answer.
    - `readonly`: the server takes no writes: it is a replica, for example after a failover.
    - `loading`: the server has restarted and still loads its data.
    - `misconf`: the server takes no writes because it cannot save its data.
    - `clustered`: the server is a cluster, which ordinary clients cannot use.
    - `timeout`: no answer in time, or the connection was refused or broken off.
    """
    match error:
        case AuthenticationError() | NoPermissionError():
            return "auth"
        case OutOfMemoryError():
            return "full"
        case ResponseError() if "DB index" in str(error):
            return "database"
        case ConnectionError() if "max number of clients" in str(error):
            return "connections"
        case ReadOnlyError():
            return "readonly"
        case BusyLoadingError():
            return "loading"
        case ResponseError() if str(error).startswith("MISCONF"):
            return "misconf"
        case AskError() | ClusterCrossSlotError() | ClusterError():  # MovedError is an AskError
            return "clustered"
    match error.__context__:  # the operating system's error, for which redis-py raises a ConnectionError
        case socket.gaierror():
            return "dns"
        case ssl.SSLError() if not isinstance(error.__context__, ssl.SSLEOFError):
            return "tls"
    return "timeout"


_REFUSED = "refused"


def log_redis_failure(logger: logging.Logger, error: BaseException, urls: dict[str, str]) -> str:
    """Log and return the word for `error`; with `auth` log what is wrong with the key: missing, not encoded, refused.

    `urls` has the URLs that were tried by their variables. Nothing of a URL is logged but its variable's name.
    """
    word = redis_failure(error)
    logger.error("Redis connection failed: %s", word)
    if word == "auth":
        flaws = {variable: _key_flaw(variable, url) for variable, url in urls.items()}
        # A URL without a key explains the refusal; the error does not say which of several complete URLs was refused.
        telling = {variable: flaw for variable, flaw in flaws.items() if flaw != _REFUSED} or flaws
        for variable, flaw in telling.items():
            logger.error("Redis access key in %s: %s", variable, flaw)
    return word


def _key_flaw(variable: str, url: str) -> str:
    if variable in settings.REDIS_URLS_WITH_RAW_KEY:
        return "not percent-encoded"
    return _REFUSED if urlsplit(url).password else "missing"
