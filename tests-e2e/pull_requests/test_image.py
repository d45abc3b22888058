"""The image: a deployment of it changes only what runs it, and whoever means no new one keeps the deployed one."""

import hashlib
from collections.abc import Iterator

import pytest

from tests.stack.deployment import IMAGE, ROOT, Deployment, LocalAzure, operations, write_project

APPS = {"apps-web", "apps-worker", "apps-beat"}
DEPLOYED = f"contoso.azurecr.io/shop@sha256:{'1' * 64}"
NEWER = f"contoso.azurecr.io/shop@sha256:{'2' * 64}"
POLICIES = ("--policy-pack", str(ROOT / "policy"))

DEPLOYED_IMAGE = "image=$(pulumi stack output image --stack dev)"
"""What the guides pass as configuration where no new image is meant."""


@pytest.fixture(scope="module")
def stack(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A stack that continuous integration has deployed, by digest, from a file that names another image.

    The configuration is put back to what the file says, as it is on every other machine.
    """
    directory = tmp_path_factory.mktemp("image") / "project"
    write_project(directory, "dev", {"beat": {"enabled": True}})
    deployed = Deployment(local_azure, directory, "dev")
    deployed.up("--config", f"image={DEPLOYED}", *POLICIES)
    forget(deployed)
    yield deployed
    deployed.remove()


def forget(stack: Deployment) -> None:
    """Let the configuration name the image that the stack's file names."""
    stack.pulumi("config", "set", "image", IMAGE, "--stack", "dev")


def test_an_old_image_in_the_file_would_be_deployed_over_the_new_one(stack: Deployment) -> None:
    assert operations(stack.preview()) == {("update", app) for app in APPS}, "so the other commands are needed"


@pytest.mark.parametrize("command", ["preview", "up --yes --skip-preview"])
def test_the_documented_command_keeps_the_deployed_image(stack: Deployment, command: str) -> None:
    words = f'pulumi {command} --stack dev --config "{DEPLOYED_IMAGE}" --expect-no-changes'
    done = stack.azure.run("run", "sh", "-c", words, directory=stack.directory)
    assert "unchanged" in done.stdout
    assert stack.outputs()["image"] == DEPLOYED
    forget(stack)


@pytest.mark.parametrize("guide", ["README.md", "docs/pull-requests.md"])
def test_the_guides_document_that_command(guide: str) -> None:
    written = (ROOT / guide).read_text().replace('"$STACK"', "dev").replace(".yml", "")
    assert DEPLOYED_IMAGE in written


def test_a_preview_writes_nothing_to_the_state(stack: Deployment) -> None:
    def state() -> dict[str, str]:
        backend = next(stack.azure.home.glob(f"projects/{stack.directory.name}-*/backend"))
        files = (file for file in backend.rglob("*") if file.is_file())
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    before = state()
    assert before
    stack.preview(*POLICIES)
    assert state() == before, "so an identity that can only read the state can preview"


def test_a_new_image_changes_only_what_runs_it_and_the_policies_agree(stack: Deployment) -> None:
    before = stack.revisions()
    steps = stack.up("--config", f"image={NEWER}", *POLICIES)
    assert operations(steps) == {("update", app) for app in APPS}
    assert {step.type for step in steps} == {"azure-native:app:ContainerApp"}
    after = stack.revisions()
    assert all(after[app] != before[app] for app in APPS)
    assert stack.outputs()["image"] == NEWER
