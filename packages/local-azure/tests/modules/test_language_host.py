"""Which interpreter runs a program, and what its user sees of an error."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2

from local_azure.pulumi_engine import language_host, program_runner
from local_azure.pulumi_engine.language_host import Program, ProgramError


def program(root: Path, **options: str) -> Program:
    struct = Struct()
    struct.update(options)
    info = language_pb2.ProgramInfo(
        root_directory=str(root), program_directory=str(root), entry_point=".", options=struct
    )
    return Program.from_info(info)


def fake_environment(directory: Path) -> Path:
    python = directory / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return python


def test_a_program_without_a_virtual_environment_runs_with_ours(tmp_path: Path) -> None:
    fake_environment(tmp_path / ".venv")
    assert program(tmp_path).interpreter() == sys.executable


@pytest.mark.parametrize(
    "options",
    [{"virtualenv": "venv"}, {"toolchain": "pip", "virtualenv": "venv"}, {"toolchain": "uv", "virtualenv": "venv"}],
)
def test_a_program_runs_with_the_virtual_environment_it_names(tmp_path: Path, options: dict[str, str]) -> None:
    python = fake_environment(tmp_path / "venv")
    assert program(tmp_path, **options).interpreter() == str(python)


def test_uv_keeps_its_environment_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
    python = fake_environment(tmp_path / ".venv")
    assert program(tmp_path, toolchain="uv").interpreter() == str(python)


def test_a_program_whose_virtual_environment_is_not_made_yet_runs_with_ours(tmp_path: Path) -> None:
    assert program(tmp_path, virtualenv="venv").interpreter() == sys.executable


def test_a_directory_that_is_no_virtual_environment_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    with pytest.raises(ProgramError, match="delete it and run `pulumi install`"):
        program(tmp_path, virtualenv="venv").interpreter()


def test_an_unknown_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="'conda' is none of pip, uv and poetry"):
        program(tmp_path, toolchain="conda").interpreter()


def test_dependencies_are_installed_into_the_programs_own_environment(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    installation = language_host._installation  # pyright: ignore[reportPrivateUsage]
    commands = list(installation(program(tmp_path, virtualenv="venv"), tmp_path))
    assert commands[0] == [sys.executable, "-m", "venv", str(tmp_path / "venv")]
    assert commands[1][0] == str(tmp_path / "venv" / "bin" / "python")
    assert commands[1][-1] == str(tmp_path / "requirements.txt")
    assert all("pip" not in command for command in installation(program(tmp_path), tmp_path)), "ours stays as it is"


def test_a_traceback_begins_in_the_users_program(tmp_path: Path) -> None:
    main = tmp_path / "__main__.py"
    main.write_text("def fail():\n    raise ValueError('a fault')\n\nfail()\n")
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the program's own
        runpy.run_path(str(tmp_path))
    lines = program_runner.user_traceback(error.value, str(tmp_path)).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].strip() == f'File "{main}", line 4, in <module>'
    assert lines[-1] == "ValueError: a fault"


def test_a_syntax_error_shows_the_users_line_alone(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("x = = 1\n")
    with pytest.raises(SyntaxError) as error:
        runpy.run_path(str(tmp_path))
    text = program_runner.user_traceback(error.value, str(tmp_path))
    assert "x = = 1" in text
    assert "runpy" not in text


def test_a_program_is_run_without_a_module_of_this_project_in_reach(tmp_path: Path) -> None:
    """The runner is called by its path, which must not put its own directory first on the program's sys.path."""
    (tmp_path / "pulumi.py").write_text("raise ImportError('the program has its own pulumi.py')")
    command = [sys.executable, program_runner.__file__, str(tmp_path), str(tmp_path / "record")]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "the program has its own pulumi.py" in answer.stderr
    assert "install the program's requirements" in answer.stderr
