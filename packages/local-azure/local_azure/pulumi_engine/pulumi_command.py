"""The `pulumi` shim on the PATH of `run`: the real program with the copied configuration.

It changes the environment and then executes the real program: arguments, directory, terminal and exit code are
unchanged. Commands that only manage stacks and their configuration run in the project's workspace, where the copies
stand (`PULUMI_OPTION_CWD`); all others run where they are called and get the copy by its path
(`PULUMI_OPTION_CONFIG_FILE`). Pulumi reads each option of its command line from such a variable too.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_azure.pulumi_engine.engine import STAND_IN_MARK
from local_azure.pulumi_engine.project_copy import Project, ProjectCopy, ProjectError, Pulumi, backend_of, short_name
from local_azure.system import path_shims
from local_azure.system.paths import Home, backend_url, command_name
from local_azure.system.progress import say

# Options that take their value as the next argument, among those that may stand before or between the words of a
# command; all others are written as one argument or stand alone. (pulumi --help, pulumi stack --help)
_VALUE_OPTIONS = frozenset(
    {
        *("-C", "--cwd", "-s", "--stack", "-v", "--verbose", "--color", "--memprofilerate", "--profiling", "--tracing"),
        *("--config-file", "--dir"),
    }
)

# Commands that read or write the stack's file or the selection of a stack, and no other path of the command line.
_WORKSPACE_COMMANDS = frozenset(
    {("config",), ("state", "move")}
    | {
        ("stack", name)
        for name in (
            "change-secrets-provider",
            "history",
            "init",
            "ls",
            "new",
            "rename",
            "rm",
            "select",
            "tag",
            "unselect",
        )
    }
)
# Of these, the ones that are about making, choosing or removing stacks, not about one that must be there.
_WITHOUT_STACK = frozenset({("stack", name) for name in ("init", "ls", "new", "rename", "rm", "unselect")})
# Commands that work on a stack where they are called.
_STACK_COMMANDS = frozenset(
    {
        *(
            "cancel",
            "console",
            "destroy",
            "down",
            "import",
            "logs",
            "pre",
            "preview",
            "refresh",
            "stack",
            "state",
            "up",
        ),
        *("update", "watch"),
    }
)


@dataclass(frozen=True)
class CommandLine:
    """The relevant parts of a pulumi command line."""

    words: tuple[str, ...]
    """The command and its positional arguments, without options."""
    directory: Path
    """The directory in which the command looks for its project."""
    stack: str | None
    """The short name of the stack on the command line."""
    config_file: str | None
    target: str | None
    """The directory in which `pulumi new` creates a project."""

    @classmethod
    def parse(cls, arguments: Sequence[str], directory: Path) -> "CommandLine":
        words: list[str] = []
        values: dict[str, str] = {}
        rest = iter(arguments)
        for argument in rest:
            if argument == "--":
                break
            name, separator, value = argument.partition("=")
            if argument in _VALUE_OPTIONS:
                values[argument] = next(rest, "")
            elif separator and name in _VALUE_OPTIONS:
                values[name] = value
            elif argument[:2] in ("-C", "-s") and len(argument) > 2 and not argument.startswith("--"):
                values[argument[:2]] = argument[2:].removeprefix("=")
            elif not argument.startswith("-"):
                words.append(argument)
        stack = values.get("--stack") or values.get("-s")
        if words[:2] == ["stack", "select"] and len(words) > 2:
            stack = words[2]
        return cls(
            tuple(words),
            directory / (values.get("--cwd") or values.get("-C") or ""),
            short_name(stack) if stack else None,
            values.get("--config-file"),
            values.get("--dir"),
        )

    def is_one_of(self, commands: frozenset[tuple[str, ...]]) -> bool:
        return self.words[:1] in commands or self.words[:2] in commands

    @property
    def works_in_workspace(self) -> bool:
        return self.is_one_of(_WORKSPACE_COMMANDS)

    @property
    def needs_stack(self) -> bool:
        """Return whether the command works on one stack, which must be there with its configuration."""
        if self.is_one_of(_WITHOUT_STACK):
            return False
        return self.works_in_workspace or (bool(self.words) and self.words[0] in _STACK_COMMANDS)


def install(home: Home) -> None:
    """Install the `pulumi` shim on the PATH of `run`."""
    what = f"{STAND_IN_MARK}: pulumi, working on copies of the stacks' configuration"
    path_shims.install(home, "pulumi", "local_azure.pulumi_engine.pulumi_command", what)


def main() -> None:
    home = Home.from_environment()
    environment = dict(os.environ)
    program = environment.get("LOCAL_AZURE_ENGINE")
    if not program:
        say(f"error: this pulumi works under the local Azure alone: {command_name()} run pulumi ...")
        sys.exit(255)
    arguments = sys.argv[1:]
    line = CommandLine.parse(arguments, Path.cwd())
    try:
        if not _has_our_backend(environment, home):
            pass  # the caller has chosen a backend: its stacks and their configuration are the caller's, too
        elif line.words[:1] == ("new",):
            sys.exit(_new(program, arguments, line, environment, home))
        else:
            arguments, then = _prepared(program, arguments, line, environment, home)
            if then:
                sys.exit(_call(program, arguments, environment) or _call(program, then, environment))
    except ProjectError as error:
        say(f"error: {error}")
        sys.exit(255)
    os.execve(program, [program, *arguments], environment)


def _has_our_backend(environment: dict[str, str], home: Home) -> bool:
    return environment.get("PULUMI_BACKEND_URL", "").startswith(home.projects.as_uri())


def _prepared(
    program: str, arguments: list[str], line: CommandLine, environment: dict[str, str], home: Home
) -> tuple[list[str], list[str]]:
    """Adapt the environment to the command line; return its arguments, and those of a command to run afterwards."""
    project = Project.find(line.directory.resolve())
    if project is None or not line.words or {"-h", "--help"} & set(arguments):
        return arguments, []
    copy = ProjectCopy(home, project)
    environment["PULUMI_BACKEND_URL"] = backend_url(copy.backend)
    copy.refresh()
    stack = (
        line.stack or environment.get("PULUMI_STACK") or environment.get("PULUMI_OPTION_STACK") or copy.selected_stack()
    )
    if line.works_in_workspace:
        environment["PULUMI_OPTION_CWD"] = str(copy.workspace)
        arguments = without_options(arguments, "-C", "--cwd")
    if not line.needs_stack:
        if stack and not line.works_in_workspace and copy.has_stack(stack):
            environment["PULUMI_STACK"] = stack
        return arguments, []
    if not stack and not line.works_in_workspace:
        # The engine would let the user choose a stack and then use the tracked file: we let it choose on the copies.
        if sys.stdin.isatty() and sys.stdout.isatty() and "--non-interactive" not in arguments:
            choice = environment | {"PULUMI_OPTION_CWD": str(copy.workspace)}
            if _call(program, ["stack", "select"], choice):
                sys.exit(255)
            stack = copy.selected_stack()
        else:
            environment["PULUMI_OPTION_NON_INTERACTIVE"] = "true"
    if not stack:
        return arguments, []
    quiet = {
        name: value for name, value in environment.items() if not name.startswith(("PULUMI_OPTION_", "PULUMI_STACK"))
    }
    copy.prepare(stack, Pulumi(program, quiet), Path(line.config_file) if line.config_file else None)
    arguments = without_options(arguments, "--config-file")
    if line.words[:2] != ("stack", "select"):
        environment["PULUMI_STACK"] = stack
    if line.works_in_workspace:
        return arguments, []
    environment["PULUMI_OPTION_CONFIG_FILE"] = str(copy.stack_file(stack))
    # The attached providers have no schema to generate code from; what is imported is in the state all the same.
    environment.setdefault("PULUMI_OPTION_GENERATE_CODE", "false")
    if line.words[0] in ("destroy", "down") and "--remove" in arguments and "--preview-only" not in arguments:
        # With this option the engine removes the tracked file: the stack goes by a command of its own instead.
        remaining = [argument for argument in arguments if argument != "--remove"]
        return remaining, ["-C", str(copy.workspace), "stack", "rm", "--yes", "--stack", stack]
    return arguments, []


def without_options(arguments: Sequence[str], *names: str) -> list[str]:
    """Return the arguments without these options and their values, in any notation."""
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return [*kept, argument, *rest]
        if argument in names:
            next(rest, None)
        elif not any(argument.startswith(f"{name}=" if name.startswith("--") else name) for name in names):
            kept.append(argument)
    return kept


def _new(program: str, arguments: list[str], line: CommandLine, environment: dict[str, str], home: Home) -> int:
    """Run `pulumi new`, which writes the new project's stack file, and remove the local encryption from that file."""
    directory = (line.directory / (line.target or "")).resolve()
    environment["PULUMI_BACKEND_URL"] = backend_url(backend_of(home, directory))
    before = set(directory.glob("Pulumi.*.*"))
    code = _call(program, arguments, environment)
    project = Project.find(directory)
    if project and project.directory == directory:
        copy = ProjectCopy(home, project)
        for file in sorted(set(directory.glob("Pulumi.*.*")) - before):
            copy.adopt(file)
    return code


def _call(program: str, arguments: Sequence[str], environment: dict[str, str]) -> int:
    """Run the real program and wait. Ctrl-C reaches it directly, because it has the same terminal."""

    def leave_it_to_the_program(*_: object) -> None:
        pass

    previous = signal.signal(signal.SIGINT, leave_it_to_the_program)
    try:
        return subprocess.call([program, *arguments], env=environment)
    finally:
        signal.signal(signal.SIGINT, previous)


if __name__ == "__main__":
    main()
