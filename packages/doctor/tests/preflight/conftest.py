from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from preflight.world import World, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A subscription with nothing in it, and the preview of a first deployment to it."""
    with opened(tmp_path) as found:
        yield found
