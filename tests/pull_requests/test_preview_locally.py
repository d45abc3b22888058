"""The preview of a fork's pull request: the base deployed on the local Azure, the head previewed on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ci import preview_locally
from tests.stack.deployment import ROOT

SCRIPT = ROOT / "ci" / "preview_locally.py"
NOT_OF_THE_PROJECT = (".git", ".venv*", ".local", ".hypothesis", ".*_cache", "__pycache__")


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
    command = [sys.executable, str(SCRIPT), "--base", str(base), "--head", str(head), "--stack", "dev"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
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


def test_a_base_that_cannot_be_set_up_is_told(tmp_path: Path) -> None:
    for name in ("base", "head"):
        local = tmp_path / name / "local"
        local.parent.mkdir()
        local.write_text("#!/bin/sh\nexit 3\n")
        local.chmod(0o755)
    command = [sys.executable, str(SCRIPT), "--base", str(tmp_path / "base"), "--head", str(tmp_path / "head")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no preview: `./local setup` failed" in done.stdout
    assert "Traceback" not in done.stderr
