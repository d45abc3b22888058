"""A clustered classic cache in two zones, with a firewall and without a private endpoint; keys by an invoke."""

import pulumi
from pulumi_azure_native import redis, resources

group = resources.ResourceGroup("classic", resource_group_name="Classic-(Premium)_1", location="westeurope")
cache = redis.Redis(
    "premium",
    resource_group_name=group.name,
    sku={"name": "Premium", "family": "P", "capacity": 2},
    zones=["1", "2"],
    replicas_per_primary=2,
    shard_count=2,
    enable_non_ssl_port=True,
    redis_configuration={
        "maxmemory_policy": "allkeys-lru",
        "maxmemory_reserved": "200",
        "rdb_backup_enabled": "false",
    },
    tags={"Owner": "someone else"},
)
redis.FirewallRule(
    "office",
    resource_group_name=group.name,
    cache_name=cache.name,
    rule_name="office",
    start_ip="203.0.113.1",
    end_ip="203.0.113.9",
)
keys = redis.list_redis_keys_output(resource_group_name=group.name, name=cache.name)
pulumi.export("classicKey", pulumi.Output.secret(keys.secondary_key))
redis.Redis(
    "standard",
    resource_group_name=group.name,
    sku={"name": "Standard", "family": "C", "capacity": 1},
    minimum_tls_version="1.2",
)
