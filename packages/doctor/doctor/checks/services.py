"""Check the caches and the vault."""

from __future__ import annotations

from collections.abc import Iterator

from doctor.checks.targets import BROKER, REDIS, VAULT, caches
from doctor.facts import Absent, Cache, Facts, Secret, Vault, name_of
from doctor.findings import Cause, Finding, failed, passed, skipped

_HEALTHY_STATES = frozenset({"Running", "Succeeded", "Updating", "Linking", "Scaling", "ConfiguringAAD"})
"""States of either service in which it answers."""
_NO_CLUSTER = "NoCluster"
_EVICTS_ANY_KEY = "allkeys"
_LOWEST_TLS = (1, 2)
_FULL_PERCENT = 99.0
_USED_UP = 0.98
"""Share of the connections: Azure's own take some, so clients do not reach the number itself."""
_EVICTS_NOTHING = "noeviction"


def check(facts: Facts) -> Iterator[Finding]:
    """Yield the findings of each cache, then those of the vault and of what the apps refer to in it."""
    for subject, cache in caches(facts):
        if isinstance(cache, Absent) and cache.gone:
            host = (facts.stack.broker if subject == BROKER else facts.stack.redis).host
            left = _endpoints_left(facts, "/providers/microsoft.cache/", host)
            yield failed("cache", subject, Cause.CACHE_MISSING, cache.reason, *left)
        elif isinstance(cache, Absent):
            yield skipped("cache", subject, cache.reason)
        else:
            yield from _cache(subject, cache, has_queue=facts.stack.broker == facts.stack.redis or subject == BROKER)
    if isinstance(facts.vault, Absent) and facts.vault.gone:
        host = facts.stack.vault_uri.partition("://")[2]
        left = _endpoints_left(facts, "/providers/microsoft.keyvault/", host)
        yield failed("vault", VAULT, Cause.VAULT_MISSING, facts.vault.reason, *left)
    if isinstance(facts.vault, Vault):
        yield _public_access(VAULT, facts.vault.name, facts.vault.public_access)
    if facts.uses_vault:
        yield _role(facts)
        yield _vault_secrets(facts)


def check_unfinished(facts: Facts) -> Iterator[Finding]:
    """Check the caches of a stack whose first deployment did not finish; there is nothing else to look at."""
    for cache in facts.caches:
        yield from _cache(REDIS, cache, has_queue=False)


def _endpoints_left(facts: Facts, provider: str, host: str) -> list[str]:
    """Return the ids of the private endpoints that a deleted cache or vault has left: no successor connects to them."""
    if isinstance(facts.network.endpoints, Absent):
        return []
    name = host.partition(".")[0].lower()
    return [one.id for one in facts.network.endpoints if provider in one.target_id and name_of(one.target_id) == name]


def _cache(subject: str, cache: Cache, *, has_queue: bool) -> Iterator[Finding]:
    if cache.failed:
        words = f"{cache.name} is in the state {cache.state}: an operation on it failed, often for lack of capacity"
        yield failed("cache", subject, Cause.CACHE_FAILED, words, cache.id)
        if not cache.keyed_id:
            return  # It has no database: there is nothing else to look at.
    elif cache.state not in _HEALTHY_STATES:
        yield failed("cache", subject, Cause.CACHE_NOT_RUNNING, f"{cache.name} is in the state {cache.state}", cache.id)
    else:
        yield passed("cache", subject, f"{cache.name} ({cache.service}) is in the state {cache.state}")
    yield _memory(subject, cache)
    yield _connections(subject, cache)
    yield _clustering(subject, cache)
    if has_queue:
        yield _eviction(subject, cache)
    yield _public_access(subject, cache.name, cache.public_access)
    yield _tls(subject, cache)
    if cache.keys_enabled:
        yield passed("keys", subject, "access keys are accepted")
    else:
        words = f"{cache.name} accepts no access key, and the apps have nothing else"
        yield failed("keys", subject, Cause.KEY_AUTHENTICATION_OFF, words, cache.keyed_id)


def _memory(subject: str, cache: Cache) -> Finding:
    if isinstance(cache.memory_used, Absent):
        return skipped("memory", subject, f"Azure Monitor gives no memory: {cache.memory_used.reason}")
    words = f"{cache.memory_used:g} % of the memory is used, eviction policy {cache.eviction_policy}"
    if cache.memory_used >= _FULL_PERCENT and cache.eviction_policy.lower() == _EVICTS_NOTHING:
        return failed("memory", subject, Cause.REDIS_FULL, words, cache.id)
    return passed("memory", subject, words)


def _connections(subject: str, cache: Cache) -> Finding:
    if isinstance(cache.connections, Absent):
        return skipped("connections", subject, f"Azure Monitor gives no connections: {cache.connections.reason}")
    if cache.most_connections is None:
        return passed("connections", subject, f"{cache.connections:g} clients are connected")
    words = f"{cache.connections:g} clients are connected, {cache.size} allows {cache.most_connections}"
    if cache.connections >= cache.most_connections * _USED_UP:
        return failed("connections", subject, Cause.CONNECTIONS_USED_UP, words, cache.id)
    return passed("connections", subject, words)


def _clustering(subject: str, cache: Cache) -> Finding:
    """Check that ordinary clients can use the cache: Celery's commands name keys of several slots.

    A clustered cache answers them `MOVED` or `CROSSSLOT`. Source: https://learn.microsoft.com/azure/redis/architecture.
    """
    words = f"the clustering policy of {cache.name} is {cache.clustering}"
    if cache.clustering != _NO_CLUSTER:
        return failed("clustering", subject, Cause.CLUSTERING_ON, words, cache.id, cache.keyed_id)
    return passed("clustering", subject, words)


def _eviction(subject: str, cache: Cache) -> Finding:
    """Check that the queue's cache evicts no task: a queue has no time to live, so `allkeys` policies may evict it."""
    words = f"the eviction policy of {cache.name} is {cache.eviction_policy}"
    if cache.eviction_policy.lower().replace("-", "").startswith(_EVICTS_ANY_KEY):
        return failed("eviction", subject, Cause.EVICTS_TASKS, f"{words}, which may evict queued tasks", cache.id)
    return passed("eviction", subject, words)


def _public_access(subject: str, name: str, public: bool) -> Finding:
    if public:
        return failed("public access", subject, Cause.PUBLIC_ACCESS_ON, f"{name} can be reached from the internet")
    return passed("public access", subject, "off")


def _tls(subject: str, cache: Cache) -> Finding:
    floor = tuple(int(part) for part in cache.tls_version.split(".") if part.isdecimal())
    if cache.plaintext:
        return failed("tls", subject, Cause.TLS_NOT_REQUIRED, f"{cache.name} also takes connections without TLS")
    if floor < _LOWEST_TLS:
        words = f"{cache.name} accepts TLS {cache.tls_version or 'of any version'}"
        return failed("tls", subject, Cause.TLS_NOT_REQUIRED, words)
    return passed("tls", subject, f"TLS {cache.tls_version} or later")


def _references(facts: Facts) -> Iterator[tuple[str, Secret]]:
    for app in facts.apps:
        for secret in app.secrets:
            if secret.reference:
                yield app.name, secret


def _role(facts: Facts) -> Finding:
    denied: set[str] = set()
    for app, secret in _references(facts):
        assert secret.reference
        if isinstance(secret.reference.permitted, Absent):
            return skipped("role", VAULT, secret.reference.permitted.reason)
        if not secret.reference.permitted:
            denied.add(app)
    if denied:
        words = f"no role lets the identity of {', '.join(sorted(denied))} read the vault's secrets"
        return failed("role", VAULT, Cause.ROLE_MISSING, words)
    return passed("role", VAULT, "the apps' identity may read the secrets that the apps refer to")


def _vault_secrets(facts: Facts) -> Finding:
    missing: set[str] = set()
    disabled: set[str] = set()
    unknown: str = ""
    for _, secret in _references(facts):
        assert secret.reference
        one = secret.reference
        if one.exists is False:
            missing.add(one.name)
        elif one.enabled is False:
            disabled.add(one.name)
        elif isinstance(one.enabled, Absent):
            unknown = one.enabled.reason
    vault_id = facts.vault.id if isinstance(facts.vault, Vault) else ""
    if missing:
        words = f"the vault has no {', '.join(sorted(missing))} that the apps refer to"
        return failed("vault secrets", VAULT, Cause.VAULT_SECRET_MISSING, words)
    if disabled:
        words = f"disabled in the vault: {', '.join(sorted(disabled))}; a new replica cannot read it"
        at = [f"{vault_id}/secrets/{name}" for name in sorted(disabled)]
        return failed("vault secrets", VAULT, Cause.VAULT_SECRET_DISABLED, words, *at)
    if unknown:
        return skipped("vault secrets", VAULT, unknown)
    return passed("vault secrets", VAULT, "each version that the apps refer to is there and enabled")
