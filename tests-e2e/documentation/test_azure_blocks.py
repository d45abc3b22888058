"""Commands that pages give for Azure: without a subscription they are not run, but they and their options exist."""

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from arm import azure_cli
from documentation.blocks import ROOT, Block, blocks
from documentation.shell import Command, commands
from tests.stack.deployment import LocalAzure

AZURE_BLOCKS = [block for block in blocks() if block.is_azure]
LOCAL_RUNS = (("./local", "run"), ("local-azure", "run"))
"""What runs a command on the local Azure."""

EVERY_AZ_COMMAND = {
    "--debug",
    "--help",
    "--output",
    "--only-show-errors",
    "--query",
    "--subscription",
    "--verbose",
    "--ids",
}
EVERY_AZ_COMMAND |= {"-h", "-o"}

EXTENSIONS: Mapping[tuple[str, ...], frozenset[str]] = {
    ("redisenterprise", "database", "regenerate-key"): frozenset(
        {"--cluster-name", "--name", "--resource-group", "-g", "--key-type", "--no-wait"}
    ),
}
"""Commands of extensions, which no registry of ours has.

Source: https://learn.microsoft.com/cli/azure/redisenterprise/database."""

OTHERS: Mapping[str, frozenset[str] | None] = {
    "cd": frozenset(),
    "curl": frozenset({"--fail", "--silent", "--show-error", "-fsS"}),
    "docker": None,
    "echo": None,
    "export": None,
    "gh": None,
    "git": None,
    "grep": frozenset({"-o"}),
    "jq": frozenset({"--arg", "-r"}),
}
"""Other programs and the options that pages use of them; None: what they take is not looked at."""


def test_there_are_such_blocks() -> None:
    assert AZURE_BLOCKS


BRING_THEIR_IMAGE = {"docs/from-bicep.md"}
"""Pages about a first deployment, whose image is in the settings."""


def test_no_command_deploys_an_old_image() -> None:
    """The stack's file may name one: what is deployed is passed on, or set."""
    forgetful = [
        f"{block}: {' '.join(one.words)}"
        for block, one in _of("pulumi")
        if one.leading[:1] in (("up",), ("preview",))
        and block.file not in BRING_THEIR_IMAGE
        and "--stack" in one.options  # another program's has no such setting
        and not any(word.lstrip('"').startswith("image=") for word in one.words)
        and "pulumi config set image" not in block.text
    ]
    assert not forgetful


def _of(program: str) -> list[tuple[Block, Command]]:
    return [(block, one) for block in AZURE_BLOCKS for one in _commands(block) if one.program == program]


def _commands(block: Block) -> Iterator[Command]:
    """Yield the block's commands; of one under the local Azure, what is run there."""
    for one in commands(block.text):
        yield Command(one.words[2:]) if one.words[:2] in LOCAL_RUNS else one


def test_every_program_is_one_that_is_looked_at() -> None:
    known = {"az", "pulumi", "python", "make", "./local", "local-azure", *OTHERS}
    unknown = {
        f"{block}: {one.program}" for block in AZURE_BLOCKS for one in _commands(block) if one.program not in known
    }
    assert not unknown
    for program, options in OTHERS.items():
        if options is not None:
            wrong = [
                f"{block}: {program} {word}"
                for block, one in _of(program)
                for word in one.options
                if word not in options
            ]
            assert not wrong


@pytest.mark.slow("Microsoft's Azure CLI, 700 MB")
def test_az_has_these_commands_and_options() -> None:
    found = _of("az")
    wanted = [list(one.leading) for _, one in found]
    python = azure_cli.installed()[0]
    done = subprocess.run(
        [python, "-I", str(Path(__file__).with_name("az_options.py"))],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no"},
    )
    faults: list[str] = []
    for (block, one), answer in zip(found, json.loads(done.stdout), strict=True):
        options = set(answer) if answer is not None else EXTENSIONS.get(one.leading)
        if options is None:
            faults.append(f"{block}: there is no command az {' '.join(one.leading)}")
            continue
        unknown = [word for word in one.options if word not in options | EVERY_AZ_COMMAND]
        faults += [f"{block}: az {' '.join(one.leading)} has no option {word}" for word in unknown]
    assert not faults


Options = Mapping[tuple[str, ...], frozenset[str] | None]
NO_COMMANDS = (("stack", "nonsense"), ("nonsense",))
_BETWEEN = "\x1e"


@pytest.fixture(scope="module")
def pulumi_options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    """The options of each command of the engine that pages use, by its own help; None where there is no such."""
    names = sorted({_pulumi_command(one.leading) for _, one in _of("pulumi")} | {("up",), *NO_COMMANDS})
    script = "; ".join(f"printf '{_BETWEEN}'; pulumi {' '.join(name)} --help 2>&1" for name in names)
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"))
    try:
        output = azure.run("run", "bash", "-c", script, check=False).stdout
    finally:
        azure.run("stop")
    return {name: _options(name, text) for name, text in zip(names, output.split(_BETWEEN)[1:], strict=True)}


def _options(name: tuple[str, ...], output: str) -> frozenset[str] | None:
    usage = re.search(r"(?m)^Usage:\n\s+pulumi (.*)$", output)
    aliases = re.search(r"(?m)^Aliases:\n\s+(.*)$", output)
    if usage is None:
        return None
    words = tuple(usage[1].split())[: len(name)]
    also = aliases[1].split(", ") if aliases else []
    if words[:-1] != name[:-1] or name[-1] not in (words[-1], *also):
        return None
    long = re.findall(r"(?m)^ +(?:-[a-zA-Z], )?(--[a-z-]+)", output)
    return frozenset([*long, *re.findall(r"(?m)^ +(-[a-zA-Z]), --", output)])


def _pulumi_command(leading: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that name the command; what follows them are its arguments."""
    groups = {("config",), ("stack",), ("state",), ("plugin",), ("policy",)}
    return leading[:2] if leading[:1] in groups and len(leading) > 1 else leading[:1]


def test_pulumi_has_these_commands_and_options(pulumi_options: Options) -> None:
    faults: list[str] = []
    for block, one in _of("pulumi"):
        name = _pulumi_command(one.leading)
        options = pulumi_options[name]
        if options is None:
            faults.append(f"{block}: there is no command pulumi {' '.join(name)}")
            continue
        unknown = [word for word in one.options if word not in options]
        faults += [f"{block}: pulumi {' '.join(name)} has no option {word}" for word in unknown]
    assert not faults


def _python_modules() -> Iterator[tuple[Block, Command, str]]:
    for block, one in _of("python"):
        assert one.words[1] == "-m", f"{block}: python runs modules here"
        yield block, one, one.words[2]


def test_our_modules_have_these_options() -> None:
    by_module: dict[str, list[tuple[Block, Command]]] = defaultdict(list)
    for block, one, module in _python_modules():
        by_module[module].append((block, one))
    for module, uses in by_module.items():
        output = subprocess.run(
            [str(ROOT / ".venv" / "bin" / "python"), "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True
        )
        assert output.returncode == 0, f"there is no module {module}"
        wrong = [f"{block}: {word}" for block, one in uses for word in one.options[1:] if word not in output.stdout]
        assert not wrong


def test_make_has_these_targets() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    wrong = [
        f"{block}: {word}"
        for block, one in _of("make")
        for word in one.leading
        if "=" not in word and word not in targets
    ]
    assert not wrong


def test_what_pulumi_does_not_have_is_seen(pulumi_options: Options) -> None:
    assert [pulumi_options[name] for name in NO_COMMANDS] == [None, None]
    options = pulumi_options["up",]
    assert options
    assert {"--yes", "--stack", "-s"} <= options
    assert "--sure" not in options
