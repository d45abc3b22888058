"""Collect a cache's facts, of either service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pydantic import SecretStr

from doctor.client import Client, known
from doctor.facts import Absent, Address, Cache, Service
from doctor.values import JsonObject, get, objects, text

_CLASSIC = "Microsoft.Cache/redis"
_MANAGED = "Microsoft.Cache/redisEnterprise"
TYPES = (_CLASSIC, _MANAGED)
"""Resource types of the two services."""

_CLASSIC_DATABASES = {("P", 2): 32, ("P", 3): 48, ("P", 4): 64, ("P", 5): 64}
_CLASSIC_DATABASES_ELSEWHERE = 16
"""Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-configure (databases of each size)."""
_STATES = ("properties.resourceState", "properties.provisioningState")
_GOOD_STATES = frozenset({"Running", "Succeeded", ""})
_MOST_CONNECTIONS = {
    **{f"C{number}": most for number, most in enumerate((256, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000))},
    **{"P1": 7_500, "P2": 15_000, "P3": 30_000, "P4": 40_000, "P5": 40_000},
}
"""Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-configure (maximum clients of each size).
Those of managed sizes are not compared: their pages disagree."""
_MEMORY_METRIC, _CONNECTIONS_METRIC = "usedmemorypercentage", "connectedclients"


def cache(client: Client, body: JsonObject) -> Cache | Absent:
    """Return the facts of a cache or cluster, with its keys."""
    return _classic(client, body) if "/redis/" in text(body, "id").lower() else _managed(client, body)


def _classic(client: Client, body: JsonObject) -> Cache:
    cache_id = text(body, "id")
    enabled = not get(body, "properties.disableAccessKeyAuthentication", False)
    with ThreadPoolExecutor(2) as pool:
        keys = pool.submit(_keys, enabled, partial(client.read_action, f"{cache_id}/listKeys"))
        measured = pool.submit(_measured, client, cache_id)
        sku = get(body, "properties.sku", {})
        clustered = int(get(body, "properties.shardCount", 0)) > 0
        count = _CLASSIC_DATABASES.get(
            (text(sku, "family").upper(), int(get(sku, "capacity", 0))), _CLASSIC_DATABASES_ELSEWHERE
        )
        return Cache(
            id=cache_id.lower(),
            service=Service.CLASSIC,
            address=Address(text(body, "properties.hostName").lower(), int(get(body, "properties.sslPort", 6380))),
            size=f"{text(sku, 'name')}_{text(sku, 'family')}{get(sku, 'capacity', 0)}",
            replicated=text(sku, "name") != "Basic",
            clustering=f"{get(body, 'properties.shardCount', 0)} shards" if clustered else "NoCluster",
            state=text(body, "properties.provisioningState"),
            public_access=text(body, "properties.publicNetworkAccess") != "Disabled",
            tls_version=text(body, "properties.minimumTlsVersion"),
            plaintext=bool(get(body, "properties.enableNonSslPort", False)),
            keys_enabled=enabled,
            databases=1 if clustered else count,
            eviction_policy=text(body, "properties.redisConfiguration.maxmemory-policy"),
            keyed_id=cache_id,
            memory_used=measured.result()[0],
            connections=measured.result()[1],
            most_connections=_MOST_CONNECTIONS.get(f"{text(sku, 'family')}{get(sku, 'capacity', 0)}"),
            keys=keys.result(),
        )


def _managed(client: Client, body: JsonObject) -> Cache | Absent:
    cluster_id = text(body, "id")
    listed = known(partial(client.list, f"{cluster_id}/databases"))
    if isinstance(listed, Absent):
        return listed
    # A cluster whose creation failed has no database.
    none: JsonObject = {}
    database = next(iter(listed), none)
    enabled = text(database, "properties.accessKeysAuthentication") == "Enabled"
    no_database: Absent | None = None if database else Absent(f"the cluster {text(body, 'name')} has no database")
    with ThreadPoolExecutor(2) as pool:
        keys = pool.submit(_keys, enabled, partial(client.read_action, f"{text(database, 'id')}/listKeys"))
        measured = pool.submit(_measured, client, cluster_id)
        states = [text(one, at) for one in (body, database) for at in _STATES]
        return Cache(
            id=cluster_id.lower(),
            service=Service.MANAGED,
            address=Address(text(body, "properties.hostName").lower(), int(get(database, "properties.port", 10000))),
            size=text(body, "sku.name"),
            replicated=text(body, "properties.highAvailability") != "Disabled",
            clustering=text(database, "properties.clusteringPolicy"),
            state=next((state for state in states if state not in _GOOD_STATES), "Running"),
            public_access=text(body, "properties.publicNetworkAccess") != "Disabled",
            tls_version=text(body, "properties.minimumTlsVersion"),
            plaintext=text(database, "properties.clientProtocol") == "Plaintext",
            keys_enabled=enabled,
            databases=1,
            eviction_policy=text(database, "properties.evictionPolicy"),
            keyed_id=text(database, "id"),
            memory_used=no_database or measured.result()[0],
            connections=no_database or measured.result()[1],
            most_connections=None,
            keys=no_database or keys.result(),
        )


def _keys(enabled: bool, ask: Callable[[], JsonObject]) -> Mapping[str, SecretStr] | Absent:
    if not enabled:
        return Absent("key authentication is off, so the cache has no keys to compare with")
    body = known(ask)
    if isinstance(body, Absent):
        return body
    return {name: SecretStr(key) for name in ("primary", "secondary") if (key := text(body, f"{name}Key"))}


def _measured(client: Client, cache_id: str) -> tuple[float | Absent, float | Absent]:
    """Return used memory in percent and the number of clients, by Azure Monitor, which is minutes behind."""
    names = (_MEMORY_METRIC, _CONNECTIONS_METRIC)
    query = {"metricnames": ",".join(names), "aggregation": "Maximum", "interval": "PT1M"}
    body = known(partial(client.get, f"{cache_id}/providers/microsoft.insights/metrics", query))
    if isinstance(body, Absent):
        return body, body
    return _newest(body, _MEMORY_METRIC), _newest(body, _CONNECTIONS_METRIC)


def _newest(body: JsonObject, name: str) -> float | Absent:
    values = [
        float(value)
        for metric in objects(body, "value")
        if text(metric, "name.value").lower() == name
        for series in objects(metric, "timeseries")
        for point in objects(series, "data")
        if (value := get(point, "maximum")) is not None
    ]
    return values[-1] if values else Absent("Azure Monitor has no value yet")
