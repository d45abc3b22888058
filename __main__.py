"""The stack, top to bottom as a request meets it: logs, identity, network, DNS, Redis, vault, apps, alerts."""

import gc

import pulumi
import pulumi_random as random
from pulumi_azure_native import authorization, resources

from components import key_vault, redis_cache
from components.aliases import without_versioned_types
from components.app_plan import VARIABLE_OF_SECRET, secret_name
from components.container_app import AppSecret
from components.container_apps import ContainerApps
from components.identity import AppIdentity, Role
from components.key_vault import KeyVault
from components.log_analytics import LogAnalytics
from components.naming import Names
from components.network import Network
from components.observability import Observability
from components.placement import Placement
from components.private_dns import PrivateDnsZone
from components.redis_cache import RedisCache
from components.redis_plan import EvictionPolicy
from components.scale_rules import QueueAddress
from settings import SettingsError, load

# One short run over the SDK's hundreds of thousands of lasting objects: looking for garbage among them, now and again
# at exit, took more than a third of a preview (docs/decisions/0005).
gc.disable()
pulumi.runtime.register_stack_transformation(without_versioned_types)

try:
    settings, location = load()
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

references = settings.use_key_vault_references
suffix: pulumi.Input[str] = (
    random.RandomString("unique-suffix", length=5, special=False, upper=False).result
    if settings.unique_suffix is None
    else settings.unique_suffix
)
unique = pulumi.Output.from_input(suffix)
names = Names(settings.app, settings.environment, location, settings.instance)
tags = {"app": settings.app, "environment": settings.environment, **settings.tags}

group = resources.ResourceGroup(
    "resource-group", resource_group_name=unique.apply(names.resource_group), location=location, tags=tags
)
placement = Placement(group.name, location, tags)

logs = LogAnalytics("logs", placement=placement, workspace_name=names.common("log"))
identity = AppIdentity("identity", placement=placement, identity_name=names.common("id"))

network = Network("network", placement=placement, virtual_network_name=names.common("vnet"), plan=settings.network)
redis_zone = PrivateDnsZone(
    "redis-dns",
    placement=placement,
    zone_name=redis_cache.PRIVATE_DNS_ZONE[settings.redis.service],
    virtual_network_id=network.virtual_network_id,
)
vault_zone = PrivateDnsZone(
    "vault-dns",
    placement=placement,
    zone_name=key_vault.PRIVATE_DNS_ZONE,
    virtual_network_id=network.virtual_network_id,
)


def cache_of_role(role: str, eviction_policy: EvictionPolicy) -> RedisCache:
    """Make the cache of one role, ``redis`` or ``broker``."""
    named = "" if role == "redis" else role
    return RedisCache(
        role,
        placement=placement,
        cache_name=unique.apply(lambda value: names.redis(named, value)),
        endpoint_name=names.common("pep", role),
        subnet_id=network.endpoints_subnet_id,
        zone=redis_zone,
        plan=settings.redis,
        eviction_policy=eviction_policy,
        zone_redundant=settings.zone_redundant,
        protect=settings.protect,
    )


cache = cache_of_role("redis", settings.redis.cache_policy)
broker = cache_of_role("broker", "NoEviction") if settings.redis.dedicated_broker else cache
queue_database = settings.redis.broker_database

vault = KeyVault(
    "vault",
    placement=placement,
    vault_name=unique.apply(names.key_vault),
    endpoint_name=names.common("pep", "vault"),
    tenant_id=authorization.get_client_config_output().tenant_id,
    subnet_id=network.endpoints_subnet_id,
    zone=vault_zone,
    purge_protection=settings.key_vault.purge_protection,
    recover=settings.key_vault.recover,
    protect=settings.protect,
)

signing_key = random.RandomPassword(
    "django-secret-key", length=64, opts=pulumi.ResourceOptions(protect=settings.protect)
)
digest_key = random.RandomPassword("secrets-digest-key", length=32)
values: dict[str, pulumi.Input[str]] = {
    "redis-url": cache.url(0),
    "celery-broker-url": broker.url(queue_database),
    "celery-result-backend": broker.url(queue_database),
    "redis-key": broker.active_key,
    "django-secret-key": signing_key.result,
    **{secret_name(name): value.get_secret_value() for name, value in settings.secret_env.items()},
}
variables = {**VARIABLE_OF_SECRET, **{secret_name(name): name for name in settings.secret_env}}
stored = {name: vault.add_secret(name, value) for name, value in values.items()}
secrets = {
    name: AppSecret(value, variables.get(name), stored[name].uri_with_version if references else None)
    for name, value in values.items()
}

if references:
    identity.grant(Role.KEY_VAULT_SECRETS_USER, vault.vault_id)
if settings.registry:
    identity.grant(Role.ACR_PULL, settings.registry.id)

apps = ContainerApps(
    "apps",
    placement=placement,
    environment_name=names.common("cae"),
    app_name=names.container_app,
    subnet_id=network.apps_subnet_id,
    application=settings.app,
    image=settings.image,
    identity_id=identity.identity_id,
    secrets=secrets,
    digest_key=digest_key.result,
    queue=QueueAddress(broker.host_name, broker.port, queue_database),
    web=settings.web,
    workers=settings.workers,
    beat=settings.beat,
    registry_server=settings.registry.server if settings.registry else None,
    env=settings.env,
    zone_redundant=settings.zone_redundant,
    apps_depend_on=[
        *cache.private_endpoint.reachable,
        *broker.private_endpoint.reachable,
        *(vault.private_endpoint.reachable if references else ()),
        *identity.roles_in_force(settings.role_propagation_seconds),
    ],
)

Observability(
    "observability",
    placement=placement,
    workspace_id=logs.workspace_id,
    caches={"redis": cache, "broker": broker} if settings.redis.dedicated_broker else {"redis": cache},
    vault_id=vault.vault_id,
    environment_id=apps.environment_id,
    emails=settings.alerts.emails,
)

app_url = pulumi.Output.concat("https://", apps.web_host_name)
pulumi.export("appUrl", app_url)
pulumi.export("readinessUrl", pulumi.Output.concat(app_url, settings.web.readiness_path))
pulumi.export("resourceGroupName", group.name)
pulumi.export("resourceGroupId", group.id)
pulumi.export("redisHostName", cache.host_name)
pulumi.export("redisPort", cache.port)
pulumi.export("brokerHostName", broker.host_name)
pulumi.export("brokerPort", broker.port)
pulumi.export("keyVaultUri", vault.uri)
pulumi.export("image", settings.image)
pulumi.export("redisUrl", values["redis-url"])
pulumi.export("celeryBrokerUrl", values["celery-broker-url"])
pulumi.export("celeryResultBackend", values["celery-result-backend"])

gc.freeze()
