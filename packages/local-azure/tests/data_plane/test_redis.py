"""Caches are real Redis servers, used by the real clients from within the network as on Azure."""

import argparse
import json
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from data_plane.redis_fixture import ALL, RedisFixture, url
from local_azure.cli import fault_commands
from local_azure.data_plane.redis import process
from local_azure.system.paths import Home
from modules.landscape import endpoint_properties

MANAGED = "red.westeurope.redis.azure.net"
CLASSIC = "classic.redis.cache.windows.net"
CLASSIC_ZONE = "privatelink.redis.cache.windows.net"


@pytest.fixture(scope="module")
def redis_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisFixture]:
    """Yield a managed and a classic cache, each with a private endpoint that the network resolves."""
    redis_fixture = RedisFixture(tmp_path_factory.mktemp("home"))
    try:
        redis_fixture.with_network().with_cache().with_zone().with_endpoint()
        add_zone_group(redis_fixture, redis_fixture.endpoint, redis_fixture.zone)
        redis_fixture.put(
            redis_fixture.classic,
            {"sku": {"name": "Standard", "family": "C", "capacity": 1}, "publicNetworkAccess": "Disabled"},
        )
        zone = redis_fixture.zone.replace("privatelink.redis.azure.net", CLASSIC_ZONE)
        redis_fixture.put(zone, location="global")
        redis_fixture.put(
            f"{zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": redis_fixture.vnet}}, location="global"
        )
        endpoint = f"{redis_fixture.endpoint}-classic"
        redis_fixture.put(
            endpoint, endpoint_properties(redis_fixture.endpoints_subnet, redis_fixture.classic, "redisCache")
        )
        add_zone_group(redis_fixture, endpoint, zone)
        redis_fixture.settle()
        assert redis_fixture.redis.failures == {}
        yield redis_fixture
    finally:
        redis_fixture.close()


def add_zone_group(redis_fixture: RedisFixture, endpoint: str, zone: str) -> None:
    config = {"name": "one", "properties": {"privateDnsZoneId": zone}}
    redis_fixture.put(f"{endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None)


def direct(redis_fixture: RedisFixture, host: str, key: str | None, **options: object) -> redis.Redis:
    """Return a client of this process, at the server's real port."""
    [port] = [local for azure, local in redis_fixture.redis.ports[host].items() if azure in (10000, 6380)]
    return redis.Redis(
        host="127.0.0.1",
        port=port,
        password=key,
        ssl=True,
        ssl_ca_certs=str(redis_fixture.home / "tls" / "ca.pem"),
        retry=None,
        decode_responses=True,
        **options,
    )


# -- the story


def test_the_storys_urls_fail_and_ours_works_by_every_client(redis_fixture: RedisFixture) -> None:
    [key, _] = redis_fixture.keys(redis_fixture.classic)
    assert "/" in key, "the keys of the local Azure all hold one"
    ours = url(CLASSIC, 6380, key)
    without_key = f"rediss://default@{CLASSIC}:6380/0?ssl_cert_reqs=required"
    raw_key = f"rediss://:{key}@{CLASSIC}:6380/0?ssl_cert_reqs=required"
    told = redis_fixture.outcomes(*[(client, item) for client in ALL for item in (ours, without_key, raw_key)])
    for client in ALL:
        assert told[client, ours] == "works", client
        assert "AuthenticationError" in told[client, without_key], client
        assert told[client, raw_key] != "works", client
    # What stands before the key's first slash is taken for a port of this host; seldom it can be one, or is nothing.
    port, _, _ = key.partition("/")
    is_port = not port or (port.isdecimal() and int(port) < 2**16)
    assert ("ConnectionRefusedError" if is_port else "ValueError") in told["redis-py", raw_key]


def test_every_client_works_on_managed_redis_with_either_key(redis_fixture: RedisFixture) -> None:
    uses = [(client, url(MANAGED, 10000, key)) for client in ALL for key in redis_fixture.keys(redis_fixture.database)]
    assert set(redis_fixture.outcomes(*uses).values()) == {"works"}


def test_databases_are_as_the_service_has_them(redis_fixture: RedisFixture) -> None:
    managed, classic = redis_fixture.keys(redis_fixture.database)[0], redis_fixture.keys(redis_fixture.classic)[0]
    on_managed = url(MANAGED, 10000, managed, 1)
    on_classic = [url(CLASSIC, 6380, classic, database) for database in (1, 15, 16)]
    told = redis_fixture.outcomes(*[("redis-py", item) for item in (on_managed, *on_classic)], ("kombu", on_managed))
    assert list(told.values()) == ["ResponseError", "works", "works", "ResponseError", told["kombu", on_managed]]
    assert "ResponseError" in told["kombu", on_managed]


def test_without_the_local_authority_there_is_no_connection(redis_fixture: RedisFixture) -> None:
    ours = url(MANAGED, 10000, redis_fixture.keys(redis_fixture.database)[0])
    assert "SSLCertVerificationError" in redis_fixture.outcome(ours, trusts=False)


def test_the_certificate_is_for_the_host_name_alone(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.database)[0]
    address = redis_fixture.get(redis_fixture.endpoint).properties["customDnsConfigs"][0]["ipAddresses"][0]
    for host in (address, MANAGED.replace(".redis", ".privatelink.redis")):
        assert "SSLCertVerificationError" in redis_fixture.outcome(url(host, 10000, key)), host


def test_there_is_no_plaintext_port(redis_fixture: RedisFixture) -> None:
    key = quote(redis_fixture.keys(redis_fixture.classic)[0], safe="")
    plain = [f"redis://:{key}@{CLASSIC}:{port}/0" for port in (6379, 6380)]
    assert all(
        "works" not in outcome for outcome in redis_fixture.outcomes(*[("redis-py", item) for item in plain]).values()
    )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_the_tls_floor_is_that_of_the_resource(redis_fixture: RedisFixture) -> None:
    assert tls_version(redis_fixture, CLASSIC, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        tls_version(redis_fixture, CLASSIC, ssl.TLSVersion.TLSv1_1)
    properties = redis_fixture.get(redis_fixture.classic).properties
    redis_fixture.put(redis_fixture.classic, {**properties, "minimumTlsVersion": "1.1"})
    redis_fixture.settle()
    try:
        assert tls_version(redis_fixture, CLASSIC, ssl.TLSVersion.TLSv1_1) == "TLSv1.1"
    finally:
        redis_fixture.put(redis_fixture.classic, properties)
        redis_fixture.settle()
    with pytest.raises(ssl.SSLError):
        tls_version(redis_fixture, CLASSIC, ssl.TLSVersion.TLSv1_1)


def tls_version(redis_fixture: RedisFixture, host: str, version: ssl.TLSVersion) -> str | None:
    """Return the version that a client gets which wants this one alone."""
    context = ssl.create_default_context(cafile=str(redis_fixture.home / "tls" / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else OpenSSL itself wants no old version
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", redis_fixture.redis.ports[host][6380])) as raw,
        context.wrap_socket(raw, server_hostname=host) as encrypted,
    ):
        return encrypted.version()


@pytest.mark.parametrize("command", ["CONFIG GET *", "SAVE", "BGSAVE", "DEBUG SLEEP 0", "SHUTDOWN", "REPLICAOF a 1"])
def test_commands_that_azure_blocks_are_unknown(redis_fixture: RedisFixture, command: str) -> None:
    for host, resource in ((MANAGED, redis_fixture.database), (CLASSIC, redis_fixture.classic)):
        with pytest.raises(redis.ResponseError, match="unknown command"):
            direct(redis_fixture, host, redis_fixture.keys(resource)[0]).execute_command(*command.split())


@pytest.mark.parametrize("command", ["ACL LIST", "ACL SETUSER x on", "MODULE LOAD /x", "CLUSTER RESET"])
def test_a_client_cannot_change_users_modules_or_the_cluster(redis_fixture: RedisFixture, command: str) -> None:
    with pytest.raises(redis.ResponseError):
        direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).execute_command(*command.split())


def test_memory_policy_and_clients_follow_the_size(redis_fixture: RedisFixture) -> None:
    info = direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).info("memory")
    assert info["maxmemory"] == int(0.5 * 0.8 * 1024**3)
    assert info["maxmemory_policy"] == "volatile-lru"
    classic = direct(redis_fixture, CLASSIC, redis_fixture.keys(redis_fixture.classic)[0])
    assert classic.info("memory")["maxmemory"] == 1024**3
    assert classic.info("clients")["maxclients"] == 1000


# -- changes


def test_a_changed_size_and_policy_take_effect_without_a_restart(redis_fixture: RedisFixture) -> None:
    client = direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0])
    process = client.info("server")["process_id"]
    redis_fixture.put(redis_fixture.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": "Balanced_B1"})
    properties = redis_fixture.get(redis_fixture.database).properties
    redis_fixture.put(redis_fixture.database, {**properties, "evictionPolicy": "NoEviction"}, location=None)
    redis_fixture.settle()
    memory = client.info("memory")
    assert (memory["maxmemory"], memory["maxmemory_policy"]) == (int(0.8 * 1024**3), "noeviction")
    assert client.info("server")["process_id"] == process


def test_a_regenerated_key_is_dead_at_once_and_the_other_is_not(redis_fixture: RedisFixture) -> None:
    old, other = redis_fixture.keys(redis_fixture.database)
    held = direct(redis_fixture, MANAGED, old, single_connection_client=True)
    assert held.ping()
    redis_fixture.action(redis_fixture.database, "regenerateKey", {"keyType": "Primary"})
    redis_fixture.settle()
    new = redis_fixture.keys(redis_fixture.database)[0]
    told = redis_fixture.outcomes(*[("redis-py", url(MANAGED, 10000, key)) for key in (old, other, new)])
    assert list(told.values()) == ["AuthenticationError", "works", "works"]
    assert held.ping(), "a connection that was open stays, as in Redis itself"


def test_without_key_authentication_every_key_is_refused_and_open_connections_are_cut(
    redis_fixture: RedisFixture,
) -> None:
    key = redis_fixture.keys(redis_fixture.classic)[0]
    held = direct(redis_fixture, CLASSIC, key, single_connection_client=True)
    assert held.ping()
    properties = redis_fixture.get(redis_fixture.classic).properties
    redis_fixture.put(redis_fixture.classic, {**properties, "disableAccessKeyAuthentication": True})
    redis_fixture.settle()
    try:
        with pytest.raises(redis.ConnectionError):
            held.ping()
        assert redis_fixture.outcome(url(CLASSIC, 6380, key)) == "AuthenticationError"
    finally:
        redis_fixture.put(redis_fixture.classic, properties)
        redis_fixture.settle()
    assert redis_fixture.outcome(url(CLASSIC, 6380, key)) == "works"


def test_data_and_port_outlive_a_stop_and_the_key_is_never_on_disk(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.database)[0]
    client = direct(redis_fixture, MANAGED, key)
    client.set("kept", "yes")
    ports = dict(redis_fixture.redis.ports)
    redis_fixture.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    redis_fixture.start()
    redis_fixture.settle()
    assert redis_fixture.redis.ports == ports
    assert direct(redis_fixture, MANAGED, key).get("kept") == "yes"
    secret = key.encode()
    files = [file for file in (redis_fixture.home / "redis").rglob("*") if file.is_file()]
    assert len(files) > 4
    assert not any(secret in file.read_bytes() for file in files)
    assert not any(file.stat().st_mode & 0o077 for file in files if file.name in ("redis.conf", "cache.json"))


def test_a_server_that_was_killed_comes_again(redis_fixture: RedisFixture) -> None:
    client = direct(redis_fixture, CLASSIC, redis_fixture.keys(redis_fixture.classic)[0])
    process = client.info("server")["process_id"]
    os.kill(process, signal.SIGKILL)
    redis_fixture.run(_gone(process))
    redis_fixture.settle()
    assert (
        direct(redis_fixture, CLASSIC, redis_fixture.keys(redis_fixture.classic)[0]).info("server")["process_id"]
        != process
    )


async def _gone(process: int) -> None:
    import asyncio

    while Path(f"/proc/{process}").exists():
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)


def test_a_port_that_another_has_taken_is_replaced(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.classic)[0]
    port = redis_fixture.redis.ports[CLASSIC][6380]
    redis_fixture.stop()
    with socket.create_server(("127.0.0.1", port)):
        redis_fixture.start()
        redis_fixture.settle()
        assert redis_fixture.redis.ports[CLASSIC][6380] != port
        assert redis_fixture.outcome(url(CLASSIC, 6380, key)) == "works"


def test_leftovers_of_a_killed_data_plane_give_way(tmp_path: Path) -> None:
    redis_fixture = RedisFixture(tmp_path)
    try:
        redis_fixture.with_network().with_cache()
        redis_fixture.settle()
        recorded = json.loads((tmp_path / "processes.json").read_text())
        ports = dict(redis_fixture.redis.ports)
        redis_fixture.start()
        redis_fixture.settle()
        assert not Path(f"/proc/{recorded[0]['pid']}").exists()
        assert redis_fixture.redis.ports == ports
        assert direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).ping()
    finally:
        redis_fixture.close()


def test_connections_are_cut_when_the_endpoint_is_no_longer_approved(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.database)[0]
    held = direct(redis_fixture, MANAGED, key, single_connection_client=True)
    assert held.ping()
    endpoint = redis_fixture.get(redis_fixture.endpoint)
    state = endpoint.properties["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"]
    try:
        for status in ("Rejected", "Approved"):
            state["status"] = status
            with redis_fixture.model.store.transaction() as transaction:
                transaction.save(endpoint)
            redis_fixture.settle()
            if status == "Rejected":
                with pytest.raises(redis.ConnectionError):
                    held.ping()
                assert "works" not in redis_fixture.outcome(url(MANAGED, 10000, key))
    finally:
        assert redis_fixture.outcome(url(MANAGED, 10000, key)) == "works"


def test_an_unlinked_zone_leads_to_the_public_address_which_refuses(redis_fixture: RedisFixture) -> None:
    ours = url(MANAGED, 10000, redis_fixture.keys(redis_fixture.database)[0])
    assert redis_fixture.outcome(ours, network=None) == "ConnectionError ConnectionRefusedError"
    link = f"{redis_fixture.zone}/virtualNetworkLinks/vnet"
    redis_fixture.delete(link)
    redis_fixture.settle()
    try:
        assert redis_fixture.outcome(ours) == "ConnectionError ConnectionRefusedError"
    finally:
        redis_fixture.put(link, {"virtualNetwork": {"id": redis_fixture.vnet}}, location="global")
        redis_fixture.settle()
    assert redis_fixture.outcome(ours) == "works"


# -- faults


@contextmanager
def fault(redis_fixture: RedisFixture, *arguments: str) -> Iterator[None]:
    """Yield a fault that `./local faults` puts in and takes out."""
    parser = argparse.ArgumentParser()
    fault_commands.add_parser(parser.add_subparsers())
    home = Home(redis_fixture.home)
    assert fault_commands.run(home, parser.parse_args(["faults", "add", *arguments])) == 0
    redis_fixture.settle()
    try:
        yield
    finally:
        fault_commands.run(home, parser.parse_args(["faults", "clear"]))
        redis_fixture.settle()


def test_a_redis_that_is_down_refuses_and_then_has_what_it_had(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.classic)[0]
    ours, other = url(CLASSIC, 6380, key), url(MANAGED, 10000, redis_fixture.keys(redis_fixture.database)[0])
    held = direct(redis_fixture, CLASSIC, key, single_connection_client=True)
    held.set("before", "1")
    with fault(redis_fixture, "redis-down", "--name", "classic"):
        with pytest.raises(redis.ConnectionError):
            held.ping()
        told = redis_fixture.outcomes(("redis-py", ours), ("redis-py", other))
        assert list(told.values()) == ["ConnectionError ConnectionRefusedError", "works"]
        assert [item.port for item in redis_fixture.redis.running if item.host == CLASSIC] == [0]
    assert direct(redis_fixture, CLASSIC, key).get("before") == "1"


def test_a_redis_that_is_full_takes_no_value_until_it_has_room_again(redis_fixture: RedisFixture) -> None:
    key = redis_fixture.keys(redis_fixture.database)[0]
    client = direct(redis_fixture, MANAGED, key)
    client.set("before", "1")
    with fault(redis_fixture, "redis-full", "--resource", redis_fixture.cache):
        with pytest.raises(redis.OutOfMemoryError):
            client.set("more", "1")
        assert client.get("before") == "1"
        told = redis_fixture.outcomes(*[(item, url(MANAGED, 10000, key)) for item in ALL])
        assert all("OutOfMemoryError" in item for item in told.values()), told
    assert client.set("more", "1")


# -- cluster policies and the end


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[RedisFixture]:
    """Yield a managed cache that is still without a cluster."""
    redis_fixture = RedisFixture(tmp_path)
    try:
        redis_fixture.with_network().with_cache().with_zone().with_endpoint()
        add_zone_group(redis_fixture, redis_fixture.endpoint, redis_fixture.zone)
        redis_fixture.settle()
        yield redis_fixture
    finally:
        redis_fixture.close()


def become(redis_fixture: RedisFixture, policy: str, size: str = "Balanced_B0") -> str:
    """Give the cache a size and a clustering policy; its key."""
    redis_fixture.put(redis_fixture.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": size})
    redis_fixture.put(
        redis_fixture.database, {"accessKeysAuthentication": "Enabled", "clusteringPolicy": policy}, location=None
    )
    redis_fixture.settle()
    assert redis_fixture.redis.failures == {}
    return redis_fixture.keys(redis_fixture.database)[0]


NAMES = list("abcdefgh")
CLUSTER_CLIENT = """
import json, redis, sys
cluster = redis.RedisCluster.from_url(sys.stdin.read(), decode_responses=True)
before = [cluster.get(name) for name in "abcdefgh"]
cluster.mset_nonatomic({name: name for name in "abcdefgh"})
print(json.dumps([before, sorted([node.host, node.port] for node in cluster.get_nodes())]))
"""


def use_cluster(redis_fixture: RedisFixture, url: str) -> tuple[list[str | None], list[list[Any]]]:
    """Return what a client that knows clusters finds under the names, before it writes each under itself; and the
    nodes."""
    before, nodes = json.loads(redis_fixture.python(CLUSTER_CLIENT, redis_fixture.vnet, url))
    return before, nodes


def test_a_small_cluster_of_the_open_source_policy_is_one_server_and_refuses_to_cross_slots(
    clustered: RedisFixture,
) -> None:
    direct(clustered, MANAGED, clustered.keys(clustered.database)[0]).set("before", "1")
    key = become(clustered, "OSSCluster")
    client = direct(clustered, MANAGED, key)
    assert client.get("before") == "1"
    with pytest.raises(redis.ResponseError, match="same slot"):
        client.mget("a", "b")
    ours = url(MANAGED, 10000, key)
    assert use_cluster(clustered, ours) == ([None] * 8, [[MANAGED, 8500]])
    assert use_cluster(clustered, ours) == (NAMES, [[MANAGED, 8500]])


def test_a_cluster_of_the_open_source_policy_sends_ordinary_clients_elsewhere(clustered: RedisFixture) -> None:
    old = direct(clustered, MANAGED, clustered.keys(clustered.database)[0])
    for name in NAMES:
        old.set(name, "before")
    key = become(clustered, "OSSCluster", "Balanced_B3")
    ours, nodes = url(MANAGED, 10000, key), [[MANAGED, 8500], [MANAGED, 8501]]
    assert use_cluster(clustered, ours) == (["before"] * 8, nodes)
    client = direct(clustered, MANAGED, key)
    with pytest.raises(redis.ResponseError, match=f"{MANAGED}:8501"):  # redis-py leaves the word MOVED out
        set_all(client, [f"key-{number}" for number in range(20)])
    assert "works" not in clustered.outcomes(("kombu", ours))["kombu", ours]

    # A new key, a stop, and the end of one server concern all of them.
    clustered.action(clustered.database, "regenerateKey", {"keyType": "Primary"})
    clustered.settle()
    ours = url(MANAGED, 10000, clustered.keys(clustered.database)[0])
    assert use_cluster(clustered, ours) == (NAMES, nodes)
    clustered.stop()
    clustered.start()
    clustered.settle()
    assert clustered.redis.failures == {}
    assert use_cluster(clustered, ours) == (NAMES, nodes)
    [second] = [item["pid"] for item in processes(clustered) if item["label"] == f"redis {MANAGED} 1"]
    os.kill(second, signal.SIGKILL)
    clustered.run(_gone(second))
    clustered.settle()
    assert clustered.redis.failures == {}
    assert use_cluster(clustered, ours)[1] == nodes


def set_all(client: redis.Redis, names: list[str]) -> None:
    """Write each name."""
    for name in names:
        client.set(name, "1")


def processes(redis_fixture: RedisFixture) -> list[dict[str, Any]]:
    """Return the processes that the data plane has started."""
    return json.loads((redis_fixture.home / "processes.json").read_text())


def test_the_enterprise_policy_looks_like_one_server_and_refuses_transactions_across_slots(
    clustered: RedisFixture,
) -> None:
    key = become(clustered, "EnterpriseCluster", "Balanced_B3")
    client = direct(clustered, MANAGED, key)
    assert client.set("a", "1")
    pipeline = client.pipeline(transaction=True)
    pipeline.set("a", "2")
    pipeline.set("b", "2")
    with pytest.raises(redis.ResponseError, match=r"CROSSSLOT|same slot"):
        pipeline.execute()
    with pytest.raises(redis.ResponseError):
        client.execute_command("CLUSTER", "SLOTS")
    ours = url(MANAGED, 10000, key)
    outcomes = clustered.outcomes(("redis-py", ours), ("kombu", ours))
    assert outcomes["redis-py", ours] == "works"
    assert "works" not in outcomes["kombu", ours]


def test_a_deleted_cache_is_gone_with_its_data_and_its_name_starts_anew(tmp_path: Path) -> None:
    redis_fixture = RedisFixture(tmp_path)
    try:
        redis_fixture.with_network().with_cache()
        redis_fixture.settle()
        client = direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0])
        client.set("secret", "1")
        redis_fixture.delete(redis_fixture.cache)
        redis_fixture.settle()
        assert redis_fixture.redis.ports == {}
        assert list((tmp_path / "redis").iterdir()) == []
        with pytest.raises(redis.ConnectionError):
            client.ping()
        redis_fixture.with_cache()
        redis_fixture.settle()
        # Deleted and made again while nothing runs.
        direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).set("secret", "1")
        redis_fixture.stop()
        redis_fixture.delete(redis_fixture.cache)
        redis_fixture.with_cache()
        redis_fixture.start()
        redis_fixture.settle()
        assert direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).get("secret") is None
    finally:
        redis_fixture.close()


def test_a_resize_without_high_availability_loses_all_data(tmp_path: Path) -> None:
    redis_fixture = RedisFixture(tmp_path)
    try:
        redis_fixture.with_network()
        given = {"publicNetworkAccess": "Disabled", "highAvailability": "Disabled"}
        redis_fixture.put(redis_fixture.cache, given, sku={"name": "Balanced_B0"})
        redis_fixture.put(
            redis_fixture.database, {"accessKeysAuthentication": "Enabled", "clusteringPolicy": "NoCluster"}
        )
        redis_fixture.settle()
        key = redis_fixture.keys(redis_fixture.database)[0]
        direct(redis_fixture, MANAGED, key).set("task", "1")
        redis_fixture.put(redis_fixture.cache, given, sku={"name": "Balanced_B1"})
        redis_fixture.settle()
        client = direct(redis_fixture, MANAGED, key)
        assert client.get("task") is None
        assert client.info("memory")["maxmemory"] == int(0.8 * 1024**3)
    finally:
        redis_fixture.close()


# -- what goes wrong


@pytest.mark.parametrize("wrong", ["no program", "old program", "broken data"])
def test_why_a_server_does_not_run_is_told_and_it_runs_once_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    redis_fixture = RedisFixture(tmp_path)
    try:
        redis_fixture.with_network().with_cache()
        data = tmp_path / "redis" / MANAGED / "dump.rdb"
        if wrong == "broken data":
            redis_fixture.settle()
            direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).set("a", "1")
            redis_fixture.stop()
            whole = data.read_bytes()
            data.write_bytes(whole[: len(whole) // 2])
            redis_fixture.start()
        elif wrong == "no program":
            monkeypatch.setattr(process, "PROGRAM", "no-redis-server")
        else:
            monkeypatch.setattr(process, "_version", lambda _: 6)
            cluster = {"accessKeysAuthentication": "Enabled", "clusteringPolicy": "OSSCluster"}
            redis_fixture.delete(redis_fixture.database)
            redis_fixture.put(redis_fixture.database, cluster, location=None)
        redis_fixture.settle()
        [words] = redis_fixture.redis.failures.values()
        assert words.startswith(f"the Redis {MANAGED} does not run: ")
        assert {"no program": "local-azure setup", "old program": "7 or later", "broken data": "ended with code 1"}[
            wrong
        ] in words
        assert [item.details for item in redis_fixture.redis.running] == [words]
        monkeypatch.undo()
        data.unlink(missing_ok=True)
        redis_fixture.settle()
        assert redis_fixture.redis.failures == {}
        assert direct(redis_fixture, MANAGED, redis_fixture.keys(redis_fixture.database)[0]).ping()
    finally:
        redis_fixture.close()


def test_changes_and_restarts_leave_no_file_open(redis_fixture: RedisFixture) -> None:
    def change() -> None:
        redis_fixture.action(redis_fixture.classic, "regenerateKey", {"keyType": "Secondary"})
        redis_fixture.settle()
        with fault(redis_fixture, "redis-down", "--name", "classic"):
            pass

    change()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        change()
    assert len(os.listdir("/proc/self/fd")) <= before
