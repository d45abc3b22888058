"""What redis-server each cache is to be: worked out from the resources alone.

Sizes, databases, connections and blocked commands are those of
https://learn.microsoft.com/azure/azure-cache-for-redis/cache-configure and .../cache-overview for Azure Cache for
Redis, and of https://learn.microsoft.com/azure/redis/configure and .../architecture for Azure Managed Redis.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from local_azure.core import faults, provisioning
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.values import as_object, get
from local_azure.resource_types.redis_data import data_began, is_offline_during_update

CLASSIC_TYPE = "Microsoft.Cache/redis"
CLUSTER_TYPE = "Microsoft.Cache/redisEnterprise"

_MEGABYTE = 1024**2
_GIGABYTE = 1024**3

_CLASSIC_GIGABYTES = {
    "C": (0.25, 1, 2.5, 6, 13, 26, 53),
    "P": (0, 6, 13, 26, 53, 120),
}
"""By family and capacity; there is no P0."""
_CLASSIC_DATABASES = {"C": (16, 16, 16, 16, 32, 48, 64), "P": (0, 16, 32, 48, 64, 64)}
"""That of P5 is not documented: as P4."""
_CLASSIC_CLIENTS = {
    "C": (256, 1000, 2000, 5000, 10000, 15000, 20000),
    "P": (0, 7500, 15000, 30000, 40000, 40000),
}
"""That of P5 is not documented: as P4."""
_MANAGED_GIGABYTES = {
    **{"0": 0.5, "1": 1, "3": 3, "5": 6, "10": 12, "20": 24, "50": 60, "100": 120, "150": 180, "250": 240},
    **{"350": 360, "500": 480, "700": 720, "1000": 960, "1500": 1440, "2000": 1920, "4500": 4500},
}
"""By the number in the size's name; the sizes that tiers share are equal."""
_MANAGED_SHARE = 0.8
"""A fifth of the memory is not the data's: .../redis/architecture#reserved-memory."""
_MANAGED_CLIENTS = 10_000
"""Only the price list has the limits, for each size; this is what redis-server has by default."""

Clustering = Literal["NoCluster", "EnterpriseCluster", "OSSCluster"]
"""Azure Managed Redis's own words. With `EnterpriseCluster` commands may not cross the slots of keys; with `OSSCluster`
clients see the servers that hold the slots, too."""
_FIRST_NODE_PORT = {"classic": 15000, "managed": 8500}
"""Clients are sent from the cache's port to a port of the server that has a key's slot:
.../azure-cache-for-redis/cache-how-to-premium-clustering and .../redis/architecture#clustering, which has `85XX`."""
_ONE_SHARD_GIGABYTES = 1
"""Sizes up to this one have one shard."""

_BLOCKED = ("BGREWRITEAOF", "BGSAVE", "DEBUG", "MIGRATE", "PSYNC", "REPLCONF", "REPLICAOF", "SAVE", "SLAVEOF", "SYNC")
_BLOCKED_ON_MANAGED = ("FAILOVER", "MOVE", "SWAPDB")
"""SELECT, which the documentation lists too, answers for database 0 and is out of range for others."""

_TLS = {"1.0": "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "1.1": "TLSv1.1 TLSv1.2 TLSv1.3"}
_TLS_FLOOR = "TLSv1.2 TLSv1.3"


@dataclass(frozen=True)
class RedisPlan:
    """A redis-server as it is to be."""

    id: ArmId
    """The cache; for Azure Managed Redis, the cluster."""
    host: str
    created: str
    """Distinguishes a cache from an earlier cache of its name, and from itself before it lost its data."""
    tls_port: int | None
    """The port on Azure that speaks TLS."""
    plain_port: int | None
    """The port on Azure that does not."""
    databases: int
    clustering: Clustering
    nodes: int
    """Servers that share the keys; more than one only where clients see them."""
    first_node_port: int
    """The port on Azure of the first of them; the others have those that follow."""
    blocked: tuple[str, ...]
    """Commands that do not exist for a client."""
    key_hashes: tuple[str, ...] = field(repr=False)
    """SHA-256 of each key, in hexadecimal digits; none when keys are of no use."""
    max_memory: int
    """In bytes, of all servers together."""
    max_clients: int
    eviction: str
    tls_protocols: str
    keyspace_events: str = ""
    is_down: bool = False
    """By a fault, or while its size changes: nothing listens."""

    @property
    def is_cluster(self) -> bool:
        """Return whether keys have slots, which commands may not cross."""
        return self.clustering != "NoCluster"

    @property
    def fixed(self) -> tuple[object, ...]:
        """Return what only another start of the server changes."""
        return (self.tls_port, self.plain_port, self.databases, self.clustering, self.blocked)

    @property
    def settings(self) -> dict[str, str]:
        """Return what can be changed while the server runs, in the words of its configuration."""
        # OpenSSL's usual level of security has no version before 1.2.
        ciphers = "DEFAULT" if self.tls_protocols == _TLS_FLOOR else "DEFAULT:@SECLEVEL=0"
        tls = {"tls-ciphers": ciphers, "tls-protocols": self.tls_protocols} if self.tls_port else {}
        return {
            "maxmemory": str(max(self.max_memory // self.nodes, 1)),
            "maxclients": str(self.max_clients),
            "maxmemory-policy": self.eviction,
            "notify-keyspace-events": self.keyspace_events,
            **tls,
        }


def redis_plans(transaction: Transaction) -> list[RedisPlan]:
    """Return the servers of all caches that have been made."""
    operations = provisioning.recorded(transaction)
    creations = {key: operation for key, operation in operations.items() if operation.kind == "create"}
    updating = {
        key
        for key, operation in operations.items()
        if operation.kind == "update" and not operation.is_done(transaction.now)
    }

    def is_made(resource: Resource) -> bool:
        # A cache that is being changed or deleted continues to serve, unless it is resized without a replica.
        creation = creations.get(resource.id.key)
        return creation is None or (creation.is_done(transaction.now) and creation.error() is None)

    def as_it_is(cache: Resource, plan: RedisPlan) -> RedisPlan:
        return replace(plan, is_down=cache.id.key in updating and is_offline_during_update(cache))

    plans = [as_it_is(item, _classic(item)) for item in transaction.of_type(CLASSIC_TYPE) if is_made(item)]
    for cluster in transaction.of_type(CLUSTER_TYPE):
        database = transaction.get(cluster.id.child("databases", "default"))
        if database and is_made(cluster) and is_made(database):
            plans.append(as_it_is(cluster, _managed(cluster, database)))
    return [_with_faults(plan, transaction) for plan in plans]


def _with_faults(plan: RedisPlan, transaction: Transaction) -> RedisPlan:
    if faults.is_in(transaction, "redis-down", plan.id):
        return replace(plan, is_down=True)
    full = faults.find(transaction, "redis-full", plan.id)
    if full and not plan.eviction.startswith("allkeys"):
        # As if filled with keys that may not be evicted. Where any key may be, a cache is never full in this sense.
        room = 0 if full.megabytes is None else plan.max_memory - full.megabytes * _MEGABYTE
        return replace(plan, max_memory=max(room, 1))
    return plan


def _classic(cache: Resource) -> RedisPlan:
    sku = as_object(cache.properties.get("sku"))
    family, capacity = str(sku.get("family", "C")), int(sku.get("capacity", 0))
    configuration = as_object(cache.properties.get("redisConfiguration"))
    shards = int(cache.properties.get("shardCount") or 0)
    reserved = sum(
        int(configuration.get(name) or 0) for name in ("maxmemory-reserved", "maxfragmentationmemory-reserved")
    )
    size = _CLASSIC_GIGABYTES[family][capacity] * _GIGABYTE * max(shards, 1)
    uses_keys = not cache.properties.get("disableAccessKeyAuthentication")
    return RedisPlan(
        id=cache.id,
        host=str(cache.properties["hostName"]),
        created=_incarnation(cache, cache),
        tls_port=int(cache.properties["sslPort"]),
        plain_port=int(cache.properties["port"]) if cache.properties.get("enableNonSslPort") else None,
        databases=1 if shards else _CLASSIC_DATABASES[family][capacity],
        clustering="OSSCluster" if shards else "NoCluster",
        nodes=max(shards, 1),
        first_node_port=_FIRST_NODE_PORT["classic"],
        blocked=_BLOCKED,
        key_hashes=_key_hashes(cache) if uses_keys else (),
        max_memory=max(int(size) - reserved * _MEGABYTE, _MEGABYTE),
        max_clients=_CLASSIC_CLIENTS[family][capacity],
        eviction=str(configuration.get("maxmemory-policy") or "volatile-lru"),
        tls_protocols=_TLS.get(str(cache.properties.get("minimumTlsVersion")), _TLS_FLOOR),
        keyspace_events=str(configuration.get("notify-keyspace-events") or ""),
    )


def _managed(cluster: Resource, database: Resource) -> RedisPlan:
    number = str(get(cluster.body, "sku.name", "")).rpartition("_")[2].lstrip("ABMXabmx")
    gigabytes = _MANAGED_GIGABYTES[number]
    port = int(database.properties.get("port") or 10000)
    clustering = cast("Clustering", database.properties.get("clusteringPolicy") or "OSSCluster")
    is_plain = database.properties.get("clientProtocol") == "Plaintext"
    return RedisPlan(
        id=cluster.id,
        host=str(cluster.properties["hostName"]),
        created=_incarnation(database, cluster),
        tls_port=None if is_plain else port,
        plain_port=port if is_plain else None,
        databases=1,
        clustering=clustering,
        nodes=2 if clustering == "OSSCluster" and gigabytes > _ONE_SHARD_GIGABYTES else 1,
        first_node_port=_FIRST_NODE_PORT["managed"],
        blocked=(*_BLOCKED, *_BLOCKED_ON_MANAGED),
        key_hashes=_key_hashes(database) if database.properties.get("accessKeysAuthentication") == "Enabled" else (),
        max_memory=int(gigabytes * _MANAGED_SHARE * _GIGABYTE),
        max_clients=_MANAGED_CLIENTS,
        eviction=_hyphenated(str(database.properties.get("evictionPolicy") or "VolatileLRU")),
        # .../redis/tls-configuration: 1.2 and 1.3, whatever floor is asked for.
        tls_protocols=_TLS_FLOOR,
    )


def _incarnation(keeper: Resource, cache: Resource) -> str:
    """Return what distinguishes the data of a cache from any earlier data under its name."""
    return " ".join(filter(None, (keeper.created_at.isoformat(), data_began(cache))))


def _key_hashes(resource: Resource) -> tuple[str, ...]:
    keys = (str(resource.secrets[name]) for name in ("primaryKey", "secondaryKey"))
    return tuple(hashlib.sha256(key.encode()).hexdigest() for key in keys)


def _hyphenated(policy: str) -> str:
    """`VolatileLRU` in Azure's words is `volatile-lru` in Redis's."""
    for start in ("AllKeys", "Volatile"):
        if policy.startswith(start):
            return f"{start}-{policy.removeprefix(start)}".lower()
    return policy.lower()
