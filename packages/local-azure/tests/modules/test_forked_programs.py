"""Programs run in a fork of a process that has loaded the SDK, and observe the same as in a new process."""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from local_azure.pulumi_engine import fork_servers
from local_azure.pulumi_engine.fork_servers import ForkServers, is_read_at_start
from local_azure.pulumi_engine.language_host import ProgramHost
from local_azure.system.paths import Home

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are forked on Linux alone")

USES_SDK = """\
import json, os, sys
import pulumi, pulumi_random
from pulumi_azure_native import redis
redis.Redis, pulumi_random.RandomString
"""
SHOW_PARENT = f"{USES_SDK}print(os.getppid(), flush=True)\n"


class Engine(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """The part of an engine that a program without resources needs; records what programs report."""

    def __init__(self) -> None:
        self.logged: list[str] = []

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: Any) -> Any:
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:dev::test::{request.type}::{request.name}")

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        return resource_pb2.DeploymentInfo()

    def Log(self, request: Any, context: Any) -> Any:
        self.logged.append(request.message)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.GetRootResourceResponse()

    def SetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.SetRootResourceResponse()


class Call:
    """The context of a call to the host."""

    def add_callback(self, callback: Callable[[], None]) -> None:
        pass


class ForkServerFixture:
    """A language host with an engine, for an emulator that is only a process id."""

    def __init__(self, directory: Path) -> None:
        self.home = Home(directory / "home")
        self.azure = subprocess.Popen(["sleep", "infinity"])
        self.engine = Engine()
        self._server = grpc.server(ThreadPoolExecutor(8))
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self.engine, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(self.engine, self._server)
        self._address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        self.program = directory / "program"
        self.program.mkdir()
        self.host = self.new_host()

    def new_host(self) -> ProgramHost:
        """Return a host as the next command's engine starts it."""
        return ProgramHost(self._address)

    def close(self) -> None:
        ForkServers(self.home).end_all()
        self.azure.kill()
        self.azure.wait()
        self._server.stop(None).wait()

    def write(self, source: str) -> None:
        (self.program / "__main__.py").write_text(source)

    def run(self, host: ProgramHost | None = None, **more: Any) -> language_pb2.RunResponse:
        """Run the program, as the engine asks for it in an update."""
        info = language_pb2.ProgramInfo(
            root_directory=str(self.program), program_directory=str(self.program), entry_point="."
        )
        request = language_pb2.RunRequest(
            **{
                "project": "test",
                "stack": "dev",
                "pwd": str(self.program),
                "monitor_address": self._address,
                "parallel": 4,
                "info": info,
                **more,
            }
        )
        return (host or self.host).Run(request, Call())

    def remember(self, *modules: str) -> None:
        """Let the host know which of the SDK's modules the program used last time."""
        ForkServers(self.home).record("test").write_text(json.dumps(sorted(modules)))

    def servers(self) -> list[int]:
        """Return the process ids of the fork servers that live."""
        locks = self.home.fork_servers.glob("*.lock")
        return [int(lock.read_text()) for lock in locks if fork_servers.is_held(lock)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServerFixture]:
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(fork_servers.SWITCH, raising=False)
    world = ForkServerFixture(tmp_path)
    monkeypatch.setattr(ProgramHost, "_azure", lambda _: world.azure.pid)
    yield world
    world.close()


def printed(capture: pytest.CaptureFixture[str]) -> str:
    return capture.readouterr().out.strip()


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, whosever child it is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 60)[0], f"process {pid} still runs after a minute"
    finally:
        os.close(descriptor)


class Signal:
    """A named pipe by which a program signals that it has reached a point."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR)

    def wait(self) -> str:
        """Return what the program wrote."""
        assert select.select([self._descriptor], [], [], 60)[0], "the program has not come so far after a minute"
        return os.read(self._descriptor, 100).decode()


def in_background(world: ForkServerFixture, **more: Any) -> "Future[language_pb2.RunResponse]":
    future: Future[language_pb2.RunResponse] = Future()
    threading.Thread(target=lambda: future.set_result(world.run(**more)), daemon=True).start()
    return future


def test_the_first_run_is_a_new_process_and_those_after_it_are_forks(
    world: ForkServerFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    world.write(SHOW_PARENT)
    parents: list[int] = []
    for _ in range(3):
        assert world.run() == language_pb2.RunResponse()
        parents.append(int(printed(capfd)))
    assert parents[0] == os.getpid()
    assert world.servers() == [parents[1]]
    assert parents[1] == parents[2]


def test_a_preview_that_was_a_new_process_loads_the_sdk_for_the_next_run(world: ForkServerFixture) -> None:
    world.write(SHOW_PARENT)
    world.run(dryRun=True)
    assert len(world.servers()) == 1


def test_forks_are_switched_off_by_a_variable(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    world.write(SHOW_PARENT)
    monkeypatch.setenv(fork_servers.SWITCH, "no")
    for _ in range(2):
        assert world.run(dryRun=True) == language_pb2.RunResponse()
        assert int(printed(capfd)) == os.getpid()
    assert world.servers() == []


FACTS = f"""\
{USES_SDK}
import gc, locale, logging, multiprocessing, resource, signal, tempfile, threading, time, warnings
gc.get_count()
facts = {{
    "directory": os.getcwd(),
    "variables": dict(os.environ),
    "arguments": sys.argv,
    "search path": sys.path,
    "executable": sys.executable,
    "flags": repr(sys.flags),
    "input": sys.stdin.read() + os.read(0, 10).decode(),
    "streams": [[stream.encoding, stream.errors, stream.line_buffering, stream.write_through, stream.fileno()]
                for stream in (sys.stdin, sys.stdout, sys.stderr)][1:],
    "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) < 3),
    "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    "log": [logging.getLogger().level, len(logging.getLogger().handlers), logging.getLogger("asyncio").level],
    "signals": {{str(number): repr(signal.getsignal(number)) for number in signal.valid_signals()}},
    "blocked": repr(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "warnings": repr(warnings.filters),
    "locale": locale.setlocale(locale.LC_ALL),
    "time zone": time.tzname,
    "umask": oct(os.umask(0o22)),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "priority": os.getpriority(os.PRIO_PROCESS, 0),
    "threads": [thread.name for thread in threading.enumerate() if thread is threading.main_thread()],
    "temporary": tempfile.gettempdir(),
    "recursion": sys.getrecursionlimit(),
    "main": [__name__, __file__],
    "SDK": sorted(name for name, module in sys.modules.items()
                  if name.startswith("pulumi_") and type(module).__name__ == "module"),
    "settings": pulumi.Config("test").require("plain") + pulumi.Config("test").require("secret"),
    "stack": [pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()],
}}
print(json.dumps(facts))
print("a line for standard error", file=sys.stderr)
"""


def test_a_fork_sees_what_a_new_process_sees(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world.write(FACTS)
    (tmp_path / "temporary").mkdir()
    world.remember("pulumi_azure_native", "pulumi_azure_native.redis", "pulumi_random")
    seen: list[dict[str, Any]] = []
    # The server starts with other values of what only a run sees.
    for run, switch in enumerate(("yes", "no", "yes")):
        monkeypatch.setenv(fork_servers.SWITCH, switch)
        monkeypatch.setenv("SEEN_BY_RUN", f"{min(run, 1)} ä")
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
        answer = world.run(
            config={"test:plain": str(min(run, 1)), "test:secret": "s"}, configSecretKeys=["test:secret"], dryRun=True
        )
        assert answer == language_pb2.RunResponse()
        output = capfd.readouterr()
        assert output.err == "a line for standard error\n"
        seen.append(json.loads(output.out))
        del seen[-1]["variables"][fork_servers.SWITCH]
    _, plain, forked = seen
    assert forked == plain
    assert forked["directory"] == str(world.program)
    assert forked["variables"]["SEEN_BY_RUN"] == "1 ä"
    assert forked["settings"] == "1s"


def test_a_fork_sees_exactly_the_modules_of_the_sdk_that_were_used_last_time(
    world: ForkServerFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = (
        "import sys\nprint(*sorted(name for name, module in sys.modules.items()"
        " if name.count('.') < 2 and name.startswith('pulumi_azure_native') and hasattr(module, '__path__')"
        " and type(module).__name__ != '_LazyModule'))\n"
    )
    record = ForkServers(world.home).record("test")
    world.write("from pulumi_azure_native import redis, keyvault\nredis.Redis, keyvault.Vault\n")
    world.run()
    world.write(f"{loaded}from pulumi_azure_native import redis, keyvault\nredis.Redis\n")
    world.run()
    names = ["pulumi_azure_native", "pulumi_azure_native.keyvault", "pulumi_azure_native.redis"]
    assert printed(capfd).split() == names
    assert json.loads(record.read_text()) == ["pulumi_azure_native", "pulumi_azure_native.redis"], "keyvault is unused"
    world.run()
    assert printed(capfd).split() == ["pulumi_azure_native", "pulumi_azure_native.redis"]


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nsys.exit(7)\n",
        "def fail():\n    raise ValueError('a fault')\n\nfail()\n",
        "import pulumi\npulumi.Output.from_input(1).apply(lambda number: 1 // 0)\n",
        "import pulumi\nraise pulumi.RunError('a message')\n",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "x = = 1\n",
    ],
)
def test_a_failure_is_shown_as_that_of_a_new_process(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], source: str
) -> None:
    world.write(source)
    world.remember()
    answers: list[tuple[Any, ...]] = []
    for switch in ("no", "yes"):
        monkeypatch.setenv(fork_servers.SWITCH, switch)
        world.engine.logged.clear()
        answer = world.run()
        output = capfd.readouterr()
        answers.append((answer, output.out, output.err, list(world.engine.logged)))
    assert len(world.servers()) == 1
    assert answers[1] == answers[0]
    assert answers[0][0].error or (answers[0][0].bail and answers[0][3])


WAITS = """\
import os, signal
with open("running", "w") as file:
    file.write(str(os.getpid()))
signal.pause()
"""


def started(world: ForkServerFixture, **more: Any) -> "tuple[Future[language_pb2.RunResponse], int]":
    """Run a program that waits; return its future answer and its process id once it waits."""
    world.write(WAITS)
    world.remember()
    running = Signal(world.program / "running")
    answer = in_background(world, **more)
    return answer, int(running.wait())


def test_cancel_ends_a_fork(world: ForkServerFixture) -> None:
    answer, pid = started(world)
    assert world.servers()
    world.host.Cancel(None, None)
    assert answer.result(60) == language_pb2.RunResponse(bail=True)
    wait_for_end(pid)


def test_a_fork_ends_with_its_host(world: ForkServerFixture, tmp_path: Path) -> None:
    """An engine that is killed leaves a host that ends, and nobody says Cancel."""
    world.write(WAITS)
    world.remember()
    running = Signal(world.program / "running")
    host = os.fork()
    if host == 0:
        # The host's process; gRPC's server does not survive the fork, and is not needed: the program waits before it.
        os.setsid()
        world.run(world.new_host())
        os._exit(0)
    pid = int(running.wait())
    os.kill(host, 9)
    os.waitpid(host, 0)
    wait_for_end(pid)
    assert world.servers(), "the server goes on"


def test_two_runs_at_once_do_not_meddle_with_each_other(
    world: ForkServerFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    world.write(
        "import os, pulumi\nname = pulumi.Config('test').require('name')\n"
        "open('running', 'w').write('!')\nos.environ['MINE'] = name\nos.chdir('/')\n"
        f"open('{world.program}/' + name).read()\n"
        "os.write(1, f\"{os.getppid()} {os.environ['MINE']} {name}\\n\".encode())\n"
    )
    world.remember()
    running = Signal(world.program / "running")
    names = ("one", "two")
    for name in names:
        os.mkfifo(world.program / name)
    answers = [in_background(world, config={"test:name": name}) for name in names]
    # Both run before either goes on.
    seen = running.wait()
    while len(seen) < len(answers):
        seen += running.wait()
    for name in names:
        (world.program / name).write_text("go on")
    for answer in answers:
        assert answer.result(60) == language_pb2.RunResponse()
    (server,) = world.servers()
    assert sorted(printed(capfd).splitlines()) == [f"{server} one one", f"{server} two two"]


def test_a_changed_environment_gets_a_new_process(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(packages))
    world.write("import os\nprint(os.getppid(), flush=True)\n")
    world.remember()
    world.run()
    (packages / "installed.py").touch()
    world.run()
    world.run()
    first, second, third = map(int, printed(capfd).split())
    assert first != second
    assert second == third
    assert world.servers() == [second]
    wait_for_end(first)


def test_an_edited_module_gets_a_new_process(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A module of the SDK's is edited in place, which changes no directory."""
    module = tmp_path / "pulumi_random" / "__init__.py"
    module.parent.mkdir()
    module.write_text("version = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    world.write("import os, pulumi_random\nprint(os.getppid(), pulumi_random.version, flush=True)\n")
    world.remember("pulumi_random")
    world.run()
    module.write_text("version = 20\n")
    world.run()
    first, second = (line.split() for line in printed(capfd).splitlines())
    assert (first[1], second[1]) == ("1", "20")
    assert world.servers() == [int(second[0])]


def test_other_variables_of_the_interpreter_get_another_process(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    world.write("import os\nprint(os.getppid(), hash('text'), flush=True)\n")
    world.remember()
    for seed in ("1", "2", "1"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        world.run()
    first, second, third = printed(capfd).splitlines()
    assert first == third
    assert first.split()[0] != second.split()[0]
    assert first.split()[1] != second.split()[1]


def test_a_program_with_a_module_of_a_loaded_name_is_a_new_process(
    world: ForkServerFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pulumi imports YAML before the program does: in a fork it has the other one already."""
    (world.program / "yaml.py").write_text("import os\nprint(os.getppid(), flush=True)\nraise ImportError\n")
    world.write("import yaml\n")
    world.remember()
    world.run()
    assert int(printed(capfd)) == os.getpid()
    assert len(world.servers()) == 1, "it was asked, and declined"


def test_a_process_that_cannot_load_the_modules_is_tried_once(
    world: ForkServerFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    world.write("import os\nprint(os.getppid())\n")
    for _ in range(2):
        world.remember("pulumi_azure_native.there_is_no_such_module")
        assert world.run() == language_pb2.RunResponse()
        assert int(printed(capfd)) == os.getpid()
    assert world.servers() == []
    (log,) = world.home.fork_servers.glob("*.log")
    assert "there_is_no_such_module" in log.read_text()


def test_nothing_outlives_the_end_of_all_servers(world: ForkServerFixture) -> None:
    answer, pid = started(world)
    (server,) = world.servers()
    ForkServers(world.home).end_all()
    assert world.servers() == []
    assert answer.result(60).error == "the program was ended by signal 15"
    wait_for_end(pid)
    wait_for_end(server)


def test_a_server_ends_with_the_local_azure(world: ForkServerFixture) -> None:
    answer, pid = started(world)
    (server,) = world.servers()
    world.azure.kill()
    world.azure.wait()
    wait_for_end(server)
    wait_for_end(pid)
    assert answer.result(60).error


def test_a_fork_ends_with_a_server_that_is_killed(world: ForkServerFixture) -> None:
    answer, pid = started(world)
    (server,) = world.servers()
    os.kill(server, 9)
    assert answer.result(60).error == "the program was ended by signal 9"
    wait_for_end(pid)


def test_a_server_holds_neither_variables_nor_configuration_of_a_run(
    world: ForkServerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "a-secret-variable")
    answer, _ = started(world, config={"test:secret": "a-secret-setting"}, configSecretKeys=["test:secret"])
    (server,) = world.servers()
    process = Path("/proc") / str(server)
    assert b"a-secret" not in (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
    memory = b""
    with open(process / "mem", "rb") as file:
        for line in (process / "maps").read_text().splitlines():
            area, access, *_, name = line.split(maxsplit=5)
            if "rw" in access and not name.startswith("/"):
                start, end = (int(address, 16) for address in area.split("-"))
                file.seek(start)
                memory += file.read(end - start)
    assert b"there-is-this" not in memory
    assert b"program_fork_server" in memory, "the memory was read"
    assert b"a-secret" not in memory
    world.host.Cancel(None, None)
    answer.result(60)


def test_sockets_and_locks_are_the_owners_alone(world: ForkServerFixture) -> None:
    world.write(SHOW_PARENT)
    world.run(dryRun=True)
    assert world.home.fork_servers.stat().st_mode & 0o777 == 0o700
    (socket,) = world.home.fork_servers.glob("*.sock")
    assert socket.stat().st_mode & 0o777 == 0o600


def test_the_sdk_reads_no_variable_at_its_import_that_a_server_lacks() -> None:
    """What is read there is the same in all forks of a server, so it has to distinguish servers."""
    source = f"""\
import os
read = set()
class Recorded(type(os.environ)):
    def __getitem__(self, name):
        read.add(name)
        return super().__getitem__(name)
    def __iter__(self):
        read.add("all of them")
        return super().__iter__()
os.environ.__class__ = Recorded
before = dict(os.environ._data)
{USES_SDK}
from pulumi_azure_native import app, authorization, keyvault, managedidentity, monitor, network, operationalinsights
for module in (app, authorization, keyvault, managedidentity, monitor, network, operationalinsights):
    getattr(module, "__all__", None)
from pulumi.runtime.proto import language_pb2
import asyncio, concurrent.futures.thread, runpy
assert dict(os.environ._data) == before
print(*read)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    read = set(done.stdout.split()) - {"TRACEPARENT"}  # with that one there is no fork
    assert read
    assert {name for name in read if not is_read_at_start(name)} == set()
