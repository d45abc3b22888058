"""Fixtures of the data plane's tests."""

from collections.abc import Iterator

import pytest

from data_plane.plane import Plane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Yield a data plane for the apps of a module's tests."""
    plane = Plane(tmp_path_factory.mktemp("home"))
    yield plane
    plane.close()
    assert plane.left() == [], "something outlives the data plane"
