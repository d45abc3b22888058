"""The script `local` and the command line behind it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local_azure.cli import main as command_line
from local_azure.system.paths import ROOT
from local_azure.system.python_environments import DEVELOPMENT_LISTS, LISTS


@pytest.fixture
def front_door(tmp_path: Path) -> Path:
    """The script in a project whose virtual environment is current; its python prints what it is called with."""
    root = tmp_path / "a project"
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nshift 3\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    for name in (*LISTS, *DEVELOPMENT_LISTS):
        for file in (root / name, root / ".venv" / "installed" / name):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
    shutil.copy(ROOT / "local", root / "local")
    return root / "local"


def run(script: Path, *arguments: str, path: str = "/usr/bin:/bin", cwd: Path = Path("/")) -> list[str]:
    answer = subprocess.run([script, *arguments], cwd=cwd, env={"PATH": path}, capture_output=True, text=True)
    return [*answer.stdout.splitlines(), *answer.stderr.splitlines(), str(answer.returncode)]


def test_it_forwards_its_arguments_as_they_are(front_door: Path) -> None:
    assert run(front_door, "run", "a b", "", "--dev") == [
        str(front_door.parent),
        "local_azure",
        "run",
        "a b",
        "",
        "--dev",
        "0",
    ]


def test_it_is_found_through_links_from_any_directory(front_door: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "relative").symlink_to(Path("..") / front_door.parent.name / "local")
    (tmp_path / "bin" / "twice").symlink_to("relative")
    (tmp_path / "absolute").symlink_to(front_door)
    for link in (tmp_path / "bin" / "twice", tmp_path / "absolute"):
        assert run(link, "status")[0] == str(front_door.parent)


@pytest.mark.parametrize(
    ("changed", "arguments", "set_up"),
    [
        ("requirements.txt", ["status"], ["local_azure.system.python_environments"]),
        ("requirements-local.txt", ["status"], ["local_azure.system.python_environments"]),
        ("requirements-dev.txt", ["status"], []),
        ("requirements-dev.txt", ["run", "--dev"], []),
        ("requirements-dev.txt", ["setup", "--dev"], ["local_azure.system.python_environments", "--dev"]),
    ],
)
def test_changed_requirements_are_installed_before(
    front_door: Path, tmp_path: Path, changed: str, arguments: list[str], set_up: list[str]
) -> None:
    (front_door.parent / changed).write_text("changed")
    tools = tmp_path / "tools"
    tools.mkdir()
    python = tools / "python3.13"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nshift 4\necho "set up: $*"\n')
    python.chmod(0o755)
    lines = run(front_door, *arguments, path=f"{tools}:/usr/bin:/bin")
    said = [line for line in lines if line.startswith("set up: ")]
    if set_up:
        module, *options = set_up
        assert said == [" ".join(["set up:", module, str(front_door.parent / ".venv"), *options])]
    else:
        assert said == []


def test_a_machine_without_a_supported_python_is_told_so(front_door: Path, tmp_path: Path) -> None:
    (front_door.parent / "requirements.txt").write_text("changed")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cmp", "dirname", "readlink"):
        (tools / name).symlink_to(shutil.which(name) or name)
    lines = run(front_door, "status", path=str(tools))
    assert lines[-1] == "1"
    assert "no Python 3.11, 3.12 or 3.13" in lines[0]


def test_the_status_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path / "home"))
    assert command_line.main(["status", "--json"]) == 3
    status = json.loads(capsys.readouterr().out)
    assert (status["running"], status["home"]) == (False, str(tmp_path / "home"))
    assert not (tmp_path / "home").exists(), "asking makes nothing"


def test_reset_deletes_no_directory_that_is_not_a_local_azures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").touch()
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path))
    assert command_line.main(["reset", "--yes"]) == 1
    assert os.listdir(tmp_path) == ["thesis.txt"]
    assert "nothing was deleted" in capsys.readouterr().err


def test_reset_asks_before_it_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(home))
    home.mkdir()
    (home / "README").touch()
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115 - closed with the test
    assert command_line.main(["reset"]) == 1
    assert home.exists()
    assert command_line.main(["reset", "--yes"]) == 0
    assert not home.exists()


@pytest.mark.parametrize("arguments", [["run"], ["run", "--"], [], ["unknown"]])
def test_a_wrong_command_line_is_an_error_of_use(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        command_line.main(arguments)
    assert error.value.code == 2
