"""The pinned pulumi/actions, run for real with the inputs that the workflows give it, on the local Azure.

No package registry has it. On GitHub, `test.yml` checks it out; elsewhere set PULUMI_ACTION to a directory with the
action's `action.yml` and `dist/index.js` of the pinned commit.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pull_requests.github_api import TOKEN, GitHub, github
from pull_requests.test_workflows import ACTIONS, load, steps_of, workflow
from tests.stack.deployment import IMAGE, ROOT, Deployment, LocalAzure, write_project

ACTION = Path(os.environ.get("PULUMI_ACTION", ""))
NODE = shutil.which("node")
DIGEST = f"contoso.azurecr.io/shop@sha256:{'1' * 64}"

pytestmark = [
    pytest.mark.skipif(not os.environ.get("PULUMI_ACTION"), reason="PULUMI_ACTION names no checkout of pulumi/actions"),
    pytest.mark.skipif(NODE is None, reason="there is no node"),
]


@dataclass(frozen=True)
class Ran:
    """What a step came to.

    Attributes:
        exit_code: the action's.
        log: what it printed, without the commands that register masks.
        masked: the texts that the runner would mask in the log.
        outputs: the step's outputs.
        summary: what it added to the job's summary.
    """

    exit_code: int
    log: str
    masked: frozenset[str]
    outputs: dict[str, str]
    summary: str


@pytest.fixture
def api() -> Iterator[GitHub]:
    with github() as held:
        yield held


@pytest.fixture
def project(local_azure: LocalAzure, tmp_path: Path) -> Iterator[Deployment]:
    """A checkout with the policies in it, and no stack yet."""
    directory = tmp_path / "project"
    write_project(directory, "dev", {})
    shutil.copytree(ROOT / "policy", directory / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    (directory / ".venv").symlink_to(ROOT / ".venv")
    deployment = Deployment(local_azure, directory, "dev")
    yield deployment
    deployment.remove()


@pytest.fixture
def run(project: Deployment, api: GitHub, tmp_path: Path) -> Callable[..., Ran]:
    """Run a step's action, with the expressions of its inputs replaced by values."""

    def step(used: dict[str, Any], **values: str) -> Ran:
        def evaluated(value: object) -> str:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1].replace(".", "_")], text)

        declared = yaml.safe_load((ACTION / "action.yml").read_text())["inputs"]
        inputs = {name: one.get("default", "") for name, one in declared.items()} | used.get("with", {})
        inputs["github-token"] = TOKEN
        output, summary, event = (tmp_path / name for name in ("output", "summary", "event.json"))
        for file in (output, summary):
            file.write_text("")
        event.write_text(json.dumps({"pull_request": {"number": 7}}))
        (tmp_path / "user").mkdir(exist_ok=True)
        variables = {
            **{f"INPUT_{name.replace(' ', '_').upper()}": evaluated(value) for name, value in inputs.items()},
            "HOME": str(tmp_path / "user"),  # what it downloads goes there
            "GITHUB_API_URL": api.address,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "contoso/shop",
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(project.directory),
            "RUNNER_TEMP": str(tmp_path / "user"),
            "RUNNER_TOOL_CACHE": str(tmp_path / "user"),
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        command = ("run", "env", *words, str(NODE), str(ACTION / "dist" / "index.js"))
        done = project.azure.run(*command, directory=project.directory, check=False)
        del project.azure.transcript[-2:]
        lines = (done.stdout + done.stderr).splitlines()
        mask = "::add-mask::"
        found = re.findall(r"(?ms)^(\S+?)<<(ghadelimiter_\S+)\n(.*?)\n\2$", output.read_text())
        return Ran(
            done.returncode,
            "\n".join(line for line in lines if not line.startswith(mask)),
            frozenset(unescaped(line.removeprefix(mask)) for line in lines if line.startswith(mask)),
            {name: value for name, _, value in found},
            summary.read_text(),
        )

    return step


def unescaped(data: str) -> str:
    """Return what a command for the runner means: it has three characters in another form."""
    return data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def steps_of_the_deployment() -> tuple[dict[str, Any], dict[str, Any]]:
    judged, deployed = steps_of(workflow("deploy-stack")["jobs"]["deploy"], "pulumi/actions")
    return judged, deployed


def test_the_cli_that_is_there_is_taken(run: Callable[..., Ran], api: GitHub) -> None:
    [install] = [step for step in load(ACTIONS[0])["runs"]["steps"] if "pulumi/actions" in step.get("uses", "")]
    ran = run(install)
    assert ran.exit_code == 0, ran.log
    assert "is already installed on this machine. Skipping download" in ran.log
    assert api.requests == []


def test_a_stack_that_does_not_exist_is_refused(run: Callable[..., Ran]) -> None:
    judged, _ = steps_of_the_deployment()
    ran = run(judged, inputs_stack="nowhere", inputs_image=DIGEST)
    assert ran.exit_code == 1
    assert "nowhere" in ran.log


def test_what_breaks_a_policy_is_refused_before_the_deployment(run: Callable[..., Ran], project: Deployment) -> None:
    project.pulumi("stack", "init", "dev", check=False)
    key_vault = project.directory / "components" / "key_vault.py"
    text = key_vault.read_text()
    assert "enable_rbac_authorization=True" in text
    key_vault.write_text(text.replace("enable_rbac_authorization=True", "enable_rbac_authorization=False"))
    judged, _ = steps_of_the_deployment()
    ran = run(judged, inputs_stack="dev", inputs_image=DIGEST)
    assert ran.exit_code == 1, ran.log
    assert "[mandatory]  vault-access-by-roles" in ran.log
    assert project.resources() == []


def test_the_deployment_runs_the_image_it_was_given_and_shows_no_secret(
    run: Callable[..., Ran], project: Deployment, api: GitHub
) -> None:
    project.pulumi("stack", "init", "dev", check=False)
    judged, deployed = steps_of_the_deployment()
    for step in (judged, deployed):
        ran = run(step, inputs_stack="dev", inputs_image=DIGEST)
        assert ran.exit_code == 0, ran.log
        assert DIGEST in project.outputs().get("image", DIGEST)
    assert "create" in ran.summary
    assert ran.outputs["image"] == DIGEST, "not the stack file's"
    assert IMAGE not in ran.summary
    secrets = project.secrets()
    assert secrets
    shown = ran.log + ran.summary
    assert not any(secret in shown for secret in secrets), "a secret is shown"
    urls = {value for name, value in ran.outputs.items() if name.endswith(("Url", "Backend"))}
    assert any(url in secrets for url in urls)
    assert not (urls & secrets) - ran.masked, "a later step that prints a secret output shows it"
    assert api.requests == [], "a deployment comments nowhere"


def test_the_action_is_the_pinned_one() -> None:
    [checkout] = [
        step["with"]
        for step in steps_of(workflow("test")["jobs"]["test"], "actions/checkout")
        if step["with"].get("repository") == "pulumi/actions"
    ]
    _, deployed = steps_of_the_deployment()
    assert deployed["uses"] == f"pulumi/actions@{checkout['ref']}"
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ACTION, capture_output=True, text=True)
    if (ACTION / ".git").exists():
        assert head.stdout.strip() == checkout["ref"]
