"""Progress messages of long steps."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

INTERVAL = 15.0
"""Seconds between two progress messages."""


class CommandFailedError(Exception):
    """A command could not be started, ended with an error, or took too long. The message is one line."""


def say(text: str) -> None:
    """Print a progress message to standard error; standard output is the command's."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def reported(title: str) -> Generator[None]:
    """Print the title immediately, and the elapsed time every `INTERVAL` seconds while the block runs."""
    done = threading.Event()
    started = time.monotonic()

    def report() -> None:
        while not done.wait(INTERVAL):
            say(f"  ... {int(time.monotonic() - started)} s")

    say(title)
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def run_quietly(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command whose output only matters when it fails and return its standard output.

    `timeout` is in seconds; on time-out, as on Ctrl-C, the command goes with all it started.
    Raises `CommandFailedError` with the last line of the command's standard error.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailedError(f"{command[0]}: {error.strerror}") from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(f"no answer within {timeout:.0f} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        errors.seek(0)
        if code != 0:
            lines = (errors.read() or output.read()).strip().splitlines()
            raise CommandFailedError(lines[-1].strip() if lines else f"exit code {code}")
        return output.read()
