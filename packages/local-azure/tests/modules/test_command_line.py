"""The command line of local-azure."""

import json
import os
from pathlib import Path

import pytest

from local_azure.cli import main as command_line


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
