"""The language host for Python programs, for engines that include none.

The engine starts an executable named `pulumi-language-python`, reads a port from its first line and asks it over gRPC
to run programs and policy packs. The SDK's own `LanguageServer` (of the Automation API) answers that protocol for a
program in its own process; this host does it for any program on disk, each run in a process of its own: a new one, or
the fork of one that has loaded the SDK.
"""

import argparse
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from local_azure.pulumi_engine.fork_servers import ForkServers
from local_azure.pulumi_engine.program_runner import ERROR_WAS_SHOWN
from local_azure.pulumi_engine.program_runs import Launch, PlainRun, ProgramRun, end_process
from local_azure.status import server_process
from local_azure.system.paths import Home

_MAXIMUM_MESSAGE = 400 * 1024 * 1024
"""The engine's limit for a message, in bytes."""


class ProgramError(Exception):
    """The program cannot be run as its Pulumi.yaml requires. The message is one line for the user."""


@dataclass(frozen=True)
class Program:
    """A program and the options of its Pulumi.yaml's `runtime`, as the engine sends them."""

    root: Path
    directory: Path
    entry_point: str
    options: Mapping[str, str]

    @classmethod
    def from_info(cls, info: language_pb2.ProgramInfo) -> "Program":
        options = {key: str(value) for key, value in json_format.MessageToDict(info.options).items()}
        return cls(Path(info.root_directory), Path(info.program_directory), info.entry_point or ".", options)

    @property
    def main(self) -> Path:
        """Return the file or directory that Python runs."""
        return self.directory if self.entry_point == "." else self.directory / self.entry_point

    @property
    def virtual_environment(self) -> Path | None:
        """Return the virtual environment of the program's options, or of its tool; it may not exist."""
        named = self.options.get("virtualenv")
        match self.options.get("toolchain", "pip"):
            case "pip":
                return self.root / named if named else None
            case "uv":
                return self.root / (named or os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv"))
            case "poetry":
                return _poetry_environment(self.root)
            case other:
                raise ProgramError(f"runtime option toolchain: {other!r} is none of pip, uv and poetry")

    def interpreter(self) -> str:
        """Return the Python of the program's own virtual environment, that of the local Azure if it has none.

        Raises `ProgramError` if there is a directory of that name which is no virtual environment.
        """
        environment = self.virtual_environment
        if environment is None or not environment.exists():
            return sys.executable
        python = environment / "bin" / "python"
        if not python.exists():
            raise ProgramError(f"{environment} is no virtual environment: delete it and run `pulumi install`")
        return str(python)


def _poetry_environment(root: Path) -> Path:
    try:
        answer = subprocess.run(
            ["poetry", "env", "info", "--path"], cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError as error:
        raise ProgramError("runtime option toolchain: poetry is not on PATH") from error
    if answer.returncode != 0:
        raise ProgramError("poetry has no virtual environment for the program: run `pulumi install` first")
    return Path(answer.stdout.strip())


def _environment_of(python: str) -> dict[str, str]:
    """Return the environment of a child process: the interpreter's virtual environment is first on PATH, as if
    activated."""
    directory = Path(python).parent
    environment = {**os.environ, "PATH": os.pathsep.join([str(directory), os.environ.get("PATH", os.defpath)])}
    if (directory.parent / "pyvenv.cfg").exists():
        environment["VIRTUAL_ENV"] = str(directory.parent)
        environment.pop("PYTHONHOME", None)
    return environment


class ProgramHost(LanguageServer):
    """The engine's gRPC service for programs and policy packs on disk."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self._engine_address = engine_address
        self._cancelled = threading.Event()
        self._home = Home.from_environment()
        self._servers = ForkServers(self._home)
        self._servers.create()

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Cancel(self, request: Any, context: Any) -> Any:
        """Terminate running programs after Ctrl-C, so that the engine does not wait for a program that is blocked."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def About(self, request: Any, context: Any) -> Any:
        python = Program.from_info(request.info).interpreter()
        version = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=True,
        )
        return language_pb2.AboutResponse(executable=python, version=version.stdout.strip())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        python = Program.from_info(request.info).interpreter()
        command = [python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
        if not request.transitiveDependencies:
            command.append("--not-required")
        listed = subprocess.run(command, capture_output=True, text=True)
        if listed.returncode != 0:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{python} -m pip list failed")
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=package["name"], version=package["version"])
                for package in json.loads(listed.stdout)
            ]
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """Return no prompts: `pulumi new` asks only for the template's settings."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        program = Program.from_info(request.info)
        for command in _installation(program, Path(request.directory)):
            yield from _forwarded(command, Path(request.directory), language_pb2.InstallDependenciesResponse, context)

    def Run(self, request: Any, context: Any) -> Any:
        program = Program.from_info(request.info)
        try:
            python = program.interpreter()
            self._check_types(program, python)
        except ProgramError as error:
            return language_pb2.RunResponse(error=str(error))
        if not request.args and self._engine_address:
            request.args.append(self._engine_address)
        launch = Launch(
            python=python,
            program=program.main,
            directory=Path(request.pwd) if request.pwd else program.directory,
            environment=_environment_of(python),
            request=request.SerializeToString(),
            record=self._servers.record(request.project),
        )
        run = self._begin(launch, context)
        code = run.wait()
        if self._cancelled.is_set():
            return language_pb2.RunResponse(bail=True)
        if request.dryRun and isinstance(run, PlainRun):
            # What was previewed is usually deployed next: the SDK is loaded meanwhile.
            self._servers.start(launch, self._azure)
        match code:
            case 0:
                return language_pb2.RunResponse()
            case _ if code == ERROR_WAS_SHOWN:
                return language_pb2.RunResponse(bail=True)
            case _ if code < 0:
                return language_pb2.RunResponse(error=f"the program was ended by signal {-code}")
            case _:
                return language_pb2.RunResponse(error=f"the program ended with exit code {code}")

    def _begin(self, launch: Launch, context: Any) -> ProgramRun:
        """Run the program in a fork if that can be, else in a new process; it is ended with the call."""
        # The second attempt is for a server that has ended because the environment's files have changed.
        for _ in range(2):
            fork = self._servers.connect(launch, self._azure)
            if fork is None:
                break
            self._end_with_call(fork, context)
            if fork.begin(launch):
                return fork
        run = PlainRun(launch)
        self._end_with_call(run, context)
        return run

    def _end_with_call(self, run: ProgramRun, context: Any) -> None:
        threading.Thread(target=self._end_when_cancelled, args=(run,), daemon=True).start()
        context.add_callback(run.end)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack or a provider written in Python; the plugin prints its own port."""
        program = Program.from_info(request.info)
        try:
            python = program.interpreter()
        except ProgramError as error:
            yield language_pb2.RunPluginResponse(stderr=f"{error}\n".encode())
            yield language_pb2.RunPluginResponse(exitcode=1)
            return
        if request.kind == "analyzer":
            command = [python, "-u", "-m", "pulumi.policy", *request.args, str(program.directory)]
        else:
            command = [python, "-u", str(program.main), *request.args]
        environment = {**_environment_of(python), **dict(pair.split("=", 1) for pair in request.env if "=" in pair)}
        yield from _forwarded(
            command, Path(request.pwd or program.directory), language_pb2.RunPluginResponse, context, environment
        )

    def _end_when_cancelled(self, run: ProgramRun) -> None:
        self._cancelled.wait()
        run.end()

    def _azure(self) -> int:
        """Return the emulator's process id, with which a fork server ends; 0 if it does not run."""
        running = server_process.find(self._home)
        return running.pid if running else 0

    @staticmethod
    def _check_types(program: Program, python: str) -> None:
        """Apply the runtime option `typechecker`: a type error ends the run before resources are registered."""
        checker = program.options.get("typechecker")
        if not checker:
            return
        if checker not in ("mypy", "pyright"):
            raise ProgramError(f"runtime option typechecker: {checker!r} is none of mypy and pyright")
        check = subprocess.run([python, "-m", checker, str(program.main)], cwd=program.root, stdin=subprocess.DEVNULL)
        if check.returncode != 0:
            raise ProgramError(f"{checker} found type errors in the program")


def _installation(program: Program, directory: Path) -> Iterator[list[str]]:
    """Yield the commands that install a program's dependencies into its own virtual environment."""
    match program.options.get("toolchain", "pip"):
        case "uv":
            yield ["uv", "sync"]
        case "poetry":
            yield ["poetry", "install", "--no-ansi"]
        case _:
            environment = program.virtual_environment
            if environment is None:
                message = (
                    "No virtual environment is named in the program's Pulumi.yaml: it runs with the local Azure's own."
                )
                yield [sys.executable, "-c", "import sys; print(sys.argv[1])", message]
                return
            python = environment / "bin" / "python"
            if not python.exists():
                yield [sys.executable, "-m", "venv", str(environment)]
            install = [str(python), "-m", "pip", "--disable-pip-version-check", "install"]
            if (directory / "requirements.txt").exists():
                yield [*install, "--requirement", str(directory / "requirements.txt")]
            elif (directory / "pyproject.toml").exists():
                yield [*install, "--editable", str(directory)]


def _forwarded(
    command: list[str], cwd: Path, response: Any, context: Any, environment: Mapping[str, str] | None = None
) -> Iterator[Any]:
    """Run the command and yield its output as the engine's messages; fail the call if it is an installation."""
    if not shutil.which(command[0]):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{command[0]} is not on PATH")
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    context.add_callback(lambda: end_process(process))
    assert process.stdout
    assert process.stderr
    yield from _merged(process.stdout, process.stderr, response)
    code = process.wait()
    if response is language_pb2.RunPluginResponse:
        yield response(exitcode=code)
    elif code != 0:
        context.abort(grpc.StatusCode.UNKNOWN, f"{Path(command[0]).name} ended with exit code {code}")


def _merged(stdout: IO[bytes], stderr: IO[bytes], response: Any) -> Iterator[Any]:
    """Yield both streams as they come, until both have ended."""
    chunks: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def pump(stream: IO[bytes], name: str) -> None:
        while chunk := os.read(stream.fileno(), 65536):
            chunks.put(response(**{name: chunk}))
        chunks.put(None)

    threads = [
        threading.Thread(target=pump, args=(stream, name), daemon=True)
        for stream, name in ((stdout, "stdout"), (stderr, "stderr"))
    ]
    for thread in threads:
        thread.start()
    open_streams = len(threads)
    while open_streams:
        chunk = chunks.get()
        if chunk is None:
            open_streams -= 1
        else:
            yield chunk


def main() -> None:
    # The engine may pass options of its own before its address.
    parser = argparse.ArgumentParser(prog="pulumi-language-python", add_help=False)
    parser.add_argument("engine", nargs="?", default="")
    arguments, _ = parser.parse_known_args()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=16),
        options=[
            ("grpc.max_receive_message_length", _MAXIMUM_MESSAGE),
            ("grpc.max_send_message_length", _MAXIMUM_MESSAGE),
        ],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(ProgramHost(arguments.engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine ends its plugins by an interrupt.
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    print(port, flush=True)
    engine = os.getppid()
    while not ended.wait(1) and os.getppid() == engine:
        pass  # an engine that was killed cannot end its plugins
    # Ends the calls under way, whose callbacks end their processes.
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
