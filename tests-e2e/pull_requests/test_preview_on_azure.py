"""The preview of a pull request from this repository, on the engine: by the deployed image, or before there is one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.stack.deployment import IMAGE, ROOT, Deployment

DEPLOYED = f"contoso.azurecr.io/shop@sha256:{'1' * 64}"


def preview(stack: Deployment, *options: str) -> tuple[subprocess.CompletedProcess[str], str, str]:
    """Return what it did, the summary and the comment."""
    summary, comment = stack.directory / "summary.md", stack.directory / "comment.md"
    for file in (summary, comment):
        file.unlink(missing_ok=True)
    variables = [f"PYTHONPATH={ROOT}", f"GITHUB_STEP_SUMMARY={summary}"]
    command = [sys.executable, "-m", "tools.ci.preview_on_azure", "--stack", "dev"]
    options = ("--policy-pack", str(ROOT / "policy"), *options)
    done = stack.azure.run(
        *("run", "env", *variables, *command, "--comment", str(comment), *options),
        directory=stack.directory,
        check=False,
    )
    return done, summary.read_text(), comment.read_text()


def test_a_first_pull_request_is_previewed_with_the_files_image_and_later_ones_with_the_deployed(
    deploy: Callable[..., Deployment],
) -> None:
    stack = deploy()
    done, summary, comment = preview(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "Nothing is deployed yet; previewed with the image that the stack's file names: it can be deployed." in summary
    )
    assert f'"{IMAGE}"' in summary
    assert comment == summary

    stack.up("--config", f"image={DEPLOYED}")
    stack.pulumi("config", "set", "image", IMAGE, "--stack", "dev")  # as on every other machine
    done, summary, _ = preview(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Previewed with the image that is deployed" in summary
    assert IMAGE not in summary, "the file's image of long ago is no change"
    assert "unchanged" in summary

    _, summary, _ = preview(stack, "--image", "contoso.azurecr.io/shop:2.0.0")
    assert "Previewed with the image `contoso.azurecr.io/shop:2.0.0`" in summary
    assert "~ 3 to update" in summary or "~ 2 to update" in summary
    assert not any(secret in summary for secret in stack.secrets())


def test_what_breaks_a_policy_is_in_the_comment(deploy: Callable[..., Deployment]) -> None:
    stack = deploy()
    key_vault = stack.directory / "components" / "key_vault.py"
    text = key_vault.read_text()
    assert "enable_rbac_authorization=True" in text
    key_vault.write_text(text.replace("enable_rbac_authorization=True", "enable_rbac_authorization=False"))
    done, summary, comment = preview(stack)
    assert done.returncode != 0
    for report in (summary, comment):
        assert "**cannot be deployed as it is**" in report
        assert "[mandatory]  vault-access-by-roles" in report


def test_a_stack_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\nexit 255\n")
    pulumi.chmod(0o755)
    comment = tmp_path / "comment.md"
    done = subprocess.run(
        [sys.executable, "-m", "tools.ci.preview_on_azure", "--stack", "dev", "--comment", str(comment)],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert (
        "There is no preview: `pulumi stack output --json --stack dev` ended with exit code 255" in comment.read_text()
    )
