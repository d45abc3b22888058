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
Runs COMMAND in the current directory with the Pulumi engine first on PATH, a local file backend and the local Azure's
providers attached. Starts the local Azure if it is not running. The command's exit code is ours.

  local-azure run pulumi up --stack dev
  local-azure run pulumi stack graph graph.dot
  cd ~/other-program && local-azure run pulumi preview

Tracked files stay as they are. Pulumi works on a copy of Pulumi.<stack>.yaml: without the team's encryption, and with a
generated value for each secret. The stack is made when it is not there yet. `pulumi config set` changes the copy; what
it sets stays until it is set back to the tracked value, and every other key follows the tracked file at each run.
Azure's and Pulumi's credentials are taken out of the environment.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code: 0, 1 for an error, 3 if `status` finds none, 4 without engine."""
    parser = _parser()
    options = parser.parse_args(arguments)
    home = Home.from_environment()
    # Imported late: `status` answers at once, without what only `run` needs.
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
        description="A local Azure: runs Pulumi programs with the real engine on this machine, without a subscription.",
        epilog="State, stacks and logs are in .local-azure/ of the project; LOCAL_AZURE_HOME names another directory.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    setup = commands.add_parser(
        "setup", help="set up what is missing: the engine, redis-server, the packages of the images"
    )
    setup.add_argument("--no-engine", action="store_true", help="without the engine and all that runs with it")
    start = commands.add_parser("start", help="start the local Azure, if it is not running")
    start.add_argument(
        "--latency",
        choices=("none", "azure"),
        help="azure: operations take the time that they typically take on Azure; kept with the state (default: none)",
    )
    start.add_argument(
        "--speedup",
        type=_speedup,
        metavar="N",
        help="that time, and the scale rules' polling and cooldown, pass N times faster; kept, too",
    )
    start.add_argument(
        "--classic-redis",
        choices=("yes", "no"),
        help="whether the subscription had an Azure Cache for Redis before April 2026, without which none can be "
        "created; kept, too (default: yes)",
    )
    start.add_argument(
        "--role-delay",
        type=_seconds,
        metavar="SECONDS",
        help="the time until a new role assignment is in force; kept, too (default: 0)",
    )
    start.add_argument(
        "--data-plane",
        choices=("yes", "no"),
        help="whether caches, the apps' replicas and their ingress really run; kept, too (default: yes)",
    )
    start.add_argument(
        "--deployer-role",
        metavar="ROLE",
        help="the built-in role of who deploys, such as Contributor; kept, too (default: Owner)",
    )
    start.add_argument(
        "--deployer-without",
        metavar="ACTIONS",
        help="actions that are taken from that role: patterns, separated by commas, such as */register/action; "
        "kept, too (default: none)",
    )
    commands.add_parser("stop", help="stop it; its state and the stacks stay")
    status = commands.add_parser(
        "status", help="say whether it runs, where and on which ports (exit code 3: it does not)"
    )
    status.add_argument("--json", action="store_true", help="as JSON")
    reset = commands.add_parser("reset", help="stop it and delete its state, the stacks and the copied configurations")
    reset.add_argument("--yes", "-y", action="store_true", help="without asking")
    fault_commands.add_parser(commands)
    log_commands.add_parser(commands)
    ready = commands.add_parser(
        "ready", help="wait until the apps of a stack run and answer, and say where (exit code 1: they do not)"
    )
    ready.add_argument("--stack", "-s", help="the stack of the program in this directory (default: the selected one)")
    ready.add_argument(
        "--seconds", type=_seconds, default=120.0, metavar="N", help="how long to wait at most (default: 120)"
    )
    recover = commands.add_parser(
        "recover", help="after a kill: print the commands that bring this directory's program back in order"
    )
    recover.add_argument("--stack", "-s", help="one stack (default: every stack of the program)")
    recover.add_argument("--json", action="store_true", help="as JSON")
    recover.add_argument(
        "--complete", metavar="FILE", help="put an exported state right, in place; one of the commands that it prints"
    )
    run = commands.add_parser(
        "run",
        help="run a command against it, in the current directory",
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


def _start(home: Home, **asked: str | float | bool | None) -> int:
    from local_azure.data_plane import prerequisites
    from local_azure.server import daemon

    changes = {name: value for name, value in asked.items() if value is not None}
    if role := changes.get("deployer_role"):
        from local_azure.resource_types.deployer import known_role

        changes["deployer_role"] = known_role(str(role))
    if changes:
        from local_azure.core import options

        options.keep(home, **changes)
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
    seen = overview.of(home.state)
    if as_json:
        answer = {
            "running": running is not None,
            "home": str(home.directory),
            "pid": running.pid if running else None,
            "ports": dict(running.ports) if running else {},
            "log": str(home.server_log),
            **seen.as_json(),
        }
        print(json.dumps(answer, indent=2))
    elif running:
        print(f"running: process {running.pid}, state in {home.directory}")
        for name, port in running.ports.items():
            print(f"  {name}: 127.0.0.1:{port}")
    else:
        print(f"not running (home: {home.directory})")
    if not as_json:
        for line in seen.lines():
            print(line)
    return 0 if running else 3


def _reset(home: Home, *, confirmed: bool) -> int:
    from local_azure.server import daemon

    if not home.directory.exists():
        print(f"nothing to delete in {home.directory}")
        return 0
    if not home.may_be_deleted():
        print(f"error: {home.directory} holds files that are not a local Azure's; nothing was deleted", file=sys.stderr)
        return 1
    if not confirmed:
        if not sys.stdin.isatty():
            print("error: reset asks before it deletes; call it with --yes where nobody can answer", file=sys.stderr)
            return 1
        question = f"Delete all stacks, resources and copied configurations in {home.directory}? [y/N] "
        if input(question).strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return 1
    daemon.stop(home)
    shutil.rmtree(home.directory)
    print(f"deleted {home.directory}")
    return 0
