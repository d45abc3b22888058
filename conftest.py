"""Spreads the tests over the cores, and names at the end what a run has left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

LEFT_OUT = pytest.StashKey[Counter[str]]()
"""How many tests of each slow group a run has left out."""
LONGEST = (
    "test_running_stack",
    "test_sites",
    "test_kill",
    "test_make",
    "test_combinations",
    "test_commands",
    "test_bench",
    "test_az",
    "test_az_story",
    "test_lifecycle",
    "test_drift",
    "test_faults",
    "test_tasks",
)
"""Files whose tests take minutes, the longest first: begun last, they would keep one core busy and the others idle."""
OUTPUT = "slow_groups_left_out"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file's tests on one core, for they share fixtures, and begin with the longest files.

    A test may belong to another group by the marker `xdist_group`; tests of one group never run at the same time.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


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
