"""The stack, top to bottom as a request meets it: logs, identity, network, DNS, Redis, vault, apps, alerts."""

from pulumi_azure_native import authorization, resources

from components import key_vault, redis_cache, startup
from components.app_secrets import store_secrets
from components.container_app import Runtime
from components.container_apps import ContainerApps
from components.identity import AppIdentity, Role
from components.key_vault import KeyVault
from components.log_analytics import LogAnalytics
from components.naming import Names
from components.network import Network
from components.observability import Observability
from components.placement import Placement
from components.private_endpoint import EndpointPlacement
from components.redis_caches import redis_caches
from components.serving import wait_until_serving
from components.stack_names import StackNames
from components.stack_outputs import export_outputs
from settings import load

startup.tune()
settings, location = load()
names = StackNames(Names(settings.app, settings.environment, location, settings.instance), settings.unique_suffix)

group = resources.ResourceGroup(
    "resource-group", resource_group_name=names.resource_group, location=location, tags=settings.resource_tags
)
placement = Placement(
    group.name, location, settings.resource_tags, zone_redundant=settings.zone_redundant, protect=settings.protect
)
logs = LogAnalytics("logs", placement=placement, workspace_name=names.common("log"))
identity = AppIdentity("identity", placement=placement, identity_name=names.common("id"))

network = Network("network", placement=placement, virtual_network_name=names.common("vnet"), plan=settings.network)
redis_zone = network.private_zone("redis-dns", redis_cache.PRIVATE_DNS_ZONE[settings.redis.service])
vault_zone = network.private_zone("vault-dns", key_vault.PRIVATE_DNS_ZONE)

caches = redis_caches(
    placement=placement, names=names, subnet_id=network.endpoints_subnet_id, zone=redis_zone, plan=settings.redis
)
vault = KeyVault(
    "vault",
    placement=placement,
    vault_name=names.key_vault,
    endpoint=EndpointPlacement(names.common("pep", "vault"), network.endpoints_subnet_id, vault_zone),
    tenant_id=authorization.get_client_config_output().tenant_id,
    plan=settings.key_vault,
)
secrets = store_secrets(
    vault,
    placement=placement,
    caches=caches,
    secret_env=settings.secret_env,
    use_references=settings.use_key_vault_references,
)
if settings.use_key_vault_references:
    identity.grant(Role.KEY_VAULT_SECRETS_USER, vault.vault_id)
if settings.registry:
    identity.grant(Role.ACR_PULL, settings.registry.id)

apps = ContainerApps(
    "apps",
    placement=placement,
    names=names,
    subnet_id=network.apps_subnet_id,
    runtime=Runtime(
        application=settings.app,
        image=settings.image,
        identity_id=identity.identity_id,
        secrets=secrets,
        env=settings.env,
        registry=settings.registry,
        depends_on=[
            *caches.reachable,
            *secrets.depends_on,
            *identity.roles_in_force(settings.role_propagation_seconds),
        ],
    ),
    processes=settings.processes,
    queue=caches.queue,
)

Observability(
    "observability",
    placement=placement,
    workspace_id=logs.workspace_id,
    caches=caches.by_role,
    vault_id=vault.vault_id,
    environment_id=apps.environment_id,
    emails=settings.alerts.emails,
)
export_outputs(group=group, caches=caches, vault=vault, apps=apps)
wait_until_serving(apps.all, secrets.values, settings.roll_out)
