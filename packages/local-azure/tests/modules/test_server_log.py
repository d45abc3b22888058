"""The server's log stays short and loses nothing that is printed beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, os, sys
from pathlib import Path
from local_azure.server.log import ServerLog
logging.basicConfig(handlers=[ServerLog(Path(sys.argv[1]), most_bytes=2_000)])
for number in range(300):
    logging.warning("line %03d", number)
print("printed at the end", file=sys.stderr)
"""


def test_the_log_is_moved_aside_when_it_is_full_and_what_is_printed_follows(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    with path.open("ab") as file:
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], stdout=file, stderr=file, check=True)
    before = tmp_path / "server.log.1"
    assert {one.name for one in tmp_path.iterdir()} == {"server.log", "server.log.1"}
    assert path.stat().st_size + before.stat().st_size < 5_000
    lines = path.read_text().splitlines()
    assert lines[-1] == "printed at the end"
    assert lines[-2].endswith("WARNING line 299")
    kept = [line for line in before.read_text().splitlines() + lines if "WARNING" in line]
    numbers = [int(line[-3:]) for line in kept]
    assert numbers == list(range(numbers[0], 300)), "no line is missing among those that are kept"


def test_what_leads_elsewhere_stays_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "server.log")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "printed at the end\n"
