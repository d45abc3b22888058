"""The repository as a template: `pulumi new` asks for what differs, and what it makes is deployed as it is."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from pull_requests.test_preview_locally import NOT_OF_THE_PROJECT
from tests.stack.deployment import ROOT, Deployment, LocalAzure

ANSWERS = {
    "Project description": "",
    "Name of the application": "warehouse",
    "Azure region": "northeurope",
    "Image of the application": "contoso.azurecr.io/warehouse:2.0.1",
}
PATIENCE_SECONDS = 120


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """What a clone of the repository has."""
    ignored = shutil.ignore_patterns(*NOT_OF_THE_PROJECT)
    return shutil.copytree(ROOT, tmp_path / "template", ignore=ignored, symlinks=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty directory, but for the packages, which are not installed anew."""
    directory = tmp_path / "inventory"
    directory.mkdir()
    (directory / ".venv").symlink_to(ROOT / ".venv")
    return directory


def answer(command: list[str], environment: Mapping[str, str], answers: Mapping[str, str]) -> tuple[int, str]:
    """Run a command at a terminal and answer its questions, each by its first words; return its exit code and text."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    shown, left = "", dict(answers)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                text = os.read(ours, 65536).decode(errors="replace")
            except OSError:  # Linux: the other side has gone
                text = ""
            if not text:
                break
            shown += text
            for question in [question for question in left if question in shown]:
                os.write(ours, f"{left.pop(question)}\r".encode())
        return process.wait(10), shown
    finally:
        process.kill()
        os.close(ours)


def test_the_template_asks_and_what_it_makes_deploys(local_azure: LocalAzure, template: Path, project: Path) -> None:
    command = [str(ROOT / "local"), "run", "pulumi", "new", str(template), "--dir", str(project), "--force"]
    # Continuous integration is never asked anything.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS")}
    code, shown = answer(
        [*command, "--name", "warehouse-platform", "--stack", "dev"],
        {**environment, "LOCAL_AZURE_HOME": str(local_azure.home)},
        ANSWERS,
    )
    assert code == 0, shown
    assert all(question in shown for question in ANSWERS)

    made = yaml.safe_load((project / "Pulumi.yaml").read_text())
    assert made["name"] == "warehouse-platform"
    assert "template" not in made
    settings = yaml.safe_load((project / "Pulumi.dev.yaml").read_text())["config"]
    assert settings == {
        "azure-native:location": "northeurope",
        "warehouse-platform:app": "warehouse",
        "warehouse-platform:image": "contoso.azurecr.io/warehouse:2.0.1",
    }

    stack = Deployment(local_azure, project, "dev")
    created = stack.up("--config", "rolePropagationSeconds=0", "--policy-pack", str(project / "policy"))
    assert {step.operation for step in created} == {"create"}
    outputs = stack.outputs()
    assert outputs["resourceGroupName"].startswith("rg-northeurope-warehouse-dev-")
    assert outputs["image"] == "contoso.azurecr.io/warehouse:2.0.1"
    assert os.access(project / "local", os.X_OK), "the new project has the local Azure's front door too"
    stack.remove()
