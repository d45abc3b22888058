"""Processes of the data plane: started, ended with their groups, and found again after a kill."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from local_azure.data_plane.processes import Child, Processes

ENVIRONMENT = {"PATH": os.environ["PATH"]}
PATIENCE = 120.0


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 240))


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to be")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


async def start(processes: Processes, script: str, directory: Path, **environment: str) -> tuple[Child, Path]:
    """Return a shell script, once it runs; its output."""
    output = directory / "output"
    with output.open("wb") as file:
        child = await processes.start(
            ["sh", "-c", f"echo runs; {script}"],
            environment=ENVIRONMENT | environment,
            directory=directory,
            output=file,
            label="script",
        )
    return child, output


def recorded(home: Path) -> list[int]:
    return [load["pid"] for load in json.loads((home / "processes.json").read_text())]


def test_a_process_has_its_own_environment_directory_and_group_and_no_input(tmp_path: Path) -> None:
    async def test() -> None:
        with (tmp_path / "output").open("wb") as file:
            child = await Processes(tmp_path).start(
                [
                    sys.executable,
                    "-c",
                    "import os,sys,json,signal; print(json.dumps([dict(os.environ), os.getcwd(), "
                    "os.getpgid(0), os.getsid(0), sys.stdin.read(), os.getpid()])); sys.exit(7)",
                ],
                environment={"PATH": "/usr/bin", "with.dots": "ä b", "LC_ALL": "C.UTF-8"},
                directory=tmp_path,
                output=file,
                label="one",
            )
            assert await child.wait() == 7
        environment, directory, group, session, read, pid = json.loads((tmp_path / "output").read_text())
        assert environment == {"PATH": "/usr/bin", "with.dots": "ä b", "LC_ALL": "C.UTF-8"}
        assert directory == str(tmp_path)
        assert group == session == pid == child.pid
        assert read == ""

    run(test())


def test_the_launcher_leaves_no_trace_in_the_environment_and_the_signals(tmp_path: Path) -> None:
    async def test() -> None:
        with (tmp_path / "output").open("wb") as file:
            child = await Processes(tmp_path).start(
                ["/bin/cat", "/proc/self/environ", "/proc/self/status"],
                environment={"A": "b"},
                directory=tmp_path,
                output=file,
                label="cat",
            )
            assert await child.wait() == 0
        output = (tmp_path / "output").read_bytes()
        assert output.startswith(b"A=b\0Name:"), "nothing but what was given"
        ignored = next(line for line in output.decode().splitlines() if line.startswith("SigIgn"))
        # The C library keeps two signals to itself, which nobody can set.
        settable = sum(1 << (number - 1) for number in signal.valid_signals())
        assert int(ignored.split()[1], 16) & settable == 0, "no signal is ignored"

    run(test())


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def test() -> None:
        for name in ("no-such-program", "./nor-this"):
            with pytest.raises(FileNotFoundError, match=f"web: there is no program {name}"):
                await Processes(tmp_path).start([name], environment=ENVIRONMENT, directory=tmp_path, label="web")

    run(test())


def test_stop_signals_the_process_alone_and_gives_it_its_grace(tmp_path: Path) -> None:
    async def test() -> None:
        processes = Processes(tmp_path)
        child, output = await start(
            processes,
            "(trap 'echo child got it' TERM; while :; do sleep 0.05; done) & "
            "trap 'sleep 0.3; echo ended well; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
            tmp_path,
        )
        await until(lambda: "ready" in output.read_text())
        assert recorded(tmp_path) == [child.pid]
        assert await child.stop(PATIENCE) == 3
        assert child.exit_code == 3
        assert "ended well" in output.read_text()
        assert "child got it" not in output.read_text()
        await asyncio.sleep(0)
        assert recorded(tmp_path) == []

    run(test())


def test_what_does_not_end_in_its_grace_is_killed_with_all_it_started(tmp_path: Path) -> None:
    async def test() -> None:
        processes = Processes(tmp_path)
        child, output = await start(
            processes, "trap '' TERM; sleep 600 & echo pid $!; while :; do sleep 0.05; done", tmp_path
        )
        await until(lambda: "pid" in output.read_text())
        grandchild = int(output.read_text().split()[-1])
        assert alive(grandchild)
        assert await child.stop(0.2) == -signal.SIGKILL
        await until(lambda: not alive(grandchild))

    run(test())


def test_a_process_that_ends_takes_its_group_with_it(tmp_path: Path) -> None:
    async def test() -> None:
        child, output = await start(Processes(tmp_path), "sleep 600 & echo pid $!", tmp_path)
        assert await child.wait() == 0
        grandchild = int(output.read_text().split()[-1])
        await until(lambda: not alive(grandchild))

    run(test())


def test_close_ends_all(tmp_path: Path) -> None:
    async def test() -> None:
        processes = Processes(tmp_path)
        children = [(await start(processes, "exec sleep 600", tmp_path))[0] for _ in range(3)]
        await processes.close()
        assert [child.exit_code for child in children] == [-signal.SIGTERM] * 3

    run(test())


_SUPERVISOR = """
import asyncio, pathlib, subprocess, sys
from local_azure.data_plane.processes import Processes

async def main():
    home = pathlib.Path(sys.argv[1])
    processes = Processes(home)
    output = open(home / "output", "wb")
    for script in sys.argv[2:]:
        await processes.start(["sh", "-c", script], environment={"PATH": "/usr/bin:/bin"}, directory=home,
                              output=output, label=script[:8])
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def killed_supervisor(home: Path, *scripts: str) -> None:
    """Start the scripts, each of which says so when it runs, in a process that is then killed."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, str(home), *scripts], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    assert supervisor.stdout.readline() == "started\n"
    asyncio.run(until(lambda: (home / "output").read_text().count("runs") == len(scripts)))
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()


def test_leftovers_of_a_killed_data_plane_are_ended_first(tmp_path: Path) -> None:
    killed_supervisor(
        tmp_path,
        "echo runs; exec sleep 600",
        "trap 'echo ended well; exit' TERM; echo runs; while :; do sleep 0.05; done",
        "trap '' TERM; sleep 600 & sleep 600 & echo runs; wait; while :; do sleep 0.05; done",
    )
    pids = recorded(tmp_path)
    assert len(pids) == 3
    assert all(map(alive, pids))

    async def test() -> None:
        assert len(await Processes(tmp_path).end_leftovers(grace_seconds=0.5)) == 3
        assert not any(map(alive, pids))
        assert recorded(tmp_path) == []
        assert await Processes(tmp_path).end_leftovers() == []

    run(test())
    assert "ended well" in (tmp_path / "output").read_text()


def test_the_rest_of_a_group_is_ended_when_its_leader_is_gone(tmp_path: Path) -> None:
    killed_supervisor(tmp_path, "sleep 600 & echo runs: $!; exec sleep 600")
    [leader] = recorded(tmp_path)
    grandchild = int((tmp_path / "output").read_text().split()[-1])
    os.kill(leader, signal.SIGKILL)

    async def test() -> None:
        await until(lambda: not alive(leader))
        assert alive(grandchild)
        await Processes(tmp_path).end_leftovers(grace_seconds=0.1)
        assert not alive(grandchild)

    run(test())


def test_another_process_with_a_recorded_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        (tmp_path / "processes.json").write_text(
            json.dumps([{"pid": other.pid, "started": "another boot/1", "label": "old"}])
        )
        run(_no_leftovers(tmp_path))
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


async def _no_leftovers(home: Path) -> None:
    assert await Processes(home).end_leftovers() == []


def test_nothing_runs_that_was_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        processes = Processes(tmp_path)

        def no_disk() -> None:
            raise OSError("no space left on the device")

        monkeypatch.setattr(processes, "_record", no_disk)
        with pytest.raises(OSError, match="no space"):
            await processes.start(["touch", "ran"], environment=ENVIRONMENT, directory=tmp_path, label="touch")
        await asyncio.sleep(0.3)
        assert not (tmp_path / "ran").exists()

    run(test())


def test_none_is_lost_whenever_the_data_plane_is_killed(tmp_path: Path) -> None:
    """Kills it at moments within its starts; whatever was started is known, or never executed its program."""
    mark = f"{tmp_path.name}-mark"
    scripts = [f"exec -a {mark} sleep 600"] * 20
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08):
        supervisor = subprocess.Popen([sys.executable, "-c", _BASH_SUPERVISOR, str(tmp_path), *scripts])
        while not (tmp_path / "begun").exists():
            assert supervisor.poll() is None
        time.sleep(delay)
        supervisor.kill()
        supervisor.wait()
        (tmp_path / "begun").unlink()
        asyncio.run(Processes(tmp_path).end_leftovers(0.2))
        asyncio.run(until(lambda: not marked(mark)))


_BASH_SUPERVISOR = _SUPERVISOR.replace('["sh"', '["bash"').replace(
    "    for script", "    (home / 'begun').touch()\n    for script"
)


def marked(mark: str) -> list[int]:
    """Return the processes that bear a mark in their arguments."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes() and alive(int(entry.name)):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]
