"""The benchmarks run, on the real engine; what they measure in one hurried round means nothing and is not looked at."""

import re
import subprocess

import pytest

from bench.__main__ import BENCHMARKS, main
from bench.workbench import ROOT, own_environment

# The two that are left out run the tests and `make up`, which other tests do.
MEASURED = [name for name in BENCHMARKS if name not in ("unit-tests", "make-up")]


def test_the_benchmarks_run() -> None:
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "python"), "-m", "bench", "--quick", "--only", *MEASURED],
        cwd=ROOT,
        env=own_environment(),
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    written = done.stdout
    assert written.count("\n## ") == len(MEASURED)
    assert re.search(r"\| \*\*ratio, preview, fork\*\* \| \d", written)
    assert re.search(r"\| module after module \| \d{3,} ", written)
    assert re.search(r"\| a new image \|.*\| 2 of \d+ \| update 2 ContainerApp \|", written)
    assert re.search(r"\| the other key \|.*\| 6 of \d+ \| update 2 ContainerApp, update 4 Secret \|", written)
    assert "The stack has no wait that neither a value nor a rule of Azure's asks for." in written
    assert str(ROOT) not in written


def test_help_names_the_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    words = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert all(name in words for name in BENCHMARKS)


def test_the_results_are_committed() -> None:
    results = (ROOT / "bench" / "results.md").read_text(encoding="utf-8")
    assert results.count("\n## ") == len(BENCHMARKS), "run `make bench`"
