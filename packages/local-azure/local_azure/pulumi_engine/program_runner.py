"""Run a Pulumi program in a separate process, with the program's interpreter.

Called by path: `program_runner.py PROGRAM RECORD`, with a serialized `RunRequest` of the engine on standard input, so
that the configuration's secrets are in neither arguments nor environment. It imports nothing of this project and
nothing but `pulumi`: the interpreter may be that of another program's virtual environment. `program_fork_server.py`
calls `prepare` and `run` in a fork instead.
"""

import os
import sys

ERROR_WAS_SHOWN = 32
"""Exit code: the program failed and the error was shown to the user."""
SDK_PACKAGES = ("pulumi_azure_native", "pulumi_random")
"""SDK packages whose modules are recorded, and loaded before a fork."""


def main() -> int:
    program, record = sys.argv[1:3]
    prepare(program)
    try:
        import pulumi  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        print(
            f"{sys.executable} cannot import pulumi ({error}): install the program's requirements into its environment",
            file=sys.stderr,
        )
        return 1
    request = sys.stdin.buffer.read()
    null_input = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_input, 0)
    os.close(null_input)
    return run(program, request, record)


def directory_of(program: str) -> str:
    """Return the absolute path of the directory that Python puts first on `sys.path` for a script or a directory."""
    return os.path.abspath(program if os.path.isdir(program) else os.path.dirname(program))


def prepare(program: str) -> None:
    """Set `sys.path` and `sys.argv` as Python does: the program's own modules come first, not this one's."""
    sys.path[0] = directory_of(program)
    sys.argv = [program]


def run(program: str, serialized: bytes, record: str) -> int:
    """Run the program as this serialized `RunRequest` asks; return the exit code.

    The file `record` gets the names of the SDK's modules that the program has used, if it succeeds.
    """
    import asyncio
    import logging
    import runpy
    from concurrent.futures import ThreadPoolExecutor

    import pulumi
    from pulumi import runtime
    from pulumi.runtime.proto import language_pb2

    request = language_pb2.RunRequest.FromString(serialized)
    runtime.configure(
        runtime.Settings(
            project=request.project,
            stack=request.stack,
            organization=request.organization or "organization",
            root_directory=request.info.root_directory,
            monitor=request.monitor_address,
            engine=request.args[0] if request.args else None,
            parallel=request.parallel,
            dry_run=request.dryRun,
        )
    )
    runtime.set_all_config(dict(request.config), list(request.configSecretKeys))

    # A failed program leaves pending tasks; asyncio would print a warning about each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # The SDK makes its calls to the engine in threads; some of them wait for each other, so there are more of them
    # than resources worked on at a time.
    executor = ThreadPoolExecutor(max_workers=4 * max(request.parallel, 1))
    loop.set_default_executor(executor)

    def run_program() -> None:
        runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(runtime.run_in_stack(run_program))
        _write_record(record)
        return 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return ERROR_WAS_SHOWN
    except Exception as error:  # whatever the program raises is its user's to see
        pulumi.log.error(f"The program failed with an unhandled exception:\n{user_traceback(error, program)}")
        return ERROR_WAS_SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()


def used_modules() -> list[str]:
    """Return the names of the SDK's packages that are loaded and used.

    A package that is still lazy, or loaded before the fork and not used since, has a type of its own.
    """
    from types import ModuleType

    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in SDK_PACKAGES and type(module) is ModuleType and hasattr(module, "__path__")
    )


def _write_record(record: str) -> None:
    """Write which modules were used. The record only saves time: a file that cannot be written is no error."""
    import contextlib
    import json

    with contextlib.suppress(OSError):
        temporary = f"{record}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(used_modules(), file)
        os.replace(temporary, record)


def user_traceback(error: BaseException, program: str) -> str:
    """Return the traceback as python would print it had it run the program itself: from the program's main file on.

    An error of a resource or an `apply` comes up outside of that file; its traceback begins in the SDK.
    """
    import asyncio
    import traceback

    main_file = os.path.abspath(os.path.join(program, "__main__.py") if os.path.isdir(program) else program)
    callers = (os.path.abspath(__file__), os.path.abspath("<frozen runpy>"))
    files = [os.path.abspath(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    if main_file in files:
        start = files.index(main_file)
    else:
        start = max((index + 1 for index, file in enumerate(files) if file in callers), default=0)
        while start < len(files) and os.path.dirname(files[start]) == os.path.dirname(asyncio.__file__):
            start += 1
    frames = error.__traceback__
    for _ in range(start):
        frames = frames.tb_next if frames else None
    return "".join(traceback.format_exception(type(error), error, frames))


if __name__ == "__main__":
    sys.exit(main())
