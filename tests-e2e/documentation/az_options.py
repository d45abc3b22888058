"""Run by the Azure CLI's own interpreter: the options of commands, read as JSON, written as JSON.

Input: a list of commands, each a list of words that begins after `az` and may end in positional arguments. Output: for
each the options that it takes, or null where there is no such command.
"""

import json
import sys

from azure.cli.core import get_default_cli
from azure.cli.core.commands import AzCliCommandInvoker  # noqa: F401  # loads what the table needs


def main() -> None:
    cli = get_default_cli()
    invoker = cli.invocation_cls(
        cli_ctx=cli,
        parser_cls=cli.parser_cls,
        commands_loader_cls=cli.commands_loader_cls,
        help_cls=cli.help_cls,
    )
    cli.invocation = invoker
    loader = invoker.commands_loader
    found: list[list[str] | None] = []
    for words in json.load(sys.stdin):
        loader.load_command_table(words)
        names = (" ".join(words[:length]) for length in range(len(words), 0, -1))
        name = next((name for name in names if name in loader.command_table), None)
        if name is None:
            found.append(None)
            continue
        loader.command_name = invoker.data["command_string"] = name
        loader.load_arguments(name)
        command = loader.command_table[name]
        options = {
            str(option) for one in command.arguments.values() for option in one.type.settings.get("options_list") or ()
        }
        found.append(sorted(options))
    json.dump(found, sys.stdout)


main()
