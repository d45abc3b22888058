"""Stands in for a project's `__main__.py` and runs the program beside it, writing down where its time goes.

`STAMPS` in the environment names the file that gets one line of JSON for each run. The time of imports is what the
loaders of modules take, wherever they are called from: the SDK's modules load at their first use.
"""

import atexit
import json
import os
import runpy
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

_first_line = time.time()


class _ImportClock:
    """Sums the seconds in which modules are executed; nested imports count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._execute = SourceFileLoader.exec_module

    def install(self) -> None:
        clock = self

        def exec_module(self: SourceFileLoader, module: ModuleType) -> None:
            clock._depth += 1
            started = time.perf_counter()
            try:
                clock._execute(self, module)
            finally:
                clock._depth -= 1
                if clock._depth == 0:
                    clock.seconds += time.perf_counter() - started

        SourceFileLoader.exec_module = exec_module


def _process_started() -> float | None:
    """Return the start of this process in seconds since 1970, to 10 ms; None if the system does not provide it."""
    try:
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        boot = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return None
    age = boot - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def _peak_bytes() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kibibytes, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024


def _main() -> None:
    imports = _ImportClock()
    started = _process_started()
    imports.install()
    begun = time.time()
    runpy.run_path(str(Path(__file__).with_name("program.py")), run_name="__main__")
    composed = time.time()

    def write() -> None:
        stamps = {
            "process": started,
            "first_line": _first_line,
            "imports": imports.seconds,
            "body": composed - begun - imports.seconds,
            "composed": composed,
            "end": time.time(),
            "peak_bytes": _peak_bytes(),
        }
        with open(os.environ["STAMPS"], "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(stamps)}\n")

    atexit.register(write)


_main()
