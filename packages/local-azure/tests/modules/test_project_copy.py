"""Copies of a project on disk. The engine is a script that does what is needed of `stack init` and `config set`."""

import json
import os
from pathlib import Path

import pytest

from local_azure.pulumi_engine import project_copy
from local_azure.pulumi_engine.project_copy import Project, ProjectCopy, ProjectError, Pulumi
from local_azure.pulumi_engine.stack_config import StackFile, ciphertext_of
from local_azure.system.paths import Home, backend_url
from local_azure.system.project_file import ProjectFileError

ENGINE = """\
#!/bin/sh
# Called as: pulumi --non-interactive --color never COMMAND...
shift 3
case "$1 $2" in
    "stack init")
        mkdir -p "$BACKEND/.pulumi/stacks/prog"
        echo '{}' > "$BACKEND/.pulumi/stacks/prog/$4.json"
        echo "encryptionsalt: v1:local" >> "Pulumi.$4.yaml" ;;
    "config set")
        read -r value || true
        while [ "$1" != --config-file ]; do shift; done
        printf 'config:\\n  prog:generated:\\n    secure: enc-%s\\n' "$value" >> "$2" ;;
    *) echo "not understood: $*" >&2; exit 1 ;;
esac
"""

TEAM = """\
encryptionsalt: v1:team
config:
  image: x:1
  token:
    secure: v1:of-the-team
"""


@pytest.fixture
def copy(tmp_path: Path) -> ProjectCopy:
    directory = tmp_path / "prog"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_text("name: prog\nruntime: python\nmain: src/\nbackend: {url: s3://team}\n")
    (directory / "Pulumi.dev.yaml").write_text(TEAM)
    project = Project.find(directory)
    assert project
    return ProjectCopy(Home(tmp_path / "home"), project)


@pytest.fixture
def pulumi(tmp_path: Path, copy: ProjectCopy) -> Pulumi:
    program = tmp_path / "engine"
    program.write_text(ENGINE)
    program.chmod(0o755)
    return Pulumi(str(program), {"PATH": os.environ["PATH"], "BACKEND": str(copy.backend)})


def prepared(copy: ProjectCopy, pulumi: Pulumi, stack: str = "dev") -> StackFile:
    copy.refresh()
    copy.prepare(stack, pulumi)
    return StackFile.parse(copy.stack_file(stack).read_text(), "prog")


def test_the_project_is_found_from_below_as_the_engine_finds_it(copy: ProjectCopy) -> None:
    below = copy.project.directory / "a" / "b"
    below.mkdir(parents=True)
    found = Project.find(below)
    assert found
    assert found.file == copy.project.file
    assert Project.find(copy.home.directory.parent) is None


@pytest.mark.parametrize(
    ("settings", "file"),
    [
        ("", "Pulumi.dev.yaml"),
        ("stackConfigDir: stacks\n", "stacks/Pulumi.dev.yaml"),
        ("config: stacks\n", "stacks/Pulumi.dev.yaml"),
    ],
)
def test_the_stack_file_is_where_the_project_file_says(tmp_path: Path, settings: str, file: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: prog\nruntime: python\n{settings}")
    assert Project.load(tmp_path / "Pulumi.yaml").stack_file("dev") == tmp_path / file


@pytest.mark.parametrize("text", ["", "runtime: python", "name: [1]", "{", "- name"])
def test_what_is_no_project_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(ProjectError, match=r"Pulumi\.yaml"):
        Project.load(tmp_path / "Pulumi.yaml")


def test_programs_of_one_name_in_two_directories_share_no_stack(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    backends = {project_copy.backend_of(home, tmp_path / where / "prog") for where in ("one", "two")}
    assert len(backends) == 2


def test_the_copied_project_file_leads_nowhere_else(copy: ProjectCopy) -> None:
    copy.refresh()
    assert (copy.workspace / "Pulumi.yaml").read_text() == "name: prog\nruntime: python\n"


def test_the_stack_is_made_and_its_copy_has_local_secrets(copy: ProjectCopy, pulumi: Pulumi) -> None:
    file = prepared(copy, pulumi)
    assert copy.has_stack("dev")
    assert file.settings["encryptionsalt"].value == "v1:local"
    assert file.entries["prog:image"].value == "x:1"
    secret = ciphertext_of(file.entries["prog:token"])
    assert secret
    assert secret.startswith("enc-")
    assert len(secret) > 20, "the value is random"
    assert copy.project.stack_file("dev").read_text() == TEAM, "the tracked file stays as it is"
    assert not list(copy.directory.glob("secret.yaml"))


def test_secrets_are_stable_and_a_tracked_change_comes_through(copy: ProjectCopy, pulumi: Pulumi) -> None:
    before = prepared(copy, pulumi)
    copy.project.stack_file("dev").write_text(TEAM.replace("x:1", "x:2"))
    after = prepared(copy, pulumi)
    assert after.entries["prog:image"].value == "x:2"
    assert ciphertext_of(after.entries["prog:token"]) == ciphertext_of(before.entries["prog:token"])


def test_what_is_set_locally_stays(copy: ProjectCopy, pulumi: Pulumi) -> None:
    prepared(copy, pulumi)
    text = copy.stack_file("dev").read_text()
    copy.stack_file("dev").write_text(text.replace("x:1", "mine:1"))
    copy.project.stack_file("dev").write_text(TEAM.replace("x:1", "x:2"))
    assert prepared(copy, pulumi).entries["prog:image"].value == "mine:1"


def test_a_removed_copy_starts_afresh(copy: ProjectCopy, pulumi: Pulumi) -> None:
    first = prepared(copy, pulumi)
    copy.stack_file("dev").unlink()
    (copy.backend / ".pulumi/stacks/prog/dev.json").unlink()
    again = prepared(copy, pulumi)
    assert again.entries["prog:image"].value == "x:1"
    assert ciphertext_of(again.entries["prog:token"]) != ciphertext_of(first.entries["prog:token"])


def test_a_stack_without_tracked_file_is_left_to_the_engine(copy: ProjectCopy, pulumi: Pulumi) -> None:
    copy.refresh()
    copy.prepare("unknown", pulumi)
    assert not copy.has_stack("unknown")
    assert not copy.stack_file("unknown").exists()


def test_an_error_of_the_engine_is_told_in_one_line(copy: ProjectCopy, pulumi: Pulumi) -> None:
    copy.refresh()
    with pytest.raises(ProjectError, match=r"^pulumi not understood: not understood: not understood$"):
        pulumi.run(["not", "understood"], copy.workspace)


def test_the_selection_is_read_from_the_engines_records(copy: ProjectCopy) -> None:
    records = copy.home.pulumi_home / "workspaces"
    records.mkdir(parents=True)
    (records / "a-1-workspace.json").write_text("{}")
    (records / "b-2-workspace.json").write_text(json.dumps({"stacks": {"file:///elsewhere": "organization/prog/prod"}}))
    assert copy.selected_stack() is None
    (records / "c-3-workspace.json").write_text(
        json.dumps({"stacks": {backend_url(copy.backend): "organization/prog/staging"}})
    )
    assert copy.selected_stack() == "staging"


def test_a_new_projects_file_keeps_nothing_of_the_local_encryption(copy: ProjectCopy) -> None:
    file = copy.project.stack_file("dev")
    copy.adopt(file)
    tracked = StackFile.parse(file.read_text(), "prog")
    assert tracked.settings == {}
    assert tracked.entries.keys() == {"prog:image"}
    adopted = StackFile.parse(copy.stack_file("dev").read_text(), "prog")
    assert ciphertext_of(adopted.entries["prog:token"]) == "v1:of-the-team"


def test_the_projects_file_lays_settings_over_every_stack(copy: ProjectCopy, pulumi: Pulumi) -> None:
    assert "prog:rolePropagationSeconds" not in prepared(copy, pulumi).entries
    file = copy.project.directory / "local-azure.toml"
    file.write_text('[config]\nrolePropagationSeconds = 2\n"azure-native:location" = "northeurope"\n')
    entries = prepared(copy, pulumi).entries
    assert entries["prog:rolePropagationSeconds"].value == "2"
    assert entries["azure-native:location"].value == "northeurope"
    file.write_text("[configuration]\nrolePropagationSeconds = 2\n")
    with pytest.raises(ProjectFileError, match="no section 'configuration'; it has config, image"):
        prepared(copy, pulumi)
