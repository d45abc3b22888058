"""The commands in a piece of shell, wherever they stand: in pipes, lists, loops and substitutions."""

from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bash.language()))


class ShellSyntaxError(Exception):
    """The text is no shell; the message has the line."""


@dataclass(frozen=True)
class Command:
    """A program and its arguments as they are written, quotes taken off where they are all around."""

    words: tuple[str, ...]

    @property
    def program(self) -> str:
        return self.words[0]

    @property
    def options(self) -> tuple[str, ...]:
        """The options by their names, without values."""
        return tuple(word.split("=", 1)[0] for word in self.words[1:] if word.startswith("-") and word.strip("-"))

    @property
    def leading(self) -> tuple[str, ...]:
        """The words after the program up to the first option: a subcommand, and perhaps its arguments."""
        found: list[str] = []
        for word in self.words[1:]:
            if word.startswith("-"):
                break
            found.append(word)
        return tuple(found)


def commands(text: str) -> list[Command]:
    """Return every command of the text.

    Raises:
        ShellSyntaxError: if the text is not valid.
    """
    tree = _PARSER.parse(text.encode())
    if tree.root_node.has_error:
        wrong = next(_errors(tree.root_node))
        raise ShellSyntaxError(f"line {wrong.start_point[0] + 1}: {wrong.text!r} is no shell")
    return list(_commands(tree.root_node))


def _errors(node: Node) -> Iterator[Node]:
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from _errors(child)


def _commands(node: Node) -> Iterator[Command]:
    if node.type == "command":
        name = node.child_by_field_name("name")
        words = [_word(name)] if name else []
        words += [_word(one) for one in node.children_by_field_name("argument")]
        if words:
            yield Command(tuple(words))
    for child in node.children:
        yield from _commands(child)


def _word(node: Node) -> str:
    text = (node.text or b"").decode()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text
