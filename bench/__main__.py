"""Measure the project's targets and write the results: `make bench`, or `python -m bench`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import deployment, growth, local_azure_costs, preview, unit_tests
from bench.results import QUICK, Effort, Section, document
from bench.workbench import ROOT, BenchError, Workbench

BUSY = 1.0
"""The load, averaged over a minute, above which a measurement is not that of the project alone."""

RESULTS = ROOT / "bench" / "results.md"


@dataclass(frozen=True)
class Benchmark:
    """A benchmark and its approximate duration in minutes."""

    measure: Callable[[Workbench, Effort], Section]
    minutes: float


BENCHMARKS: Mapping[str, Benchmark] = {
    "preview": Benchmark(preview.measure, 5),
    "deployment": Benchmark(deployment.measure, 12),
    "updates": Benchmark(deployment.measure_updates, 4),
    "unit-tests": Benchmark(unit_tests.measure, 2),
    "local-azure": Benchmark(local_azure_costs.measure, 1),
    "make-up": Benchmark(local_azure_costs.measure_make_up, 2),
    "growth": Benchmark(growth.measure, 1),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks. Returns 0, or 1 when one could not be run; a target that is missed is written down."""
    options = _parser().parse_args(arguments)
    effort = QUICK if options.quick else Effort()
    chosen = options.only or list(BENCHMARKS)
    whole = not options.quick and not options.only
    minutes = sum(BENCHMARKS[name].minutes for name in chosen)
    if not options.quick:
        _say(f"{len(chosen)} benchmarks, about {minutes:.0f} minutes; leave the machine alone meanwhile.")
        if os.getloadavg()[0] > BUSY:
            _say(f"warning: load {os.getloadavg()[0]:.1f}: others are at work on this machine, and ratios will mislead")
    sections: list[Section] = []
    try:
        with Workbench() as workbench:
            engine = workbench.engine_version()
            for number, name in enumerate(chosen, 1):
                _say(f"[{number}/{len(chosen)}] {name} ...")
                started = time.monotonic()
                sections.append(BENCHMARKS[name].measure(workbench, effort))
                _say(f"[{number}/{len(chosen)}] {name}: {time.monotonic() - started:.0f} s")
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    text = document(sections, engine)
    target: Path | None = options.output or (RESULTS if whole else None)
    if target is None:
        print(text, end="")
    else:
        target.write_text(text, encoding="utf-8")
        _say(f"written to {target}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="each thing once: shows that the benchmarks run, no more")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help=f"default: {RESULTS.name}, or the terminal if not all were run"
    )
    return parser


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
