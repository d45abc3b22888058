"""Find values of a stack file that YAML reads as a number, date or truth value because they have no quotes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

# The engine reads stack files with gopkg.in/yaml.v3; PyYAML reads 1e3 and 0o17 as text, and 12:30 and yes as none.
# Source: https://github.com/go-yaml/yaml/blob/v3/resolve.go.
_NUMBER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|[0-9][0-9_]*)"
    r"|[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_TRUTH_VALUE = re.compile("true|True|TRUE|false|False|FALSE")
_NULL = re.compile("~|null|Null|NULL|")


@dataclass(frozen=True)
class Unquoted:
    """A value without quotes that YAML does not read as text.

    Attributes:
        text: the value as written.
        kind: what YAML reads it as, such as ``a number``.
    """

    text: str
    kind: str

    def __repr__(self) -> str:
        return self.text


def unquoted_values(text: str, namespace: str) -> dict[str, Unquoted]:
    """Return the unquoted values of a stack file that YAML does not read as text, by the path of their setting.

    Args:
        text: content of the stack file; empty, if it is not valid YAML, which the engine reports.
        namespace: project name, which keys may begin with.
    """
    try:
        root: yaml.Node | None = yaml.SafeLoader(text).get_single_node()
    except yaml.YAMLError:
        return {}
    found: dict[str, Unquoted] = {}
    for key, config in _children(root):
        if key == "config":
            found.update(_unquoted(config, ""))
    return {path.removeprefix(f"{namespace}:"): value for path, value in found.items()}


def _unquoted(node: yaml.Node, path: str) -> Iterator[tuple[str, Unquoted]]:
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        kinds = {"a number": _NUMBER, "a date": _DATE, "true or false": _TRUTH_VALUE, "null": _NULL}
        kind = next((kind for kind, pattern in kinds.items() if pattern.fullmatch(node.value)), None)
        if kind is not None:
            yield path, Unquoted(node.value, kind)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _unquoted(item, f"{path}[{index}]")
    for key, value in _children(node):
        yield from _unquoted(value, f"{path}.{key}" if path else key)


def _children(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, value
