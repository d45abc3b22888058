"""Check the apps' secrets: that they exist, that variables refer to them, and that the URLs in them are right."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from doctor.connection_url import ConnectionUrl, Flaw, read
from doctor.facts import Absent, Cache, Facts
from doctor.findings import Cause, Finding, failed, passed, skipped

VARIABLES = {
    "REDIS_URL": "redis-url",
    "CELERY_BROKER_URL": "celery-broker-url",
    "CELERY_RESULT_BACKEND": "celery-result-backend",
}
"""The variables that hold a URL, and the secret that each is to be set to."""
_RAW_KEY = "redis-key"
"""The secret that holds the broker's key itself, for the workers' scale rules."""
_CACHE_URL = "redis-url"
_APPS = "apps"
_RULE = "required"


@dataclass(frozen=True)
class Url:
    """A URL in an app's secret, as its clients read it."""

    app: str
    secret: str
    read: ConnectionUrl | Flaw
    cache: Cache | Absent

    @property
    def words(self) -> str:
        """Its secret and its app, in words."""
        return f"{self.secret} of {self.app}"


def check(facts: Facts) -> Iterator[Finding]:
    """Yield the findings of secrets, variables, and each property of the URLs."""
    yield _secrets(facts)
    yield _variables(facts)
    urls, unknown = urls_of(facts)
    if not urls:
        for name in ("url", "url key", "url tls", "url server", "url database", "key"):
            yield skipped(name, _APPS, unknown or "no app has one of the secrets")
        return
    whole = [(one, one.read) for one in urls if isinstance(one.read, ConnectionUrl)]
    yield _form(urls)
    if whole:
        yield _has_key(whole)
        yield _encrypted(whole)
        yield _server(facts, whole)
        yield _database(whole)
    yield _key(facts, whole, unknown)


def urls_of(facts: Facts) -> tuple[list[Url], str]:
    """Return the URLs that are known, and why others are not."""
    found: list[Url] = []
    unknown = ""
    for app in facts.apps:
        for name in VARIABLES.values():
            secret = app.secret(name)
            if secret is None:
                continue
            if isinstance(secret.value, Absent):
                unknown = secret.value.reason
                continue
            cache = facts.redis if name == _CACHE_URL else facts.broker
            found.append(Url(app.name, name, read(secret.value), cache))
    return found, unknown


def _secrets(facts: Facts) -> Finding:
    missing = [f"{name} of {app.name}" for app in facts.apps for name in VARIABLES.values() if app.secret(name) is None]
    if missing:
        return failed("secrets", _APPS, Cause.SECRET_MISSING, f"missing: {', '.join(missing)}")
    return passed("secrets", _APPS, f"{', '.join(VARIABLES.values())} in {len(facts.apps)} apps")


def _variables(facts: Facts) -> Finding:
    by_value: list[str] = []
    missing: list[str] = []
    for app in facts.apps:
        for container in app.containers:
            found = {one.name: one.secret for one in app.variables if one.container == container}
            for name, secret in VARIABLES.items():
                if name not in found:
                    missing.append(f"{name} of {app.name}")
                elif found[name] is None:
                    by_value.append(f"{name} of {app.name} ({container})")
                elif found[name] != secret:
                    missing.append(f"{name} of {app.name} ({container}) refers to {found[name]}, not to {secret}")
    if by_value:
        words = f"set by value, so it shows in every revision: {', '.join(by_value)}"
        return failed("variables", _APPS, Cause.VARIABLE_BY_VALUE, words)
    if missing:
        return failed("variables", _APPS, Cause.VARIABLE_MISSING, f"not set as it should be: {', '.join(missing)}")
    return passed("variables", _APPS, f"{', '.join(VARIABLES)} refer to their secrets")


def _form(urls: list[Url]) -> Finding:
    wrong = [(one, one.read) for one in urls if isinstance(one.read, Flaw)]
    if not wrong:
        return passed("url", _APPS, "each URL is read alike by all clients")
    raw = [one.words for one, flaw in wrong if flaw is Flaw.RAW_KEY]
    if raw:
        return failed("url", _APPS, Cause.KEY_NOT_ENCODED, f"{', '.join(raw)}: {Flaw.RAW_KEY}")
    words = ", ".join(f"{one.words}: {flaw}" for one, flaw in wrong)
    return failed("url", _APPS, Cause.URL_MALFORMED, words)


_Whole = list[tuple[Url, ConnectionUrl]]


def _has_key(urls: _Whole) -> Finding:
    without = [one.words for one, url in urls if url.key is None]
    if without:
        return failed("url key", _APPS, Cause.KEY_MISSING, f"no access key in {', '.join(without)}")
    return passed("url key", _APPS, "each URL has a key")


def _encrypted(urls: _Whole) -> Finding:
    plain = [one.words for one, url in urls if not url.encrypted]
    if plain:
        return failed("url tls", _APPS, Cause.URL_NOT_ENCRYPTED, f"no rediss:// in {', '.join(plain)}")
    unruled = [one.words for one, url in urls if url.certificate_rule != _RULE]
    if unruled:
        words = f"no ssl_cert_reqs={_RULE} in {', '.join(unruled)}"
        return failed("url tls", _APPS, Cause.CERTIFICATE_RULE_MISSING, words)
    return passed("url tls", _APPS, f"each URL is rediss:// with ssl_cert_reqs={_RULE}")


def _server(facts: Facts, urls: _Whole) -> Finding:
    wrong: list[str] = []
    for one, url in urls:
        expected = facts.stack.redis if one.secret == _CACHE_URL else facts.stack.broker
        if (url.host, url.port) != (expected.host.lower(), expected.port):
            wrong.append(f"{one.words} has {url.host}:{url.port}, not to {expected}")
    if wrong:
        return failed("url server", _APPS, Cause.WRONG_SERVER, "; ".join(wrong))
    return passed("url server", _APPS, "each URL has the cache's host and port")


def _database(urls: _Whole) -> Finding:
    wrong: list[str] = []
    for one, url in urls:
        if isinstance(one.cache, Absent):
            return skipped("url database", _APPS, one.cache.reason)
        if url.database >= one.cache.databases:
            wrong.append(f"{one.words} asks for database {url.database}, {one.cache.name} has {one.cache.databases}")
    if wrong:
        return failed("url database", _APPS, Cause.WRONG_DATABASE, "; ".join(wrong))
    return passed("url database", _APPS, "each URL asks for a database that its cache has")


def _key(facts: Facts, urls: _Whole, unknown: str) -> Finding:
    """Compare the keys in memory; only the outcome is reported."""
    wrong: list[str] = []
    used: set[str] = set()
    held = [(one.words, url.key, one.cache) for one, url in urls if url.key is not None]
    for app in facts.apps:
        raw = app.secret(_RAW_KEY)
        if raw and isinstance(raw.value, SecretStr):
            held.append((f"{_RAW_KEY} of {app.name}", raw.value, facts.broker))
    if not held:
        return skipped("key", _APPS, unknown or "no URL has a key to compare")
    for words, key, cache in held:
        if isinstance(cache, Absent):
            return skipped("key", _APPS, cache.reason)
        if isinstance(cache.keys, Absent):
            return skipped("key", _APPS, f"the keys of {cache.name} are unknown: {cache.keys.reason}")
        name = _name_of_key(key, cache.keys)
        if name:
            used.add(name)
        else:
            wrong.append(words)
    if wrong:
        return failed("key", _APPS, Cause.KEY_NOT_CURRENT, f"none of the cache's two keys: {', '.join(wrong)}")
    return passed("key", _APPS, f"each key is the cache's {' or '.join(sorted(used))} one")


def _name_of_key(key: SecretStr, keys: Mapping[str, SecretStr]) -> str:
    return next(
        (
            name
            for name, one in keys.items()
            if hmac.compare_digest(one.get_secret_value().encode(), key.get_secret_value().encode())
        ),
        "",
    )
