"""Shows what a change of the program would change, without Azure: for a pull request that may have no credential.

The base is deployed on a local Azure of its own, the head is previewed on what then stands there, and the result is
written in Markdown, as a job's summary wants it. Of the head, the program, its packages and what sets them up run; the
local Azure, the engine and the policies are the base's. Run by any Python of the machine: standard library only.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SUMMARY_BYTES = 900_000
"""GitHub takes a summary of 1 MiB.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands (step isolation and limits).
"""


class StepError(Exception):
    """A step failed. The message says which; what it printed has been shown."""


@dataclass(frozen=True)
class LocalAzure:
    """The base's local Azure, with a state of its own."""

    base: Path
    home: Path

    def __call__(self, *arguments: str, directory: Path) -> None:
        """Run ``./local ARGUMENTS`` in a directory, what it prints on standard error. Raises `StepError`."""
        done = subprocess.run(
            [str(self.base / "local"), *arguments],
            cwd=directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
        )
        if done.returncode != 0:
            raise StepError(f"`./local {' '.join(arguments)}` ended with exit code {done.returncode} in {directory}")

    def output_of(self, *arguments: str, directory: Path) -> tuple[int, str]:
        """Run ``./local ARGUMENTS`` in a directory; return its exit code and all it printed."""
        done = subprocess.run(
            [str(self.base / "local"), *arguments],
            cwd=directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LOCAL_AZURE_HOME": str(self.home)}


@contextmanager
def local_azure(base: Path) -> Generator[LocalAzure]:
    """A local Azure for one preview: stopped and deleted at the end, be it by Ctrl-C."""
    home = Path(tempfile.mkdtemp(prefix="local-azure-preview."))
    azure = LocalAzure(base, home)
    try:
        # What is compared are resources: no application has to run for it.
        azure("start", "--data-plane", "no", directory=base)
        yield azure
    finally:
        azure.output_of("stop", directory=base)
        shutil.rmtree(home, ignore_errors=True)


def preview(base: Path, head: Path, stack: str) -> tuple[int, str]:
    """Deploy the base, preview the head on it.

    Returns:
        The exit code of ``pulumi preview``, and what it printed.

    Raises:
        StepError: when the base cannot be deployed, or the head not be prepared.
    """
    _say(f"Setting up {base} and {head} ...")
    for directory in (base, head):
        _set_up(directory)
    with local_azure(base) as azure:
        _say(f"Deploying the base's stack {stack} ...")
        azure("run", "pulumi", "up", "--yes", "--skip-preview", "--stack", stack, directory=base)
        state = azure.home / "state.json"
        # The two directories are two projects to the local Azure: the stack moves from one to the other.
        azure("run", "pulumi", "stack", "export", "--stack", stack, "--file", str(state), directory=base)
        azure("run", "pulumi", "stack", "import", "--stack", stack, "--file", str(state), directory=head)
        _say("Previewing the head ...")
        policies = base / "policy"
        judged = ["--policy-pack", str(policies)] if policies.is_dir() else []
        return azure.output_of(
            *("run", "pulumi", "preview", "--diff", "--color", "never", "--suppress-progress", "--stack", stack),
            *judged,
            directory=head,
        )


def summary(stack: str, exit_code: int, output: str) -> str:
    """The result in Markdown. What was printed can say anything, and stays inside its block."""
    verdict = "can be deployed" if exit_code == 0 else "**cannot be deployed as it is**"
    output = _shortened(output.strip())
    longest = max((len(run) for run in re.findall("`+", output)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join(
        [
            f"### Preview of stack `{stack}` on the local Azure",
            "",
            f"The base was deployed on a local Azure, and the pull request previewed on it: it {verdict}.",
            "",
            f"{fence}diff",
            output,
            fence,
            "",
        ]
    )


def _shortened(text: str) -> str:
    """The end of a text that is too long: the summary of changes stands there."""
    encoded = text.encode()
    if len(encoded) <= _SUMMARY_BYTES:
        return text
    return "... (the beginning is left out)\n" + encoded[-_SUMMARY_BYTES:].decode(errors="ignore")


def _set_up(directory: Path) -> None:
    """Make the directory's own virtual environment; the engine is found when it is first needed."""
    command = [str(directory / "local"), "setup", "--no-engine"]
    if subprocess.run(command, stdout=sys.stderr.fileno()).returncode != 0:
        raise StepError(f"`./local setup` failed in {directory}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the summary; return the exit code of the preview, or 1 when it did not come to that."""
    parser = argparse.ArgumentParser(
        prog="preview_locally.py", description="Previews one checkout of the project on a local Azure that has another."
    )
    parser.add_argument("--base", type=Path, required=True, help="checkout of what is deployed")
    parser.add_argument("--head", type=Path, required=True, help="checkout of what shall be")
    parser.add_argument("--stack", default="dev", help="the stack (default: dev)")
    options = parser.parse_args(arguments)
    try:
        exit_code, output = preview(options.base.resolve(), options.head.resolve(), options.stack)
    except StepError as error:
        _say(f"error: {error}")
        print(summary(options.stack, 1, f"There is no preview: {error}"))
        return 1
    except KeyboardInterrupt:
        return 130
    print(summary(options.stack, exit_code, output))
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
