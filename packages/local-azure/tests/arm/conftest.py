from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arm.landscape import Azure, Raw, deploy, running


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """An endpoint with nothing in it."""
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def deployed(azure: Azure) -> dict[str, str]:
    """The ids of the landscape, deployed to the endpoint."""
    return deploy(azure)


@pytest.fixture
def raw(azure: Azure) -> Raw:
    """Bare requests to an endpoint with a resource group."""
    azure.make_group()
    return Raw(azure)
