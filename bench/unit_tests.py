"""The program's unit tests: seconds in all, and for each test."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from bench.measure import Samples, interleaved
from bench.results import Effort, Section, Table, Target, spread
from bench.workbench import ROOT, Workbench, own_environment, run

TARGET_SECONDS = 10.0
_PATHS = ("tests/unit", "--ignore=packages/local-azure/tests/modules", "-m", "not slow")


def measure(workbench: Workbench, effort: Effort) -> Section:
    """Run the program's unit tests; those of the local Azure are not among them."""
    counts: list[int] = []
    slowest: list[float] = []

    def once() -> float:
        with tempfile.TemporaryDirectory() as directory:
            report = Path(directory) / "report.xml"
            started = time.perf_counter()
            run(
                [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *_PATHS],
                ROOT,
                own_environment(),
            )
            taken = time.perf_counter() - started
            times = [float(case.get("time", "0")) for case in ElementTree.parse(report).iter("testcase")]
        counts.append(len(times))
        slowest.append(max(times))
        return taken

    found = interleaved({"all": once}, rounds=max(1, effort.rounds // 3), warm_up=min(1, effort.warm_up))["all"]
    each = Samples(tuple(1000 * seconds / counts[-1] for seconds in found.values))
    rows = (
        ("all", *spread(found)),
        ("each, in ms", *spread(each, 1)),
        ("slowest test", *spread(Samples(tuple(slowest)))),
    )
    return Section(
        "Unit tests",
        (
            f"{counts[-1]} tests of the program, without an engine, from the start of pytest to its end.",
            Table(("", "median", "range"), rows),
            Target("all unit tests", found.median, TARGET_SECONDS, " s"),
        ),
    )
