"""Secrets reach a program as secrets: never as a text which everyone who reads the resource sees."""

import re
from collections.abc import Iterator

from azure_policies.options import Options
from azure_policies.plain_texts import PlainText, plain_texts
from azure_policies.resource import Resource
from azure_policies.rule import Level, ResourceRule
from azure_policies.secrets import kind_of_secret

_REDIS_URL = re.compile(r"(?:redis|rediss|valkey|valkeys|sentinel)://", re.IGNORECASE)


def judge_plain_texts(resource: Resource, options: Options) -> Iterator[str]:
    """Yield variables, arguments, headers and settings that hold a secret in the clear. No value is told."""
    told: set[str] = set()
    for text in plain_texts(resource):
        if text.name in options.plain_variables or _is_redis_url(text):
            continue
        kind = kind_of_secret(text.name, text.value)
        message = kind and f"{text.path}: {_subject(text)} holds {kind}: {text.remedy}"
        # A command is looked at word by word and as a whole.
        if message and text.path + text.name not in told:
            told.add(text.path + text.name)
            yield message


def judge_redis_urls(resource: Resource, options: Options) -> Iterator[str]:
    """Yield Redis URLs in the clear. No value is told."""
    del options
    for text in plain_texts(resource):
        if _is_redis_url(text):
            yield f"{text.path}: {_subject(text)} holds a Redis URL in the clear: {text.remedy}"


def _is_redis_url(text: PlainText) -> bool:
    """Whether a text with a name is a Redis URL; for these there is a rule of their own."""
    return bool(text.name) and _REDIS_URL.match(text.value) is not None


def _subject(text: PlainText) -> str:
    return text.name or "it"


RULES = (
    ResourceRule(
        "no-secret-in-a-variable",
        "No variable, argument, probe header, scale rule, Dapr component or app setting holds a secret in the clear.",
        Level.MANDATORY,
        judge_plain_texts,
        options=("plain_variables",),
    ),
    ResourceRule(
        "redis-url-by-secret",
        "An application gets every Redis URL from a secret.",
        Level.MANDATORY,
        judge_redis_urls,
    ),
)
