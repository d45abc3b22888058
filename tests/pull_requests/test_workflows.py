"""The workflows: what no linter knows of this project's, and that the linters can fail."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci import actionlint
from local_azure import engine
from tests.stack.deployment import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
IDS = [file.stem for file in WORKFLOWS]


def load(file: Path) -> Any:
    # YAML 1.1 takes the key `on` for a boolean.
    return yaml.load(re.sub(r"(?m)^on:", '"on":', file.read_text()), Loader=yaml.SafeLoader)


def workflow(name: str) -> Any:
    return load(GITHUB / "workflows" / f"{name}.yml")


def steps_of(job: Any, action: str) -> list[Any]:
    return [step for step in job["steps"] if step.get("uses", "").startswith(action)]


def test_every_action_is_pinned_to_one_commit_and_says_which_version_that_is() -> None:
    commits: dict[str, set[str]] = defaultdict(set)
    for file in (*WORKFLOWS, *ACTIONS):
        for used in re.findall(r"(?m)^\s*(?:- )?uses: (.+)$", file.read_text()):
            if used.startswith("./"):
                assert (ROOT / used).exists(), used
                continue
            pinned = re.fullmatch(r"([\w/-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", used)
            assert pinned, f"{file.name}: {used}"
            commits[pinned[1]].add(pinned[2])
    assert commits
    assert all(len(found) == 1 for found in commits.values()), "one version of each action"


@pytest.mark.parametrize("file", WORKFLOWS, ids=IDS)
def test_a_job_has_the_permissions_it_names_and_no_stored_secret(file: Path) -> None:
    content = load(file)
    assert content["permissions"] == {}
    assert "pull_request_target" not in content["on"], "a fork's code never runs beside what is ours"
    assert "secrets." not in file.read_text().replace("secrets.GITHUB_TOKEN", "")
    writes = {"id-token", "pull-requests"}
    for name, job in content["jobs"].items():
        granted = job["permissions"]
        assert {scope for scope, level in granted.items() if level == "write"} <= writes, name
        assert granted["contents"] == "read"


def test_a_fork_gets_no_identity_and_its_job_and_the_other_never_run_both() -> None:
    jobs = workflow("preview")["jobs"]
    assert jobs["local"]["permissions"] == {"contents": "read"}
    assert "head.repo.full_name != github.repository" in jobs["local"]["if"]
    assert "head.repo.full_name == github.repository" in jobs["azure"]["if"]
    conditions = [
        " ".join(jobs[name]["if"].split()).replace("!=", "==").replace("&&", "||") for name in ("azure", "local")
    ]
    assert conditions[0] == conditions[1], "one is the other, denied"
    [command] = [step["run"] for step in jobs["local"]["steps"] if "run" in step]
    assert command.startswith("python base/ci/preview_locally.py"), "the base's script, not the fork's"
    assert (ROOT / "ci" / "preview_locally.py").exists()


def test_a_preview_on_azure_is_commented_judged_and_keeps_the_image() -> None:
    job = workflow("preview")["jobs"]["azure"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    assert "environment" not in job, "its subject is the pull request, which the identity that only reads trusts"
    [step] = steps_of(job, "pulumi/actions")
    assert step["with"]["command"] == "preview"
    assert step["with"]["comment-on-pr"] is True
    failed = job["steps"][-1]
    assert failed["if"] == "${{ failure() }}", "or the comment of an earlier preview would stand"
    assert "gh pr comment" in failed["run"]
    assert yaml.safe_load(step["with"]["config-map"]) == {"image": {"value": "${{ steps.deployed.outputs.image }}"}}


def test_dev_gets_the_image_of_the_commit_and_prod_gets_devs() -> None:
    jobs = workflow("deploy")["jobs"]
    assert set(jobs["dev"]["needs"]) == {"test", "image"}
    assert jobs["dev"]["with"] == {"stack": "dev", "image": "${{ needs.image.outputs.image }}"}
    assert jobs["prod"]["needs"] == "dev"
    assert jobs["prod"]["with"] == {"stack": "prod", "image": "${{ needs.dev.outputs.image }}"}
    push = workflow("image")["jobs"]["push"]
    assert push["env"]["NAME"].endswith(":${{ github.sha }}")
    assert "RepoDigests" in push["steps"][-1]["run"]


def test_a_stack_is_deployed_one_at_a_time_behind_its_environment_and_the_doctor_looks_last() -> None:
    assert "concurrency" not in workflow("deploy"), "a run that waits for its approval would hold up the others"
    job = workflow("deploy-stack")["jobs"]["deploy"]
    assert job["environment"] == "${{ inputs.stack }}"
    assert job["concurrency"] == {"group": "deploy-${{ inputs.stack }}", "cancel-in-progress": False}
    judged, deployed = steps_of(job, "pulumi/actions")
    assert judged["with"]["command"] == "preview", "the action's own up judges only as it goes along"
    assert deployed["with"]["command"] == "up"
    for step in (judged, deployed):
        assert step["with"]["policyPacks"] == "policy"
        assert yaml.safe_load(step["with"]["config-map"]) == {"image": {"value": "${{ inputs.image }}"}}


def test_the_doctor_looks_last_freshly_signed_in_and_also_where_the_deployment_or_the_wait_failed() -> None:
    steps = workflow("deploy-stack")["jobs"]["deploy"]["steps"]
    *_, deploy, sign_in_first, _, wait, sign_in, doctor = steps
    assert deploy["id"] == "up"
    assert deploy["with"]["command"] == "up"
    look = '.venv/bin/python -m doctor --stack "$STACK"'
    assert wait["run"] == f"{look} --wait-drained"
    assert "if" not in wait, "there is nothing to wait for where the deployment failed"
    for step in (sign_in_first, sign_in):
        assert step["uses"].startswith("azure/login@")
    assert doctor["run"] == look, "a command before it that fails would keep it from looking"
    for step in (sign_in_first, sign_in, doctor):
        assert step["if"] == "${{ !cancelled() && steps.up.outcome != 'skipped' }}"
    assert not any(step.get("continue-on-error") for step in steps), "what failed fails the job"


def test_only_main_is_deployed() -> None:
    for name, job in workflow("deploy")["jobs"].items():
        deploys = job["permissions"].get("id-token") == "write"
        assert deploys == job.get("if", "").startswith("github.ref == 'refs/heads/main'"), name
    assert "&&" not in "".join(workflow("deploy")["jobs"][name]["if"] for name in ("dev", "prod"))


def test_workflows_and_make_use_one_engine_and_one_pack() -> None:
    makefile = (ROOT / "Makefile").read_text()
    packs = set(re.findall(r"--policy-pack (\S+)", makefile))
    versions: set[str] = set()
    for file in (*WORKFLOWS, *ACTIONS):
        text = file.read_text()
        packs |= set(re.findall(r"policyPacks: (\S+)", text))
        versions |= set(re.findall(r"pulumi-version: (\S+)", text))
    assert packs == {"policy"}
    assert versions == {engine.VERSION}


BROKEN = """\
name: Broken
on: pull_request_target
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
      - run: echo "${{ github.event.pull_request.title }}" ${{ nothing.here }}
"""


def test_actionlint_finds_faults() -> None:
    done = subprocess.run([str(actionlint.program()), "-"], input=BROKEN, capture_output=True, text=True)
    assert done.returncode == 1
    assert "nothing" in done.stdout


def test_zizmor_finds_faults(tmp_path: Path) -> None:
    directory = tmp_path / ".github" / "workflows"
    directory.mkdir(parents=True)
    (directory / "broken.yml").write_text(BROKEN)
    shutil.copy(GITHUB / "zizmor.yml", tmp_path / ".github")
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run([str(zizmor), "--offline", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode != 0
    for audit in ("dangerous-triggers", "template-injection", "unpinned-uses", "excessive-permissions"):
        assert audit in done.stdout, audit


def test_the_workflows_pass_both() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    for command in ([sys.executable, "-m", "ci.actionlint"], [str(zizmor), "--offline", "--quiet", str(GITHUB)]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_renewals_are_proposed_for_every_list_of_versions() -> None:
    content = load(GITHUB / "dependabot.yml")
    updates = {
        (update["package-ecosystem"], directory)
        for update in content["updates"]
        for directory in update.get("directories", [update.get("directory")])
    }
    wanted = {("github-actions", "/")}
    wanted |= {("github-actions", f"/{action.parent.relative_to(ROOT)}") for action in ACTIONS}
    for file in ROOT.rglob("*"):
        relative = file.relative_to(ROOT)
        if relative.parts[0] in (".venv", ".local", ".git") or not file.is_file():
            continue
        directory = "/" + ("" if relative.parent == Path() else str(relative.parent))
        if re.fullmatch(r"requirements.*\.txt", file.name):
            wanted.add(("pip", directory))
        elif file.name == "go.mod":
            wanted.add(("gomod", directory))
        elif file.name == "Dockerfile":
            wanted.add(("docker", directory))
    assert updates == wanted


def test_a_commit_is_checked_before_it_is_made(tmp_path: Path) -> None:
    for file in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "bad.py").write_text("import os\nx=1\n")
    for arguments in (["init", "--quiet"], ["add", "bad.py", ".pre-commit-config.yaml"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    pre_commit = [sys.executable, "-m", "pre_commit", "run", "--files", "bad.py"]
    done = subprocess.run(pre_commit, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert re.search(r"ruff check\.+Failed", done.stdout), done.stdout
    assert re.search(r"ruff format\.+Failed", done.stdout), done.stdout
    assert (tmp_path / "bad.py").read_text() == "import os\n\nx = 1\n"
