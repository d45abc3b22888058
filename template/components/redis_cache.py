"""Create a Redis cache with a private endpoint: Azure Managed Redis or Azure Cache for Redis, with one interface."""

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import redis, redisenterprise

from components.connection_string import redis_url
from components.placement import Placement
from components.private_endpoint import EndpointPlacement, PrivateEndpoint
from components.redis_plan import EvictionPolicy, RedisPlan, RedisService, classic_sku, redis_policy_name
from components.redis_running import running_cluster, running_database

PRIVATE_DNS_ZONE = {
    RedisService.MANAGED: "privatelink.redis.azure.net",
    RedisService.CLASSIC: "privatelink.redis.cache.windows.net",
}
"""Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns."""

_PRIVATE_LINK_GROUP = {RedisService.MANAGED: "redisEnterprise", RedisService.CLASSIC: "redisCache"}

_MANAGED_PORT = 10000
_CLASSIC_TLS_PORT = 6380

# Creation takes 20 to 30 minutes or more, longer than the provider's default timeout.
_TIMEOUTS = pulumi.CustomTimeouts(create="60m", update="60m", delete="60m")


@dataclass(frozen=True)
class _Service:
    """Outputs that the two services have in common. The keys are secret."""

    id: pulumi.Output[str]
    host_name: pulumi.Output[str]
    port: int
    primary_key: pulumi.Output[str]
    secondary_key: pulumi.Output[str]
    logs_id: pulumi.Output[str]
    endpoint_target: pulumi.Output[str]


class RedisCache(pulumi.ComponentResource):
    """A cache without public access, with access keys, TLS 1.2, and its private endpoint.

    Attributes:
        id: resource id of the cache; of the cluster on managed.
        logs_id: resource id that emits the logs; the database on managed.
        service: managed or classic.
        host_name: public host name, which the private DNS zone resolves to the private address.
        port: the TLS port.
        primary_key: the first access key, secret.
        secondary_key: the second access key, secret.
        active_key: the access key in the URLs, secret.
        private_endpoint: its private endpoint.
    """

    id: pulumi.Output[str]
    logs_id: pulumi.Output[str]
    service: RedisService
    host_name: pulumi.Output[str]
    port: int
    primary_key: pulumi.Output[str]
    secondary_key: pulumi.Output[str]
    active_key: pulumi.Output[str]
    private_endpoint: PrivateEndpoint

    def __init__(
        self,
        name: str,
        *,
        placement: Placement,
        cache_name: pulumi.Input[str],
        endpoint: EndpointPlacement,
        plan: RedisPlan | None = None,
        eviction_policy: EvictionPolicy | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create a cache with the plan's service, size and high availability.

        Args:
            name: Pulumi's name of the component.
            placement: resource group, region, tags, zone redundancy, protection.
            cache_name: Azure's name of the cache, globally unique.
            endpoint: name, subnet and zone of the private endpoint; the zone is ``PRIVATE_DNS_ZONE[plan.service]``.
            plan: service, size, high availability, active key.
            eviction_policy: overrides that of the plan, for a broker.
            opts: as for every resource.
        """
        super().__init__("django-aca:redis_cache:RedisCache", name, None, opts)
        plan = plan or RedisPlan()
        policy = eviction_policy or plan.cache_policy
        child = pulumi.ResourceOptions(parent=self, custom_timeouts=_TIMEOUTS, protect=placement.protect)
        if plan.service is RedisService.MANAGED:
            made = _managed(name, placement, cache_name, plan, policy, child)
        else:
            made = _classic(name, placement, cache_name, plan, policy, child)
        self.id = made.id
        self.logs_id = made.logs_id
        self.service = plan.service
        self.host_name = made.host_name
        self.port = made.port
        self.primary_key = made.primary_key
        self.secondary_key = made.secondary_key
        self.active_key = made.primary_key if plan.active_key == "primary" else made.secondary_key
        self.private_endpoint = PrivateEndpoint(
            f"{name}-private",
            placement=placement,
            endpoint=endpoint,
            target_id=made.endpoint_target,
            group_id=_PRIVATE_LINK_GROUP[plan.service],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"id": self.id, "hostName": self.host_name, "port": self.port})

    def url(self, database: int) -> pulumi.Output[str]:
        """Return the connection string of a database, with the active key; secret."""
        return pulumi.Output.all(self.host_name, self.active_key).apply(
            lambda args: redis_url(args[0], self.port, args[1], database)
        )


def _managed(
    name: str,
    placement: Placement,
    cache_name: pulumi.Input[str],
    plan: RedisPlan,
    policy: EvictionPolicy,
    child: pulumi.ResourceOptions,
) -> _Service:
    """Create a cluster of Azure Managed Redis and its only database, which must be named ``default``."""
    cluster = redisenterprise.RedisEnterprise(
        f"{name}-cluster",
        cluster_name=cache_name,
        resource_group_name=placement.resource_group_name,
        location=placement.location,
        tags=placement.tags,
        sku=redisenterprise.SkuArgs(name=plan.size),
        high_availability="Enabled" if plan.high_availability else "Disabled",
        minimum_tls_version="1.2",
        public_network_access="Disabled",
        opts=child,
    )
    cluster_name = running_cluster(cluster, placement)
    database = redisenterprise.Database(
        f"{name}-database",
        cluster_name=cluster_name,
        database_name="default",
        resource_group_name=placement.resource_group_name,
        port=_MANAGED_PORT,
        access_keys_authentication="Enabled",
        client_protocol="Encrypted",
        # With the API's default, OSSCluster, clients without cluster support get MOVED errors.
        clustering_policy="NoCluster",
        eviction_policy=policy,
        opts=child,
    )
    database_name = running_database(database, cluster_name, placement)
    # The database's outputs as arguments: the call must not run before it exists. The result is not marked secret.
    keys = pulumi.Output.secret(
        redisenterprise.list_database_keys_output(
            cluster_name=cluster_name, database_name=database_name, resource_group_name=placement.resource_group_name
        )
    )
    return _Service(
        id=cluster.id,
        host_name=cluster.host_name,
        port=_MANAGED_PORT,
        primary_key=keys.apply(lambda result: result.primary_key),
        secondary_key=keys.apply(lambda result: result.secondary_key),
        logs_id=database.id,
        # The endpoint comes after the database, and goes before it: Azure refuses to connect one to a cluster whose
        # database is still being made. A component's depends_on does not reach its children, the id does.
        endpoint_target=pulumi.Output.all(cluster.id, database_name).apply(lambda ids: str(ids[0])),
    )


def _classic(
    name: str,
    placement: Placement,
    cache_name: pulumi.Input[str],
    plan: RedisPlan,
    policy: EvictionPolicy,
    child: pulumi.ResourceOptions,
) -> _Service:
    """Create an Azure Cache for Redis."""
    sku = classic_sku(plan.size)
    cache = redis.Redis(
        f"{name}-redis",
        name=cache_name,
        resource_group_name=placement.resource_group_name,
        location=placement.location,
        tags=placement.tags,
        sku=redis.SkuArgs(name=sku.name, family=sku.family, capacity=sku.capacity),
        enable_non_ssl_port=False,
        minimum_tls_version="1.2",
        public_network_access="Disabled",
        disable_access_key_authentication=False,
        redis_configuration=redis.RedisCommonPropertiesRedisConfigurationArgs(
            maxmemory_policy=redis_policy_name(policy)
        ),
        # Standard and Premium can be spread over zones; a managed cache with high availability is spread by Azure.
        zonal_allocation_policy="Automatic" if placement.zone_redundant and sku.name != "Basic" else None,
        opts=child,
    )
    # The resource's own access_keys can be empty and are not secret; the list-keys call has them.
    keys = pulumi.Output.secret(
        redis.list_redis_keys_output(name=cache.name, resource_group_name=placement.resource_group_name)
    )
    return _Service(
        id=cache.id,
        host_name=cache.host_name,
        port=_CLASSIC_TLS_PORT,
        primary_key=keys.apply(lambda result: result.primary_key),
        secondary_key=keys.apply(lambda result: result.secondary_key),
        logs_id=cache.id,
        endpoint_target=cache.id,
    )
