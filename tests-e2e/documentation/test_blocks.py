"""No block of the pages is left out: each names its language, and its commands are run or checked."""

import re

import pytest

from documentation.blocks import NO_COMMANDS, ROOT, Block, blocks, indented, links, pages
from documentation.shell import ShellSyntaxError, commands
from documentation.states import RUN_BY, STATES

BLOCKS = blocks()


def test_pages_are_found() -> None:
    names = {path.name for path in pages()}
    assert {"README.md", "architecture.md", "index.md", "settings.md"} <= names
    assert [block for block in BLOCKS if block.is_executed]
    assert [block for block in BLOCKS if block.is_azure]


def test_every_fence_names_its_language() -> None:
    unknown = [f"{block}: {' '.join(block.words) or '(nothing)'}" for block in BLOCKS if not block.is_known]
    assert not unknown, f"write sh (executed), sh azure (checked), or one of {', '.join(sorted(NO_COMMANDS))}"


def test_no_code_is_only_indented() -> None:
    assert not indented(), "fence it, so that it says what it is"


def test_every_page_with_commands_has_a_state_to_run_them_in() -> None:
    with_commands = {block.file for block in BLOCKS if block.is_executed}
    assert not with_commands - STATES.keys(), "add the page to tests-e2e/documentation/states.py"
    assert not STATES.keys() - with_commands, "these have no command to run any more"


def test_plain_text_has_no_command() -> None:
    programs = re.compile(r"(?m)^\s*(?:\$ )?(?:\./local|az|curl|docker|gh|git|make|pip|pulumi|python3?|\.venv/\S+) ")
    hiding = {block.file for block in BLOCKS if block.words == ("text",) and programs.search(block.text)}
    assert not hiding - RUN_BY.keys(), "fence it as sh or sh azure, or say in states.py what runs it"
    assert not RUN_BY.keys() - hiding


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.is_executed or block.is_azure], ids=str)
def test_commands_are_valid_shell(block: Block) -> None:
    assert commands(block.text), "there is no command in it"


def test_what_is_no_shell_is_refused() -> None:
    for text in ('az group show --name "x', "for x in a b; do echo", "pulumi up $(pulumi stack"):
        with pytest.raises(ShellSyntaxError):
            commands(text)


def test_commands_are_found_wherever_they_stand() -> None:
    text = """
    pulumi config set --path registry.id "$(az acr show --name x --query id)" --stack dev  # a comment
    pulumi stack export | jq --arg vault "$(az keyvault show)" '.x' > file.json && az login
    pulumi up --config image=$(pulumi stack output image) \\
        --yes
    """
    found = [(command.program, *command.leading) for command in commands(text)]
    assert found == [
        ("pulumi", "config", "set"),
        ("az", "acr", "show"),
        ("pulumi", "stack", "export"),
        ("jq",),
        ("az", "keyvault", "show"),
        ("az", "login"),
        ("pulumi", "up"),
        ("pulumi", "stack", "output", "image"),
    ]
    (last,) = [command for command in commands(text) if command.leading == ("up",)]
    assert last.options == ("--config", "--yes")


def test_links_resolve() -> None:
    broken = [f"{page.relative_to(ROOT)}: {target}" for page, target in links() if not (page.parent / target).exists()]
    assert not broken
    assert len(list(links())) > 10
