"""The cost of the emulator: an operation, growth with the state, start-up, and a warm `make up`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time

from bench.measure import interleaved
from bench.results import Effort, Section, Table, Target, spread
from bench.workbench import ROOT, BenchError, Workbench, own_environment, run

MAKE_UP_SECONDS = 20.0


def measure(workbench: Workbench, effort: Effort) -> Section:
    """Run the model's own benchmark, which says more when it is run by itself."""
    # Its exit code tells whether a limit was passed; the numbers say the same.
    command = [sys.executable, "-m", "bench.local_azure", "--json", "--samples", str(effort.samples)]
    done = subprocess.run(command, cwd=ROOT, env=own_environment(), capture_output=True, text=True)
    if not done.stdout:
        raise BenchError(f"bench.local_azure: exit code {done.returncode}\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout)
    rows = [
        (name, f"{small:.2f}", f"{found['large'][name]:.2f}", f"{found['growth'][name]:.2f}")
        for name, small in found["small"].items()
    ]
    return Section(
        "The local Azure's operations",
        (
            f"Median milliseconds of an operation of the model, with 10 and with 1,000 resources in the state: "
            f"{found['throughput']:.0f} operations a second with 1,000.",
            Table(("operation, ms", "10", "1,000", "ratio"), tuple(rows)),
            Target("the slowest operation", max(found["large"].values()), 5, " ms"),
            Target("start-up", found["start"], 1, " s"),
        ),
    )


def measure_make_up(workbench: Workbench, effort: Effort) -> Section:
    """`make up` and `make down` where everything is installed and nothing deployed, with caches and apps that run."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        environment = own_environment(LOCAL_AZURE_HOME=home)
        try:
            found = interleaved(
                {name: lambda name=name: _make(name, environment) for name in ("up", "down")},
                rounds=max(1, effort.rounds // 3),
                warm_up=min(1, effort.warm_up),
            )
        finally:
            run([str(ROOT / "local"), "stop"], ROOT, environment)
    rows = tuple((f"`make {name}`", *spread(samples, 1)) for name, samples in found.items())
    return Section(
        "make up, warm",
        (
            "Everything is installed, the local Azure is not running, and nothing is deployed; with the data plane.",
            Table(("", "median", "range"), rows),
            Target("make up", found["up"].median, MAKE_UP_SECONDS, " s"),
        ),
    )


def _make(target: str, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    run(["make", target], ROOT, environment)
    return time.perf_counter() - started
