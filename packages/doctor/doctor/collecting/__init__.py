"""Collect the facts of a stack, with as many requests at once as possible."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from doctor.client import Client, RefusedError, UnreachableError, known
from doctor.collecting import apps, network, readiness, redis, vault
from doctor.errors import CannotLookError
from doctor.facts import Absent, Address, Cache, Facts, Network, Stack
from doctor.stack import not_deployed
from doctor.values import JsonObject, text

_CONTRACT_TAGS = ("app", "environment")


def collect(client: Client, stack: Stack) -> Facts:
    """Return everything that can be known of a stack, in three rounds of requests.

    Raises:
        CannotLookError: when the stack's apps cannot be read, without which there is nothing to say.
    """
    if stack.missing:
        return _unfinished(client, stack)
    with ThreadPoolExecutor(8) as pool:
        listed_apps = pool.submit(app_bodies, client, stack)
        listed_zones = pool.submit(_listed, client, stack, "Microsoft.Network/privateDnsZones")
        listed_endpoints = pool.submit(_listed, client, stack, "Microsoft.Network/privateEndpoints")
        listed_vaults = pool.submit(_listed, client, stack, "Microsoft.KeyVault/vaults")
        listed_caches = [pool.submit(_listed, client, stack, kind) for kind in redis.TYPES]
        answer = pool.submit(readiness.ask, stack.readiness_url)
        bodies = listed_apps.result()
        vault_body = _vault_body(listed_vaults.result(), stack)
        caches = [one.result() for one in listed_caches]
        redis_body, broker_body = (_cache_body(caches, address) for address in (stack.redis, stack.broker))
        zones = listed_zones.result()
    targets = [one for one in (redis_body, broker_body, vault_body) if not isinstance(one, Absent)]
    # The references have a pool of their own, because the apps' requests wait for them.
    with ThreadPoolExecutor(1) as vault_pool, ThreadPoolExecutor(16) as pool:
        environment = pool.submit(network.environment, client, _environment_id(bodies))
        endpoints = pool.submit(network.endpoints, client, targets, listed_endpoints.result())
        found_redis = pool.submit(_cache, client, redis_body)
        found_broker = found_redis if broker_body is redis_body else pool.submit(_cache, client, broker_body)
        wanted = {one for body in bodies for one in apps.references_of(body)}
        referred = vault_pool.submit(vault.referred, client, vault_body, wanted)
        found_apps = [pool.submit(apps.app, client, body, lambda one: referred.result()[one]) for body in bodies]

        listed = endpoints.result()
        found_zones = network.zones(client, zones, listed)
        found_environment = environment.result()
        if not isinstance(found_environment, Absent) and not isinstance(listed, Absent):
            found_environment = network.with_peers(client, found_environment, listed)
        return Facts(
            stack=stack,
            network=Network(found_environment, listed, found_zones),
            redis=found_redis.result(),
            broker=found_broker.result(),
            vault=vault_body if isinstance(vault_body, Absent) else vault.vault(vault_body),
            apps=[one.result() for one in found_apps],
            readiness=answer.result(),
        )


def _unfinished(client: Client, stack: Stack) -> Facts:
    """Return what is known of a stack whose first deployment did not finish: its caches.

    Raises:
        CannotLookError: when none of them is in a failed state, so that nothing can be said.
    """
    unknown = Absent("the first deployment did not finish")
    bodies = [_listed(client, stack, kind) for kind in redis.TYPES]
    found = [redis.cache(client, one) for listed in bodies if not isinstance(listed, Absent) for one in listed]
    broken = [one for one in found if isinstance(one, Cache) and one.failed]
    if not broken:
        raise not_deployed(stack.name, stack.missing)
    return Facts(stack, Network(unknown, unknown, unknown), broken[0], broken[-1], unknown, [], unknown)


def app_bodies(client: Client, stack: Stack) -> list[JsonObject]:
    """Return the stack's apps: the one at its address, and those in its group with the same tags."""
    try:
        listed = client.list(f"{stack.group_id}/providers/Microsoft.App/containerApps")
    except (RefusedError, UnreachableError) as error:
        raise CannotLookError(
            f"the container apps of {stack.group_id} cannot be read ({error}): the caller needs the role Reader there"
        ) from None
    host = stack.readiness_url.partition("://")[2].partition("/")[0].lower()
    web = next((one for one in listed if apps.host_of(one).lower() == host), None)
    if web is None:
        raise CannotLookError(
            f"no container app of {stack.group_id} is served at {host}: restore it with "
            f"`pulumi up --refresh --stack {stack.name}`"
        )
    tags = _tags(web)
    return [one for one in listed if one is web or (any(tags) and _tags(one) == tags)]


def _tags(body: JsonObject) -> list[str]:
    return [text(body, f"tags.{name}") for name in _CONTRACT_TAGS]


def _listed(client: Client, stack: Stack, kind: str) -> list[JsonObject] | Absent:
    return known(partial(client.list, f"{stack.group_id}/providers/{kind}"))


def _environment_id(bodies: Sequence[JsonObject]) -> str:
    return next((found for body in bodies if (found := apps.environment_of(body))), "")


def _cache_body(listed: Sequence[list[JsonObject] | Absent], address: Address) -> JsonObject | Absent:
    for bodies in listed:
        for body in [] if isinstance(bodies, Absent) else bodies:
            if text(body, "properties.hostName").lower() == address.host.lower():
                return body
    unknown = [one for one in listed if isinstance(one, Absent)]
    return (
        unknown[0] if unknown else Absent(f"there is no cache {address.host} in the stack's resource group", gone=True)
    )


def _vault_body(listed: list[JsonObject] | Absent, stack: Stack) -> JsonObject | Absent:
    if isinstance(listed, Absent):
        return listed
    wanted = stack.vault_uri.rstrip("/").lower()
    found = (one for one in listed if text(one, "properties.vaultUri").rstrip("/").lower() == wanted)
    return next(found, None) or Absent(f"there is no vault {wanted} in the stack's resource group", gone=True)


def _cache(client: Client, body: JsonObject | Absent) -> Cache | Absent:
    return body if isinstance(body, Absent) else redis.cache(client, body)
