"""The connection string, parsed by the four clients that use it."""

import base64
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import hypothesis
import pytest
import redis
from celery import Celery
from django_redis.pool import ConnectionFactory
from hypothesis import strategies as st
from kombu import Connection
from kombu.utils.url import parse_url as kombu_parse_url
from redis.connection import parse_url as redis_parse_url

from components.connection_string import redis_url

HOST = "red-westeurope-magictoolbox-01-x7k2q.westeurope.redis.azure.net"

HOSTILE_KEYS = [
    "ab/cd+ef==",
    "123/abc=",
    "/starts+with+a+slash=",
    "ends/",
    "50%",
    "%2F%2f%41",
    "user:pass@elsewhere:6379",
    "@",
    ":",
    "::",
    "#fragment",
    "?ssl_cert_reqs=none",
    "&ssl_cert_reqs=none",
    "//double",
    "with some space",
    " ",
    "+",
    "[::1]",
    "\\back;slash\"quote'",
    "schlüssel-鍵-🔑",
]

BREAKING_KEYS = ["ab/cd+ef==", "123/abc=", "a#b", "a?b", "a%41b", "a%2Fb"]
"""Keys that break a URL that contains them unencoded."""

ACCESS_KEYS = st.binary(min_size=32, max_size=32).map(lambda raw: base64.b64encode(raw).decode())
"""Keys as Azure generates them: 32 random bytes in base64."""

PRINTABLE_KEYS = st.text(
    st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), min_size=1, max_size=60
)


@dataclass(frozen=True)
class Read:
    """Address and credentials that a client would use."""

    host: str
    port: int
    database: int
    password: str
    certificate_rule: ssl.VerifyMode
    checks_host_name: bool


def _read(pool: redis.ConnectionPool) -> Read:
    """Return the parameters of a pool's connection, without opening it."""
    connection = pool.make_connection()
    assert isinstance(connection, redis.SSLConnection), "the connection is not encrypted"
    assert not connection.username, "a user name would make another AUTH command"
    return Read(
        connection.host,
        connection.port,
        int(connection.db),
        connection.password,
        connection.cert_reqs,
        connection.check_hostname,
    )


def _by_redis_py(url: str) -> Read:
    return _read(redis.Redis.from_url(url).connection_pool)


def _by_django_redis(url: str) -> Read:
    factory = ConnectionFactory[redis.Redis, redis.ConnectionPool, object](options={})
    return _read(factory.get_connection_pool(factory.make_connection_params(url)))


def _by_celery_broker(url: str) -> Read:
    # What the application does with its setting, down to the transport's own connection pool.
    with Celery(broker=url, set_as_current=False).connection_for_write() as connection:
        channel = connection.channel()
        return _read(channel.client.connection_pool)


def _by_celery_backend(url: str) -> Read:
    return _read(Celery(backend=url, set_as_current=False).backend.client.connection_pool)


CLIENTS: dict[str, Callable[[str], Read]] = {
    "redis-py": _by_redis_py,
    "django-redis": _by_django_redis,
    "celery-broker": _by_celery_broker,
    "celery-backend": _by_celery_backend,
}


@pytest.fixture(scope="module", autouse=True)
def _no_ping() -> Iterator[None]:
    """Replace the ping that Kombu's channel sends at once; there is no server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis.Redis, "ping", lambda *_: True)
        yield


def _meant(key: str, port: int = 10000, database: int = 0) -> Read:
    return Read(HOST, port, database, key, ssl.CERT_REQUIRED, checks_host_name=True)


def test_the_url_has_the_contracts_form_with_the_key_percent_encoded() -> None:
    assert redis_url("cache.example", 6380, "ab/cd+ef==", 1) == (
        "rediss://:ab%2Fcd%2Bef%3D%3D@cache.example:6380/1?ssl_cert_reqs=required"
    )


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize(("port", "database"), [(10000, 0), (6380, 0), (6380, 1), (1, 15), (65535, 63)])
def test_every_client_parses_port_and_database(client: Callable[[str], Read], port: int, database: int) -> None:
    assert client(redis_url(HOST, port, "ab/cd+ef==", database)) == _meant("ab/cd+ef==", port, database)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_every_client_parses_a_key_with_special_characters(client: Callable[[str], Read], key: str) -> None:
    assert client(redis_url(HOST, 10000, key, 0)) == _meant(key)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(key=ACCESS_KEYS | PRINTABLE_KEYS)
def test_every_client_parses_any_key(key: str) -> None:
    url = redis_url(HOST, 10000, key, 0)
    assert {name: client(url) for name, client in CLIENTS.items()} == dict.fromkeys(CLIENTS, _meant(key))


@hypothesis.settings(max_examples=80, deadline=None)
@hypothesis.given(key=ACCESS_KEYS | PRINTABLE_KEYS)
def test_the_bare_parsers_of_redis_py_and_kombu_agree_on_any_key(key: str) -> None:
    url = redis_url(HOST, 10000, key, 0)
    by_redis = redis_parse_url(url)
    by_kombu = kombu_parse_url(url)
    assert (by_redis["host"], by_redis["port"], by_redis["db"], by_redis["password"]) == (HOST, 10000, 0, key)
    assert (by_kombu["hostname"], by_kombu["port"], by_kombu["virtual_host"], by_kombu["password"]) == (
        HOST,
        10000,
        "0",
        key,
    )
    assert by_kombu["ssl"] == {"ssl_cert_reqs": ssl.CERT_REQUIRED}


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_kombu_writes_the_url_without_the_key(key: str) -> None:
    shown = Connection(redis_url(HOST, 10000, key, 0)).as_uri()
    assert f":**@{HOST}:10000" in shown
    assert quote(key, safe="") not in shown.replace(HOST, "")


def _misread(client: Callable[[str], Read], url: str, key: str) -> bool:
    try:
        return client(url) != _meant(key)
    except (ValueError, AssertionError):
        return True


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("key", BREAKING_KEYS)
def test_the_raw_key_in_the_url_fails_or_is_misread(client: Callable[[str], Read], key: str) -> None:
    assert _misread(client, f"rediss://:{key}@{HOST}:10000/0?ssl_cert_reqs=required", key), (
        "this form carries the key after all: why then encode it?"
    )


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize("key", ["ab/cd+ef==", "123/abc="])
def test_quoting_with_the_default_safe_set_fails_or_is_misread(client: Callable[[str], Read], key: str) -> None:
    assert _misread(client, f"rediss://:{quote(key)}@{HOST}:10000/0?ssl_cert_reqs=required", key), (
        "quote leaves '/' as it is, and '/' ends the authority"
    )


def test_a_raw_key_that_looks_like_a_port_is_misread_without_an_error() -> None:
    read = redis_parse_url(f"rediss://:123/abc=@{HOST}:10000/0?ssl_cert_reqs=required")
    assert read["port"] == 123, "the port is the beginning of the key"
    assert "host" not in read, "the client would use its default, localhost"
    assert "password" not in read


@pytest.mark.parametrize(
    ("host", "port", "key", "database", "wrong"),
    [
        ("", 10000, "hush/hush=", 0, "host is empty"),
        (HOST, 10000, "", 0, "key is empty"),
        (HOST, 0, "hush/hush=", 0, "port 0 is out of range"),
        (HOST, -1, "hush/hush=", 0, "port -1 is out of range"),
        (HOST, 65536, "hush/hush=", 0, "port 65536 is out of range"),
        (HOST, 10000, "hush/hush=", -1, "database -1 is out of range"),
    ],
)
def test_bad_arguments_are_refused_without_the_key(host: str, port: int, key: str, database: int, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as refused:
        redis_url(host, port, key, database)
    assert "hush" not in str(refused.value)
