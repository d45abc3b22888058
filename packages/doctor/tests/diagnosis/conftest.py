"""Deploy stacks once with the real engine; tests run the doctor on copies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnosis.world import Deployed
from tests.stack.deployment import Deployment, LocalAzure, write_project

STACKS = {
    "managed": {},
    "classic": {"redis": {"service": "classic"}, "useKeyVaultReferences": False},
}
"""Both services, and both ways in which apps get their secrets."""


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """Yield a local Azure without running apps."""
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"))
    yield azure
    azure.run("stop", check=False)


@pytest.fixture(scope="session")
def stacks(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Deployment]:
    """Return the stacks, each of its own application so that their names stay apart."""
    made: dict[str, Deployment] = {}
    for name, settings in STACKS.items():
        directory: Path = tmp_path_factory.mktemp("projects") / name
        write_project(directory, "dev", {"app": name, "env": {}, **settings}, name=name)
        made[name] = Deployment(local_azure, directory, "dev")
        made[name].up()
    return made


@pytest.fixture(scope="session")
def deployed(local_azure: LocalAzure, stacks: dict[str, Deployment]) -> dict[str, Deployed]:
    """Return the stacks by name: ``managed`` with references to its vault, ``classic`` with values in its apps."""
    return {name: Deployed(local_azure.home, stack.outputs()) for name, stack in stacks.items()}
