"""Faults that are added to a running emulator, and how the real engine handles them."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from faults.world import COMMAND_SECONDS, OPTIONAL, ProjectFixture, Wanted


def fault(world: ProjectFixture, *arguments: str) -> None:
    world.local("faults", "add", *arguments)


def status(world: ProjectFixture) -> dict[str, Any]:
    return json.loads(world.local("status", "--json").stdout)


def test_a_throttled_deployment_succeeds_because_the_provider_retries(world: ProjectFixture) -> None:
    world.local("start")
    fault(world, "throttle", "--type", "Microsoft.Network/*", "--retry-after", "1", "--times", "3")
    world.up()
    assert set(world.ids()) == {*OPTIONAL, "group"} - {"word"}
    assert status(world)["faults"] == []


def test_a_deployment_that_fails_is_finished_by_the_next_one(world: ProjectFixture) -> None:
    world.local("start")
    fault(world, "fail", "--type", "Microsoft.Cache/redisEnterprise", "--code", "SkuNotAvailable", "--once")
    failed = world.up(check=False)
    assert failed.returncode != 0
    assert 'Code="SkuNotAvailable"' in failed.stdout + failed.stderr
    assert "cluster" not in world.ids()
    world.up()
    assert "cluster" in world.ids()
    world.pulumi("preview", "--expect-no-changes")


def test_an_operation_that_fails_after_acceptance_is_recorded_and_repaired_by_the_next_up(
    world: ProjectFixture,
) -> None:
    world.local("start")
    fault(world, "fail", "--type", "Microsoft.Cache/redisEnterprise", "--code", "NoCapacity", "--accepted", "--once")
    failed = world.up(check=False)
    assert failed.returncode != 0
    assert 'Code="NoCapacity"' in failed.stdout + failed.stderr
    cluster = world.ids()["cluster"]
    assert {"id": cluster, "state": "Failed"} in status(world)["unhealthy"]
    world.up()
    assert world.ids()["cluster"] == cluster
    assert status(world)["unhealthy"] == []
    world.pulumi("preview", "--expect-no-changes")


def test_a_slow_operation_delays_only_what_depends_on_it(world: ProjectFixture) -> None:
    world.local("start")
    fault(world, "slow", "--type", "Microsoft.Cache/redisEnterprise", "--seconds", "600")
    process = world.start_up()
    wanted = {"Microsoft.Network/virtualNetworks/subnets", "Microsoft.Network/privateDnsZones/virtualNetworkLinks"}
    while not wanted <= (seen := status(world))["resources"].keys() or not seen["unhealthy"]:
        assert process.poll() is None
        time.sleep(0.2)
    (unhealthy,) = seen["unhealthy"]
    assert unhealthy["id"].endswith("/redisEnterprise/redis-small")
    assert unhealthy["state"].startswith("Creating, ")
    # Ctrl-C: the engine cancels the provider, which stops waiting; the operation continues in Azure.
    process.terminate()
    out, _ = process.communicate(timeout=COMMAND_SECONDS)
    assert "the operation was interrupted; Azure goes on with it" in out
    assert "cluster" in world.ids()


def test_options_are_kept_for_the_next_start(world: ProjectFixture) -> None:
    world.local("start", "--latency", "azure", "--speedup", "5000")
    world.local("stop")
    # At Azure's pace an endpoint has to wait until its cache is Running, which the small program does not do.
    world.want(Wanted(frozenset({"identity", "word"})))
    world.up()
    kept = status(world)["options"]
    assert (kept["latency"], kept["speedup"]) == ("azure", 5000)
    world.local("start", "--latency", "none")
    assert status(world)["options"]["latency"] == "none"


def test_a_second_writer_is_refused_while_an_operation_is_in_progress(world: ProjectFixture) -> None:
    world.local("start")
    world.up()
    fault(world, "slow", "--type", "Microsoft.Cache/redisEnterprise", "--seconds", "600", "--once")
    world.want(Wanted(frozenset(OPTIONAL), version="2"))
    first = world.start_up()
    while not status(world)["unhealthy"]:
        assert first.poll() is None
        time.sleep(0.2)
    first.kill()
    first.communicate()
    world.pulumi("cancel", "--yes")
    second = world.up(check=False)
    assert second.returncode != 0
    assert 'Code="Conflict"' in second.stdout + second.stderr
    assert "busy processing a previous update request" in second.stdout + second.stderr


def test_only_the_owner_can_add_faults(world: ProjectFixture) -> None:
    """Faults are stored in the state file, which only its owner can read and write."""
    world.local("faults", "add", "slow", "--seconds", "1")
    modes = subprocess.run(["stat", "-c", "%a", str(world.home), str(world.home / "state.sqlite")], capture_output=True)
    assert modes.stdout.split() == [b"700", b"600"]
