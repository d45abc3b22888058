"""When the virtual environment is made and its requirements are installed; no package is fetched."""

from pathlib import Path

import pytest

from local_azure.system import progress, python_environments
from local_azure.system.python_environments import DEVELOPMENT_LISTS, LISTS


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would have been run, in short."""
    ran: list[str] = []

    def run(command: list[str], **_: object) -> str:
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
            ran.append("venv")
        elif "pip" in command:
            ran.append(str(Path(command[-1]).relative_to(tmp_path)))
        elif not Path(command[0]).exists():
            raise progress.CommandFailedError("no such file")
        return ""

    monkeypatch.setattr(progress, "run_quietly", run)
    monkeypatch.setattr(python_environments, "ROOT", tmp_path)
    for name in (*LISTS, *DEVELOPMENT_LISTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}==1\n")
    return ran


def test_it_is_made_once(tmp_path: Path, commands: list[str]) -> None:
    for _ in range(2):
        python_environments.make(tmp_path / ".venv", development=False)
    assert commands == ["venv", *LISTS]


def test_development_requirements_come_when_asked_for(tmp_path: Path, commands: list[str]) -> None:
    python_environments.make(tmp_path / ".venv", development=False)
    python_environments.make(tmp_path / ".venv", development=True)
    assert commands == ["venv", *LISTS, *DEVELOPMENT_LISTS]


def test_changed_requirements_are_installed_again(tmp_path: Path, commands: list[str]) -> None:
    python_environments.make(tmp_path / ".venv", development=True)
    commands.clear()
    (tmp_path / "requirements.txt").write_text("a==2\n")
    python_environments.make(tmp_path / ".venv", development=True)
    assert commands == ["requirements.txt"]


def test_an_interrupted_installation_is_done_again(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = python_environments._pip  # pyright: ignore[reportPrivateUsage]

    def interrupted(*_: str) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(python_environments, "_pip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        python_environments.make(tmp_path / ".venv", development=False)
    monkeypatch.setattr(python_environments, "_pip", whole)
    python_environments.make(tmp_path / ".venv", development=False)
    assert commands == ["venv", *LISTS]


def test_a_python_without_any_way_to_make_one_says_what_to_install(
    tmp_path: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_nothing(name: str) -> None:
        return None

    monkeypatch.setattr(python_environments.importlib.util, "find_spec", find_nothing)
    with pytest.raises(progress.CommandFailedError, match="apt-get install python3-venv"):
        python_environments.make(tmp_path / ".venv", development=False)
