"""Keeps every policy: what each speaks of is there, in another way than this project's own program has it."""

import pulumi
from pulumi_azure_native import (
    app,
    authorization,
    containerinstance,
    cosmosdb,
    dbforpostgresql,
    keyvault,
    monitor,
    network,
    privatedns,
    redis,
    redisenterprise,
    resources,
    sql,
    storage,
    web,
)

TAGS = {"app": "shop", "Environment": "Production"}
IMAGE = "contoso.azurecr.io:443/shop@sha256:" + "0123456789abcdef" * 4

group = resources.ResourceGroup("group", resource_group_name="rg-shop", location="West Europe", tags=TAGS)

cache = redis.Redis(
    "cache",
    name="shop-cache",
    resource_group_name=group.name,
    tags=TAGS,
    sku=redis.SkuArgs(name="Premium", family="P", capacity=1),
    minimum_tls_version="1.2",
    public_network_access="Disabled",
    # It holds no queue, so it may drop what it likes.
    redis_configuration=redis.RedisCommonPropertiesRedisConfigurationArgs(maxmemory_policy="allkeys-lru"),
    zones=["1", "2"],
)
queue = redisenterprise.RedisEnterprise(
    "queue",
    cluster_name="shop-queue",
    resource_group_name=group.name,
    tags=TAGS,
    sku=redisenterprise.SkuArgs(name="Balanced_B3"),
    public_network_access="Disabled",
)
database = redisenterprise.Database(
    "database",
    resource_group_name=group.name,
    cluster_name=queue.name,
    database_name="default",
    access_keys_authentication="Enabled",
    clustering_policy="NoCluster",
    eviction_policy="NoEviction",
)
keys = pulumi.Output.secret(
    redisenterprise.list_database_keys_output(
        resource_group_name=group.name, cluster_name=queue.name, database_name=database.name
    )
)
broker_url = pulumi.Output.concat(
    "rediss://:", keys.apply(lambda both: both.primary_key or ""), "@", queue.host_name, ":10000/0"
)

virtual_network = network.VirtualNetwork(
    "network",
    resource_group_name=group.name,
    tags=TAGS,
    address_space=network.AddressSpaceArgs(address_prefixes=["10.0.0.0/16"]),
)
endpoints_subnet = network.Subnet(
    "endpoints-subnet",
    resource_group_name=group.name,
    virtual_network_name=virtual_network.name,
    address_prefix="10.0.2.0/24",
)
apps_subnet = network.Subnet(
    "apps-subnet",
    resource_group_name=group.name,
    virtual_network_name=virtual_network.name,
    address_prefix="10.0.4.0/23",
    delegations=[network.DelegationArgs(name="apps", service_name="Microsoft.App/environments")],
    opts=pulumi.ResourceOptions(depends_on=[endpoints_subnet]),
)
databases_subnet = network.Subnet(
    "databases-subnet",
    resource_group_name=group.name,
    virtual_network_name=virtual_network.name,
    address_prefix="10.0.6.0/24",
    delegations=[network.DelegationArgs(name="databases", service_name="Microsoft.DBforPostgreSQL/flexibleServers")],
    opts=pulumi.ResourceOptions(depends_on=[apps_subnet]),
)


def zone(name: str, zone_name: str) -> privatedns.PrivateZone:
    """A zone that is linked to the network."""
    made = privatedns.PrivateZone(
        name, resource_group_name=group.name, location="global", private_zone_name=zone_name, tags=TAGS
    )
    privatedns.VirtualNetworkLink(
        f"{name}-link",
        resource_group_name=group.name,
        location="global",
        # By its name written out: the link belongs to the zone all the same.
        private_zone_name=zone_name,
        registration_enabled=False,
        virtual_network=privatedns.SubResourceArgs(id=virtual_network.id),
        tags=TAGS,
        opts=pulumi.ResourceOptions(depends_on=[made]),
    )
    return made


def private_endpoint(name: str, target: pulumi.Input[str], link_group: str, zone_id: pulumi.Input[str]) -> None:
    """An endpoint whose records are in the zone."""
    endpoint = network.PrivateEndpoint(
        name,
        private_endpoint_name=f"pep-{name}",
        resource_group_name=group.name,
        tags=TAGS,
        subnet=network.SubnetArgs(id=endpoints_subnet.id),
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(name=name, private_link_service_id=target, group_ids=[link_group])
        ],
    )
    network.PrivateDnsZoneGroup(
        f"{name}-zone-group",
        resource_group_name=group.name,
        private_endpoint_name=f"pep-{name}",
        private_dns_zone_group_name="default",
        private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=link_group, private_dns_zone_id=zone_id)],
        opts=pulumi.ResourceOptions(depends_on=[endpoint]),
    )


private_endpoint("cache-endpoint", cache.id, "redisCache", zone("cache-zone", "privatelink.redis.cache.windows.net").id)
private_endpoint("queue-endpoint", queue.id, "redisEnterprise", zone("queue-zone", "privatelink.redis.azure.net").id)

vaults = pulumi.Config().get_bool("vaults")
if vaults:
    # Apart from the rest: the SDK manages vaults by an API version that Azure retires, which is advised against.
    vault = keyvault.Vault(
        "vault",
        resource_group_name=group.name,
        tags=TAGS,
        properties=keyvault.VaultPropertiesArgs(
            sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.PREMIUM),
            tenant_id=authorization.get_client_config_output().tenant_id,
            enable_rbac_authorization=True,
            enable_purge_protection=True,
            public_network_access="disabled",
        ),
    )
    # In a zone of another stack, which cannot be judged here.
    private_endpoint(
        "vault-endpoint",
        vault.id,
        "vault",
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network"
        "/privateDnsZones/privatelink.vaultcore.azure.net",
    )

postgresql = dbforpostgresql.Server(
    "postgresql",
    resource_group_name=group.name,
    location="westeurope",
    tags=TAGS,
    network=dbforpostgresql.NetworkArgs(delegated_subnet_resource_id=databases_subnet.id),
    high_availability=dbforpostgresql.HighAvailabilityArgs(mode="ZoneRedundant"),
)
server = sql.Server(
    "sql", resource_group_name=group.name, tags=TAGS, minimal_tls_version="1.3", public_network_access="Disabled"
)
storage.StorageAccount(
    "storage",
    resource_group_name=group.name,
    tags=TAGS,
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_ZRS"),
    minimum_tls_version="TLS1_2",
)

environment = app.ManagedEnvironment(
    "environment",
    resource_group_name=group.name,
    tags=TAGS,
    vnet_configuration=app.VnetConfigurationArgs(infrastructure_subnet_id=apps_subnet.id),
    zone_redundant=True,
)
SECRETS = [app.SecretArgs(name="queue", value=broker_url)]
ENV = [
    app.EnvironmentVarArgs(name="CELERY_BROKER_URL", secret_ref="queue"),
    app.EnvironmentVarArgs(name="SECRETS_DIGEST", value="0123456789abcdef" * 4),
    app.EnvironmentVarArgs(name="REDIS_KEY_PREFIX", value="cache"),
    app.EnvironmentVarArgs(name="TOKEN_LIFETIME_SECONDS", value="3600"),
    app.EnvironmentVarArgs(name="ALLOWED_HOSTS", value=cache.host_name),
]
app.ContainerApp(
    "web",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    configuration=app.ConfigurationArgs(ingress=app.IngressArgs(external=True, target_port=8000), secrets=SECRETS),
    template=app.TemplateArgs(
        containers=[app.ContainerArgs(name="web", image=IMAGE, env=ENV)],
        scale=app.ScaleArgs(min_replicas=2, max_replicas=4),
    ),
)
app.ContainerApp(
    "worker",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    configuration=app.ConfigurationArgs(secrets=SECRETS),
    template=app.TemplateArgs(
        containers=[app.ContainerArgs(name="worker", image="contoso.azurecr.io/shop:1.4.2", env=ENV)],
        scale=app.ScaleArgs(
            min_replicas=0,
            rules=[
                app.ScaleRuleArgs(
                    name="queue",
                    custom=app.CustomScaleRuleArgs(
                        type="redis",
                        metadata={
                            "address": pulumi.Output.concat(queue.host_name, ":10000"),
                            "listName": "celery",
                            "listLength": "10",
                            "enableTLS": "true",
                        },
                    ),
                )
            ],
        ),
    ),
)
app.ContainerApp(
    "scheduler",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    configuration=app.ConfigurationArgs(secrets=SECRETS),
    template=app.TemplateArgs(
        containers=[app.ContainerArgs(name="scheduler", image="contoso.azurecr.io/shop:1.4.2", env=ENV)],
        scale=app.ScaleArgs(min_replicas=1, max_replicas=1),
    ),
)

app.DaprComponent(
    "state",
    resource_group_name=group.name,
    environment_name=environment.name,
    component_name="state",
    component_type="state.redis",
    version="v1",
    secrets=[app.SecretArgs(name="password", value=pulumi.Output.secret("correct-horse"))],
    metadata=[
        app.DaprMetadataArgs(name="redisHost", value="cache.example.org:6380"),
        app.DaprMetadataArgs(name="redisPassword", secret_ref="password"),
    ],
)
containerinstance.ContainerGroup(
    "tool",
    resource_group_name=group.name,
    location="westeurope",
    tags=TAGS,
    os_type="Linux",
    containers=[
        containerinstance.ContainerArgs(
            name="tool",
            image=IMAGE,
            command=["tool", "--token-file", "/mnt/token"],
            resources=containerinstance.ResourceRequirementsArgs(
                requests=containerinstance.ResourceRequestsArgs(cpu=1, memory_in_gb=1)
            ),
            environment_variables=[
                containerinstance.EnvironmentVariableArgs(
                    name="DB_PASSWORD", secure_value=pulumi.Output.secret("correct-horse")
                ),
                containerinstance.EnvironmentVariableArgs(name="TOKEN_EXPIRATION", value="15 minutes"),
                containerinstance.EnvironmentVariableArgs(name="TOKEN_CACHE", value="memory"),
                containerinstance.EnvironmentVariableArgs(name="SECRET_MANAGER", value="azure"),
            ],
        )
    ],
)
web.WebApp(
    "site",
    resource_group_name=group.name,
    tags=TAGS,
    site_config=web.SiteConfigArgs(
        app_settings=[
            web.NameValuePairArgs(
                name="STORAGE_KEY", value="@Microsoft.KeyVault(SecretUri=https://kv-shop.vault.azure.net/secrets/key)"
            )
        ]
    ),
)
account = cosmosdb.DatabaseAccount(
    "documents",
    resource_group_name=group.name,
    location="westeurope",
    tags=TAGS,
    database_account_offer_type="Standard",
    public_network_access="SecuredByPerimeter",
    locations=[cosmosdb.LocationArgs(location_name="westeurope")],
)
resources.Deployment(
    "template",
    resource_group_name=group.name,
    tags=TAGS,
    properties=resources.DeploymentPropertiesArgs(
        mode="Incremental",
        template={
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": [
                {
                    "type": "Microsoft.Storage/storageAccounts",
                    "apiVersion": "2024-01-01",
                    "name": "stshop",
                    "location": "[resourceGroup().location]",
                    "tags": TAGS,
                    "kind": "StorageV2",
                    "sku": {"name": "Standard_ZRS"},
                    "properties": {"minimumTlsVersion": "TLS1_2"},
                }
            ],
        },
    ),
)

people = monitor.ActionGroup(
    "people",
    resource_group_name=group.name,
    location="Global",
    tags=TAGS,
    enabled=True,
    group_short_name="people",
    email_receivers=[monitor.MicrosoftCommonEmailReceiverArgs(name="on-call", email_address="on-call@example.org")],
)
for name, target, metric in (
    ("cache", cache.id, "usedmemorypercentage"),
    ("queue", queue.id, "usedmemorypercentage"),
    ("postgresql", postgresql.id, "storage_percent"),
    ("sql", server.id, "dtu_consumption_percent"),
    ("documents", account.id, "NormalizedRUConsumption"),
):
    monitor.MetricAlert(
        f"{name}-alert",
        resource_group_name=group.name,
        location="Global",
        tags=TAGS,
        enabled=True,
        severity=2,
        scopes=[target],
        evaluation_frequency="PT1M",
        window_size="PT5M",
        criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            all_of=[
                monitor.MetricCriteriaArgs(
                    name="load",
                    criterion_type="StaticThresholdCriterion",
                    metric_name=metric,
                    operator="GreaterThan",
                    threshold=80,
                    time_aggregation="Maximum",
                )
            ],
        ),
        actions=[monitor.MetricAlertActionArgs(action_group_id=people.id)],
    )
