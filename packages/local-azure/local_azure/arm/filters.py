"""The subset of OData's `$filter` that Azure Resource Manager supports: comparisons joined by `and` and `or`.

https://learn.microsoft.com/rest/api/resources/resources/list#uri-parameters lists the supported filters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local_azure.core.azure_error import AzureError
from local_azure.core.values import JsonObject, get

Predicate = Callable[[JsonObject], bool]
_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z_][\w/.\-]*)|([(),]))")
_MAX_LENGTH = 4096


def parse(text: str) -> Predicate:
    """Return a predicate for a filter. Raises `InvalidFilterInQueryString`."""
    return _Parser(text).parse()


def demanded(text: str, name: str) -> str:
    """Return the one value, in lower case, that a property has in all that a filter accepts; empty where there is no
    such.

    Raises `InvalidFilterInQueryString`.
    """
    parser = _Parser(text)
    parser.parse()
    return parser.demands.get(name.lower(), "")


def _invalid(text: str) -> AzureError:
    return AzureError(
        "InvalidFilterInQueryString", f"Invalid $filter '{text[:256]}' specified in the query string.", target="$filter"
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        self.demands: dict[str, str] = {}
        """The equalities that every accepted resource satisfies; complete after parsing."""
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at) if len(text) <= _MAX_LENGTH else None
            if not found:
                raise _invalid(text)
            literal, name, mark = found.groups()
            self._tokens.append(
                ("literal", literal.replace("''", "'"))
                if literal is not None
                else ("name", name)
                if name
                else ("mark", mark)
            )
            at = found.end()

    def parse(self) -> Predicate:
        predicate = self._any()
        if self._tokens:
            raise _invalid(self._text)
        return predicate

    def _any(self) -> Predicate:
        options = [self._all()]
        while self._take_word("or"):
            options.append(self._all())
            if not self._depth:
                self.demands.clear()
        return lambda one: any(accepts(one) for accepts in options)

    def _all(self) -> Predicate:
        parts = [self._comparison()]
        while self._take_word("and"):
            parts.append(self._comparison())
        # `tagName eq 'a' and tagValue eq 'b'` speaks of one tag.
        return lambda one: all(accepts(one) for accepts in parts)

    def _comparison(self) -> Predicate:
        kind, text = self._take()
        if (kind, text) == ("mark", "("):
            self._depth += 1
            inner = self._any()
            self._depth -= 1
            self._expect(")")
            return inner
        if kind != "name":
            raise _invalid(self._text)
        match text.lower():
            case "substringof":
                self._expect("(")
                part = self._literal()
                self._expect(",")
                name = self._name()
                self._expect(")")
                return lambda one: part.lower() in str(_value(one, name) or "").lower()
            case "startswith":
                self._expect("(")
                name = self._name()
                self._expect(",")
                start = self._literal()
                self._expect(")")
                return lambda one: str(_value(one, name) or "").lower().startswith(start.lower())
            case _:
                return self._equality(text)

    def _equality(self, name: str) -> Predicate:
        operator = self._name().lower()
        wanted = self._literal().lower()
        match name.lower(), operator:
            case "tagname", "eq":
                return lambda one: wanted in map(str.lower, _tags(one))
            case "tagvalue", "eq":
                return lambda one: wanted in (str(value).lower() for value in _tags(one).values())
            case lowered, "eq":
                if not self._depth:
                    self.demands[lowered] = wanted
                return lambda one: _same(_value(one, name), wanted)
            case _, "ne":
                return lambda one: not _same(_value(one, name), wanted)
            case _:
                raise _invalid(self._text)

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            raise _invalid(self._text)
        return self._tokens.pop(0)

    def _take_word(self, word: str) -> bool:
        if self._tokens and self._tokens[0][0] == "name" and self._tokens[0][1].lower() == word:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, mark: str) -> None:
        if self._take() != ("mark", mark):
            raise _invalid(self._text)

    def _literal(self) -> str:
        kind, text = self._take()
        if kind == "mark":
            raise _invalid(self._text)
        return text

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            raise _invalid(self._text)
        return text


def _tags(resource: JsonObject) -> JsonObject:
    tags = resource.get("tags")
    return tags if isinstance(tags, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # checked when it was put


def _value(resource: JsonObject, name: str) -> Any:
    """Return the value of a property in a filter."""
    match name.lower():
        case "resourcetype":
            return resource.get("type")
        case "resourcegroup":
            parts = str(resource.get("id", "")).split("/")
            return parts[4] if len(parts) > 4 else None
        case lowered:
            found = next((value for key, value in resource.items() if key.lower() == lowered), None)
            return get(resource, name.replace("/", ".")) if found is None else found


def _same(value: object, wanted: str) -> bool:
    return value is not None and str(value).lower() == wanted
