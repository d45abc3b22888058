"""Where redis-server comes from."""

import os
import stat
from pathlib import Path

import pytest

from local_azure.data_plane.redis import installation


def _program(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what a test puts there, and a shell."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in ("env", "sh", "touch", "chmod"):
        (directory / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_one_on_path_is_taken_as_it_is(tools: Path) -> None:
    _program(tools, "redis-server", "exit 0")
    assert installation.ensure() == tools / "redis-server"


def test_as_root_it_is_installed_by_apt(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    server = tools / "redis-server"
    _program(tools, "apt-get", f'case "$*" in *install*) touch {server}; chmod +x {server};; esac')
    assert installation.ensure() == server


def test_a_user_without_sudo_is_told_what_to_do(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    _program(tools, "apt-get", "exit 1")
    with pytest.raises(installation.RedisServerError, match="apt-get install redis-server"):
        installation.ensure()


def test_a_failed_installation_says_why_and_what_to_do(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    _program(tools, "apt-get", "echo 'E: no network' >&2; exit 100")
    with pytest.raises(installation.RedisServerError, match=r"E: no network.*apt-get install redis-server"):
        installation.ensure()


def test_on_macos_brew_installs_it(tools: Path) -> None:
    server = tools / "redis-server"
    _program(tools, "brew", f"touch {server}; chmod +x {server}")
    assert installation.ensure() == server
