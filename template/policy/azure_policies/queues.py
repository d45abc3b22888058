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
_BROKER = re.compile(r"broker", re.IGNORECASE)
"""What it is called when its value is not known yet: a queue alone may be one of Azure Storage or of Service Bus."""
_REDIS = ("redis", "rediss", "valkey", "valkeys")
_VAULT_SECRET_ID = re.compile(r"https://[^/]+/secrets/([\w-]+)", re.IGNORECASE)


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
    apps = [app for kind in (CONTAINER_APP, CONTAINER_JOB) for app in of_kind(resources, kind)]
    # What an app calls its broker's may have any name in the vault.
    referred = {name: word for app in apps for name, word in _queues_in_vaults(app)}
    for secret in of_kind(resources, VAULT_SECRET):
        name = secret.get("secretName")
        called = referred.get(name.lower(), name) if isinstance(name, str) else name
        yield from _evidence_of(
            secret, "properties", called, secret.get("properties", "value"), f"the vault's secret {name}"
        )
    for app in apps:
        yield from _evidence_of_app(app)


def _evidence_of(resource: Resource, where: str, called: object, value: object, what: str) -> Iterator[_Evidence]:
    """Evidence in one value, by what it is called; a value that is known and no URL of Redis is none."""
    if not isinstance(value, str):
        if _sounds_like(_BROKER, called):
            yield _Evidence(resource, where, None, what)
    elif _sounds_like(_QUEUE, called) and (host := _redis_host(value)):
        yield _Evidence(resource, where, host, what)


def _queues_of(app: Resource) -> dict[str, str]:
    """The app's secrets that variables of a queue refer to, each with the variable's name."""
    variables = [variable for container in containers_of(app) for variable in container.variables]
    named = ((value_at(one, "secretRef"), value_at(one, "name")) for one in variables)
    return {
        reference: name
        for reference, name in named
        if isinstance(reference, str) and isinstance(name, str) and _sounds_like(_QUEUE, name)
    }


def _queues_in_vaults(app: Resource) -> Iterator[tuple[str, str]]:
    """The vault's secrets in lower case that variables of a queue come from, each with the variable's name."""
    queues = _queues_of(app)
    for secret in items(app.get("configuration", "secrets")):
        name, address = value_at(secret, "name"), value_at(secret, "keyVaultUrl")
        found = _VAULT_SECRET_ID.match(address) if isinstance(address, str) else None
        if found and isinstance(name, str) and name in queues:
            yield found[1].lower(), queues[name]


def _evidence_of_app(app: Resource) -> Iterator[_Evidence]:
    for container in containers_of(app):
        for variable in container.variables:
            name, value = value_at(variable, "name"), value_at(variable, "value")
            if isinstance(value, str):
                yield from _evidence_of(app, "template", name, value, f"variable {name}")
    queues = _queues_of(app)
    for secret in items(app.get("configuration", "secrets")):
        name = value_at(secret, "name")
        if value_at(secret, "keyVaultUrl") is None and isinstance(name, str):
            called = queues.get(name, name)
            yield from _evidence_of(app, "configuration", called, value_at(secret, "value"), f"secret {name}")
    for place, rule in _scale_rules(app):
        kind, metadata = value_at(rule, "type"), value_at(rule, "metadata")
        if isinstance(kind, str) and kind.lower().startswith("redis"):
            address = value_at(metadata, "address") or value_at(metadata, "host")
            if address is not None:
                host = address.rpartition(":")[0] or address if isinstance(address, str) else None
                yield _Evidence(app, place, host, f"scale rule {value_at(rule, 'name')}")


def _scale_rules(app: Resource) -> Iterator[tuple[str, object]]:
    """The custom scale rules of an app, and those of a job, each with the property that it stands in."""
    for rule in items(app.get("template", "scale", "rules")):
        custom = value_at(rule, "custom")
        if isinstance(custom, dict):
            yield "template", {"name": value_at(rule, "name"), **custom}
    for rule in items(app.get("configuration", "eventTriggerConfig", "scale", "rules")):
        yield "configuration", rule


def _sounds_like(words: re.Pattern[str], name: object) -> bool:
    return isinstance(name, str) and words.search(name) is not None


def _redis_host(value: str) -> str | None:
    """The host of a Redis URL; ``None`` if it is none."""
    try:
        url = urlsplit(value)
        return url.hostname if url.scheme in _REDIS else None
    except ValueError:
        return None


RULE = StackRule(
    "queue-is-never-evicted",
    "A cache that holds a task queue evicts only keys with a time to live.",
    Level.MANDATORY,
    judge,
)
