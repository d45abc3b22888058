"""`make up` on this project ends with a page that serves, and `make down` leaves nothing of it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.sites import Load, all_ports, all_processes, is_alive, what_is_left
from local_azure.status import runtime_status
from tests.stack.deployment import COMMAND_SECONDS, ROOT

RUSH_SECONDS, SOAK_SECONDS, SAMPLE_SECONDS = 15, 60, 5
RUSH_VISITORS, RUSH_QUEUERS = 48, 16
"""More at once than the threads of all replicas: every pool of connections fills, and scaling out is over early."""
MOST_MORE_FILES = 4
"""A pool may still grow by one; a file for every five hundredth request would be as many."""


pytestmark = pytest.mark.slow("load and soak")


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

    rush = Load(address[0])
    with rush.running(RUSH_VISITORS, RUSH_QUEUERS):
        time.sleep(RUSH_SECONDS)
    rush.check()
    seen: set[int] = set()
    counts: list[dict[int, int]] = []
    with Load(address[0]).running() as load:
        for _ in range(SOAK_SECONDS // SAMPLE_SECONDS):
            time.sleep(SAMPLE_SECONDS)
            seen |= family(home)
            counts.append(open_files(home))
    load.check()
    assert [pid for pid in seen - family(home) if is_alive(pid)] == [], "no process is left by one that has ended"
    labels = {pid: label for label, pid in all_processes(home).items()}
    third = len(counts) // 3
    for pid in counts[-1].keys() & counts[third].keys():
        # Files come and go with the requests: the most at first, the least at last.
        before = max(one.get(pid, 0) for one in counts[: third + 1])
        after = min(one[pid] for one in counts[-third:] if pid in one)
        words = f"{labels.get(pid, 'a child process')}: {before} files, {after} after {load.requests} requests"
        assert after <= before + MOST_MORE_FILES, words

    processes, ports, group = all_processes(home), all_ports(home), seen | family(home)
    make(home, "down")
    assert what_is_left(processes, ports) == []
    assert [pid for pid in group if is_alive(pid)] == []
    assert runtime_status.read(home) is None


def open_files(home: Path) -> dict[int, int]:
    """How many files each process of a local Azure has open, those included that its processes have started."""
    found: dict[int, int] = {}
    for pid in family(home) if sys.platform == "linux" else ():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            found[pid] = len(os.listdir(f"/proc/{pid}/fd"))
    return found


def family(home: Path) -> set[int]:
    """Return all processes of a local Azure, those included that its processes have started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    found = set(all_processes(home).values())
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
