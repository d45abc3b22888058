"""Commands whose output only matters when they fail."""

import sys

import pytest

from local_azure.system.progress import CommandFailedError, run_quietly


def test_the_output_is_returned() -> None:
    assert run_quietly([sys.executable, "-c", "print('out')"]) == "out\n"


def test_a_failure_says_the_last_line_of_the_error() -> None:
    with pytest.raises(CommandFailedError, match=r"^the reason$"):
        run_quietly([sys.executable, "-c", "import sys; print('x'); sys.exit('before\\nthe reason')"])


def test_a_silent_failure_says_its_exit_code() -> None:
    with pytest.raises(CommandFailedError, match=r"^exit code 5$"):
        run_quietly([sys.executable, "-c", "raise SystemExit(5)"])


def test_a_missing_program_is_a_failure() -> None:
    with pytest.raises(CommandFailedError, match="No such file"):
        run_quietly(["/nowhere/program"])


def test_a_command_that_takes_too_long_goes_with_all_it_started() -> None:
    """The grandchild would keep the output open and the test waiting, were it not ended too."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(CommandFailedError, match="no answer within"):
        run_quietly([sys.executable, "-c", code], timeout=0.5)
