"""The script `local` and the virtual environment that it sets up; no package is fetched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import environment
from tools.environment import DEVELOPMENT_LISTS, LISTS, UV, SetupError

ROOT = Path(__file__).parents[2]
PACKAGE = "packages/one/pyproject.toml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with every list, and one package."""
    root = tmp_path / "a project"
    for name in (UV, *LISTS, *DEVELOPMENT_LISTS, PACKAGE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}==1 --hash=sha256:00\n")
    return root


@pytest.fixture
def ran(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been installed, in short."""
    steps: list[str] = []

    def run(*command: str) -> None:
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
            steps.append("venv")
        elif "pip" in command:
            option = "--editable" if "--editable" in command else "--require-hashes"
            assert option in command
            steps.append(str(Path(command[-1]).relative_to(root)))
        elif not Path(command[0]).exists():
            raise SetupError("no such file")

    monkeypatch.setattr(environment, "_run", run)
    return steps


def test_it_is_made_once(root: Path, ran: list[str]) -> None:
    for _ in range(2):
        environment.make(root, development=False)
    assert ran == ["venv", UV, *LISTS, "packages/one"]


def test_development_requirements_come_when_asked_for(root: Path, ran: list[str]) -> None:
    environment.make(root, development=False)
    ran.clear()
    environment.make(root, development=True)
    assert ran == [*DEVELOPMENT_LISTS]


@pytest.mark.parametrize("changed", ["requirements.txt", PACKAGE])
def test_what_changed_is_installed_again(root: Path, ran: list[str], changed: str) -> None:
    environment.make(root, development=True)
    ran.clear()
    (root / changed).write_text("a==2 --hash=sha256:00\n")
    environment.make(root, development=True)
    assert ran == [changed.removesuffix("/pyproject.toml")]


def test_a_project_without_packages_or_sample_installs_what_it_has(root: Path, ran: list[str]) -> None:
    shutil.rmtree(root / "packages")
    shutil.rmtree(root / "sample")
    environment.make(root, development=True)
    assert ran == ["venv", UV, *LISTS, "requirements-dev.txt"]


@pytest.mark.parametrize(
    ("where", "is_offline"), [("--find-links wheels", True), ("--index-url https://a.example", False)]
)
def test_packages_of_a_folder_are_never_taken_from_an_index(
    root: Path, monkeypatch: pytest.MonkeyPatch, where: str, is_offline: bool
) -> None:
    """Another package of the same name may be there."""
    shutil.rmtree(root / "packages")
    packages = root / environment.PACKAGES_LIST
    packages.write_text(f"{where}\nlocal-azure==0.1.0\n")
    commands: list[tuple[str, ...]] = []

    def run(*command: str) -> None:
        if not Path(command[0]).exists() and "venv" not in command and "pip" not in command:
            raise SetupError("no such file")
        (root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        commands.append(command)

    monkeypatch.setattr(environment, "_run", run)
    environment.make(root, development=False)
    assert commands[-1][-1] == str(packages), "last: all that they need is there, with hashes"
    assert "--no-deps" in commands[-1]
    assert ("--no-index" in commands[-1]) is is_offline


def test_an_interrupted_installation_is_done_again(root: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = environment._run  # pyright: ignore[reportPrivateUsage]

    def interrupted(*command: str) -> None:
        if command[-1].endswith("requirements-local.txt"):
            raise KeyboardInterrupt
        whole(*command)

    monkeypatch.setattr(environment, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.make(root, development=False)
    monkeypatch.setattr(environment, "_run", whole)
    environment.make(root, development=False)
    assert ran == ["venv", UV, *LISTS, "packages/one"]


def test_a_python_without_any_way_to_make_one_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: str) -> None:
        raise SetupError("no module")

    monkeypatch.setattr(environment, "_run", fail)
    assert environment.main([str(root)]) == 1
    assert "apt-get install python3-venv" in capsys.readouterr().err


@pytest.fixture
def script(root: Path) -> Path:
    """The script in a project whose virtual environment is current; its local-azure prints what it is called with."""
    program = root / ".venv" / "bin" / "local-azure"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$LOCAL_AZURE_HOME" "$LOCAL_AZURE_COMMAND" "$@"\n')
    program.chmod(0o755)
    for name in (UV, *LISTS, *DEVELOPMENT_LISTS, PACKAGE):
        file = root / ".venv" / "installed" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, file)
    shutil.copy(ROOT / "local", root / "local")
    return root / "local"


def call(script: Path, *arguments: str, path: str = "/usr/bin:/bin", **variables: str) -> list[str]:
    """Call the script from another directory; return the lines that it prints and its exit code."""
    answer = subprocess.run(
        [script, *arguments], cwd="/", env={"PATH": path, **variables}, capture_output=True, text=True
    )
    return [*answer.stdout.splitlines(), *answer.stderr.splitlines(), str(answer.returncode)]


def test_it_forwards_its_arguments_as_they_are(script: Path) -> None:
    home, command, *rest = call(script, "run", "a b", "", "--dev")
    assert (home, command) == (str(script.parent / ".local-azure"), str(script))
    assert rest == ["run", "a b", "", "--dev", "0"]
    assert call(script, "status", LOCAL_AZURE_HOME="/elsewhere")[0] == "/elsewhere"
    assert call(script, "setup", "--dev", "--no-engine")[2:] == ["setup", "--no-engine", "0"]


def test_it_is_found_through_links_from_any_directory(script: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "relative").symlink_to(Path("..") / script.parent.name / "local")
    (tmp_path / "bin" / "twice").symlink_to("relative")
    (tmp_path / "absolute").symlink_to(script)
    for link in (tmp_path / "bin" / "twice", tmp_path / "absolute"):
        assert call(link, "status")[0] == str(script.parent / ".local-azure")


@pytest.mark.parametrize(
    ("changed", "arguments", "options"),
    [
        ("requirements.txt", ["status"], []),
        ("requirements-local.txt", ["status"], []),
        (PACKAGE, ["status"], []),
        ("requirements-dev.txt", ["status"], None),
        ("requirements-dev.txt", ["run", "--dev"], None),
        ("requirements-dev.txt", ["setup", "--dev"], ["--dev"]),
    ],
)
def test_changed_requirements_are_installed_before(
    script: Path, tmp_path: Path, changed: str, arguments: list[str], options: list[str] | None
) -> None:
    (script.parent / changed).write_text("changed")
    tools = tmp_path / "tools"
    tools.mkdir()
    python = tools / "python3.13"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nshift 2\necho "set up: $*"\n')
    python.chmod(0o755)
    lines = call(script, *arguments, path=f"{tools}:/usr/bin:/bin", PYTHON="python3.13")
    said = [line for line in lines if line.startswith("set up: ")]
    assert said == ([] if options is None else [" ".join(["set up:", str(script.parent), *options])])


def test_python_names_the_interpreter_and_no_other_is_taken(script: Path, tmp_path: Path) -> None:
    (script.parent / "requirements.txt").write_text("changed")
    lines = call(script, "status", PYTHON=str(tmp_path / "absent"))
    assert lines[-1] == "1"
    assert "no Python 3.11, 3.12 or 3.13" in lines[0]


def test_a_machine_without_a_supported_python_says_so(script: Path, tmp_path: Path) -> None:
    (script.parent / "requirements.txt").write_text("changed")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cmp", "dirname", "readlink"):
        (tools / name).symlink_to(shutil.which(name) or name)
    lines = call(script, "status", path=str(tools))
    assert lines[-1] == "1"
    assert "no Python 3.11, 3.12 or 3.13" in lines[0]
