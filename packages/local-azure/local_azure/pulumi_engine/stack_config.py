"""The copy of a stack's configuration for local runs: pure functions on YAML.

A copy is derived from the tracked `Pulumi.<stack>.yaml`: without the team's encryption, each secret replaced by a
generated one. What `pulumi config set` has changed in the copy since then stays, and what changes in the tracked file
comes through (a three-way merge whose base is the copy as it was derived last).

All works on YAML's node graph, not on Python values, so that a scalar such as `yes` or `0123` reaches the engine as it
was written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import yaml

Entries: TypeAlias = dict[str, yaml.Node]
"""A stack's configuration: YAML nodes by keys with namespaces, such as `django-aca:image`."""

Path: TypeAlias = tuple[str, ...]
"""The path of a value: the key with its namespace, then names and indices within it."""

_SECURE = "secure"


class StackConfigError(Exception):
    """A stack file is invalid. The message is one line, without any of its values."""


@dataclass(frozen=True)
class StackFile:
    """A `Pulumi.<stack>.yaml`: its configuration, and its other settings, such as the encryption's salt."""

    entries: Entries
    settings: dict[str, yaml.Node]

    @classmethod
    def parse(cls, text: str, project: str, name: str = "stack file") -> "StackFile":
        """Read a stack file; a key without namespace is the project's. Raises `StackConfigError`."""
        try:
            root = parse(text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise StackConfigError(f"{name}, line {line}: not YAML ({error.problem})") from None
        except yaml.YAMLError:
            raise StackConfigError(f"{name}: not YAML") from None
        if root is None:
            return cls({}, {})
        top = children(root)
        if top is None:
            raise StackConfigError(f"{name}: a mapping is expected at the top")
        config = top.pop("config", None)
        entries = {} if config is None or _is_null(config) else children(config)
        if entries is None:
            raise StackConfigError(f"{name}: `config` must be a mapping")
        return cls({qualified(key, project): node for key, node in entries.items()}, top)

    def text(self) -> str:
        """Return the file's text."""
        top = dict(self.settings)
        if self.entries:
            top["config"] = mapping(self.entries)
        if not top:
            return ""
        return serialize(mapping(top))


def parse(text: str) -> yaml.Node | None:
    """Return the node graph of a YAML document, None for an empty one. Raises `yaml.YAMLError`."""
    return cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]: untyped stub


def serialize(node: yaml.Node) -> str:
    """Return a node graph as a YAML document, each scalar as it was written."""
    text: Any = yaml.serialize(  # pyright: ignore[reportUnknownMemberType]: untyped stub
        node, Dumper=yaml.SafeDumper, allow_unicode=True, width=4096
    )
    return text


def qualified(key: str, project: str) -> str:
    """Return the key with its namespace: `image` -> `django-aca:image`, `aws:config:region` -> `aws:region`."""
    parts = key.split(":")
    if len(parts) == 1:
        return f"{project}:{key}"
    if len(parts) == 3 and parts[1] == "config":
        return f"{parts[0]}:{parts[2]}"
    return key


def children(node: yaml.Node) -> dict[str, yaml.Node] | None:
    """Return a mapping's values by key; None for a node of another kind."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return {key.value: value for key, value in node.value}


def mapping(values: Mapping[str, yaml.Node]) -> yaml.MappingNode:
    """Return a mapping in YAML's block style."""
    pairs = [(_text(key), value) for key, value in values.items()]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)


def secure(ciphertext: str) -> yaml.MappingNode:
    """Return an encrypted value as Pulumi writes it."""
    return mapping({_SECURE: _text(ciphertext)})


def ciphertext_of(node: yaml.Node | None) -> str | None:
    """Return the ciphertext if the node is an encrypted value, else None."""
    values = children(node) if node is not None else None
    if values is None or list(values) != [_SECURE] or not isinstance(values[_SECURE], yaml.ScalarNode):
        return None
    return values[_SECURE].value


def _text(value: str) -> yaml.ScalarNode:
    # The dumper quotes a text that would otherwise read as a number or a boolean.
    return yaml.ScalarNode("tag:yaml.org,2002:str", value)


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def derive(tracked: StackFile, overlay: StackFile | None, secret: Callable[[Path], str]) -> Entries:
    """Return the configuration of a copy: the tracked one under the overlay, every encrypted value replaced.

    `secret` returns the ciphertext of the generated value for a path.
    """
    entries = dict(tracked.entries)
    for key, node in (overlay.entries if overlay else {}).items():
        entries[key] = _laid_over(entries.get(key), node)
    return {key: _with_secrets(node, (key,), secret) for key, node in entries.items()}


def at(entries: Entries, path: Path) -> yaml.Node | None:
    """Return the node at a path, None if there is none."""
    node = entries.get(path[0])
    for step in path[1:]:
        if isinstance(node, yaml.SequenceNode):
            position = int(step) if step.isdigit() else len(node.value)
            node = node.value[position] if position < len(node.value) else None
        else:
            node = (children(node) or {}).get(step) if node is not None else None
    return node


def merge(base: Entries, mine: Entries, theirs: Entries) -> Entries:
    """Merge three ways: changes from `base` to `mine` are kept, everything else is as in `theirs`."""
    merged = {key: _merged(base.get(key), mine.get(key), theirs.get(key)) for key in [*theirs, *mine]}
    return {key: node for key, node in merged.items() if node is not None}


def _merged(base: yaml.Node | None, mine: yaml.Node | None, theirs: yaml.Node | None) -> yaml.Node | None:
    if _comparable(mine) == _comparable(base):
        return theirs
    maps = [
        children(node) if node is not None and ciphertext_of(node) is None else None for node in (base, mine, theirs)
    ]
    if any(values is None for values in maps):
        return mine
    return mapping(merge(*(values for values in maps if values is not None)))


def _comparable(node: yaml.Node | None) -> Any:
    """Return a node's value without its style: Pulumi rewrites numbers as texts and sorts keys when it saves."""
    if node is None:
        return None
    values = children(node)
    if values is not None:
        return {key: _comparable(value) for key, value in values.items()}
    if isinstance(node, yaml.SequenceNode):
        return [_comparable(value) for value in node.value]
    return node.value


def _laid_over(under: yaml.Node | None, over: yaml.Node) -> yaml.Node:
    below, above = children(under) if under is not None else None, children(over)
    if below is None or above is None:
        return over
    return mapping(below | {key: _laid_over(below.get(key), node) for key, node in above.items()})


def _with_secrets(node: yaml.Node, path: Path, secret: Callable[[Path], str]) -> yaml.Node:
    if ciphertext_of(node) is not None:
        return secure(secret(path))
    values = children(node)
    if values is not None:
        return mapping({key: _with_secrets(value, (*path, key), secret) for key, value in values.items()})
    if isinstance(node, yaml.SequenceNode):
        items = [_with_secrets(value, (*path, str(index)), secret) for index, value in enumerate(node.value)]
        return yaml.SequenceNode(node.tag, items, flow_style=False)
    return node
