"""Breaks every policy. A resource that breaks one is named after it, with what it is about behind a dot."""

import pulumi
from pulumi_azure_native import (
    app,
    authorization,
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


# no-secret-in-a-variable, redis-url-by-secret, image-by-tag-or-digest, no-latest-in-production
container_app("no-secret-in-a-variable.name", env={"DATABASE_PASSWORD": "correct horse"})
container_app("no-secret-in-a-variable.value", env={"DATABASE": "postgres://shop:correct-horse@db/shop"})
container_app("redis-url-by-secret", env={"CACHE": "rediss://cache.example.org:6380/0"})
container_app("image-by-tag-or-digest", image="contoso.azurecr.io/shop")
container_app("no-latest-in-production", PRODUCTION, image="contoso.azurecr.io/shop:latest")

# vault-access-by-roles, vault-purge-protection
vault("vault-access-by-roles", enable_rbac_authorization=False)
vault("vault-purge-protection", PRODUCTION, enable_purge_protection=None)

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
