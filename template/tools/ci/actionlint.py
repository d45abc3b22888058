"""Run actionlint on the workflows: ``python -m tools.ci.actionlint``.

PyPI has no actionlint that installs without GitHub, so it is built from its Go module, whose exact dependencies are in
`actionlint_module/`, once for a machine (10 seconds), and kept in the user's cache directory.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from local_azure.pulumi_engine import go_toolchain
from local_azure.system import progress
from local_azure.system.files import locked
from local_azure.system.paths import user_cache

ROOT = Path(__file__).resolve().parents[2]
MODULE = Path(__file__).parent / "actionlint_module"
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"


def version() -> str:
    """Return the pinned version, from go.mod."""
    for line in (MODULE / "go.mod").read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == [_PACKAGE.removesuffix("/cmd/actionlint")]:
            return words[1].removeprefix("v")
    raise ValueError(f"{MODULE / 'go.mod'} does not require actionlint")


def program() -> Path:
    """Return the program, built if it is not in the cache. Raises `progress.CommandFailedError`."""
    directory = user_cache() / "actionlint"
    made = directory / version()
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=directory) as aside:
                go = go_toolchain.find(MODULE, Path(aside))
                built = Path(aside) / "actionlint"
                with progress.reported(
                    f"Building actionlint {version()} from its Go module, once for this machine ..."
                ):
                    progress.run_quietly(
                        [str(go), "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", str(built), _PACKAGE],
                        cwd=MODULE,
                        env=go_toolchain.environment(),
                    )
                built.rename(made)
    return made


def main() -> int:
    """Check all workflows; return actionlint's exit code, or 2 if it could not be had."""
    try:
        checker = program()
    except progress.CommandFailedError as failure:
        progress.say(f"error: no actionlint {version()}: {failure}")
        return 2
    workflows = sorted(str(file.relative_to(ROOT)) for file in (ROOT / ".github" / "workflows").glob("*.yml"))
    # Without shellcheck and pyflakes even where they are installed: the same verdict on every machine.
    return subprocess.call([str(checker), "-shellcheck=", "-pyflakes=", *workflows], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
