"""Read an app's system log: what Container Apps and KEDA did and could not do.

It is read as `az containerapp logs show --type system` reads it: one JSON object a line
(https://learn.microsoft.com/azure/container-apps/log-streaming).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import cast

from doctor.collecting.logs import Stream
from doctor.facts import Absent, Event
from doctor.values import JsonObject, moment, text

_ITS_OWN = frozenset({"StartingGettingEvents", "ConnectedToEventsServer", "NoNewEvents"})
"""Reasons of the lines that the stream writes about itself."""
_GO_MOMENT = re.compile(r"^(\S+) (\S+) \+0000 UTC$")


def read(stream: Stream | Absent) -> list[Event] | Absent:
    """Return an app's events, oldest first, as far back as Azure keeps them."""
    if isinstance(stream, Absent):
        return stream
    lines = stream.lines("/eventstream", output="json")
    return lines if isinstance(lines, Absent) else parse(lines)


def parse(lines: Iterable[str]) -> list[Event]:
    """Return the events in lines of the stream; what cannot be read is left out."""
    found: list[Event] = []
    for line in lines:
        try:
            body: object = json.loads(line)
        except ValueError:
            continue
        if not isinstance(body, dict):
            continue
        one = cast("JsonObject", body)
        if text(one, "Reason") in _ITS_OWN:
            continue
        # Azure writes moments as ISO 8601 or as Go does: 2026-11-18 11:34:22 +0000 UTC.
        stamp = {"at": _GO_MOMENT.sub(r"\1T\2+00:00", text(one, "TimeStamp"))}
        found.append(
            Event(
                moment=moment(stamp, "at"),
                revision=text(one, "RevisionName"),
                replica=text(one, "ReplicaName"),
                reason=text(one, "Reason"),
                message=text(one, "Msg"),
            )
        )
    return sorted(found, key=lambda one: (one.moment is not None, one.moment))
