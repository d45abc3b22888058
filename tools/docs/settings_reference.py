"""Generate the reference of the settings, docs/settings.md, from the model in `settings.py`.

    python -m tools.docs.settings_reference            # print it
    python -m tools.docs.settings_reference --write

Descriptions come from the `Attributes:` in the docstrings of the model's sections, allowed values and limits from its
types. Rules that involve several settings are explained by their error message.
"""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "settings.md"


@dataclass(frozen=True)
class Setting:
    """A setting as it is written in the stack file.

    Attributes:
        path: its name with those of its sections, such as ``redis.sku``.
        kind: its type in words.
        default: its default as written in YAML; None if it is required.
        description: its meaning.
    """

    path: str
    kind: str
    default: str | None
    description: str


@dataclass(frozen=True)
class Group:
    """The settings of one section of the model.

    Attributes:
        path: its path in the stack file; empty for the top level.
        summary: its first sentence.
        settings: its settings, in the order of the model.
    """

    path: str
    summary: str
    settings: tuple[Setting, ...]


def groups(model: type[BaseModel] = Settings, path: str = "") -> Iterator[Group]:
    """Yield the settings of a model by section, its own first."""
    descriptions = attributes(model)
    own: list[Setting] = []
    below: list[tuple[str, type[BaseModel]]] = []
    for name, field in model.model_fields.items():
        alias = f"{path}{field.alias or name}"
        section, listed = _section(field.annotation)
        if section is not None:
            below.append((f"{alias}[]." if listed else f"{alias}.", section))
        kind = _section_kind(section, listed) if section is not None else kind_of(field.annotation, field.metadata)
        own.append(Setting(alias, kind, _default(alias, field, section), descriptions.get(name, "")))
    yield Group(path.removesuffix("."), _summary(model), tuple(own))
    for where, section in below:
        yield from groups(section, where)


def _section_kind(section: type[BaseModel], listed: bool) -> str:
    return "list of sections" if listed else "section"


def attributes(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the descriptions in the docstrings of a model and of its base classes, by the field's name."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        _, _, section = inspect.cleandoc(one.__dict__.get("__doc__") or "").partition("Attributes:\n")
        name = ""
        for line in section.splitlines():
            entry = re.match(r" {4}([a-z_]+): (.*)", line)
            if entry:
                name = entry[1]
                found[name] = entry[2].strip()
            elif name and line.startswith(" " * 8):
                found[name] += f" {line.strip()}"
            else:
                name = ""
    return {name: words.replace("``", "`") for name, words in found.items()}


def _summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split("\nAttributes:")[0].replace("``", "`")


def _section(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the section of a field, and whether the field is a list of sections."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for part in get_args(annotation):
        section, _ = _section(part)
        if section is not None:
            return section, get_origin(annotation) is tuple
    return None, False


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    SecretStr: "secret text",
}


def kind_of(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Describe a type in words, with its allowed values and limits."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(parts[0], [*parts[1:], *metadata])
    if origin in (Union, types.UnionType):
        return kind_of(next(part for part in parts if part is not type(None)), metadata)
    if origin is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in parts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(f"`{choice.value}`" for choice in annotation)
    if origin is tuple:
        return f"list of {_plural(kind_of(parts[0]))}"
    if origin is dict:
        return f"map of names to {_plural(kind_of(parts[1]))}"
    return ", ".join([_WORDS[annotation], *_limits(metadata)])


def _plural(words: str) -> str:
    noun, comma, rest = words.partition(",")
    return f"{noun}s{comma}{rest}"


def _limits(metadata: Sequence[Any]) -> Iterator[str]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from _limits(one.metadata)
            continue
        for attribute, words in (("gt", "more than"), ("ge", "at least"), ("le", "at most"), ("lt", "less than")):
            limit = getattr(one, attribute, None)
            if limit is not None:
                yield f"{words} {limit}"
        longest = getattr(one, "max_length", None)
        if longest is not None:
            yield f"at most {longest} characters"


_COMPUTED_DEFAULTS = {"environment": "the stack's name"}
"""Defaults that `settings.load` computes; in the model these settings are required."""


def _default(name: str, field: FieldInfo, section: type[BaseModel] | None) -> str | None:
    if field.is_required():
        return _COMPUTED_DEFAULTS.get(name)
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "unset"
    if isinstance(value, BaseModel) or (section is not None and value):
        return "the section's defaults"
    return f"`{_written(value)}`"


def _written(value: Any) -> str:
    """Return a value as YAML in one line."""
    plain: object = value.value if isinstance(value, Enum) else value
    if isinstance(plain, tuple):
        plain = [*cast("tuple[object, ...]", plain)]
    text = yaml.safe_dump(plain, default_flow_style=True, width=1000).strip()
    return text.removesuffix("\n...").strip()


def document() -> str:
    """Return the whole reference."""
    lines = [
        "# Settings",
        "",
        "Generated by `python -m tools.docs.settings_reference --write` from the model in `settings.py`;",
        "a test compares the two. Settings are entries of `config:` in `Pulumi.<stack>.yaml`, beside the region,",
        "`azure-native:location`. `pulumi config set --path redis.sku Balanced_B1` sets one that is in a section.",
        "All faults are reported at once, each with the rule and a remedy, before anything is changed.",
    ]
    for group in groups():
        title = f"Section `{group.path.removesuffix('[]')}`" if group.path else "Top level"
        listed = " Each item of the list has these settings." if group.path.endswith("[]") else ""
        lines += [
            "",
            f"## {title}",
            "",
            f"{group.summary}{listed}",
        ]
        for setting in group.settings:
            default = "Required." if setting.default is None else f"Default: {setting.default}."
            description = setting.description[:1].upper() + setting.description[1:]
            text = f"{description} Type: {setting.kind}. {default}"
            filled = textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)
            lines += ["", f"### `{setting.path}`", "", filled]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the reference."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.docs.settings_reference", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.relative_to(ROOT)}")
    if parser.parse_args(arguments).write:
        TARGET.write_text(document(), encoding="utf-8")
    else:
        print(document(), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
