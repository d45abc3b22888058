"""`./local logs` shows what an app's containers have written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_azure.cli.main import main
from local_azure.status.replica_logs import Logs


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logs:
    """Return the logs of a home directory, in which the command looks."""
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path))
    return Logs(tmp_path)


def write(logs: Logs, app: str, container: str, *lines: str, revision: str = "1", replica: str = "a") -> None:
    log = logs.container(app, f"{app}--{revision}", f"{app}--{revision}-{replica}", container)
    for line in lines:
        log.write(line.encode(), "stdout")


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed, without the times."""
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3} ", line) for line in lines)
    return [line[13:] for line in lines]


def test_lines_of_all_containers_in_the_order_of_their_time(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    write(logs, "ca-web", "migrate", "one")
    write(logs, "ca-web", "web", "two", revision="2", replica="b")
    write(logs, "ca-web", "migrate", "three")
    assert main(["logs", "ca-web"]) == 0
    assert shown(capsys) == ["1-a migrate | one", "2-b web | two", "1-a migrate | three"]
    assert main(["logs", "ca-web", "--tail", "1"]) == 0
    assert shown(capsys) == ["1-a migrate | three"]
    assert main(["logs", "ca-web", "--revision", "ca-web--2"]) == 0
    assert shown(capsys) == ["2-b web | two"]
    assert main(["logs", "ca-web", "--container", "migrate", "--replica", "ca-web--1-a"]) == 0
    assert shown(capsys) == ["1-a migrate | one", "1-a migrate | three"]


def test_app_is_found_by_a_part_of_its_name_or_by_its_container(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    write(logs, "shop-01", "web", "page")
    write(logs, "shop-01-worker", "worker", "task")
    for asked, line in (("worker", "1-a worker | task"), ("web", "1-a web | page"), ("shop-01", "1-a web | page")):
        assert main(["logs", asked]) == 0
        assert shown(capsys) == [line]
    assert main(["logs", "shop"]) == 1
    assert "is ambiguous: choose one of shop-01, shop-01-worker" in capsys.readouterr().err
    assert main(["logs", "other"]) == 1
    assert "there are shop-01, shop-01-worker" in capsys.readouterr().err


def test_events_of_the_platform(logs: Logs, capsys: pytest.CaptureFixture[str]) -> None:
    logs.system("web", "web--1", "web--1-a", "ProbeFailed", "Probe of Startup failed: 503")
    logs.system("web", "web--2", "", "KEDAScalerFailed", "no answer")
    assert main(["logs", "web", "--system"]) == 0
    assert shown(capsys) == [
        "web--1-a ProbeFailed | Probe of Startup failed: 503",
        "web--2 KEDAScalerFailed | no answer",
    ]
    assert main(["logs", "web", "--system", "--revision", "web--2"]) == 0
    assert len(shown(capsys)) == 1
    assert main(["logs", "web"]) == 1, "it has events, but has written nothing"


def test_follow_shows_what_comes_also_of_replicas_that_start_later(logs: Logs, tmp_path: Path) -> None:
    write(logs, "web", "web", "before")
    process = subprocess.Popen(
        [sys.executable, "-m", "local_azure", "logs", "web", "--follow", "--tail", "1"],
        env={**os.environ, "LOCAL_AZURE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C, and so what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout
        assert process.stdout.readline().endswith("before\n")
        write(logs, "web", "web", "after")
        assert process.stdout.readline().endswith("1-a web | after\n")
        write(logs, "web", "web", "new", revision="2", replica="b")
        assert process.stdout.readline().endswith("2-b web | new\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.communicate()
