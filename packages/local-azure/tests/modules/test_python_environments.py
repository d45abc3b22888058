"""When an environment in the cache is made; no package is fetched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local_azure.system import progress, python_environments


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of uv that would have been run; the cache is in `cache`."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> str:
        words = command[3:]
        ran.append(words)
        if words[0] == "venv":
            python = Path(words[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
        return ""

    monkeypatch.setattr(progress, "run_quietly", run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ran


def test_it_is_made_once_and_anew_for_another_list(tmp_path: Path, made: list[list[str]]) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a==1")
    assert not python_environments.is_cached("tool", [path])
    first = python_environments.cached("tool", [path])
    assert python_environments.cached("tool", [path]) == first
    assert python_environments.is_cached("tool", [path])
    path.write_text("a==2")
    assert python_environments.cached("tool", [path]) != first
    assert [words[0] for words in made] == ["venv", "pip"] * 2


def test_hashes_are_checked_where_a_list_has_them(tmp_path: Path, made: list[list[str]]) -> None:
    plain, hashed = tmp_path / "plain.txt", tmp_path / "hashed.txt"
    plain.write_text("a==1")
    hashed.write_text("b==1 --hash=sha256:00")
    python_environments.cached("tool", [plain, hashed])
    installs = [words for words in made if words[0] == "pip"]
    assert [("--require-hashes" in words, words[-1]) for words in installs] == [
        (False, str(plain)),
        (True, str(hashed)),
    ]


def test_an_interrupted_installation_is_done_again(
    tmp_path: Path, made: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("a==1")
    whole = progress.run_quietly

    def interrupted(command: list[str], **options: object) -> str:
        if "pip" in command:
            raise KeyboardInterrupt
        return whole(command)

    monkeypatch.setattr(progress, "run_quietly", interrupted)
    with pytest.raises(KeyboardInterrupt):
        python_environments.cached("tool", [path])
    assert not python_environments.is_cached("tool", [path])
    monkeypatch.setattr(progress, "run_quietly", whole)
    python_environments.cached("tool", [path])
    assert python_environments.is_cached("tool", [path])
