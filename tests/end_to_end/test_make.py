"""`make up` on this project ends with a page that serves, and `make down` leaves nothing of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure import running
from tests.end_to_end.sites import Load, all_ports, all_processes, is_alive, what_is_left
from tests.stack.deployment import COMMAND_SECONDS, ROOT

SOAK_SECONDS, SAMPLE_SECONDS = 60, 5
MOST_MORE_FILES = 100
"""A file for each request, or for each task, would be many more."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The state's directory of a local Azure that is stopped at the end, whatever happens."""
    yield tmp_path / "home"
    subprocess.run([str(ROOT / "local"), "stop"], env=environment(tmp_path / "home"), check=False)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "LOCAL_AZURE_HOME": str(home)}


def make(home: Path, target: str) -> str:
    done = subprocess.run(
        ["make", target, "STACK=dev"],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_up_serves_and_bears_load_and_down_leaves_nothing(home: Path) -> None:
    told = make(home, "up")
    assert '/api/health/readiness/ answers 200 {"status": "ready", "checks": {"database": true, "cache": true}}' in told
    assert "make doctor STACK=dev" in told
    assert "make down STACK=dev" in told
    address = re.search(r"http://localhost:\d+", told)
    assert address, told

    seen: set[int] = set()
    counts: list[dict[str, int]] = []
    with Load(address[0]).running() as load:
        for _ in range(SOAK_SECONDS // SAMPLE_SECONDS):
            time.sleep(SAMPLE_SECONDS)
            seen |= family(home)
            counts.append(open_files(home))
    load.check()
    assert [pid for pid in seen - family(home) if is_alive(pid)] == [], "no process is left by one that has ended"
    for label, last in counts[-1].items():
        # Pools of connections fill at the beginning, and scaling out brings more of them.
        first = next(one[label] for one in counts if label in one)
        assert last < first + MOST_MORE_FILES, f"{label} gathers open files with {load.requests} requests"

    processes, ports, group = all_processes(home), all_ports(home), seen | family(home)
    make(home, "down")
    assert what_is_left(processes, ports) == []
    assert [pid for pid in group if is_alive(pid)] == []
    assert running.read(home) is None


def open_files(home: Path) -> dict[str, int]:
    """How many files each process of a local Azure has open."""
    if sys.platform != "linux":
        return {}
    return {label: len(os.listdir(f"/proc/{pid}/fd")) for label, pid in all_processes(home).items()}


def family(home: Path) -> set[int]:
    """All processes of a local Azure, those included that its processes have started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    found = set(all_processes(home).values())
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
