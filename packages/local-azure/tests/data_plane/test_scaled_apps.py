"""Replicas come and go with the work there is: by the keys of a real Redis, and by requests."""

import ssl
from typing import Any

import redis

from data_plane.plane import Plane, probe, wait_until

LIST = "celery:celery"
SPEEDUP = 60


def put_cache(plane: Plane) -> str:
    """Return a cache that the internet reaches; its key."""
    plane.put(
        "Microsoft.Cache/redisEnterprise",
        "redis-scale",
        {"publicNetworkAccess": "Enabled", "minimumTlsVersion": "1.2"},
        sku={"name": "Balanced_B0"},
    )
    database = plane.id("Microsoft.Cache/redisEnterprise", "redis-scale").child("databases", "default")
    properties = {
        "port": 10000,
        "clusteringPolicy": "NoCluster",
        "clientProtocol": "Encrypted",
        "accessKeysAuthentication": "Enabled",
    }
    plane.model.put(database, {"properties": properties})
    return str(plane.model.action(database, "listKeys")["primaryKey"])


def put_worker(plane: Plane, key: str, name: str = "worker", identity: str = "", **metadata: str) -> None:
    """Create a worker that scales on the list's length, one replica for ten entries."""
    rule = {
        "name": "queue",
        "custom": {
            "type": "redis",
            "metadata": {
                "address": "redis-scale.westeurope.redis.azure.net:10000",
                "listName": LIST,
                "listLength": "10",
                "enableTLS": "true",
                **metadata,
            },
            **({"identity": identity} if identity else {}),
            "auth": [{"secretRef": "redis-key", "triggerParameter": "password"}],
        },
    }
    scale = {"minReplicas": 0, "maxReplicas": 3, "rules": [rule]}
    envelope = {"identity": {"type": "SystemAssigned"}} if identity else None
    plane.put_app(name, secrets={"redis-key": key}, scale=scale, envelope=envelope)


def client(plane: Plane, key: str) -> "redis.Redis[Any]":
    """Return a client of the cache's server."""

    def port() -> int:
        from local_azure.status import runtime_status

        told = runtime_status.read(plane.home)
        return told.caches[0].port if told and told.caches else 0

    found = wait_until(port, "the cache's server")
    return redis.Redis(
        host="127.0.0.1",
        port=found,
        password=key,
        ssl=True,
        ssl_ca_certs=str(plane.home / "tls" / "ca.pem"),
        ssl_min_version=ssl.TLSVersion.TLSv1_2,
    )


def test_a_worker_comes_up_from_zero_with_its_queue_and_goes_down_again(plane: Plane) -> None:
    plane.set_option(speedup=SPEEDUP)
    key = put_cache(plane)
    queue = client(plane, key)
    put_worker(plane, key)
    plane.replicas("worker--0000001", 1)
    wait_until(lambda: plane.is_gone("worker--0000001"), "its end without work")
    assert _state(plane, "worker--0000001") == "ScaledToZero"
    queue.rpush(LIST, *range(25))
    plane.replicas("worker--0000001", 3)
    assert _state(plane, "worker--0000001") == "RunningAtMaxScale"
    queue.delete(LIST)
    queue.hset(LIST, mapping={str(number): "x" for number in range(15)})
    plane.replicas("worker--0000001", 2)
    queue.delete(LIST)
    wait_until(lambda: plane.is_gone("worker--0000001"), "its end after the work")


def test_a_list_of_one_priority_counts_by_its_own_name_alone(plane: Plane) -> None:
    """Kombu keeps messages of another priority than 0 in lists whose names have two control characters in them."""
    plane.set_option(speedup=SPEEDUP)
    key = put_cache(plane)
    queue = client(plane, key)
    urgent = f"{LIST}\x06\x163"
    queue.rpush(urgent, *range(25))
    put_worker(plane, key, "all", listName=LIST)
    put_worker(plane, key, "urgent", listName=urgent)
    plane.replicas("urgent--0000001", 3)
    wait_until(lambda: plane.is_gone("all--0000001"), "its end: no rule of its counts the other list")
    queue.delete(urgent)


def test_a_rule_with_an_identity_reaches_the_scaler_without_its_metadata(plane: Plane) -> None:
    plane.set_option(speedup=SPEEDUP)
    put_worker(plane, "key", "identified", identity="system")
    wait_until(lambda: "no address" in plane.events("identified"), "the reason")


def test_a_rule_with_a_dead_key_starts_nothing_and_says_so_without_the_key(plane: Plane) -> None:
    plane.set_option(speedup=SPEEDUP)
    put_worker(plane, "d3ad/key=", "dead")
    wait_until(lambda: "WRONGPASS" in plane.events("dead"), "the reason")
    assert "d3ad" not in plane.events("dead")
    put_worker(plane, "d3ad/key=", "astray", address="no-such-cache.westeurope.redis.azure.net:10000")
    wait_until(lambda: "no-such-cache" in plane.events("astray"), "the reason")


def test_a_request_brings_an_app_up_from_zero_and_waits_for_it(plane: Plane) -> None:
    plane.set_option(speedup=SPEEDUP)
    ingress = {"external": True, "targetPort": 8000}
    probes = [probe("Startup"), probe("Readiness")]
    plane.put_app("web", ingress=ingress, scale={"minReplicas": 0}, probes=probes)
    plane.replicas("web--0000001")
    wait_until(lambda: plane.is_gone("web--0000001"), "its end without requests")
    status, _ = plane.request("web")
    assert status == 200


def _state(plane: Plane, revision: str) -> str:
    told = plane.revision(revision)
    return told.state if told else ""
