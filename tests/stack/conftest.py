"""Fixtures of the stack tests: projects that the real engine deploys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.deployment import Deployment, LocalAzure, write_project


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
