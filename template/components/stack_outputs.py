"""Export the stack's outputs, which people, tests and the doctor read."""

import pulumi
from pulumi_azure_native import resources

from components.container_apps import ContainerApps
from components.key_vault import KeyVault
from components.redis_caches import RedisCaches


def export_outputs(
    *, group: resources.ResourceGroup, caches: RedisCaches, vault: KeyVault, apps: ContainerApps
) -> None:
    """Export addresses and resource ids, and the connection strings as secrets."""
    outputs: dict[str, pulumi.Input[str | int]] = {
        "appUrl": apps.web_url,
        "readinessUrl": apps.readiness_url,
        "image": apps.image,
        "resourceGroupName": group.name,
        "resourceGroupId": group.id,
        "redisHostName": caches.cache.host_name,
        "redisPort": caches.cache.port,
        "redisUrl": caches.cache_url,
        "brokerHostName": caches.broker.host_name,
        "brokerPort": caches.broker.port,
        "celeryBrokerUrl": caches.broker_url,
        "celeryResultBackend": caches.broker_url,
        "keyVaultUri": vault.uri,
    }
    for name, value in outputs.items():
        pulumi.export(name, value)
