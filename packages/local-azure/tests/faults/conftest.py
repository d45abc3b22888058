"""Fixtures of the tests of faults and life: the small program on a local Azure of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.world import OPTIONAL, ProjectFixture, Wanted
from local_azure.core import options
from local_azure.system.paths import Home


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ProjectFixture]:
    """The small program, which asks for all of its resources, and its local Azure, which is not running yet."""
    world = ProjectFixture(tmp_path)
    options.save(Home(world.home), data_plane=False)
    world.want(Wanted(frozenset(OPTIONAL)))
    yield world
    world.local("stop", check=False)
