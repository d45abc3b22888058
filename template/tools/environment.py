"""Make or update the project's virtual environment. Any Python 3.11 to 3.13 runs it: standard library only.

Every package is pinned with its hashes in the requirement lists. uv installs them; uv itself is installed first, by
pip, from a list with hashes too. The packages of this repository, where there are any, are installed as they are, so
that a change of their source needs no new installation.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

SUPPORTED = ((3, 11), (3, 13))
"""The oldest and the newest Python that the project runs with."""
UV = "tools/requirements-uv.txt"
LISTS = ("requirements.txt", "requirements-local.txt")
"""The requirements of the program, and of the emulator, the doctor and the policies."""
PACKAGES_LIST = "requirements-packages.txt"
"""Where the local Azure and the doctor are not folders of the project: these packages, and where their wheels are."""
DEVELOPMENT_LISTS = ("sample/requirements.txt", "requirements-dev.txt")
"""The requirements of the tests: the sample application's packages, and the tools."""
PACKAGES = "packages/*/pyproject.toml"
"""The packages of this repository."""

_INTERVAL_SECONDS = 15.0


class SetupError(Exception):
    """The environment could not be created. The message is one line for the user."""


def make(root: Path, *, development: bool) -> None:
    """Bring ``.venv`` in line with ``LISTS``, and with ``DEVELOPMENT_LISTS`` too if asked.

    Several processes may ask at once: one works, the others wait for it.

    Raises:
        SetupError: when a step fails, with the last line of its output.
    """
    directory = root / ".venv"
    wanted = [root / name for name in (*LISTS, *(DEVELOPMENT_LISTS if development else ()))]
    with open(root / ".venv.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_usable(directory):
            _create(root, directory)
        _install(root, directory, root / UV)
        for path in wanted:
            if path.exists():
                _install(root, directory, path)
        for path in [*root.glob(PACKAGES_LIST), *sorted(root.glob(PACKAGES))]:
            _install(root, directory, path)


def _is_usable(directory: Path) -> bool:
    """Return whether its interpreter runs (the Python it was made from may be gone) and is a supported one."""
    check = f"import sys; sys.exit(not {SUPPORTED[0]} <= sys.version_info[:2] <= {SUPPORTED[1]})"
    try:
        _run(str(directory / "bin" / "python"), "-c", check)
    except SetupError:
        return False
    return True


def _create(root: Path, directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    version = ".".join(str(part) for part in sys.version_info[:3])
    with _reported(f"Making {directory.name} with Python {version} ..."):
        try:
            _run(sys.executable, "-m", "venv", str(directory))
            return
        except SetupError as failure:
            reason = failure
        # Debian's Python without python3-venv: uv makes an environment without it, where there is a pip to get uv.
        with tempfile.TemporaryDirectory() as tool:
            try:
                _run(sys.executable, *_PIP, "--target", tool, "--requirement", str(root / UV))
                _run(str(Path(tool) / "bin" / "uv"), "venv", "--seed", "--python", sys.executable, str(directory))
            except SetupError:
                raise SetupError(
                    f"{sys.executable} can make no virtual environment ({reason}): install its venv module "
                    "(Debian and Ubuntu: apt-get install python3-venv)"
                ) from None


_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")


def _install(root: Path, directory: Path, path: Path) -> None:
    """Install a list, or a package of this repository, unless its file is as it was when that was done last."""
    name = path.relative_to(root)
    record = directory / "installed" / name
    text = path.read_bytes()
    if record.exists() and record.read_bytes() == text:
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    python = str(directory / "bin" / "python")
    uv = (str(directory / "bin" / "uv"), "pip", "install", "--quiet", "--python", python)
    with _reported(f"Installing {name} into {directory.name} ..."):
        if str(name) == UV:
            _run(python, *_PIP, "--requirement", str(path))
        elif path.name == "pyproject.toml":
            _run(*uv, "--no-deps", "--no-build-isolation", "--editable", str(path.parent))
        elif str(name) == PACKAGES_LIST:
            # All that they need has been installed, with hashes. A package of the same name on an index is another.
            where = ("--no-index",) if b"--find-links" in text else ()
            _run(*uv, "--no-deps", *where, "--requirement", str(path))
        else:
            hashes = ("--require-hashes",) if b"--hash=" in text else ()
            _run(*uv, *hashes, "--requirement", str(path))
    # Written last: an interrupted installation is done again.
    record.write_bytes(text)


def _run(*command: str) -> None:
    """Run a command quietly; end it, and all that it started, on Ctrl-C."""
    environment = dict(os.environ)
    # uv does not read pip's settings: an index that the user has set for pip serves both.
    if (index := environment.get("PIP_INDEX_URL")) and not environment.get("UV_DEFAULT_INDEX"):
        environment["UV_DEFAULT_INDEX"] = index
    with tempfile.TemporaryFile("w+") as output:
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise SetupError(f"{command[0]}: {error.strerror}") from None
        try:
            code = process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        lines = output.read().strip().splitlines()
    if code != 0:
        raise SetupError(lines[-1].strip() if lines else f"{Path(command[0]).name} ended with exit code {code}")


@contextlib.contextmanager
def _reported(title: str) -> Generator[None]:
    """Print a title at once, and the elapsed time now and again while the block runs."""
    done = threading.Event()
    started = time.monotonic()

    def report() -> None:
        while not done.wait(_INTERVAL_SECONDS):
            print(f"  ... {int(time.monotonic() - started)} s", file=sys.stderr, flush=True)

    print(title, file=sys.stderr, flush=True)
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: the project's directory, and ``--dev`` for what tests and lint need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the project's directory")
    parser.add_argument("--dev", action="store_true", help="with what tests and lint need")
    options = parser.parse_args(arguments)
    try:
        make(options.root, development=options.dev)
    except SetupError as failure:
        print(f"error: the virtual environment could not be made: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
