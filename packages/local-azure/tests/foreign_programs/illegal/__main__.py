"""A small estate, and beside it resources with one fault each, named after it: Azure refuses these and no other."""

import pulumi
from pulumi_azure_native import (
    app,
    authorization,
    keyvault,
    managedidentity,
    monitor,
    network,
    operationalinsights,
    privatedns,
    redis,
    redisenterprise,
    resources,
)

group = resources.ResourceGroup("estate", location="westeurope")
caller = authorization.get_client_config_output()
place = network.VirtualNetwork(
    "place", resource_group_name=group.name, address_space={"address_prefixes": ["10.0.0.0/16"]}
)
APPS = [{"name": "apps", "service_name": "Microsoft.App/environments"}]
apps = network.Subnet(
    "apps",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefix="10.0.0.0/23",
    delegations=APPS,
)
endpoints = network.Subnet(
    "endpoints",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefix="10.0.2.0/28",
    opts=pulumi.ResourceOptions(depends_on=[apps]),
)
environment = app.ManagedEnvironment(
    "environment", resource_group_name=group.name, vnet_configuration={"infrastructure_subnet_id": apps.id}
)
vault = keyvault.Vault(
    "vault",
    resource_group_name=group.name,
    properties={
        "tenant_id": caller.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "public_network_access": "Disabled",
    },
)
secret = keyvault.Secret(
    "secret",
    resource_group_name=group.name,
    vault_name=vault.name,
    properties={"value": "s"},
    opts=pulumi.ResourceOptions(retain_on_delete=True),
)
identity = managedidentity.UserAssignedIdentity("identity", resource_group_name=group.name)
cache = redis.Redis("cache", resource_group_name=group.name, sku={"name": "Basic", "family": "C", "capacity": 0})
cluster = redisenterprise.RedisEnterprise(
    "cluster", resource_group_name=group.name, sku={"name": "Balanced_B0"}, public_network_access="Disabled"
)
logs = operationalinsights.Workspace("logs", resource_group_name=group.name)
zone = privatedns.PrivateZone(
    "zone", resource_group_name=group.name, private_zone_name="privatelink.redis.azure.net", location="global"
)
link = privatedns.VirtualNetworkLink(
    "link",
    resource_group_name=group.name,
    private_zone_name=zone.name,
    location="global",
    registration_enabled=False,
    virtual_network={"id": place.id},
)
other_group = resources.ResourceGroup("other", location="westeurope")
other_zone = privatedns.PrivateZone(
    "other-zone",
    resource_group_name=other_group.name,
    private_zone_name="privatelink.redis.azure.net",
    location="global",
)
READER = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
role = {
    "scope": group.id,
    "principal_id": identity.principal_id,
    "principal_type": "ServicePrincipal",
    "role_definition_id": pulumi.Output.concat("/subscriptions/", caller.subscription_id, READER),
}
assignment = authorization.RoleAssignment("reads", **role)

# -- the faults: network

network.Subnet(
    "subnet-that-overlaps",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefix="10.0.1.0/24",
    opts=pulumi.ResourceOptions(depends_on=[endpoints]),
)
network.Subnet(
    "subnet-outside",
    resource_group_name=group.name,
    virtual_network_name=place.name,
    address_prefix="10.1.0.0/24",
    opts=pulumi.ResourceOptions(depends_on=[endpoints]),
)
privatedns.VirtualNetworkLink(
    "second-zone-of-the-name",
    resource_group_name=other_group.name,
    private_zone_name=other_zone.name,
    location="global",
    registration_enabled=False,
    virtual_network={"id": place.id},
    opts=pulumi.ResourceOptions(depends_on=[link]),
)
network.PrivateEndpoint(
    "endpoint-with-the-other-service-s-group",
    resource_group_name=group.name,
    subnet={"id": endpoints.id},
    private_link_service_connections=[
        {"name": "redis", "private_link_service_id": cluster.id, "group_ids": ["redisCache"]}
    ],
)
network.PrivateEndpoint(
    "endpoint-in-a-delegated-subnet",
    resource_group_name=group.name,
    subnet={"id": apps.id},
    private_link_service_connections=[
        {"name": "redis", "private_link_service_id": cluster.id, "group_ids": ["redisEnterprise"]}
    ],
)

# -- caches

redis.Redis(
    "basic-in-zones", resource_group_name=group.name, sku={"name": "Basic", "family": "C", "capacity": 1}, zones=["1"]
)
redis.Redis(
    "standard-with-shards",
    resource_group_name=group.name,
    sku={"name": "Standard", "family": "C", "capacity": 1},
    shard_count=2,
)
redis.Redis(
    "family-of-the-other", resource_group_name=group.name, sku={"name": "Premium", "family": "C", "capacity": 1}
)
redisenterprise.Database(
    "second-database",
    resource_group_name=group.name,
    cluster_name=cluster.name,
    database_name="queue",
)
redisenterprise.RedisEnterprise(
    "cluster-with-a-capacity",
    resource_group_name=group.name,
    sku={"name": "Balanced_B5", "capacity": 2},
    public_network_access="Disabled",
)

# -- vault and roles

keyvault.Vault(
    "vault-without-access-model",
    resource_group_name=group.name,
    vault_name="kv-foreign-bare",
    properties={"tenant_id": caller.tenant_id, "sku": {"family": "A", "name": "standard"}},
)
keyvault.Vault(
    "vault-open-to-a-subnet-without-service-endpoint",
    resource_group_name=group.name,
    vault_name="kv-foreign-open",
    properties={
        "tenant_id": caller.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enable_rbac_authorization": True,
        "network_acls": {"default_action": "Deny", "virtual_network_rules": [{"id": endpoints.id}]},
    },
)
authorization.RoleAssignment(
    "the-same-role-again",
    role_assignment_name="11111111-2222-3333-4444-555555555555",
    **role,
    opts=pulumi.ResourceOptions(depends_on=[assignment]),
)

# -- apps


def container_app(name: str, depends_on: pulumi.Resource | None = None, **changes: object) -> None:
    """An app like any other, with something changed in its template or configuration."""
    container = {"name": "main", "image": "nginx", **changes.pop("container", {})}
    app.ContainerApp(
        name,
        resource_group_name=group.name,
        container_app_name=changes.pop("container_app_name", None),
        managed_environment_id=environment.id,
        identity={"type": "UserAssigned", "user_assigned_identities": [identity.id]},
        configuration=changes.pop("configuration", {}),
        template={"containers": [container], **changes},
        opts=pulumi.ResourceOptions(depends_on=depends_on),
    )


container_app("halves-that-do-not-match", container={"resources": {"cpu": 0.5, "memory": "2Gi"}})
container_app("variable-of-no-secret", container={"env": [{"name": "URL", "secret_ref": "url"}]})
container_app("name-in-capitals", container_app_name="Main")
container_app(
    "secret-of-a-closed-vault",
    assignment,
    configuration={"secrets": [{"name": "s", "key_vault_url": secret.properties.secret_uri, "identity": identity.id}]},
)
container_app("more-least-than-most", scale={"min_replicas": 3, "max_replicas": 2})
container_app(
    "weights-of-90",
    configuration={
        "active_revisions_mode": "Multiple",
        "ingress": {"external": True, "target_port": 80, "traffic": [{"latest_revision": True, "weight": 90}]},
    },
)
container_app("volume-that-is-not-there", container={"volume_mounts": [{"volume_name": "v", "mount_path": "/v"}]})
app.ManagedEnvironment(
    "second-environment-in-the-subnet",
    resource_group_name=group.name,
    vnet_configuration={"infrastructure_subnet_id": apps.id},
    opts=pulumi.ResourceOptions(depends_on=[environment]),
)
app.ManagedEnvironment(
    "environment-without-delegation",
    resource_group_name=group.name,
    vnet_configuration={"infrastructure_subnet_id": endpoints.id},
)

# -- what watches

monitor.DiagnosticSetting(
    "logs-of-a-cluster",
    resource_uri=cluster.id,
    workspace_id=logs.id,
    logs=[{"category_group": "allLogs", "enabled": True}],
)
monitor.MetricAlert(
    "metric-that-is-not-there",
    resource_group_name=group.name,
    location="global",
    enabled=True,
    severity=1,
    scopes=[cache.id],
    evaluation_frequency="PT1M",
    window_size="PT5M",
    criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
        odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        all_of=[
            monitor.MetricCriteriaArgs(
                name="one",
                criterion_type="StaticThresholdCriterion",
                metric_name="failedlogins",
                operator="GreaterThan",
                threshold=0,
                time_aggregation="Total",
            )
        ],
    ),
)
