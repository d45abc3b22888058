"""Spreads the tests over the cores, and names at the end what a run has left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""How many tests of each slow group a run has left out."""
LONGEST = (
    "test_running_stack.py",
    "test_project.py",
    "test_sites.py",
    "test_kill.py",
    "test_make.py",
    "test_combinations.py",
    "test_commands.py",
    "test_bench.py",
    "test_az.py",
    "test_az_story.py",
    "test_secrets.py",
    "test_recovery.py",
    "test_drift.py",
    "test_faults.py",
    "test_tasks.py",
)
"""Files whose tests take minutes, the longest first: begun last, they would keep one core busy and the others idle."""
GROUPS = {
    "test_running_stack.py": r"(\w+)\[",  # a stack for each of the two services
    "test_sites.py": r"\[([\w-]+)\]",  # a stack of each kind
    "test_kill.py": r"\[([a-z]+)-",  # a local Azure for each letter
    "test_combinations.py": r"(.*)",
}
"""Where a file's tests do not all share their fixtures: what in a test's id names those that do."""
ALONE = ("test_bench.py", "test_make.py", "test_secrets.py")
"""Files that measure, or watch the processes of the whole machine: not at the same time."""
OUTPUT = "slow_groups_left_out"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what gives whole groups to processes, where `--dist loadfile` is asked for; None elsewhere.

    The `xdist_group` of pytest-xdist 3.8 has no effect with pytest 9.2: ids of tests can no longer be changed.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Scheduler(config, log)


def group(nodeid: str) -> str:
    """Return the group of a test by its id: tests of one group run in one process, one after the other."""
    file, _, test = nodeid.partition("::")
    name = file.rpartition("/")[2]
    if name in ALONE:
        return "alone"
    found = re.match(f".*?{GROUPS[name]}", test) if name in GROUPS else None
    return f"{file}::{found[1]}" if found else file


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("slow")
        if marker:
            item.config.stash[LEFT_OUT][str(marker.args[0])] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[OUTPUT] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Every worker of pytest-xdist collects the same tests; the controller collects none.
    left_out: Counter[str] = node.config.stash[LEFT_OUT]
    left_out |= Counter(getattr(node, "workeroutput", {}).get(OUTPUT, {}))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print, after everything else, which tests a run has left out and how to run them."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    left_out = config.stash[LEFT_OUT]
    skipped = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reporter.stats.get("skipped", ()))
    if not left_out and not skipped:
        return
    reporter.write_line("Left out of this run:", yellow=True)
    for group, count in sorted(left_out.items()):
        reporter.write_line(f"  {count:4} slow: {group}", yellow=True)
    for reason, count in sorted(skipped.items()):
        reporter.write_line(f"  {count:4} skipped: {reason}", yellow=True)
    if left_out:
        reporter.write_line("`make test-all` runs the slow ones too.", yellow=True)
