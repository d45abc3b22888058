"""Parse a Redis URL as redis-py, django-redis and Celery do. The URL and its key are never part of an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr


class Flaw(StrEnum):
    """Why those clients cannot parse a URL."""

    RAW_KEY = "its key holds a raw /, which ends the host part of a URL; percent-encode the key"
    NOT_REDIS = "it is no redis:// or rediss:// URL"
    NO_HOST = "it names no host"
    BAD_HOST = "what it has in the place of its host is no host name"
    BAD_PORT = "its port is no number from 1 to 65535"
    BAD_DATABASE = "its path is no database's number"


@dataclass(frozen=True)
class ConnectionUrl:
    """The parts of a URL.

    Attributes:
        encrypted: whether it asks for TLS.
        host: host name, in lower case.
        port: port; that of its scheme where it names none.
        key: the access key, decoded; None where there is none.
        database: the database's number.
        certificate_rule: value of ``ssl_cert_reqs``; empty where it is missing.
    """

    encrypted: bool
    host: str
    port: int
    key: SecretStr | None
    database: int
    certificate_rule: str


_DEFAULT_PORT = 6379
_HOST = re.compile(r"[a-z0-9.-]+", re.IGNORECASE)


def read(url: SecretStr) -> ConnectionUrl | Flaw:
    """Return the parts of a URL, or why those clients cannot parse it."""
    scheme, separator, rest = url.get_secret_value().strip().partition("://")
    if not separator or scheme.lower() not in ("redis", "rediss"):
        return Flaw.NOT_REDIS
    authority = rest.partition("/")[0]
    if "@" not in authority and "@" in rest:
        return Flaw.RAW_KEY
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError:
        return Flaw.BAD_PORT
    if not parts.hostname:
        return Flaw.NO_HOST
    # A key may stand there, and a host name is shown: `rediss://KEY=host`, `rediss://host,password=KEY`.
    if not _HOST.fullmatch(parts.hostname):
        return Flaw.BAD_HOST
    path = parts.path.strip("/")
    if path and not path.isdecimal():
        return Flaw.BAD_DATABASE
    rules = parse_qs(parts.query).get("ssl_cert_reqs", [""])
    return ConnectionUrl(
        encrypted=scheme.lower() == "rediss",
        host=parts.hostname.lower(),
        port=_DEFAULT_PORT if port is None else port,
        key=SecretStr(unquote(parts.password)) if parts.password else None,
        database=int(path or 0),
        certificate_rule=rules[-1],
    )
