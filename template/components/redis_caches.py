"""Create Django's cache and Celery's broker: one Redis for both, or one for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.placement import Placement
from components.private_dns import PrivateDnsZone
from components.private_endpoint import EndpointPlacement
from components.redis_cache import RedisCache
from components.redis_plan import EvictionPolicy, RedisPlan
from components.stack_names import StackNames


@dataclass(frozen=True)
class QueueAddress:
    """Address of Celery's queues: the broker's host, port and database."""

    host_name: pulumi.Input[str]
    port: int
    database: int


@dataclass(frozen=True)
class RedisCaches:
    """The caches of a stack by their use.

    Attributes:
        cache: Django's cache, database 0.
        broker: Celery's broker and result backend; the same as ``cache`` unless it is dedicated.
        broker_database: index of the broker's database.
    """

    cache: RedisCache
    broker: RedisCache
    broker_database: int

    @property
    def by_role(self) -> Mapping[str, RedisCache]:
        """Return every cache once, by its role: ``redis``, and ``broker`` if it is dedicated."""
        return {"redis": self.cache} if self.broker is self.cache else {"redis": self.cache, "broker": self.broker}

    @property
    def cache_url(self) -> pulumi.Output[str]:
        """Return the connection string for Django, secret."""
        return self.cache.url(0)

    @property
    def broker_url(self) -> pulumi.Output[str]:
        """Return the connection string for Celery's broker and result backend, secret."""
        return self.broker.url(self.broker_database)

    @property
    def queue(self) -> QueueAddress:
        """Return the address of the queues, for KEDA."""
        return QueueAddress(self.broker.host_name, self.broker.port, self.broker_database)

    @property
    def reachable(self) -> Sequence[pulumi.Resource]:
        """Return the resources that must exist before a client in the network can resolve and reach the caches."""
        return [resource for cache in self.by_role.values() for resource in cache.private_endpoint.reachable]


def redis_caches(
    *,
    placement: Placement,
    names: StackNames,
    subnet_id: pulumi.Input[str],
    zone: PrivateDnsZone,
    plan: RedisPlan,
) -> RedisCaches:
    """Create the cache, and a dedicated broker if the plan asks for it.

    Args:
        placement: resource group, region, tags, zone redundancy, protection.
        names: Azure's names of caches and private endpoints.
        subnet_id: subnet of the private endpoints.
        zone: private DNS zone of the plan's service, shared by the endpoints.
        plan: service, size, eviction policy, and whether the broker is dedicated.
    """

    def cache(role: str, eviction_policy: EvictionPolicy) -> RedisCache:
        return RedisCache(
            role,
            placement=placement,
            cache_name=names.redis("" if role == "redis" else role),
            endpoint=EndpointPlacement(names.common("pep", role), subnet_id, zone),
            plan=plan,
            eviction_policy=eviction_policy,
        )

    shared = cache("redis", plan.cache_policy)
    # A broker never evicts: a queued message has no time to live.
    broker = cache("broker", "NoEviction") if plan.dedicated_broker else shared
    return RedisCaches(shared, broker, plan.broker_database)
