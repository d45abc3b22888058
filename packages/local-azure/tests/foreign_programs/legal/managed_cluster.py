"""A managed cache as the API's defaults make it: a cluster for clients that know clusters, with modules; Entra only."""

from pulumi_azure_native import managedidentity, redisenterprise, resources

group = resources.ResourceGroup("managed", location="swedencentral")
client = managedidentity.UserAssignedIdentity("client", resource_group_name=group.name)
cluster = redisenterprise.RedisEnterprise(
    "cluster",
    resource_group_name=group.name,
    sku={"name": redisenterprise.SkuName.MEMORY_OPTIMIZED_M50},
    public_network_access="Enabled",
    high_availability="Disabled",
)
database = redisenterprise.Database(
    "default",
    resource_group_name=group.name,
    cluster_name=cluster.name,
    database_name="default",
    clustering_policy="EnterpriseCluster",
    eviction_policy="NoEviction",
    modules=[{"name": "RediSearch"}, {"name": "RedisJSON"}],
    persistence={"aof_enabled": True, "aof_frequency": "1s"},
)
redisenterprise.AccessPolicyAssignment(
    "client",
    resource_group_name=group.name,
    cluster_name=cluster.name,
    database_name=database.name,
    access_policy_assignment_name="client",
    access_policy_name="default",
    user={"object_id": client.principal_id},
)
