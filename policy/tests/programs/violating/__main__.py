"""Breaks every policy. A resource that breaks one is named after it, with what it is about behind a dot."""

import pulumi
from pulumi_azure_native import (
    app,
    authorization,
    containerinstance,
    cosmosdb,
    dbforpostgresql,
    keyvault,
    network,
    privatedns,
    redis,
    redisenterprise,
    resources,
    sql,
    storage,
    web,
)

TAGS = {"app": "shop", "environment": "dev"}
PRODUCTION = {"app": "shop", "environment": "prod"}
IMAGE = "contoso.azurecr.io/shop:1.4.2"

group = resources.ResourceGroup("group", resource_group_name="rg-shop", tags=TAGS)
tenant = authorization.get_client_config_output().tenant_id


def classic(name: str, tags: dict[str, str] = TAGS, **changed: object) -> redis.Redis:
    """A cache of the old service, right but for what is changed."""
    properties: dict[str, object] = {
        "sku": redis.SkuArgs(name="Standard", family="C", capacity=1),
        "enable_non_ssl_port": False,
        "minimum_tls_version": "1.2",
        "public_network_access": "Disabled",
        **changed,
    }
    return redis.Redis(name, resource_group_name=group.name, tags=tags, **properties)  # pyright: ignore[reportArgumentType, reportCallIssue]: any of its properties


def cluster(name: str, tags: dict[str, str] = TAGS, **changed: object) -> redisenterprise.RedisEnterprise:
    """A cache of the new service, right but for what is changed."""
    properties: dict[str, object] = {
        "sku": redisenterprise.SkuArgs(name="Balanced_B1"),
        "high_availability": "Enabled",
        "minimum_tls_version": "1.2",
        "public_network_access": "Disabled",
        **changed,
    }
    return redisenterprise.RedisEnterprise(name, resource_group_name=group.name, tags=tags, **properties)  # pyright: ignore[reportArgumentType, reportCallIssue]: any of its properties


def vault(name: str, tags: dict[str, str] = TAGS, **changed: object) -> keyvault.Vault:
    """A vault, right but for what is changed."""
    properties: dict[str, object] = {
        "sku": keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
        "tenant_id": tenant,
        "enable_rbac_authorization": True,
        "enable_purge_protection": True,
        "public_network_access": "Disabled",
        **changed,
    }
    return keyvault.Vault(
        name,
        resource_group_name=group.name,
        tags=tags,
        properties=keyvault.VaultPropertiesArgs(**properties),  # pyright: ignore[reportArgumentType]: any of its properties
    )


# no-public-network-access
classic("no-public-network-access.classic", public_network_access="Enabled")
cluster("no-public-network-access.managed", public_network_access="Enabled")
vault("no-public-network-access.vault", public_network_access="enabled")
dbforpostgresql.Server(
    "no-public-network-access.postgresql", resource_group_name=group.name, location="westeurope", tags=TAGS
)
sql.Server(
    "no-public-network-access.sql",
    resource_group_name=group.name,
    tags=TAGS,
    minimal_tls_version="1.2",
    public_network_access="Enabled",
)
cosmosdb.DatabaseAccount(
    "no-public-network-access.cosmos",
    resource_group_name=group.name,
    tags=TAGS,
    database_account_offer_type="Standard",
    locations=[cosmosdb.LocationArgs(location_name="westeurope")],
)

# tls-1.2-or-better, no-plaintext-port
classic("tls-1.2-or-better.classic", minimum_tls_version="1.0")
sql.Server(
    "tls-1.2-or-better.sql",
    resource_group_name=group.name,
    tags=TAGS,
    minimal_tls_version="1.1",
    public_network_access="Disabled",
)
storage.StorageAccount(
    "tls-1.2-or-better.storage",
    resource_group_name=group.name,
    tags=TAGS,
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
)
classic("no-plaintext-port.classic", enable_non_ssl_port=True)
plain = cluster("plain")
redisenterprise.Database(
    "no-plaintext-port.managed",
    resource_group_name=group.name,
    cluster_name=plain.name,
    database_name="default",
    client_protocol="Plaintext",
)

redis.FirewallRule(
    "no-public-network-access.firewall",
    resource_group_name=group.name,
    cache_name=classic("closed").name,
    rule_name="everybody",
    start_ip="0.0.0.0",
    end_ip="255.255.255.255",
)

# no-anonymous-access
classic(
    "no-anonymous-access.classic",
    redis_configuration=redis.RedisCommonPropertiesRedisConfigurationArgs(authnotrequired="true"),
)
storage.StorageAccount(
    "no-anonymous-access.storage",
    resource_group_name=group.name,
    tags=TAGS,
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
    minimum_tls_version="TLS1_2",
    allow_blob_public_access=True,
)

# template-in-the-program, and what a template makes
resources.Deployment(
    "template-in-the-program",
    resource_group_name=group.name,
    tags=TAGS,
    properties=resources.DeploymentPropertiesArgs(
        mode="Incremental", template_link=resources.TemplateLinkArgs(uri="https://example.org/main.json")
    ),
)
resources.Deployment(
    "no-public-network-access.template",
    resource_group_name=group.name,
    tags=TAGS,
    properties=resources.DeploymentPropertiesArgs(
        mode="Incremental",
        template={
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {"access": {"type": "string", "defaultValue": "Enabled"}},
            "resources": [
                {
                    "type": "Microsoft.Cache/redis",
                    "apiVersion": "2024-11-01",
                    "name": "cache",
                    "location": "westeurope",
                    "tags": TAGS,
                    "properties": {"publicNetworkAccess": "[parameters('access')]", "minimumTlsVersion": "1.2"},
                }
            ],
        },
    ),
)

# environment-in-a-subnet
environment = app.ManagedEnvironment("environment-in-a-subnet", resource_group_name=group.name, tags=TAGS)


def container_app(
    name: str,
    tags: dict[str, str] = TAGS,
    image: str = IMAGE,
    env: dict[str, str] | None = None,
    secrets: list[app.SecretArgs] | None = None,
    min_replicas: int = 2,
) -> app.ContainerApp:
    """An app, right but for what is given."""
    return app.ContainerApp(
        name,
        resource_group_name=group.name,
        environment_id=environment.id,
        tags=tags,
        configuration=app.ConfigurationArgs(
            ingress=app.IngressArgs(external=True, target_port=8000, allow_insecure=False), secrets=secrets
        ),
        template=app.TemplateArgs(
            containers=[
                app.ContainerArgs(
                    name="web",
                    image=image,
                    env=[app.EnvironmentVarArgs(name=key, value=value) for key, value in (env or {}).items()],
                )
            ],
            scale=app.ScaleArgs(min_replicas=min_replicas),
        ),
    )


# no-secret-in-a-variable: where a secret can be besides a variable
app.ContainerApp(
    "no-secret-in-a-variable.app",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    template=app.TemplateArgs(
        containers=[
            app.ContainerArgs(
                name="worker",
                image=IMAGE,
                command=["sh", "-c", "QUEUE_PASSWORD=correct-horse exec celery worker"],
                args=["--api-token", "correct-horse"],
                probes=[
                    app.ContainerAppProbeArgs(
                        type="Liveness",
                        http_get=app.ContainerAppProbeHttpGetArgs(
                            port=8000,
                            http_headers=[
                                app.ContainerAppProbeHttpHeadersArgs(name="Authorization", value="Bearer correct-horse")
                            ],
                        ),
                    )
                ],
            )
        ],
        scale=app.ScaleArgs(
            min_replicas=2,
            rules=[
                app.ScaleRuleArgs(
                    name="queue",
                    custom=app.CustomScaleRuleArgs(
                        type="rabbitmq", metadata={"queueName": "celery", "password": "correct-horse"}
                    ),
                )
            ],
        ),
    ),
)
app.DaprComponent(
    "no-secret-in-a-variable.dapr",
    resource_group_name=group.name,
    environment_name=environment.name,
    component_name="state",
    component_type="state.redis",
    version="v1",
    metadata=[app.DaprMetadataArgs(name="redisPassword", value="correct-horse")],
)
app.ContainerAppsSessionPool(
    "no-secret-in-a-variable.sessions",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    container_type="CustomContainer",
    custom_container_template=app.CustomContainerTemplateArgs(
        containers=[
            app.SessionContainerArgs(
                name="tool",
                image=IMAGE,
                env=[app.EnvironmentVarArgs(name="OPTIONS", value='{"db": {"password": "correct-horse"}}')],
            )
        ]
    ),
)
containerinstance.ContainerGroup(
    "no-secret-in-a-variable.group",
    resource_group_name=group.name,
    location="westeurope",
    tags=TAGS,
    os_type="Linux",
    containers=[
        containerinstance.ContainerArgs(
            name="tool",
            image=IMAGE,
            resources=containerinstance.ResourceRequirementsArgs(
                requests=containerinstance.ResourceRequestsArgs(cpu=1, memory_in_gb=1)
            ),
            environment_variables=[
                containerinstance.EnvironmentVariableArgs(
                    name="HOOK", value="https://hooks.example.org/?api_key=correct-horse"
                )
            ],
        )
    ],
)
web.WebApp(
    "no-secret-in-a-variable.site",
    resource_group_name=group.name,
    tags=TAGS,
    site_config=web.SiteConfigArgs(app_settings=[web.NameValuePairArgs(name="STORAGE_KEY", value="correct-horse")]),
)

# no-secret-in-a-variable, redis-url-by-secret, image-by-tag-or-digest, no-latest-in-production
container_app("no-secret-in-a-variable.name", env={"DATABASE_PASSWORD": "correct horse"})
container_app("no-secret-in-a-variable.value", env={"DATABASE": "postgres://shop:correct-horse@db/shop"})
container_app("redis-url-by-secret", env={"CACHE": "rediss://cache.example.org:6380/0"})
container_app("image-by-tag-or-digest", image="contoso.azurecr.io/shop")
container_app("no-latest-in-production", PRODUCTION, image="contoso.azurecr.io/shop:latest")

# no-plaintext-port
app.ContainerApp(
    "no-plaintext-port.tcp",
    resource_group_name=group.name,
    environment_id=environment.id,
    tags=TAGS,
    configuration=app.ConfigurationArgs(
        ingress=app.IngressArgs(external=True, transport="tcp", target_port=6379, exposed_port=6379)
    ),
    template=app.TemplateArgs(containers=[app.ContainerArgs(name="cache", image="redis:7.4")]),
)

# vault-access-by-roles, vault-purge-protection
vault("vault-access-by-roles", enable_rbac_authorization=False)
vault("vault-purge-protection", PRODUCTION, enable_purge_protection=None)
vault("vault-purge-protection.region", {"app": "shop", "environment": "prod-eu"}, enable_purge_protection=None)

# private-endpoint-has-a-zone-group, private-zone-is-linked
virtual_network = network.VirtualNetwork(
    "network",
    resource_group_name=group.name,
    tags=TAGS,
    address_space=network.AddressSpaceArgs(address_prefixes=["10.0.0.0/16"]),
)
subnet = network.Subnet(
    "subnet",
    resource_group_name=group.name,
    virtual_network_name=virtual_network.name,
    address_prefix="10.0.2.0/24",
)


def private_endpoint(name: str) -> network.PrivateEndpoint:
    """An endpoint of a cache."""
    return network.PrivateEndpoint(
        name,
        resource_group_name=group.name,
        tags=TAGS,
        subnet=network.SubnetArgs(id=subnet.id),
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name="cache", private_link_service_id=plain.id, group_ids=["redisEnterprise"]
            )
        ],
    )


private_endpoint("private-endpoint-has-a-zone-group")
zone = privatedns.PrivateZone(
    "private-zone-is-linked",
    resource_group_name=group.name,
    location="Global",
    private_zone_name="privatelink.redis.azure.net",
    tags=TAGS,
)
network.PrivateDnsZoneGroup(
    "zone-group",
    resource_group_name=group.name,
    private_endpoint_name=private_endpoint("endpoint").name,
    private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name="redis", private_dns_zone_id=zone.id)],
)

# queue-is-never-evicted
queue = classic(
    "queue-is-never-evicted.classic",
    redis_configuration=redis.RedisCommonPropertiesRedisConfigurationArgs(maxmemory_policy="allkeys-lru"),
)
container_app(
    "worker",
    secrets=[
        app.SecretArgs(
            name="celery-broker-url",
            value=pulumi.Output.secret(pulumi.Output.concat("rediss://:key@", queue.host_name, ":6380/1")),
        )
    ],
)
store = cluster("store")
database = redisenterprise.Database(
    "queue-is-never-evicted.managed",
    resource_group_name=group.name,
    cluster_name=store.name,
    database_name="default",
    client_protocol="Encrypted",
    eviction_policy="AllKeysLFU",
)
keyvault.Secret(
    "broker-url",
    resource_group_name=group.name,
    vault_name=vault("vault").name,
    secret_name="broker-url",
    properties=keyvault.SecretPropertiesArgs(
        value=pulumi.Output.secret(
            pulumi.Output.concat(
                "rediss://:",
                redisenterprise.list_database_keys_output(
                    resource_group_name=group.name, cluster_name=store.name, database_name=database.name
                ).apply(lambda keys: keys.primary_key),
                "@",
                store.host_name,
                ":10000/0",
            )
        )
    ),
)

# allowed-regions, required-tags
cosmosdb.DatabaseAccount(
    "allowed-regions.cosmos",
    resource_group_name=group.name,
    location="westeurope",
    tags=TAGS,
    database_account_offer_type="Standard",
    public_network_access="SecuredByPerimeter",
    locations=[
        cosmosdb.LocationArgs(location_name="westeurope", failover_priority=0),
        cosmosdb.LocationArgs(location_name="westcentralus", failover_priority=1),
    ],
)
storage.StorageAccount(
    "allowed-regions",
    resource_group_name=group.name,
    location="westcentralus",
    tags=TAGS,
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
    minimum_tls_version="TLS1_2",
)
storage.StorageAccount(
    "required-tags",
    resource_group_name=group.name,
    tags={"app": "shop"},
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
    minimum_tls_version="TLS1_2",
)

# more-than-one-replica, zone-redundancy, alerts; retiring-api-versions: the SDK's own default for the vaults above
container_app("more-than-one-replica", PRODUCTION, min_replicas=1)
cluster("zone-redundancy-and-alerts", PRODUCTION, high_availability="Disabled")
