"""Give the facts of a healthy stack, and ways to change them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from doctor.facts import (
    Address,
    App,
    Cache,
    Container,
    Endpoint,
    Environment,
    Facts,
    LoggedSymptom,
    Network,
    Readiness,
    Replica,
    Revision,
    Secret,
    Service,
    Stack,
    Symptom,
    Variable,
    Vault,
    VaultReference,
    Zone,
)

GROUP = "/subscriptions/s/resourceGroups/rg-shop"
NETWORK = f"{GROUP}/virtualnetworks/vnet".lower()
HOST = "red-shop.westeurope.redis.azure.net"
KEY, OTHER_KEY = "cHJpbWFyeS/rZXk+=", "c2Vjb25kYXJ5/2V5+="
URL = f"rediss://:cHJpbWFyeS%2FrZXk%2B%3D@{HOST}:10000/0?ssl_cert_reqs=required"
IDS = {
    "redis": f"{GROUP}/providers/Microsoft.Cache/redisEnterprise/red-shop".lower(),
    "vault": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-shop".lower(),
}
VAULT_HOST = "kv-shop.vault.azure.net"
SET_AT = datetime(2026, 11, 1, 8, tzinfo=UTC)
STARTED_AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
WEB, WORKER = "app-shop", "app-shop-worker"


def endpoint(target: str, group: str, zone: str, address: str) -> Endpoint:
    """Return an approved endpoint."""
    return Endpoint(
        id=f"{GROUP}/privateendpoints/pep-{target}".lower(),
        target_id=IDS[target],
        connection_id=f"{IDS[target]}/privateEndpointConnections/pep-{target}",
        groups=[group],
        status="Approved",
        subnet_id=f"{NETWORK}/subnets/snet-endpoints",
        addresses=frozenset({address}),
        zone_group_ids=[f"{GROUP}/privateendpoints/pep-{target}/privatednszonegroups/default".lower()],
        zone_ids=[f"{GROUP}/privatednszones/{zone}".lower()],
    )


def zone(name: str, record: str, address: str) -> Zone:
    """Return a zone that is linked to the apps' network."""
    return Zone(f"{GROUP}/privatednszones/{name}".lower(), frozenset({NETWORK}), {record: frozenset({address})})


def secret(name: str, value: str, *, in_vault: bool = True) -> Secret:
    """Return a secret whose value is known."""
    url = f"https://{VAULT_HOST}/secrets/{name}/1"
    reference = VaultReference(url, "principal", exists=True, enabled=True, created=SET_AT, permitted=True)
    return Secret(name, reference if in_vault else None, SecretStr(value))


def app(name: str, host: str = "") -> App:
    """Return an app with one replica that is well."""
    revision = f"{name}--0000001"
    container = Container("main", started=True, ready=True, restarts=0, state="Running")
    return App(
        id=f"{GROUP}/providers/Microsoft.App/containerApps/{name}",
        secrets=[
            *(secret(one, URL) for one in ("redis-url", "celery-broker-url", "celery-result-backend")),
            secret("redis-key", KEY),
        ],
        containers=["main"],
        variables=[
            Variable("main", "REDIS_URL", "redis-url"),
            Variable("main", "CELERY_BROKER_URL", "celery-broker-url"),
            Variable("main", "CELERY_RESULT_BACKEND", "celery-result-backend"),
        ],
        state="Succeeded",
        min_replicas=1,
        host=host,
        external=bool(host),
        modified=SET_AT,
        latest=revision,
        latest_ready=revision,
        revisions=[
            Revision(
                name=revision,
                created=STARTED_AT,
                running="Running",
                health="Healthy",
                provisioning="Provisioned",
                error="",
                replica_count=1,
                replicas=[Replica(f"{revision}-1", STARTED_AT, "Running", [container])],
            )
        ],
        logged=LoggedSymptom(None),
    )


def healthy() -> Facts:
    """Return a managed stack seen from where its vault can be read."""
    address = Address(HOST, 10000)
    cache = Cache(
        id=IDS["redis"],
        service=Service.MANAGED,
        address=address,
        size="Balanced_B0",
        replicated=True,
        state="Running",
        clustering="NoCluster",
        public_access=False,
        tls_version="1.2",
        plaintext=False,
        keys_enabled=True,
        databases=1,
        eviction_policy="NoEviction",
        memory_used=12.0,
        connections=20.0,
        most_connections=None,
        keyed_id=f"{IDS['redis']}/databases/default",
        keys={"primary": SecretStr(KEY), "secondary": SecretStr(OTHER_KEY)},
    )
    return Facts(
        stack=Stack("dev", GROUP, address, address, f"https://{VAULT_HOST}/", "https://shop.example/ready/"),
        network=Network(
            environment=Environment(f"{GROUP}/cae-shop".lower(), f"{NETWORK}/subnets/snet-apps"),
            endpoints=[
                endpoint("redis", "redisEnterprise", "privatelink.redis.azure.net", "10.0.2.4"),
                endpoint("vault", "vault", "privatelink.vaultcore.azure.net", "10.0.2.5"),
            ],
            zones=[
                zone("privatelink.redis.azure.net", "red-shop.westeurope", "10.0.2.4"),
                zone("privatelink.vaultcore.azure.net", "kv-shop", "10.0.2.5"),
            ],
        ),
        redis=cache,
        broker=cache,
        vault=Vault(IDS["vault"], f"https://{VAULT_HOST}/", public_access=False),
        apps=[app(WEB, "shop.example"), app(WORKER)],
        readiness=Readiness(200, {"database": True, "cache": True}),
    )


# -- what may be otherwise


def with_apps(facts: Facts, **changes: Any) -> Facts:
    """Return the facts with every app changed."""
    return replace(facts, apps=[replace(one, **changes) for one in facts.apps])


def with_secret(facts: Facts, name: str, value: Any) -> Facts:
    """Return the facts with another value of a secret in every app, or an unknown one."""
    return replace(
        facts,
        apps=[
            replace(one, secrets=[replace(s, value=value) if s.name == name else s for s in one.secrets])
            for one in facts.apps
        ],
    )


def with_cache(facts: Facts, **changes: Any) -> Facts:
    """Return the facts with the cache changed."""
    assert isinstance(facts.redis, Cache)
    cache = replace(facts.redis, **changes)
    return replace(facts, redis=cache, broker=cache)


def suffering(facts: Facts, symptom: Symptom) -> Facts:
    """Return the facts with apps that cannot use Redis and log why."""
    return replace(
        with_apps(facts, logged=LoggedSymptom(symptom)), readiness=Readiness(503, {"database": True, "cache": False})
    )
