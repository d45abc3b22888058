"""Tags are legal for every type that gets them.

Reads nothing: the rules are those of
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations and, for private DNS,
https://learn.microsoft.com/azure/dns/tags-dns-zones (and https://github.com/Azure/azure-rest-api-specs/issues/13600).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.types import STORAGE, ZONE
from doctor.values import get

_MOST, _MOST_OF_DNS = 50, 15
_NAME_LENGTH, _NAME_LENGTH_OF_STORAGE, _VALUE_LENGTH = 512, 128, 256
_RESERVED = re.compile(r"[<>%&\\?/\x00-\x1f]")
_ILLEGAL_IN_DNS = re.compile(r"[ ()]|^\d")


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each rule that tags break, once."""
    seen: set[Fault] = set()
    for one in look.plan.written:
        tags = get(one.inputs, "tags", {})
        if not isinstance(tags, Mapping):
            continue
        for fault in _faults(one.type, cast("Mapping[str, object]", tags)):
            if fault not in seen:
                seen.add(fault)
                yield fault


def _faults(arm_type: str, tags: Mapping[str, object]) -> Iterator[Fault]:
    is_dns = arm_type.startswith(ZONE)
    most = _MOST_OF_DNS if is_dns else _MOST
    kind = "private DNS zones and their links" if is_dns else "a resource"
    if len(tags) > most:
        rule = f"at most {most} are allowed on {kind}"
        yield Fault("tags-too-many", "tags", f"{len(tags)} names", rule, "leave some out of the setting tags")
    folded: dict[str, str] = {}
    for name, value in tags.items():
        if name.lower() in folded:
            yield Fault(
                "tag-twice",
                f"tags.{name}",
                "",
                f"it equals {folded[name.lower()]} but for letter case, and Azure tells names apart without it",
                "keep one of the two",
            )
        folded[name.lower()] = name
        longest = _NAME_LENGTH_OF_STORAGE if arm_type == STORAGE else _NAME_LENGTH
        if not 1 <= len(name) <= longest:
            rule = f"a name has 1 to {longest} characters"
            yield Fault("tag-name-length", f"tags.{name[:40]}", f"{len(name)} characters long", rule, "shorten it")
        if _RESERVED.search(name):
            rule = "a name has none of < > % & \\ ? / and no control characters"
            yield Fault("tag-name-reserved", f"tags.{name[:40]}", "", rule, "rename it")
        if is_dns and _ILLEGAL_IN_DNS.search(name):
            rule = "on private DNS zones and links a name has no space or parenthesis and begins with no digit"
            yield Fault("tag-name-dns", f"tags.{name[:40]}", "", rule, "rename it")
        if isinstance(value, str) and len(value) > _VALUE_LENGTH:
            rule = f"a value has at most {_VALUE_LENGTH} characters"
            yield Fault("tag-value-length", f"tags.{name[:40]}", f"{len(value)} characters long", rule, "shorten it")
