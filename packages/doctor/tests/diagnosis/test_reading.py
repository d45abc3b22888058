"""Parsing of URLs, logs and Azure's answers."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from doctor.collecting.logs import last_said
from doctor.connection_url import ConnectionUrl, Flaw, read
from doctor.facts import LoggedSymptom, Symptom


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("rediss://:ab/cd=@shop.example:6380/0", Flaw.RAW_KEY),
        ("rediss://:123/abc=@shop.example:6380/0?ssl_cert_reqs=required", Flaw.RAW_KEY),
        ("https://shop.example", Flaw.NOT_REDIS),
        ("", Flaw.NOT_REDIS),
        ("rediss://:key@:6380/0", Flaw.NO_HOST),
        ("rediss://SECRET=shop.example:6380/0", Flaw.BAD_HOST),
        ("rediss://shop.example,password=SECRET=,ssl=True", Flaw.BAD_HOST),
        ("rediss://:key@shop.example:port/0", Flaw.BAD_PORT),
        ("rediss://:key@shop.example:70000/0", Flaw.BAD_PORT),
        ("rediss://:key@shop.example:6380/zero", Flaw.BAD_DATABASE),
    ],
)
def test_a_url_that_no_client_reads_is_told_by_its_flaw(url: str, flaw: Flaw) -> None:
    assert read(SecretStr(url)) is flaw


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "rediss://:a%2Fb%2B%3D@Shop.example:6380/1?ssl_cert_reqs=required",
            ConnectionUrl(True, "shop.example", 6380, SecretStr("a/b+="), 1, "required"),
        ),
        # "+" and "=" need no encoding to be read.
        ("rediss://:a+b=@shop.example", ConnectionUrl(True, "shop.example", 6379, SecretStr("a+b="), 0, "")),
        ("redis://default@shop.example:6380/0", ConnectionUrl(False, "shop.example", 6380, None, 0, "")),
    ],
)
def test_a_url_is_read_as_its_clients_read_it(url: str, expected: ConnectionUrl) -> None:
    assert read(SecretStr(url)) == expected


@pytest.mark.parametrize(
    ("lines", "symptom"),
    [
        (["ERROR magictoolbox.health: Redis connection failed: auth"], Symptom.AUTH),
        (["Redis connection failed: auth", "Redis access key in REDIS_URL: missing"], Symptom.KEY_MISSING),
        (
            ["Redis access key in REDIS_URL: not percent-encoded", "Redis connection failed: auth"],
            Symptom.KEY_NOT_ENCODED,
        ),
        (
            [
                "Redis connection failed: auth",
                "Redis access key in CELERY_BROKER_URL: refused",
                "ERROR consumer: Cannot connect to rediss://h/0: invalid username-password pair or user is disabled.",
            ],
            Symptom.KEY_NOT_CURRENT,
        ),
        (
            ["Redis connection failed: auth", "Redis access key in REDIS_URL: missing", "Redis connection successful"],
            None,
        ),
        (
            ["Redis connection successful", "Redis access key in REDIS_URL: missing", "Redis connection failed: auth"],
            Symptom.KEY_MISSING,
        ),
        (
            ["Redis access key in REDIS_URL: missing", "Redis connection successful", "Redis connection failed: dns"],
            Symptom.DNS,
        ),
        (["Redis connection failed: connections"], Symptom.CONNECTIONS),
        (["Redis connection failed: readonly"], Symptom.READ_ONLY),
        (["Redis connection failed: loading"], Symptom.LOADING),
        (["Redis connection failed: misconf"], Symptom.CANNOT_SAVE),
        (["Redis connection failed: clustered"], Symptom.CLUSTERED),
        (["consumer: Cannot connect to rediss://h/0: max number of clients reached."], Symptom.CONNECTIONS),
        (["kombu: redis.exceptions.ReadOnlyError: You can't write against a read only replica."], Symptom.READ_ONLY),
        (["consumer: Cannot connect to rediss://h/0: Redis is loading the dataset in memory."], Symptom.LOADING),
        (
            ["consumer: Cannot connect to rediss://h/0: MISCONF Redis is configured to save RDB snapshots"],
            Symptom.CANNOT_SAVE,
        ),
        (["redis.exceptions.ClusterCrossSlotError: Keys in request don't hash to the same slot"], Symptom.CLUSTERED),
        (["redis.exceptions.MovedError: 5 10.0.2.4:8500"], Symptom.CLUSTERED),
        (["Redis connection failed: dns", "INFO Redis connection successful - using cache-based sessions"], None),
        (["Redis connection successful - using cache-based sessions", "Redis connection failed: full"], Symptom.FULL),
        (
            ["ValueError: A rediss:// URL must have parameter ssl_cert_reqs and this must be set to CERT_REQUIRED"],
            Symptom.CERTIFICATE_RULE,
        ),
        (
            [
                "Redis connection failed: timeout",
                "ERROR consumer: Cannot connect to rediss://:**@host:10000/1: DB index is out of range.",
            ],
            Symptom.DATABASE,
        ),
        (
            ["ERROR consumer: Cannot connect to rediss://h/0: invalid username-password pair or user is disabled."],
            Symptom.AUTH,
        ),
        (
            ["consumer: Cannot connect to rediss://h/0: Error -2 connecting to h:10000. Name or service not known."],
            Symptom.DNS,
        ),
        (["consumer: Cannot connect to rediss://h/0: Timeout connecting", "INFO Connected to rediss://h:1//"], None),
        (["Redis connection failed: timeout", "Scheduler: Sending due task heartbeat"], None),
    ],
)
def test_the_last_line_that_tells_of_redis_counts(lines: list[str], symptom: Symptom | None) -> None:
    assert last_said(lines) == LoggedSymptom(symptom)


def test_a_log_without_redis_says_nothing() -> None:
    assert last_said(["10.0.0.1 GET / 200", "SSLError from another service: CERTIFICATE_VERIFY_FAILED", ""]) is None


@pytest.mark.parametrize(
    "line",
    [
        "Task shop.sync[1] raised unexpected: ReadTimeout(\"HTTPSConnectionPool(host='backend.contoso.com', port=443): "
        'Read timed out.")',
        'django.db.backends: connection to server at "db", port 5432 failed: Connection refused',
        "django.core.mail.backends.smtp: the connection timed out",
        "django.db.backends.postgresql: password authentication required",
    ],
)
def test_an_error_of_another_server_says_nothing_of_redis(line: str) -> None:
    assert last_said([line]) is None
