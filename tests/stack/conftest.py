"""Fixtures of the stack tests: one local Azure for all of them, and projects that the real engine deploys on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.deployment import Deployment, LocalAzure, write_project


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """A local Azure with a state of its own, stopped when the last test is over."""
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"))
    yield azure
    azure.run("stop", check=False)


@pytest.fixture
def deploy(local_azure: LocalAzure, tmp_path: Path) -> Callable[..., Deployment]:
    """Make a project with this program and a stack of these settings.

    Nothing is destroyed at the end: stacks have names of their own on a local Azure that is thrown away.
    """
    made: list[Deployment] = []

    def make(stack: str = "dev", project: str | None = None, **settings: Any) -> Deployment:
        directory = tmp_path / f"project-{len(made)}"
        write_project(directory, stack, settings, name=project)
        made.append(Deployment(local_azure, directory, stack))
        return made[-1]

    return make
