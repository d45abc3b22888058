"""Inject faults into a deployed stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from diagnosis.world import World
from local_azure.control_plane import drift
from local_azure.core.ids import ArmId

Inject = Callable[[World], object]
REDIS_ZONES = {
    "Microsoft.Cache/redisEnterprise": ("privatelink.redis.azure.net", "privatelink.redis.cache.windows.net"),
    "Microsoft.Cache/redis": ("privatelink.redis.cache.windows.net", "privatelink.redis.azure.net"),
}


def zone_of(world: World) -> Any:
    """Return the zone of the stack's cache."""
    return world.one("Microsoft.Network/privateDnsZones", REDIS_ZONES[world.cache["type"]][0])


def record_of(world: World) -> Any:
    """Return the record of the stack's cache."""
    return world.call("GET", f"{zone_of(world)['id']}/A")["value"][0]


def endpoint_of(world: World) -> Any:
    """Return the private endpoint of the stack's cache."""
    return world.one("Microsoft.Network/privateEndpoints", "-redis-")


def unlink(world: World) -> None:
    world.call("DELETE", f"{zone_of(world)['id']}/virtualNetworkLinks/vnet")


def other_network(world: World) -> str:
    network = f"{world.deployed.stack.group_id}/providers/Microsoft.Network/virtualNetworks/vnet-other"
    world.call(
        "PUT",
        network,
        {
            "location": "westeurope",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
                "subnets": [
                    {
                        "name": "apps",
                        "properties": {
                            "addressPrefix": "10.9.0.0/23",
                            "delegations": [
                                {"name": "apps", "properties": {"serviceName": "Microsoft.App/environments"}}
                            ],
                        },
                    }
                ],
            },
        },
    )
    return network


def link_to_other_network(world: World) -> None:
    unlink(world)
    world.call(
        "PUT",
        f"{zone_of(world)['id']}/virtualNetworkLinks/vnet",
        {
            "location": "global",
            "properties": {"virtualNetwork": {"id": other_network(world)}, "registrationEnabled": False},
        },
    )


def zone_of_other_service(world: World) -> None:
    other = REDIS_ZONES[world.cache["type"]][1]
    zone = f"{world.deployed.stack.group_id}/providers/Microsoft.Network/privateDnsZones/{other}"
    network = world.one("Microsoft.Network/virtualNetworks", "vnet-westeurope")["id"]
    world.call("PUT", zone, {"location": "global"})
    link = {"location": "global", "properties": {"virtualNetwork": {"id": network}, "registrationEnabled": False}}
    world.call("PUT", f"{zone}/virtualNetworkLinks/vnet", link)
    group = world.call("GET", f"{endpoint_of(world)['id']}/privateDnsZoneGroups/default")
    world.put(group, privateDnsZoneConfigs=[{"name": "redis", "properties": {"privateDnsZoneId": zone}}])


def remove_record(world: World) -> None:
    record = ArmId.parse(record_of(world)["id"])
    with world.work() as model, model.work() as work:
        work.transaction.remove(record)


def age_record(world: World) -> None:
    world.edit(record_of(world)["id"], lambda one: one.update(aRecords=[{"ipv4Address": "10.0.2.99"}]))


def reject(world: World) -> None:
    name = endpoint_of(world)["name"]
    with world.work() as model:
        drift.cause_drift(model, "endpoint-rejected", "*", name)


def leave_pending(world: World) -> None:
    def change(properties: Any) -> None:
        connection = properties["privateLinkServiceConnections"][0]["properties"]
        connection["privateLinkServiceConnectionState"]["status"] = "Pending"

    world.edit(endpoint_of(world)["id"], change)


def move_environment(world: World) -> None:
    environment = world.one("Microsoft.App/managedEnvironments")
    place = {"infrastructureSubnetId": f"{other_network(world)}/subnets/apps", "internal": False}
    world.edit(environment["id"], lambda one: one.update(vnetConfiguration=place))


def take_environment_out(world: World) -> None:
    environment = world.one("Microsoft.App/managedEnvironments")
    world.edit(environment["id"], lambda one: one.pop("vnetConfiguration"))


def open_to_the_internet(world: World) -> None:
    world.put(world.cache, publicNetworkAccess="Enabled")


def leave_cache_failed(world: World) -> None:
    """Put the cluster into the state of one that Azure could not resize."""
    world.edit(world.cache["id"], lambda one: one.update(resourceState="ScalingFailed", provisioningState="Failed"))


def disconnect(world: World) -> None:
    """Let the endpoint be that of a cache which was deleted and recreated: the new one does not know it."""

    def change(properties: Any) -> None:
        connection = properties["privateLinkServiceConnections"][0]["properties"]
        connection["privateLinkServiceConnectionState"]["status"] = "Disconnected"

    world.edit(endpoint_of(world)["id"], change)


def delete_cache(world: World) -> None:
    """Delete the cache as somebody does in the portal; its private endpoint stays."""
    world.call("DELETE", world.cache["id"])


def delete_vault(world: World) -> None:
    """Delete the vault as somebody does in the portal: it is soft-deleted, and its private endpoint stays."""
    world.call("DELETE", world.one("Microsoft.KeyVault/vaults")["id"])


def cluster(world: World) -> None:
    """Switch clustering on, as somebody does who wants a larger cache."""
    world.put(world.keyed, clusteringPolicy="OSSCluster")


def evict_tasks(world: World) -> None:
    """Let the cache evict whatever it holds."""
    if world.keyed["type"].endswith("databases"):
        world.put(world.keyed, evictionPolicy="AllKeysLRU")
    else:
        cache = world.cache
        cache["properties"].setdefault("redisConfiguration", {})["maxmemory-policy"] = "allkeys-lru"
        world.put(cache)


def refuse_keys(world: World) -> None:
    if world.keyed["type"].endswith("databases"):
        world.put(world.keyed, accessKeysAuthentication="Disabled")
    else:
        cache = world.cache
        cache["properties"].setdefault("redisConfiguration", {})["aad-enabled"] = "true"
        world.put(cache, disableAccessKeyAuthentication=True)


def regenerate(world: World) -> None:
    world.call("POST", f"{world.keyed['id']}/regenerateKey", {"keyType": "Primary"})


def take_role_away(world: World) -> None:
    vault = world.one("Microsoft.KeyVault/vaults")["id"]
    identity = world.one("Microsoft.ManagedIdentity/userAssignedIdentities")["properties"]["principalId"]
    for one in world.call("GET", f"{vault}/providers/Microsoft.Authorization/roleAssignments")["value"]:
        if one["properties"]["principalId"] == identity:
            world.call("DELETE", one["id"])


def disable_secret(world: World) -> None:
    secret = f"{world.one('Microsoft.KeyVault/vaults')['id']}/secrets/redis-url"
    world.call("PATCH", secret, {"properties": {"attributes": {"enabled": False}}})


def set_by_value(world: World) -> None:
    app = world.web
    for variable in app["properties"]["template"]["containers"][0]["env"]:
        if variable["name"] == "REDIS_URL":
            del variable["secretRef"]
            variable["value"] = world.redis_url()
    world.put_app(app)


def lose_variable(world: World) -> None:
    app = world.web
    container = app["properties"]["template"]["containers"][0]
    container["env"] = [one for one in container["env"] if one["name"] != "CELERY_BROKER_URL"]
    world.put_app(app)


def change_without_revision(world: World) -> None:
    world.set_secret("redis-url", world.redis_url(key=quote(world.key("secondary"), safe="")), roll=False)


def drop_versions(world: World) -> None:
    """Let the apps refer to a secret without its version, and give it a new one."""
    for app in world.apps:
        for secret in app["properties"]["configuration"]["secrets"]:
            if secret["name"] == "redis-url":
                secret["keyVaultUrl"] = secret["keyVaultUrl"].rpartition("/")[0]
        world.put_app(app)
    vault = world.one("Microsoft.KeyVault/vaults")["id"]
    value = world.redis_url(key=quote(world.key("secondary"), safe=""))
    world.call("PUT", f"{vault}/secrets/redis-url", {"properties": {"value": value}})


def give_a_rule_an_identity(world: World) -> None:
    """Write a scale rule as if its type knew managed identities."""
    app = world.web
    (identity,) = app["identity"]["userAssignedIdentities"]
    metadata = {"host": "h", "port": "10000", "listName": "celery", "listLength": "1"}
    rule = {"name": "queue", "custom": {"type": "redis", "metadata": metadata, "identity": identity}}
    app["properties"]["template"]["scale"]["rules"] = [rule]
    world.put_app(app)


def fail_probes(world: World) -> None:
    revision = f"{world.web['id']}/revisions/{world.web['properties']['latestRevisionName']}"
    world.edit(revision, lambda one: one.update(healthState="Unhealthy", runningState="Degraded"))


def stop_cluster(world: World) -> None:
    world.edit(world.cache["id"], lambda one: one.update(resourceState="Disabled"))


def leave_key_out(world: World) -> None:
    stack = world.deployed.stack
    world.set_secret("redis-url", f"rediss://default@{stack.redis}/0?ssl_cert_reqs=required")


def leave_key_raw(world: World) -> None:
    assert "/" in world.key()
    world.set_secret("redis-url", world.redis_url(key=world.key()))


def ask_for_missing_database(world: World) -> None:
    world.set_secret("celery-broker-url", world.redis_url(database=1 if "Enterprise" in world.cache["type"] else 16))


def leave_certificate_rule_out(world: World) -> None:
    world.set_secret("celery-result-backend", world.redis_url(query=""))


def lead_elsewhere(world: World) -> None:
    world.set_secret("redis-url", world.redis_url().replace("@", "@other-"))
