"""Results of benchmarks, and their Markdown document."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

from bench.measure import Samples

_PACKAGES = ("pulumi", "pulumi-azure-native", "pulumi-random", "pydantic")


@dataclass(frozen=True)
class Effort:
    """The effort of a run.

    Attributes:
        rounds: how often a command is measured, after it was warmed up.
        warm_up: how often it is run before.
        deployments: how often the stack is deployed at Azure's pace.
        speed_up: how many times faster than Azure those deployments pass.
        update_speed_up: the same for updates of the deployed stack.
        samples: of each operation of the local Azure.
        workers: the numbers of workers whose previews are compared.
    """

    rounds: int = 9
    warm_up: int = 2
    deployments: int = 3
    speed_up: float = 4
    update_speed_up: float = 1
    samples: int = 100
    workers: tuple[int, ...] = (1, 10, 50)


QUICK = Effort(rounds=1, warm_up=0, deployments=1, speed_up=400, update_speed_up=400, samples=3, workers=(1, 2))
"""For a test that a benchmark runs; its numbers are meaningless."""


@dataclass(frozen=True)
class Table:
    """A table with a header row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return the table as Markdown; all columns but the first are right-aligned."""
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        return [f"| {' | '.join(row)} |" for row in (self.head, rule, *self.rows)]


@dataclass(frozen=True)
class Target:
    """A target and its measured value."""

    what: str
    measured: float
    at_most: float
    unit: str = ""

    def __str__(self) -> str:
        outcome = "met" if self.measured <= self.at_most else "**missed**"
        limit, measured = f"{self.at_most:g}{self.unit}", f"{self.measured:.3g}{self.unit}"
        return f"Target: {self.what} at most {limit}; measured {measured}: {outcome}."


@dataclass(frozen=True)
class Section:
    """The results of a benchmark.

    Attributes:
        title: what was measured.
        parts: paragraphs, tables and targets in the order in which they are read.
    """

    title: str
    parts: tuple[str | Table | Target, ...]

    def lines(self) -> list[str]:
        """As Markdown."""
        lines = [f"## {self.title}"]
        for part in self.parts:
            lines += ["", *(part.lines() if isinstance(part, Table) else [str(part)])]
        return lines


def spread(samples: Samples, digits: int = 2) -> tuple[str, str]:
    """Return the median and the range of samples, as two cells of a table."""
    least, most = samples.spread
    return f"{samples.median:.{digits}f}", f"{least:.{digits}f} to {most:.{digits}f}"


def machine(engine: str) -> str:
    """What the measurements were taken on; nothing that tells which machine it is.

    Args:
        engine: the version of the Pulumi command-line program.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} on {platform.machine()}; "
        f"Python {platform.python_version()}, Pulumi {engine}, {packages}."
    )


BUSY = 2.5
"""The load, averaged over 15 minutes, above which other processes disturbed the benchmarks, whose own load is about
1."""


def _warning(load: float) -> list[str]:
    if load <= BUSY:
        return []
    return [
        f"**Others were at work on the machine (load {load:.1f} over the last 15 minutes): medians, ratios and targets "
        "below are not those of the project. Run it again on a quiet one.**",
        "",
    ]


def document(sections: Sequence[Section], engine: str) -> str:
    """Return all findings as one Markdown document."""
    head = [
        "# Benchmark results",
        "",
        *_warning(os.getloadavg()[2]),
        f"Written by `make bench` on {date.today().isoformat()}. {machine(engine)}",
        "",
        "Times are seconds unless a column says otherwise: the median, and the smallest and the largest. What is "
        "compared was measured in turns, in one run; a ratio is the median of the ratios within each turn.",
    ]
    lines = [*head, *(line for section in sections for line in ("", *section.lines()))]
    return "\n".join(lines) + "\n"
