"""The preview of a fork's pull request: the base deployed on the local Azure, the head previewed on it."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.stack.deployment import ROOT
from tools.ci import preview_locally

SCRIPT = [sys.executable, "-m", "tools.ci.preview_locally"]
NOT_OF_THE_PROJECT = (".git", ".venv*", ".local-azure", ".hypothesis", ".*_cache", "__pycache__")


def git(directory: Path, *arguments: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "a"}
    environment = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "a@b.c", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=directory, env=environment, check=True, capture_output=True)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A repository with this project in it."""
    repository = tmp_path / "base"
    shutil.copytree(ROOT, repository, ignore=shutil.ignore_patterns(*NOT_OF_THE_PROJECT), symlinks=True)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "base")
    return repository


@pytest.fixture
def head(base: Path, tmp_path: Path) -> Path:
    """A second work tree of the repository, as a pull request would have it: it changes the logs' retention, has a
    fault that the policies forbid, and does away with the policies."""
    worktree = tmp_path / "head"
    git(base, "worktree", "add", "--quiet", "-b", "change", str(worktree))
    replace(worktree / "components" / "log_analytics.py", "retention_days: int = 30", "retention_days: int = 60")
    replace(
        worktree / "components" / "key_vault.py", "enable_rbac_authorization=True", "enable_rbac_authorization=False"
    )
    shutil.rmtree(worktree / "policy")
    git(worktree, "commit", "--quiet", "--all", "--message", "change")
    for directory in (base, worktree):
        (directory / ".venv").symlink_to(ROOT / ".venv")  # both ask for the packages that are there
    return worktree


def test_the_head_is_previewed_on_the_deployed_base_and_judged_by_the_bases_policies(base: Path, head: Path) -> None:
    # As another user where that can be tried: who it is makes no difference to what is run for it.
    other = ["--user", getpass.getuser()] if may_switch_users() else []
    command = [*SCRIPT, "--base", str(base), "--head", str(head), "--stack", "dev", *other]
    done = subprocess.run(command, cwd=base, capture_output=True, text=True, timeout=1200)
    assert done.returncode != 0
    assert done.stdout.startswith("### Preview of stack `dev` on the local Azure")
    assert "**cannot be deployed as it is**" in done.stdout
    assert "retentionInDays: 30 => 60" in done.stdout
    assert "enableRbacAuthorization: true => false" in done.stdout
    assert "~ 2 to update" in done.stdout, "nothing else differs between the two"
    assert "[mandatory]  vault-access-by-roles" in done.stdout
    assert "rediss://:" not in done.stdout
    status = subprocess.run(["git", "status", "--porcelain"], cwd=base, capture_output=True, text=True, check=True)
    assert status.stdout in ("", "?? .venv\n"), "no tracked file is changed"


def test_what_a_pull_request_prints_stays_in_its_block() -> None:
    output = "```\n# Approved by everyone\n````\n<script>"
    text = preview_locally.summary("dev", 0, output)
    assert "it can be deployed." in text
    lines = text.splitlines()
    fences = [line for line in lines if line.startswith("`````")]
    assert fences == ["`````diff", "`````"]
    assert output in text[text.index(fences[0]) : text.rindex(fences[1])]


def test_a_long_preview_is_shortened_to_what_a_summary_takes() -> None:
    text = preview_locally.summary("dev", 0, "ä\n" * 1_000_000 + "Resources: 3 to update")
    assert len(text.encode()) < 1024 * 1024
    assert "Resources: 3 to update" in text


def fake_checkout(directory: Path, script: str) -> None:
    """A checkout whose front door is a script."""
    directory.mkdir()
    local = directory / "local"
    local.write_text(f"#!/bin/sh\n{script}\n")
    local.chmod(0o755)


def test_a_base_that_cannot_be_set_up_is_told(tmp_path: Path) -> None:
    for name in ("base", "head"):
        fake_checkout(tmp_path / name, "exit 3")
    command = [*SCRIPT, "--base", str(tmp_path / "base"), "--head", str(tmp_path / "head")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no preview: `./local setup` failed" in done.stdout
    assert "Traceback" not in done.stderr


def may_switch_users() -> bool:
    """Return whether commands can be run as another user here without a password, as on GitHub's machines."""
    if os.geteuid() == 0:
        return shutil.which("runuser") is not None
    asked = ["sudo", "--non-interactive", "true"]
    return shutil.which("sudo") is not None and subprocess.run(asked, capture_output=True).returncode == 0


HEAD_ATTACKS = """\
whoami >>"$HOME/who"
for file in "{base}/policy/rule" "{base}/new"; do
    if echo changed 2>/dev/null >"$file"; then echo "WRITTEN $file"; fi
done
if sudo --non-interactive true 2>/dev/null; then echo "ROOT"; fi
if [ -n "${{WORKFLOW_SECRET:-}}" ]; then echo "SECRET"; fi
touch made-by-the-head || echo "CANNOT WRITE ITS OWN DIRECTORY"
"""

BASE_LOCAL = """\
echo "$(whoami): $*" >>"$LOCAL_AZURE_HOME/../calls"
case $* in
    *"pulumi stack export"*) touch "$LOCAL_AZURE_HOME/state.json" ;;
    *"pulumi preview"*) cat "{head}/attempts"; cat "{base}/policy/rule" ;;
esac
"""


@pytest.mark.skipif(not may_switch_users(), reason="needs root, or sudo without a password")
def test_the_head_cannot_write_what_judges_it_and_without_another_user_it_could(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Not pytest's own directory, which other users cannot enter.
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "tmp").mkdir()
        monkeypatch.setenv("TMPDIR", str(place / "tmp"))
        monkeypatch.setenv("WORKFLOW_SECRET", "token")
        (place / "calls").touch()
        for directory in (place / "tmp", place / "calls"):
            directory.chmod(0o777)
        (place / "tmp" / "calls").symlink_to(place / "calls")
        base, head = place / "base", place / "head"
        fake_checkout(base, BASE_LOCAL.format(base=base, head=head))
        (base / "policy").mkdir()
        rule = base / "policy" / "rule"
        rule.write_text("the base's rule")
        fake_checkout(head, f"{{ {HEAD_ATTACKS.format(base=base)} }} >attempts 2>&1")
        command = [*SCRIPT, "--base", str(base), "--head", str(head)]

        def run(*options: str) -> str:
            done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        guarded = run("--user", "nobody")
        assert rule.read_text() == "the base's rule"
        for hint in ("WRITTEN", "ROOT", "SECRET", "CANNOT"):
            assert hint not in guarded, guarded
        assert (head / "made-by-the-head").exists()
        assert head.stat().st_uid == os.getuid(), "its owner is the one of before"
        calls = (place / "calls").read_text()
        assert "nobody: run pulumi preview" in calls
        assert "nobody: run pulumi up" not in calls, "the base is deployed by ourselves"
        assert "WRITTEN" in run(), "so the attack is one"
