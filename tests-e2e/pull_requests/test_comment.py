"""One comment of a pull request, the same for every outcome."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pull_requests.github_api import TOKEN, GitHub, github
from tests.stack.deployment import ROOT

LOG = "https://github.com/contoso/shop/actions/runs/1"


@pytest.fixture
def api() -> Iterator[GitHub]:
    with github() as held:
        yield held


def comment(api: GitHub, directory: Path, preview: str | None) -> subprocess.CompletedProcess[str]:
    """Run the workflow's own step after a preview that wrote this, or nothing."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "preview.yml").read_text())["jobs"]["azure"]["steps"]
    script = steps[-1]["run"]
    (directory / "preview.md").unlink(missing_ok=True)
    if preview is not None:
        (directory / "preview.md").write_text(preview)
    environment = {
        **os.environ,
        "GITHUB_API_URL": api.address,
        "GITHUB_REPOSITORY": "contoso/shop",
        "PULL_REQUEST": "7",
        "GH_TOKEN": TOKEN,
        "STACK": "dev",
        "HEAD": "c0ffee",
        "LOG": LOG,
        "RUNNER_TEMP": str(directory),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(["bash", "-e", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_success_failure_and_success_are_one_comment(api: GitHub, tmp_path: Path) -> None:
    for written, shown in (
        ("it can be deployed.", "it can be deployed."),
        ("**cannot be deployed as it is**", "**cannot be deployed as it is**"),
        (None, "There is no preview of dev"),
        ("it can be deployed again.", "it can be deployed again."),
    ):
        done = comment(api, tmp_path, written)
        assert done.returncode == 0, done.stderr
        [only] = api.comments
        assert shown in only["body"]
        assert f"Commit c0ffee, [log]({LOG})." in only["body"]
    assert "no preview" not in only["body"], "what failed before is not said any more"


def test_ours_is_found_behind_a_hundred_and_nobody_elses_is_edited(api: GitHub, tmp_path: Path) -> None:
    copied = api.add("<!-- preview of dev -->\ncopied by somebody", login="mallory")
    quoted = api.add("> <!-- preview of dev -->\nquoted by another workflow")
    for number in range(120):
        api.add(f"discussion {number}", login="somebody")
    assert comment(api, tmp_path, "first").returncode == 0
    assert comment(api, tmp_path, "second").returncode == 0
    assert len(api.comments) == 123
    assert "second" in api.comments[-1]["body"]
    assert copied["body"].endswith("copied by somebody")
    assert quoted["body"].endswith("quoted by another workflow")


def test_a_refusal_is_told_in_one_line_without_the_token(api: GitHub, tmp_path: Path) -> None:
    api.refuse = 403
    done = comment(api, tmp_path, "text")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "GitHub answered 403" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
