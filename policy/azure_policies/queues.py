"""A cache that holds a task queue may evict only keys with a time to live: a queue has none, and would be dropped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from azure_policies.containers import containers_of
from azure_policies.graph import depends_on, names, of_kind
from azure_policies.kinds import (
    CLASSIC_REDIS,
    CONTAINER_APP,
    CONTAINER_JOB,
    MANAGED_REDIS,
    MANAGED_REDIS_DATABASE,
    VAULT_SECRET,
)
from azure_policies.options import Options
from azure_policies.resource import Resource, items, same, value_at
from azure_policies.rule import Level, StackRule, Violation

_QUEUE = re.compile(r"broker|queue", re.IGNORECASE)
"""What a variable or a secret is called that leads to a queue."""


@dataclass(frozen=True)
class _Cache:
    """A cache: what has its name, and what has its eviction policy."""

    named: Resource
    name: object
    holder: Resource
    path: tuple[str, ...]

    def evicts_any_key(self) -> bool:
        policy = self.holder.get(*self.path)
        return isinstance(policy, str) and policy.lower().startswith("allkeys")


@dataclass(frozen=True)
class _Evidence:
    """That something keeps a queue: at a host, if that is known, else somewhere among what a property came from."""

    resource: Resource
    property_name: str
    host: str | None
    what: str


def judge(resources: Sequence[Resource], options: Options) -> Iterator[Violation]:
    """Yield caches that hold a queue by all that the stack tells, and may evict it.

    Where a preview does not know yet which of several caches it is, one that keeps the rule is enough.
    """
    del options
    caches = list(_caches(resources))
    told: set[str] = set()
    for evidence in _all_evidence(resources):
        meant = [cache for cache in caches if _means(evidence, cache)]
        if meant and all(cache.evicts_any_key() for cache in meant):
            for cache in meant:
                if cache.holder.urn not in told:
                    told.add(cache.holder.urn)
                    path = ".".join(cache.path)
                    yield Violation(
                        cache.holder,
                        f"{path} is {cache.holder.get(*cache.path)}, and {evidence.what} keeps a queue here: "
                        "choose a volatile policy or noeviction, or give the queue a cache of its own",
                    )


def _caches(resources: Sequence[Resource]) -> Iterator[_Cache]:
    for cache in of_kind(resources, CLASSIC_REDIS):
        yield _Cache(cache, cache.get("name"), cache, ("redisConfiguration", "maxmemoryPolicy"))
    databases = list(of_kind(resources, MANAGED_REDIS_DATABASE))
    for cluster in of_kind(resources, MANAGED_REDIS):
        for database in databases:
            if names(database, "clusterName", cluster, "clusterName"):
                yield _Cache(cluster, cluster.get("clusterName"), database, ("evictionPolicy",))


def _means(evidence: _Evidence, cache: _Cache) -> bool:
    if evidence.host is not None and isinstance(cache.name, str):
        return same(evidence.host.partition(".")[0], cache.name)
    return any(depends_on(evidence.resource, evidence.property_name, one) for one in (cache.named, cache.holder))


def _all_evidence(resources: Sequence[Resource]) -> Iterator[_Evidence]:
    for secret in of_kind(resources, VAULT_SECRET):
        if _is_queue(secret.get("secretName")):
            host = _host(secret.get("properties", "value"))
            yield _Evidence(secret, "properties", host, f"the vault's secret {secret.get('secretName')}")
    for kind in (CONTAINER_APP, CONTAINER_JOB):
        for app in of_kind(resources, kind):
            yield from _evidence_of_app(app)


def _evidence_of_app(app: Resource) -> Iterator[_Evidence]:
    queue_secrets: set[str] = set()
    for container in containers_of(app):
        for variable in container.variables:
            name, reference = value_at(variable, "name"), value_at(variable, "secretRef")
            if not _is_queue(name):
                continue
            if isinstance(reference, str):
                queue_secrets.add(reference)
            elif _host(value_at(variable, "value")):
                yield _Evidence(app, "template", _host(value_at(variable, "value")), f"variable {name}")
    for secret in items(app.get("configuration", "secrets")):
        name = value_at(secret, "name")
        by_value = value_at(secret, "keyVaultUrl") is None
        if by_value and isinstance(name, str) and (name in queue_secrets or _is_queue(name)):
            yield _Evidence(app, "configuration", _host(value_at(secret, "value")), f"secret {name}")
    for rule in items(app.get("template", "scale", "rules")):
        kind, metadata = value_at(rule, "custom", "type"), value_at(rule, "custom", "metadata")
        if isinstance(kind, str) and kind.lower().startswith("redis"):
            address = value_at(metadata, "address") or value_at(metadata, "host")
            if address is not None:
                host = address.rpartition(":")[0] or address if isinstance(address, str) else None
                yield _Evidence(app, "template", host, f"scale rule {value_at(rule, 'name')}")


def _is_queue(name: object) -> bool:
    return isinstance(name, str) and _QUEUE.search(name) is not None


def _host(value: object) -> str | None:
    """The host of a URL; ``None`` if it is none, or not known."""
    if not isinstance(value, str):
        return None
    try:
        return urlsplit(value).hostname
    except ValueError:
        return None


RULE = StackRule(
    "queue-is-never-evicted",
    "A cache that holds a task queue evicts only keys with a time to live.",
    Level.MANDATORY,
    judge,
)
