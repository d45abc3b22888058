"""Preview a change of the program without Azure, for a pull request that must not have a credential.

The base is deployed on a local Azure of its own, the head is previewed on what then stands there, and the result is
printed in Markdown, as a job's summary wants it. Of the head, the program, its packages and what sets them up run; the
local Azure, the engine and the policies are the base's. With ``--user``, all of the head runs as that user, who can
write the head's directory and the preview's own state, and nothing of the base. Run by any Python of the machine:
standard library only.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tools.ci.report import StepError, preview_report

_PASSED_ON = ("LANG", "LC_ALL", "SSL_CERT_FILE", "TMPDIR")
_PASSED_ON_PREFIXES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "PIP_", "UV_")
"""Environment variables that are passed to the head's user. None of a workflow's, which contain its tokens and
files."""


@dataclass(frozen=True)
class Account:
    """The account that runs a command: the current user, or another user of the machine.

    Attributes:
        user: its name; ``None`` for ourselves.
        home: home directory of that user, for this preview.
    """

    user: str | None = None
    home: Path | None = None

    def run(
        self, command: Sequence[str], directory: Path, variables: dict[str, str], *, capture: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with further environment variables; what it prints is captured or goes to standard error."""
        environment = {**os.environ, **variables}
        if self.user is not None:
            cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
            told = {"HOME": str(self.home), "PATH": os.environ["PATH"], "XDG_CACHE_HOME": cache, **variables}
            passed = {
                name: value
                for name, value in os.environ.items()
                if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
            }
            environment = {**passed, **told}
            command = [
                *self._switch(list(passed)),
                "env",
                *(f"{name}={value}" for name, value in told.items()),
                *command,
            ]
        return subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else sys.stderr.fileno(),
            stderr=subprocess.STDOUT if capture else None,
            text=True,
        )

    def _switch(self, passed: Sequence[str]) -> list[str]:
        """Return the beginning of a command that is run as the user."""
        assert self.user is not None
        if os.geteuid() == 0:
            return ["runuser", "-u", self.user, "--"]
        return ["sudo", "--non-interactive", f"--preserve-env={','.join(passed)}", "--user", self.user, "--"]


@dataclass(frozen=True)
class LocalAzure:
    """The base's emulator, with its own state."""

    base: Path
    home: Path
    account: Account = Account()

    def __call__(self, *arguments: str, directory: Path) -> None:
        """Run ``./local ARGUMENTS`` in a directory, what it prints on standard error. Raises `StepError`."""
        done = self.account.run([str(self.base / "local"), *arguments], directory, self._variables)
        if done.returncode != 0:
            raise StepError(f"`./local {' '.join(arguments)}` ended with exit code {done.returncode} in {directory}")

    def output_of(self, *arguments: str, directory: Path) -> tuple[int, str]:
        """Run ``./local ARGUMENTS`` in a directory; return its exit code and all it printed."""
        done = self.account.run([str(self.base / "local"), *arguments], directory, self._variables, capture=True)
        return done.returncode, done.stdout

    def handed_to(self, user: str, head: Path) -> "LocalAzure":
        """Stop it and start it again as another user, who owns its state and the head's directory from now on."""
        self("stop", directory=self.base)
        account = Account(user, self.home / "user")
        (self.home / "user").mkdir()
        for directory in (self.home, head):
            _give(directory, user)
        handed = replace(self, account=account)
        handed("start", "--data-plane", "no", directory=self.base)
        return handed

    @property
    def _variables(self) -> dict[str, str]:
        return {"LOCAL_AZURE_HOME": str(self.home)}


@contextmanager
def local_azure(base: Path, head: Path, user: str | None) -> Generator[LocalAzure]:
    """Start a local Azure for one preview: stopped and deleted at the end, be it by Ctrl-C.

    Deploying needs ourselves; with ``user`` the head is given away only by `LocalAzure.handed_to`.
    """
    home = Path(tempfile.mkdtemp(prefix="local-azure-preview."))
    azure = LocalAzure(base, home)
    try:
        # What is compared are resources: no application has to run for it.
        azure("start", "--data-plane", "no", directory=base)
        yield azure
    finally:
        accounts = [azure] if user is None else [azure, replace(azure, account=Account(user, home / "user"))]
        for account in accounts:
            account.output_of("stop", directory=base)
        if user is not None:
            for directory in (home, head):
                _give(directory, str(os.getuid()))
        shutil.rmtree(home, ignore_errors=True)


def preview(base: Path, head: Path, stack: str, user: str | None = None) -> tuple[int, str]:
    """Deploy the base, preview the head on it; with ``user``, the head as that user.

    Returns:
        The exit code of ``pulumi preview``, and what it printed.

    Raises:
        StepError: when the base cannot be deployed, or the head not be prepared.
    """
    _say(f"Setting up {base} ...")
    _set_up(base, Account())
    with local_azure(base, head, user) as azure:
        _say(f"Deploying the base's stack {stack} ...")
        azure("run", "pulumi", "up", "--yes", "--skip-preview", "--stack", stack, directory=base)
        state = azure.home / "state.json"
        # The two directories are two projects to the local Azure: the stack moves from one to the other.
        azure("run", "pulumi", "stack", "export", "--stack", stack, "--file", str(state), directory=base)
        if user is not None:
            azure = azure.handed_to(user, head)
        _say(f"Setting up {head} ...")
        _set_up(head, azure.account)
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
    """Return the result in Markdown."""
    return preview_report(
        f"Preview of stack `{stack}` on the local Azure",
        "The base was deployed on a local Azure, and the pull request previewed on it",
        exit_code,
        output,
    )


def _set_up(directory: Path, account: Account) -> None:
    """Make the directory's own virtual environment; the engine is found when it is first needed."""
    done = account.run([str(directory / "local"), "setup", "--no-engine"], directory, {})
    if done.returncode != 0:
        raise StepError(f"`./local setup` failed in {directory}")


def _give(directory: Path, user: str) -> None:
    """Make a user the owner of a directory and all in it. Raises `StepError`."""
    privileged = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    if subprocess.run([*privileged, "chown", "--recursive", "--no-dereference", user, str(directory)]).returncode != 0:
        raise StepError(f"{directory} could not be given to the user {user}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the summary; return the exit code of the preview, or 1 when it did not come to that."""
    parser = argparse.ArgumentParser(
        prog="preview_locally", description="Previews one checkout of the project on a local Azure that has another."
    )
    parser.add_argument("--base", type=Path, required=True, help="checkout of what is deployed")
    parser.add_argument("--head", type=Path, required=True, help="checkout of what shall be")
    parser.add_argument("--stack", default="dev", help="the stack (default: dev)")
    parser.add_argument(
        "--user", help="user of this machine that runs the head and owns its directory meanwhile (default: you)"
    )
    options = parser.parse_args(arguments)
    try:
        exit_code, output = preview(options.base.resolve(), options.head.resolve(), options.stack, options.user)
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
