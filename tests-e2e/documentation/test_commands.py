"""The commands of the pages run as they are written, in the state that the page is about."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from documentation.blocks import ROOT, Block, blocks
from documentation.shell import commands
from documentation.states import STATES, State

BLOCK_SECONDS = 600
ENDS = re.compile(r"(?m)^(make (up|down)|(\./local|local-azure) (stop|reset|start|faults))\b|pulumi (up|destroy)")
"""Commands after which the state is made anew before the next page's."""
IN_ORDER = sorted(
    (block for block in blocks() if block.is_executed), key=lambda block: (STATES.get(block.file, 9), block.file)
)


@dataclass
class Clone:
    """A copy of the project, with a local Azure of its own, which the commands of pages may change."""

    directory: Path
    home: Path
    page: str | None = None
    """The page whose commands ran last; another one's begin in a state of their own."""
    state: State | None = None
    """What there is now; None where it is not known."""

    @property
    def elsewhere(self) -> Path:
        """Directory of a program of the reader's own."""
        return self.home.parent / "elsewhere"

    def shell(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a reader would, but stop at the first command that fails."""
        environment = {**os.environ, "LOCAL_AZURE_HOME": str(self.home)}
        if self.page and self.page.startswith("packages/"):
            # Its reader has installed the package.
            environment["PATH"] = f"{self.directory / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.elsewhere if self.state is State.ELSEWHERE else self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
        )

    def must(self, text: str) -> None:
        done = self.shell(text)
        assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def bring_to(self, state: State) -> None:
        """Make the state, whatever the commands before have left."""
        match state:
            case State.FRESH:
                self.must("./local reset --yes")
            case State.DEPLOYED | State.RUNNING if self.state != state:
                self.must(f"./local start --data-plane {'yes' if state is State.RUNNING else 'no'}")
                self.must("./local run pulumi up --stack dev --yes --skip-preview")
                if state is State.RUNNING:
                    self.must("./local ready --stack dev")
            case State.ELSEWHERE:
                self.must("./local reset --yes")
                for block in blocks():
                    if block.file == self.page and block.title:
                        (self.elsewhere / block.title).parent.mkdir(parents=True, exist_ok=True)
                        (self.elsewhere / block.title).write_text(block.text, encoding="utf-8")
            case _:
                pass
        self.state = state


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone with everything installed, as the reader has it after the first command of the README."""
    directory = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name, follow_symlinks=False)
    # Current, or a command of the pages would install the clone's packages into it.
    subprocess.run([ROOT / "local", "setup", "--dev", "--no-engine"], check=True, capture_output=True)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    made = Clone(directory, tmp_path_factory.mktemp("home") / "local-azure")
    yield made
    made.shell("./local stop")


def is_slow(block: Block) -> bool:
    """Return whether a block calls Azure's own command line, which may have to be installed first."""
    return any("az" in command.words for command in commands(block.text))


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            block, marks=pytest.mark.slow("Microsoft's Azure CLI, 700 MB") if is_slow(block) else [], id=str(block)
        )
        for block in IN_ORDER
    ],
)
def test_the_pages_commands_work(clone: Clone, block: Block) -> None:
    if clone.page != block.file:
        clone.page = block.file
        clone.bring_to(STATES[block.file])
    done = clone.shell(block.text)
    if ENDS.search(block.text) and clone.state is not State.ELSEWHERE:
        clone.state = None
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
