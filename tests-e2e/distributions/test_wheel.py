"""The emulator from its wheel in an empty environment, for a program that has nothing to do with this project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.stack.deployment import ROOT

PROGRAM = """
import pulumi
from pulumi_azure_native import resources, storage

group = resources.ResourceGroup("group")
account = storage.StorageAccount(
    "account", resource_group_name=group.name, kind="StorageV2", sku=storage.SkuArgs(name="Standard_LRS")
)
pulumi.export("account", account.name)
"""
TEST = """
from pathlib import Path

from local_azure.testing import LocalAzure, Stack


def test_the_program_is_idempotent(local_azure: LocalAzure) -> None:
    stack = Stack(local_azure, Path(__file__).parent, "dev")
    assert {step.operation for step in stack.up()} == {"create"}
    assert stack.up() == []
"""


def uv(*arguments: str | Path) -> None:
    """Run uv; fail with what it printed."""
    done = subprocess.run([find_uv_bin(), *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a virtual environment that holds the emulator's wheel, with pytest beside it."""
    directory = tmp_path_factory.mktemp("environment")
    isolation = ("--no-build-isolation", "--python", sys.executable)
    uv("build", "--quiet", "--wheel", *isolation, "--out-dir", directory / "wheels", "packages/local-azure")
    (wheel,) = (directory / "wheels").glob("*.whl")
    uv("venv", "--quiet", "--python", sys.executable, directory / "venv")
    python = directory / "venv" / "bin" / "python"
    # The versions of this repository's own environment: what is tested is the wheel, not the newest packages.
    constraints = ("--constraint", "requirements-local.txt", "--constraint", "requirements-dev.txt")
    uv("pip", "install", "--quiet", "--python", python, *constraints, wheel, "pytest")
    return python.parent


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Write a program that is independent of this project."""
    directory = tmp_path / "infra"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_text("name: foreign\nruntime: python\n")
    (directory / "Pulumi.dev.yaml").write_text("config:\n  azure-native:location: westeurope\n")
    (directory / "__main__.py").write_text(PROGRAM)
    return directory


def run(command: list[str | Path], directory: Path) -> str:
    """Run a command as a user of the wheel would, whose shell has nothing of this repository; return its output."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_CACHE_HOME") if name in os.environ}
    done = subprocess.run(command, cwd=directory, env=kept, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow("the wheel in an empty environment")
def test_a_foreign_program_is_deployed_by_the_console_script(environment: Path, program: Path) -> None:
    command = environment / "local-azure"
    try:
        printed = run([command, "run", "pulumi", "up", "--stack", "dev", "--yes", "--skip-preview"], program)
        assert "3 created" in printed
        assert '"azure-native:storage:StorageAccount"' in run(
            [command, "run", "pulumi", "stack", "export", "--stack", "dev"], program
        )
        assert run(["git", "init", "--quiet"], program) == ""
        status = run(["git", "status", "--porcelain"], program)
        assert ".local-azure" not in status, "its state is ignored by git"
    finally:
        run([command, "stop"], program)


@pytest.mark.slow("the wheel in an empty environment")
def test_the_fixtures_are_there_for_other_projects(environment: Path, program: Path) -> None:
    (program / "test_program.py").write_text(TEST)
    assert "1 passed" in run([environment / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"], program)
