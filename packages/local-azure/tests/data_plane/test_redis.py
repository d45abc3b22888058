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

from data_plane.redis_world import ALL, RedisFixture, url
from local_azure.cli import fault_commands
from local_azure.data_plane.redis import process
from local_azure.system.paths import Home
from modules.landscape import endpoint_properties

MANAGED = "red.westeurope.redis.azure.net"
CLASSIC = "classic.redis.cache.windows.net"
CLASSIC_ZONE = "privatelink.redis.cache.windows.net"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisFixture]:
    """A managed and a classic cache, each with a private endpoint that the network resolves."""
    world = RedisFixture(tmp_path_factory.mktemp("home"))
    try:
        world.with_network().with_cache().with_zone().with_endpoint()
        add_zone_group(world, world.endpoint, world.zone)
        world.put(
            world.classic,
            {"sku": {"name": "Standard", "family": "C", "capacity": 1}, "publicNetworkAccess": "Disabled"},
        )
        zone = world.zone.replace("privatelink.redis.azure.net", CLASSIC_ZONE)
        world.put(zone, location="global")
        world.put(f"{zone}/virtualNetworkLinks/vnet", {"virtualNetwork": {"id": world.vnet}}, location="global")
        endpoint = f"{world.endpoint}-classic"
        world.put(endpoint, endpoint_properties(world.endpoints_subnet, world.classic, "redisCache"))
        add_zone_group(world, endpoint, zone)
        world.settle()
        assert world.redis.failures == {}
        yield world
    finally:
        world.close()


def add_zone_group(world: RedisFixture, endpoint: str, zone: str) -> None:
    config = {"name": "one", "properties": {"privateDnsZoneId": zone}}
    world.put(f"{endpoint}/privateDnsZoneGroups/default", {"privateDnsZoneConfigs": [config]}, location=None)


def direct(world: RedisFixture, host: str, key: str | None, **options: object) -> redis.Redis:
    """A client of this process, at the server's real port."""
    [port] = [local for azure, local in world.redis.ports[host].items() if azure in (10000, 6380)]
    return redis.Redis(
        host="127.0.0.1",
        port=port,
        password=key,
        ssl=True,
        ssl_ca_certs=str(world.home / "tls" / "ca.pem"),
        retry=None,
        decode_responses=True,
        **options,
    )


# -- the story


def test_the_storys_urls_fail_and_ours_works_by_every_client(world: RedisFixture) -> None:
    [key, _] = world.keys(world.classic)
    assert "/" in key, "the keys of the local Azure all hold one"
    ours = url(CLASSIC, 6380, key)
    without_key = f"rediss://default@{CLASSIC}:6380/0?ssl_cert_reqs=required"
    raw_key = f"rediss://:{key}@{CLASSIC}:6380/0?ssl_cert_reqs=required"
    told = world.outcomes(*[(client, one) for client in ALL for one in (ours, without_key, raw_key)])
    for client in ALL:
        assert told[client, ours] == "works", client
        assert "AuthenticationError" in told[client, without_key], client
        assert told[client, raw_key] != "works", client
    # What stands before the key's first slash is taken for a port of this host; seldom it can be one, or is nothing.
    port, _, _ = key.partition("/")
    is_port = not port or (port.isdecimal() and int(port) < 2**16)
    assert ("ConnectionRefusedError" if is_port else "ValueError") in told["redis-py", raw_key]


def test_every_client_works_on_managed_redis_with_either_key(world: RedisFixture) -> None:
    uses = [(client, url(MANAGED, 10000, key)) for client in ALL for key in world.keys(world.database)]
    assert set(world.outcomes(*uses).values()) == {"works"}


def test_databases_are_as_the_service_has_them(world: RedisFixture) -> None:
    managed, classic = world.keys(world.database)[0], world.keys(world.classic)[0]
    on_managed = url(MANAGED, 10000, managed, 1)
    on_classic = [url(CLASSIC, 6380, classic, database) for database in (1, 15, 16)]
    told = world.outcomes(*[("redis-py", one) for one in (on_managed, *on_classic)], ("kombu", on_managed))
    assert list(told.values()) == ["ResponseError", "works", "works", "ResponseError", told["kombu", on_managed]]
    assert "ResponseError" in told["kombu", on_managed]


def test_without_the_local_authority_there_is_no_connection(world: RedisFixture) -> None:
    ours = url(MANAGED, 10000, world.keys(world.database)[0])
    assert "SSLCertVerificationError" in world.outcome(ours, trusts=False)


def test_the_certificate_is_for_the_host_name_alone(world: RedisFixture) -> None:
    key = world.keys(world.database)[0]
    address = world.get(world.endpoint).properties["customDnsConfigs"][0]["ipAddresses"][0]
    for host in (address, MANAGED.replace(".redis", ".privatelink.redis")):
        assert "SSLCertVerificationError" in world.outcome(url(host, 10000, key)), host


def test_there_is_no_plaintext_port(world: RedisFixture) -> None:
    key = quote(world.keys(world.classic)[0], safe="")
    plain = [f"redis://:{key}@{CLASSIC}:{port}/0" for port in (6379, 6380)]
    assert all("works" not in one for one in world.outcomes(*[("redis-py", one) for one in plain]).values())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_the_tls_floor_is_that_of_the_resource(world: RedisFixture) -> None:
    assert tls_version(world, CLASSIC, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        tls_version(world, CLASSIC, ssl.TLSVersion.TLSv1_1)
    properties = world.get(world.classic).properties
    world.put(world.classic, {**properties, "minimumTlsVersion": "1.1"})
    world.settle()
    try:
        assert tls_version(world, CLASSIC, ssl.TLSVersion.TLSv1_1) == "TLSv1.1"
    finally:
        world.put(world.classic, properties)
        world.settle()
    with pytest.raises(ssl.SSLError):
        tls_version(world, CLASSIC, ssl.TLSVersion.TLSv1_1)


def tls_version(world: RedisFixture, host: str, version: ssl.TLSVersion) -> str | None:
    """The version that a client gets which wants this one alone."""
    context = ssl.create_default_context(cafile=str(world.home / "tls" / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else OpenSSL itself wants no old version
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", world.redis.ports[host][6380])) as raw,
        context.wrap_socket(raw, server_hostname=host) as encrypted,
    ):
        return encrypted.version()


@pytest.mark.parametrize("command", ["CONFIG GET *", "SAVE", "BGSAVE", "DEBUG SLEEP 0", "SHUTDOWN", "REPLICAOF a 1"])
def test_commands_that_azure_blocks_are_unknown(world: RedisFixture, command: str) -> None:
    for host, resource in ((MANAGED, world.database), (CLASSIC, world.classic)):
        with pytest.raises(redis.ResponseError, match="unknown command"):
            direct(world, host, world.keys(resource)[0]).execute_command(*command.split())


@pytest.mark.parametrize("command", ["ACL LIST", "ACL SETUSER x on", "MODULE LOAD /x", "CLUSTER RESET"])
def test_a_client_cannot_change_users_modules_or_the_cluster(world: RedisFixture, command: str) -> None:
    with pytest.raises(redis.ResponseError):
        direct(world, MANAGED, world.keys(world.database)[0]).execute_command(*command.split())


def test_memory_policy_and_clients_follow_the_size(world: RedisFixture) -> None:
    info = direct(world, MANAGED, world.keys(world.database)[0]).info("memory")
    assert info["maxmemory"] == int(0.5 * 0.8 * 1024**3)
    assert info["maxmemory_policy"] == "volatile-lru"
    classic = direct(world, CLASSIC, world.keys(world.classic)[0])
    assert classic.info("memory")["maxmemory"] == 1024**3
    assert classic.info("clients")["maxclients"] == 1000


# -- changes


def test_a_changed_size_and_policy_take_effect_without_a_restart(world: RedisFixture) -> None:
    client = direct(world, MANAGED, world.keys(world.database)[0])
    process = client.info("server")["process_id"]
    world.put(world.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": "Balanced_B1"})
    properties = world.get(world.database).properties
    world.put(world.database, {**properties, "evictionPolicy": "NoEviction"}, location=None)
    world.settle()
    memory = client.info("memory")
    assert (memory["maxmemory"], memory["maxmemory_policy"]) == (int(0.8 * 1024**3), "noeviction")
    assert client.info("server")["process_id"] == process


def test_a_regenerated_key_is_dead_at_once_and_the_other_is_not(world: RedisFixture) -> None:
    old, other = world.keys(world.database)
    held = direct(world, MANAGED, old, single_connection_client=True)
    assert held.ping()
    world.action(world.database, "regenerateKey", {"keyType": "Primary"})
    world.settle()
    new = world.keys(world.database)[0]
    told = world.outcomes(*[("redis-py", url(MANAGED, 10000, key)) for key in (old, other, new)])
    assert list(told.values()) == ["AuthenticationError", "works", "works"]
    assert held.ping(), "a connection that was open stays, as in Redis itself"


def test_without_key_authentication_every_key_is_refused_and_open_connections_are_cut(world: RedisFixture) -> None:
    key = world.keys(world.classic)[0]
    held = direct(world, CLASSIC, key, single_connection_client=True)
    assert held.ping()
    properties = world.get(world.classic).properties
    world.put(world.classic, {**properties, "disableAccessKeyAuthentication": True})
    world.settle()
    try:
        with pytest.raises(redis.ConnectionError):
            held.ping()
        assert world.outcome(url(CLASSIC, 6380, key)) == "AuthenticationError"
    finally:
        world.put(world.classic, properties)
        world.settle()
    assert world.outcome(url(CLASSIC, 6380, key)) == "works"


def test_data_and_port_outlive_a_stop_and_the_key_is_never_on_disk(world: RedisFixture) -> None:
    key = world.keys(world.database)[0]
    client = direct(world, MANAGED, key)
    client.set("kept", "yes")
    ports = dict(world.redis.ports)
    world.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    world.start()
    world.settle()
    assert world.redis.ports == ports
    assert direct(world, MANAGED, key).get("kept") == "yes"
    secret = key.encode()
    files = [one for one in (world.home / "redis").rglob("*") if one.is_file()]
    assert len(files) > 4
    assert not any(secret in one.read_bytes() for one in files)
    assert not any(one.stat().st_mode & 0o077 for one in files if one.name in ("redis.conf", "cache.json"))


def test_a_server_that_was_killed_comes_again(world: RedisFixture) -> None:
    client = direct(world, CLASSIC, world.keys(world.classic)[0])
    process = client.info("server")["process_id"]
    os.kill(process, signal.SIGKILL)
    world.run(_gone(process))
    world.settle()
    assert direct(world, CLASSIC, world.keys(world.classic)[0]).info("server")["process_id"] != process


async def _gone(process: int) -> None:
    import asyncio

    while Path(f"/proc/{process}").exists():
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)


def test_a_port_that_another_has_taken_is_replaced(world: RedisFixture) -> None:
    key = world.keys(world.classic)[0]
    port = world.redis.ports[CLASSIC][6380]
    world.stop()
    with socket.create_server(("127.0.0.1", port)):
        world.start()
        world.settle()
        assert world.redis.ports[CLASSIC][6380] != port
        assert world.outcome(url(CLASSIC, 6380, key)) == "works"


def test_leftovers_of_a_killed_data_plane_give_way(tmp_path: Path) -> None:
    world = RedisFixture(tmp_path)
    try:
        world.with_network().with_cache()
        world.settle()
        recorded = json.loads((tmp_path / "processes.json").read_text())
        ports = dict(world.redis.ports)
        world.start()
        world.settle()
        assert not Path(f"/proc/{recorded[0]['pid']}").exists()
        assert world.redis.ports == ports
        assert direct(world, MANAGED, world.keys(world.database)[0]).ping()
    finally:
        world.close()


def test_connections_are_cut_when_the_endpoint_is_no_longer_approved(world: RedisFixture) -> None:
    key = world.keys(world.database)[0]
    held = direct(world, MANAGED, key, single_connection_client=True)
    assert held.ping()
    endpoint = world.get(world.endpoint)
    state = endpoint.properties["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"]
    try:
        for status in ("Rejected", "Approved"):
            state["status"] = status
            with world.model.store.transaction() as transaction:
                transaction.save(endpoint)
            world.settle()
            if status == "Rejected":
                with pytest.raises(redis.ConnectionError):
                    held.ping()
                assert "works" not in world.outcome(url(MANAGED, 10000, key))
    finally:
        assert world.outcome(url(MANAGED, 10000, key)) == "works"


def test_an_unlinked_zone_leads_to_the_public_address_which_refuses(world: RedisFixture) -> None:
    ours = url(MANAGED, 10000, world.keys(world.database)[0])
    assert world.outcome(ours, network=None) == "ConnectionError ConnectionRefusedError"
    link = f"{world.zone}/virtualNetworkLinks/vnet"
    world.delete(link)
    world.settle()
    try:
        assert world.outcome(ours) == "ConnectionError ConnectionRefusedError"
    finally:
        world.put(link, {"virtualNetwork": {"id": world.vnet}}, location="global")
        world.settle()
    assert world.outcome(ours) == "works"


# -- faults


@contextmanager
def fault(world: RedisFixture, *arguments: str) -> Iterator[None]:
    """A fault that `./local faults` puts in and takes out."""
    parser = argparse.ArgumentParser()
    fault_commands.add_parser(parser.add_subparsers())
    home = Home(world.home)
    assert fault_commands.run(home, parser.parse_args(["faults", "add", *arguments])) == 0
    world.settle()
    try:
        yield
    finally:
        fault_commands.run(home, parser.parse_args(["faults", "clear"]))
        world.settle()


def test_a_redis_that_is_down_refuses_and_then_has_what_it_had(world: RedisFixture) -> None:
    key = world.keys(world.classic)[0]
    ours, other = url(CLASSIC, 6380, key), url(MANAGED, 10000, world.keys(world.database)[0])
    held = direct(world, CLASSIC, key, single_connection_client=True)
    held.set("before", "1")
    with fault(world, "redis-down", "--name", "classic"):
        with pytest.raises(redis.ConnectionError):
            held.ping()
        told = world.outcomes(("redis-py", ours), ("redis-py", other))
        assert list(told.values()) == ["ConnectionError ConnectionRefusedError", "works"]
        assert [one.port for one in world.redis.running if one.host == CLASSIC] == [0]
    assert direct(world, CLASSIC, key).get("before") == "1"


def test_a_redis_that_is_full_takes_no_value_until_it_has_room_again(world: RedisFixture) -> None:
    key = world.keys(world.database)[0]
    client = direct(world, MANAGED, key)
    client.set("before", "1")
    with fault(world, "redis-full", "--resource", world.cache):
        with pytest.raises(redis.OutOfMemoryError):
            client.set("more", "1")
        assert client.get("before") == "1"
        told = world.outcomes(*[(one, url(MANAGED, 10000, key)) for one in ALL])
        assert all("OutOfMemoryError" in one for one in told.values()), told
    assert client.set("more", "1")


# -- cluster policies and the end


@pytest.fixture
def clustered(tmp_path: Path) -> Iterator[RedisFixture]:
    """A managed cache that is still without a cluster."""
    world = RedisFixture(tmp_path)
    try:
        world.with_network().with_cache().with_zone().with_endpoint()
        add_zone_group(world, world.endpoint, world.zone)
        world.settle()
        yield world
    finally:
        world.close()


def become(world: RedisFixture, policy: str, size: str = "Balanced_B0") -> str:
    """Give the cache a size and a clustering policy; its key."""
    world.put(world.cache, {"publicNetworkAccess": "Disabled"}, sku={"name": size})
    world.put(world.database, {"accessKeysAuthentication": "Enabled", "clusteringPolicy": policy}, location=None)
    world.settle()
    assert world.redis.failures == {}
    return world.keys(world.database)[0]


NAMES = list("abcdefgh")
CLUSTER_CLIENT = """
import json, redis, sys
cluster = redis.RedisCluster.from_url(sys.stdin.read(), decode_responses=True)
before = [cluster.get(name) for name in "abcdefgh"]
cluster.mset_nonatomic({name: name for name in "abcdefgh"})
print(json.dumps([before, sorted([node.host, node.port] for node in cluster.get_nodes())]))
"""


def use_cluster(world: RedisFixture, url: str) -> tuple[list[str | None], list[list[Any]]]:
    """What a client that knows clusters finds under the names, before it writes each under itself; and the nodes."""
    before, nodes = json.loads(world.python(CLUSTER_CLIENT, world.vnet, url))
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
    [second] = [one["pid"] for one in processes(clustered) if one["label"] == f"redis {MANAGED} 1"]
    os.kill(second, signal.SIGKILL)
    clustered.run(_gone(second))
    clustered.settle()
    assert clustered.redis.failures == {}
    assert use_cluster(clustered, ours)[1] == nodes


def set_all(client: redis.Redis, names: list[str]) -> None:
    """Write each name."""
    for name in names:
        client.set(name, "1")


def processes(world: RedisFixture) -> list[dict[str, Any]]:
    """The processes that the data plane has started."""
    return json.loads((world.home / "processes.json").read_text())


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
    world = RedisFixture(tmp_path)
    try:
        world.with_network().with_cache()
        world.settle()
        client = direct(world, MANAGED, world.keys(world.database)[0])
        client.set("secret", "1")
        world.delete(world.cache)
        world.settle()
        assert world.redis.ports == {}
        assert list((tmp_path / "redis").iterdir()) == []
        with pytest.raises(redis.ConnectionError):
            client.ping()
        world.with_cache()
        world.settle()
        # Deleted and made again while nothing runs.
        direct(world, MANAGED, world.keys(world.database)[0]).set("secret", "1")
        world.stop()
        world.delete(world.cache)
        world.with_cache()
        world.start()
        world.settle()
        assert direct(world, MANAGED, world.keys(world.database)[0]).get("secret") is None
    finally:
        world.close()


def test_a_resize_without_high_availability_loses_all_data(tmp_path: Path) -> None:
    world = RedisFixture(tmp_path)
    try:
        world.with_network()
        given = {"publicNetworkAccess": "Disabled", "highAvailability": "Disabled"}
        world.put(world.cache, given, sku={"name": "Balanced_B0"})
        world.put(world.database, {"accessKeysAuthentication": "Enabled", "clusteringPolicy": "NoCluster"})
        world.settle()
        key = world.keys(world.database)[0]
        direct(world, MANAGED, key).set("task", "1")
        world.put(world.cache, given, sku={"name": "Balanced_B1"})
        world.settle()
        client = direct(world, MANAGED, key)
        assert client.get("task") is None
        assert client.info("memory")["maxmemory"] == int(0.8 * 1024**3)
    finally:
        world.close()


# -- what goes wrong


@pytest.mark.parametrize("wrong", ["no program", "old program", "broken data"])
def test_why_a_server_does_not_run_is_told_and_it_runs_once_that_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    world = RedisFixture(tmp_path)
    try:
        world.with_network().with_cache()
        data = tmp_path / "redis" / MANAGED / "dump.rdb"
        if wrong == "broken data":
            world.settle()
            direct(world, MANAGED, world.keys(world.database)[0]).set("a", "1")
            world.stop()
            whole = data.read_bytes()
            data.write_bytes(whole[: len(whole) // 2])
            world.start()
        elif wrong == "no program":
            monkeypatch.setattr(process, "PROGRAM", "no-redis-server")
        else:
            monkeypatch.setattr(process, "_version", lambda _: 6)
            cluster = {"accessKeysAuthentication": "Enabled", "clusteringPolicy": "OSSCluster"}
            world.delete(world.database)
            world.put(world.database, cluster, location=None)
        world.settle()
        [words] = world.redis.failures.values()
        assert words.startswith(f"the Redis {MANAGED} does not run: ")
        assert {"no program": "local-azure setup", "old program": "7 or later", "broken data": "ended with code 1"}[
            wrong
        ] in words
        assert [one.details for one in world.redis.running] == [words]
        monkeypatch.undo()
        data.unlink(missing_ok=True)
        world.settle()
        assert world.redis.failures == {}
        assert direct(world, MANAGED, world.keys(world.database)[0]).ping()
    finally:
        world.close()


def test_changes_and_restarts_leave_no_file_open(world: RedisFixture) -> None:
    def change() -> None:
        world.action(world.classic, "regenerateKey", {"keyType": "Secondary"})
        world.settle()
        with fault(world, "redis-down", "--name", "classic"):
            pass

    change()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        change()
    assert len(os.listdir("/proc/self/fd")) <= before
