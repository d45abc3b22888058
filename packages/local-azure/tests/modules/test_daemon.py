"""Start, find and stop the server process, with a fake server that writes two ports."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.server import daemon
from local_azure.server.daemon import DaemonError
from local_azure.status import server_process
from local_azure.system.paths import Home

SERVER = """\
import json, os, signal, socket, sys
home = sys.argv[sys.argv.index("--home") + 1]
names = ["azure-native", "random", "arm", "identity", "vault-proxy"]
sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
ports = {name: one.getsockname()[1] for name, one in sockets.items()}
with open(f"{home}/new.json", "w") as file:
    json.dump({"pid": os.getpid(), **ports}, file)
os.replace(f"{home}/new.json", f"{home}/endpoints.json")
signal.sigwait({signal.SIGTERM})
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    (tmp_path / "server.py").write_text(SERVER)
    monkeypatch.setattr(daemon, "module_command", lambda _: [sys.executable, "-I", str(tmp_path / "server.py")])
    home = Home(tmp_path / "home")
    yield home
    daemon.stop(home)


def test_a_started_server_is_found_and_not_started_again(home: Home) -> None:
    assert server_process.find(home) is None
    running, started = daemon.ensure(home)
    assert started
    assert set(running.ports) == {*server_process.PROVIDERS, *server_process.ENDPOINTS}
    assert set(running.providers) == set(server_process.PROVIDERS), "the engine is attached to these alone"
    assert server_process.find(home) == running
    assert daemon.ensure(home) == (running, False)


def test_a_stopped_server_is_gone_and_stopping_again_is_no_error(home: Home) -> None:
    running, _ = daemon.ensure(home)
    assert daemon.stop(home)
    assert server_process.find(home) is None
    assert not daemon.stop(home)
    os.waitpid(running.pid, 0)  # it has ended: else this would wait


def test_a_killed_server_is_not_taken_for_a_running_one(home: Home) -> None:
    running, _ = daemon.ensure(home)
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert server_process.find(home) is None
    again, started = daemon.ensure(home)
    assert started
    assert again.pid != running.pid


def test_the_process_id_of_another_program_is_not_taken_for_the_server(home: Home) -> None:
    running, _ = daemon.ensure(home)
    daemon.stop(home)
    home.process_lock.write_text(f"{os.getpid()} code")
    home.endpoints.write_text(json.dumps({"pid": os.getpid(), **running.ports}))
    assert server_process.find(home) is None
    assert not daemon.stop(home), "it must not end a process that is not ours"


def test_two_homes_do_not_meet(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    try:
        one, _ = daemon.ensure(home)
        two, started = daemon.ensure(other)
        assert started
        assert not set(one.ports.values()) & set(two.ports.values())
        daemon.stop(other)
        assert server_process.find(home) == one
    finally:
        daemon.stop(other)


def test_a_server_of_changed_source_is_restarted_but_not_under_a_running_command(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, _ = daemon.ensure(home)
    monkeypatch.setattr(daemon, "source_fingerprint", lambda: "changed")
    descriptor = os.open(home.use_lock, os.O_RDWR | os.O_CREAT)
    daemon.fcntl.flock(descriptor, daemon.fcntl.LOCK_SH)
    assert daemon.ensure(home) == (running, False)
    os.close(descriptor)
    again, started = daemon.ensure(home)
    assert started
    assert again.pid != running.pid


def test_a_server_that_fails_at_its_start_says_why(home: Home, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("raise SystemExit('no such table')")
    with pytest.raises(DaemonError, match="exit code 1: no such table"):
        daemon.ensure(home)
    assert server_process.find(home) is None


def test_the_home_and_its_log_are_the_owners_alone(home: Home) -> None:
    daemon.ensure(home)
    assert home.directory.stat().st_mode & 0o077 == 0
    assert home.server_log.stat().st_mode & 0o077 == 0
