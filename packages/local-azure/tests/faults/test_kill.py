"""`kill -9` at any moment of an `up`, of the engine, of the local Azure or of both: the documented recovery holds.

Each of the points, chosen by a seed, deploys another version of a small program over the one before, so that there is
something to create, update, replace and delete; the kill comes at a random moment. Then `./local recover` says what to
do, that is done, and the stack is what the program asks for: nothing lost, nothing orphaned, nothing left to do.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from faults.world import COMMAND_SECONDS, OPTIONAL, ProjectFixture, Wanted, closed_under_needs, kill

SEED = int(os.environ.get("KILL_SEED", "0")) or zlib.crc32(
    os.environ.get("PYTEST_XDIST_TESTRUNUID", str(random.SystemRandom().random())).encode()
)
"""Another one in each run, the same in all of its processes; KILL_SEED runs that of a failure again."""
GROUPS = {"a": range(1, 7), "b": range(7, 13), "c": range(13, 32), "d": range(32, 51)}
"""The points of each group have one local Azure, one after the other."""
POINTS = [
    pytest.param(
        group,
        number,
        id=f"{group}-{number}",
        marks=[pytest.mark.slow("kill points 13 to 50")] if number > 12 else [],
    )
    for group, numbers in GROUPS.items()
    for number in numbers
]


@dataclass
class Life:
    """The small program, deployed in successive versions, and the statistics of the kills."""

    world: ProjectFixture
    deployed: int | None = None
    """The number of the deployed version, if known."""
    met: Counter[str] = field(default_factory=Counter[str])

    def bring_to(self, number: int) -> None:
        """Deploy a version, whatever was there before, so that each point can be run alone."""
        if self.deployed != number:
            self.deployed = None
            self.world.want(version(choices(number), number))
            self.world.up()
            self.deployed = number


@pytest.fixture(scope="module")
def lives() -> Iterator[dict[str, Life]]:
    """The local Azure of each group of points."""
    made: dict[str, Life] = {}
    yield made
    for life in made.values():
        life.world.local("stop", check=False)
    for name, life in made.items():
        points = life.met["points"]
        assert points < len(GROUPS["d"]) or life.met["pending"], f"no kill of group {name} met an operation"


@pytest.fixture
def life(
    request: pytest.FixtureRequest, lives: dict[str, Life], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Life]:
    """A local Azure for a point: that of its group, unless a point has failed on it."""
    group: str = request.getfixturevalue("group")
    if group not in lives:
        world = ProjectFixture(tmp_path_factory.mktemp(group))
        # Operations take a moment, so that most kills meet some.
        world.local("faults", "add", "slow", "--seconds", "0.1")
        lives[group] = Life(world)
    life = lives[group]
    yield life
    if life.deployed is None:
        lives.pop(group).world.local("stop", check=False)


def choices(number: int) -> random.Random:
    """Return the random choices for a point."""
    return random.Random(f"{SEED}-{number}")


def version(choose: random.Random, number: int) -> Wanted:
    """Return the next desired state of the program."""
    likelihood = choose.choice((0.0, 0.5, 1.0))
    return Wanted(
        resources=closed_under_needs(name for name in OPTIONAL if choose.random() < likelihood),
        version=str(number),
        port=choose.choice((10000, 10000, 10001)),
        region=choose.choice(("westeurope", "westeurope", "northeurope")),
        length=choose.choice((12, 12, 16)),
    )


def interrupt(world: ProjectFixture, choose: random.Random) -> str:
    """Start an `up` and kill a process at a random time; return which one, and when."""
    victim = choose.choice(("engine", "local Azure", "both"))
    server = world.server()
    process = world.start_up()
    moment = choose.choice(("start", "operations", "operations", "writes", "writes"))
    if moment == "start":
        time.sleep(choose.random())
    elif moment == "operations":
        assert process.stdout is not None
        for line in process.stdout:
            if "azure-native:" in line:
                break
        time.sleep(choose.random() * 1.5)
    else:
        _await_writes(world, process, choose.randrange(1, 12))
    if victim != "local Azure" and process.poll() is None:
        kill(process.pid)
    if victim != "engine":
        kill(server)
    process.communicate(timeout=COMMAND_SECONDS)
    return f"{victim}, {moment}"


def _await_writes(world: ProjectFixture, process: Any, count: int) -> None:
    """Wait until the local Azure has written so often, or the engine is done."""
    connection = sqlite3.connect(f"file:{world.home / 'state.sqlite'}?mode=ro", uri=True)
    read = "SELECT value FROM counter WHERE name = 'revision'"
    (before,) = connection.execute(read).fetchone()
    while process.poll() is None and connection.execute(read).fetchone()[0] < before + count:
        time.sleep(0.001)
    connection.close()


def check(world: ProjectFixture, wanted: Wanted) -> None:
    """Assert that the stack and Azure have the program's desired state."""
    state = world.state()
    assert not state.get("pending_operations")
    assert not world.locks()
    names = {one["urn"].rsplit("::", 1)[-1] for one in state["resources"] if one.get("custom")}
    assert {one for one in names if not one.startswith("default")} == wanted.resources | {"group"}
    assert not [one["urn"] for one in state["resources"] if one.get("delete")]
    azure, ids = world.azure(), world.ids()
    assert {one.lower() for one in ids.values()} == azure.keys()
    for name, resource_id in ids.items():
        body = azure[resource_id.lower()]
        assert body.get("properties", {}).get("provisioningState", "Succeeded") == "Succeeded", name
        assert body.get("tags", {"version": wanted.version}) == {"version": wanted.version}, name
    if "database" in ids:
        assert azure[ids["database"].lower()]["properties"]["port"] == wanted.port
    if "workspace" in ids:
        assert azure[ids["workspace"].lower()]["location"] == wanted.region


@pytest.mark.parametrize(("group", "number"), POINTS)
def test_a_kill_at_any_moment_is_recovered_from(life: Life, group: str, number: int) -> None:
    world, choose = life.world, choices(number)
    life.bring_to(number - 1)
    wanted = version(choose, number)
    world.want(wanted)
    world.commands.clear()
    what = "before the kill"
    life.deployed = None
    try:
        what = interrupt(world, choose)
        damage = world.recover()
        if not damage["commands"]:
            world.up()
        check(world, wanted)
        if number % 10 == 0:
            world.pulumi("preview", "--expect-no-changes")
    except BaseException:
        print(f"KILL_SEED={SEED}: point {number} ({what}), asking for {wanted.text()}")
        print("\n".join(world.commands))
        raise
    life.deployed = number
    life.met["points"] += 1
    life.met["pending"] += bool(damage["pending"])
