"""The emulator's command line: `local-azure`, or `python -m local_azure`."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence

from local_azure.cli import fault_commands, log_commands
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home, command_name

_RUN_HELP = """\
Run COMMAND in the current directory with the Pulumi engine first on PATH, a local file backend and the emulator's
providers attached. The emulator is started if it is not running. The exit code is the command's.

  local-azure run pulumi up --stack dev
  local-azure run pulumi stack graph graph.dot
  cd ~/other-program && local-azure run pulumi preview

Tracked files are not changed. Pulumi works on a copy of Pulumi.<stack>.yaml that has no encryption settings and a
generated value for each secret. A missing stack is created. `pulumi config set` changes the copy: a changed key keeps
its value until it is set back to the tracked value, and all other keys follow the tracked file at each run.
Credentials of Azure and Pulumi are removed from the environment.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Return the exit code: 0, 1 after an error, 3 if `status` finds no running emulator, 4 if the engine is missing,
    130 after an interrupt.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    home = Home.from_environment()
    # Imported late: `status` is fast because it does not load what only `run` needs.
    try:
        match options.command:
            case "setup":
                return 0 if options.no_engine else _setup(home)
            case "start":
                return _start(
                    home,
                    latency=options.latency,
                    speedup=options.speedup,
                    classic_redis=None if options.classic_redis is None else options.classic_redis == "yes",
                    role_delay=options.role_delay,
                    data_plane=None if options.data_plane is None else options.data_plane == "yes",
                    deployer_role=options.deployer_role,
                    deployer_without=options.deployer_without,
                )
            case "faults":
                return fault_commands.run(home, options)
            case "logs":
                return log_commands.run(home, options)
            case "ready":
                from local_azure.cli import readiness

                return readiness.run(home, options.stack, options.seconds)
            case "recover":
                from local_azure.pulumi_engine import recovery

                return recovery.run(home, options)
            case "stop":
                return _stop(home)
            case "status":
                return _status(home, as_json=options.json)
            case "reset":
                return _reset(home, confirmed=options.yes)
            case _:
                from local_azure.cli.run import run

                words = options.words[1:] if options.words[:1] == ["--"] else options.words
                if not words:
                    parser.error("run: name the command to run")
                run(home, words)
    except KeyboardInterrupt:
        return 130
    except LocalAzureError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=os.path.basename(command_name()),
        description="An Azure emulator: run Pulumi programs with the real engine, without a subscription.",
        epilog="State, stacks and logs are in the project's .local-azure/; LOCAL_AZURE_HOME sets another directory.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    setup = commands.add_parser(
        "setup", help="install what is missing: the engine, redis-server, the packages of the container images"
    )
    setup.add_argument("--no-engine", action="store_true", help="skip the engine and everything that runs with it")
    start = commands.add_parser("start", help="start the emulator if it is not running")
    start.add_argument(
        "--latency",
        choices=("none", "azure"),
        help="azure: operations take as long as they typically do on Azure; stored in the state (default: none)",
    )
    start.add_argument(
        "--speedup",
        type=_speedup,
        metavar="N",
        help="divide these durations, and the polling and cooldown of scale rules, by N; stored in the state",
    )
    start.add_argument(
        "--classic-redis",
        choices=("yes", "no"),
        help="whether the subscription had an Azure Cache for Redis before April 2026; without it, creating a cache is "
        "refused; stored in the state (default: yes)",
    )
    start.add_argument(
        "--role-delay",
        type=_seconds,
        metavar="SECONDS",
        help="the time until a new role assignment takes effect; stored in the state (default: 0)",
    )
    start.add_argument(
        "--data-plane",
        choices=("yes", "no"),
        help="whether caches, the apps' replicas and their ingress run; stored in the state (default: yes)",
    )
    start.add_argument(
        "--deployer-role",
        metavar="ROLE",
        help="the built-in role of the deploying identity, such as Contributor; stored in the state (default: Owner)",
    )
    start.add_argument(
        "--deployer-without",
        metavar="ACTIONS",
        help="actions that are removed from that role: patterns, separated by commas, such as */register/action; "
        "stored in the state (default: none)",
    )
    commands.add_parser("stop", help="stop the emulator; its state and the stacks are kept")
    status = commands.add_parser(
        "status", help="show whether the emulator runs, its ports, resources and faults (exit code 3: not running)"
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    reset = commands.add_parser(
        "reset", help="stop the emulator and delete its state, the stacks and the copied configuration"
    )
    reset.add_argument("--yes", "-y", action="store_true", help="do not ask for confirmation")
    fault_commands.add_parser(commands)
    log_commands.add_parser(commands)
    ready = commands.add_parser(
        "ready", help="wait until the apps of a stack run and respond, and print their URLs (exit code 1: timeout)"
    )
    ready.add_argument("--stack", "-s", help="the stack of the program in this directory (default: the selected one)")
    ready.add_argument(
        "--seconds", type=_seconds, default=120.0, metavar="N", help="the longest time to wait (default: 120)"
    )
    recover = commands.add_parser(
        "recover", help="print the commands that repair the stacks of this directory's program after a kill"
    )
    recover.add_argument("--stack", "-s", help="one stack (default: every stack of the program)")
    recover.add_argument("--json", action="store_true", help="print JSON")
    recover.add_argument(
        "--complete", metavar="FILE", help="repair an exported state in place; used by the commands that are printed"
    )
    run = commands.add_parser(
        "run",
        help="run a command against the emulator, in the current directory",
        description=_RUN_HELP,
        usage=f"{os.path.basename(command_name())} run COMMAND [ARGUMENT ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


def _setup(home: Home) -> int:
    from local_azure.data_plane import prerequisites
    from local_azure.data_plane.redis import installation
    from local_azure.pulumi_engine import engine

    print(f"redis-server: {installation.ensure()}")
    prerequisites.ensure(home)
    found = engine.ensure(home)
    print(f"engine: {found.program} ({found.version})")
    return 0


def _speedup(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


def _start(home: Home, **chosen: str | float | bool | None) -> int:
    from local_azure.data_plane import prerequisites
    from local_azure.server import daemon

    changes = {name: value for name, value in chosen.items() if value is not None}
    if role := changes.get("deployer_role"):
        from local_azure.resource_types.deployer import known_role

        changes["deployer_role"] = known_role(str(role))
    if changes:
        from local_azure.core import options

        options.save(home, **changes)
    prerequisites.ensure(home)
    running, started = daemon.ensure(home)
    print(f"{'started' if started else 'already running'}: process {running.pid}, state in {home.directory}")
    return 0


def _stop(home: Home) -> int:
    from local_azure.server import daemon

    print("stopped" if daemon.stop(home) else "not running")
    return 0


def _status(home: Home, *, as_json: bool) -> int:
    from local_azure.cli import overview
    from local_azure.status import server_process

    running = server_process.find(home)
    summary = overview.of(home.state)
    if as_json:
        answer = {
            "running": running is not None,
            "home": str(home.directory),
            "pid": running.pid if running else None,
            "ports": dict(running.ports) if running else {},
            "log": str(home.server_log),
            **summary.as_json(),
        }
        print(json.dumps(answer, indent=2))
    elif running:
        print(f"running: process {running.pid}, state in {home.directory}")
        for name, port in running.ports.items():
            print(f"  {name}: 127.0.0.1:{port}")
    else:
        print(f"not running (home: {home.directory})")
    if not as_json:
        for line in summary.lines():
            print(line)
    return 0 if running else 3


def _reset(home: Home, *, confirmed: bool) -> int:
    from local_azure.server import daemon

    if not home.directory.exists():
        print(f"nothing to delete in {home.directory}")
        return 0
    if not home.may_be_deleted():
        print(
            f"error: {home.directory} holds files that the emulator did not create; nothing was deleted",
            file=sys.stderr,
        )
        return 1
    if not confirmed:
        if not sys.stdin.isatty():
            print("error: reset asks for confirmation; call it with --yes when there is no terminal", file=sys.stderr)
            return 1
        question = f"Delete all stacks, resources and copied configuration in {home.directory}? [y/N] "
        if input(question).strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 1
    daemon.stop(home)
    shutil.rmtree(home.directory)
    print(f"deleted {home.directory}")
    return 0
