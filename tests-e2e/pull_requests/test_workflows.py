"""The workflows: what no linter knows of this project's, and that the linters can fail."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_azure.pulumi_engine import engine
from tests.stack.deployment import ROOT
from tools.ci import actionlint

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
    *_, judged = jobs["local"]["steps"]
    assert judged["working-directory"] == "base", "the base's script, not the fork's"
    assert re.search(r"python -m tools\.ci\.preview_locally --base \. --head \.\./head .* --user nobody", judged["run"])
    assert (ROOT / "tools" / "ci" / "preview_locally.py").exists()
    checkouts = {
        step["with"].get("path"): step["with"].get("ref") for step in steps_of(jobs["local"], "actions/checkout")
    }
    assert checkouts == {"base": "${{ github.event.pull_request.base.sha }}", "head": None}


def test_a_preview_on_azure_is_judged_and_commented_whatever_its_outcome() -> None:
    job = workflow("preview")["jobs"]["azure"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    assert "environment" not in job, "its subject is the pull request, which the identity that only reads trusts"
    *_, preview, comment = job["steps"]
    assert "ci.preview_on_azure" in preview["run"]
    assert "--policy-pack policy" in preview["run"]
    assert "--image" not in preview["run"], "it keeps the deployed one"
    assert "if" not in preview
    assert comment["if"] == "${{ !cancelled() }}", "or the comment of an earlier preview would be taken for this one's"
    assert "GH_TOKEN" not in preview.get("env", {}), "the program runs without a token of GitHub's"
    written = re.search(r"--comment (\S+)", preview["run"])
    assert written
    assert f"--file {written[1]}" in comment["run"]
    assert not any("comment" in key for step in steps_of(job, "pulumi/actions") for key in step["with"])


def test_what_builds_and_scans_the_image_has_no_identity_and_what_pushes_runs_neither() -> None:
    jobs = workflow("image")["jobs"]
    assert set(jobs) == {"build", "scan", "push"}
    for name in ("build", "scan"):
        assert jobs[name]["permissions"] == {"contents": "read"}, name
        assert "environment" not in jobs[name], name
    push = jobs["push"]
    assert push["permissions"] == {"contents": "read", "id-token": "write"}
    assert set(push["needs"]) == {"build", "scan"}
    assert [step["uses"].partition("@")[0] for step in push["steps"] if "uses" in step] == [
        "actions/download-artifact",
        "azure/login",
    ], "no code of the repository's, no scanner"
    assert "docker build" not in str(push)


def test_the_image_that_is_pushed_is_the_one_that_was_built(tmp_path: Path) -> None:
    """The scanner's job can reach the run's artifacts: the checksum is of the job that built."""
    jobs = workflow("image")["jobs"]
    tools = tmp_path / "tools"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text('#!/bin/sh\ncase $1 in save) echo "the image" >"$3" ;; *) echo "$*" >>docker.log ;; esac\n')
    docker.chmod(0o755)
    outputs = tmp_path / "outputs"
    variables = {"PATH": f"{tools}:{os.environ['PATH']}", "GITHUB_SHA": "c0ffee", "GITHUB_OUTPUT": str(outputs)}

    def run(job: str, step: str, **more: str) -> int:
        script = next(one["run"] for one in jobs[job]["steps"] if one.get("name") == step)
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(command, cwd=tmp_path, env={**variables, **more}, capture_output=True).returncode

    assert run("build", "Save") == 0
    checksum = outputs.read_text().strip().removeprefix("sha256=")
    for job in ("scan", "push"):
        assert run(job, "Load", SHA256=checksum) == 0
        assert (tmp_path / "docker.log").read_text() == "load --input image.tar\n"
        (tmp_path / "docker.log").unlink()
    (tmp_path / "image.tar").write_text("another image")
    for job in ("scan", "push"):
        assert run(job, "Load", SHA256=checksum) != 0
        assert not (tmp_path / "docker.log").exists(), "it is not even loaded"


@pytest.mark.parametrize(("found", "passes"), [("3.12", True), ("3.13", False)])
def test_the_tests_run_with_the_python_that_the_job_names(tmp_path: Path, found: str, passes: bool) -> None:
    job = workflow("test")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    *_, check, tests = job["steps"]
    for step in (check, tests):
        assert step["env"]["PYTHON"] == "${{ steps.python.outputs.python-path }}"
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {found}\n")
    local = tmp_path / "local"
    local.write_text("#!/bin/sh\n")
    for file in (python, local):
        file.chmod(0o755)
    done = subprocess.run(
        ["bash", "-e", "-c", check["run"]], cwd=tmp_path, env={"PATH": os.environ["PATH"], "WANTED": "3.12"}
    )
    assert (done.returncode == 0) is passes


def test_the_python_that_is_named_goes_before_those_on_path(tmp_path: Path) -> None:
    """As on GitHub's machines, which have every version on PATH."""
    shutil.copy(ROOT / "local", tmp_path)
    for name in ("python3", "python3.13", "python3.12", "named"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\n[ "$1" = -c ] || echo {name} >>"{tmp_path}/chosen"\n[ "$1" = -c ]\n')
        program.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    for named, chosen in ((str(tmp_path / "bin" / "named"), "named"), ("", "python3")):
        (tmp_path / "chosen").unlink(missing_ok=True)
        subprocess.run([str(tmp_path / "local"), "setup"], env={"PATH": path, "PYTHON": named}, capture_output=True)
        assert (tmp_path / "chosen").read_text().splitlines() == [chosen]


def test_the_packages_are_installed_before_the_login() -> None:
    names = [step.get("uses", step.get("run", "")).partition("@")[0] for step in load(ACTIONS[0])["runs"]["steps"]]
    assert names.index("./local setup --no-engine\npulumi install --no-dependencies\n") < names.index("azure/login")


def test_prod_is_previewed_by_an_identity_that_reads_before_somebody_approves_it() -> None:
    jobs = workflow("deploy")["jobs"]
    job = jobs["prod-preview"]
    assert job["environment"] == "prod-preview", "not prod, whose gate it comes before"
    assert set(jobs["prod"]["needs"]) == {"dev", "prod-preview"}
    [azure] = steps_of(job, "./.github/actions/azure")
    assert azure["with"]["client-id"] == "${{ vars.AZURE_PREVIEW_CLIENT_ID }}"
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert any(
        re.search(r"ci\.preview_on_azure --stack prod --image \S+ --policy-pack policy", one) for one in commands
    )
    assert not any(re.search(r"pulumi (up|refresh|destroy|import)", one) for one in commands)
    assert job["env"]["IMAGE"] == jobs["prod"]["with"]["image"], "what is previewed is what is deployed"


def test_a_loss_of_data_stops_before_the_deployment_and_goes_on_by_hand_alone() -> None:
    content = workflow("deploy")
    asked = content["on"]["workflow_dispatch"]["inputs"]
    assert set(asked) == {"accept-loss-dev", "accept-loss-prod"}
    for stack in ("dev", "prod"):
        assert content["jobs"][stack]["with"]["accept-loss"] == f"${{{{ inputs.accept-loss-{stack} }}}}"
        assert asked[f"accept-loss-{stack}"]["default"] == ""
    for name, job, accepted in (
        ("deploy-stack", "deploy", "${{ inputs.accept-loss }}"),
        ("deploy", "prod-preview", "${{ inputs.accept-loss-prod }}"),
    ):
        steps = workflow(name)["jobs"][job]["steps"]
        [guard] = [step for step in steps if "tools/ci/data_loss.py" in step.get("run", "")]
        assert guard["env"]["ACCEPT_LOSS"] == accepted
        assert "if" not in guard
        assert not guard.get("continue-on-error")
    steps = workflow("deploy-stack")["jobs"]["deploy"]["steps"]
    order = [step.get("id") or step.get("name") for step in steps]
    assert order.index("Stop where data would be lost") < order.index("up")


def test_dev_gets_the_image_of_the_commit_and_prod_gets_devs() -> None:
    jobs = workflow("deploy")["jobs"]
    assert set(jobs["dev"]["needs"]) == {"test", "image"}
    for stack, image in (("dev", "${{ needs.image.outputs.image }}"), ("prod", "${{ needs.dev.outputs.image }}")):
        assert jobs[stack]["with"]["stack"] == stack
        assert jobs[stack]["with"]["image"] == image
    push = workflow("image")["jobs"]["push"]["steps"][-1]
    assert push["env"]["NAME"].endswith(":${{ github.sha }}")
    assert "RepoDigests" in push["run"]


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
        packs |= set(re.findall(r"(?:policyPacks:|--policy-pack) (\S+)", text))
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
    for command in ([sys.executable, "-m", "tools.ci.actionlint"], [str(zizmor), "--offline", "--quiet", str(GITHUB)]):
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
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for file in (ROOT / name for name in listed.stdout.splitlines()):
        relative = file.relative_to(ROOT)
        if relative.parts[0] == "template":
            continue  # generated from what is renewed elsewhere
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
