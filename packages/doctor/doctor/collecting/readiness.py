"""Request the web app's readiness check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import requests

from doctor.client import why_unreachable
from doctor.facts import Absent, Readiness, Unanswered
from doctor.values import get

_TIMEOUT_SECONDS = (3.0, 6.0)
"""To connect, and to wait: the app gives its own checks three seconds."""


def ask(url: str) -> Readiness | Unanswered | Absent:
    """Return the answer to one request; `Absent` if a proxy refuses it, which says nothing about the app."""
    try:
        answer = requests.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
    except requests.exceptions.ProxyError as error:
        return Absent(f"the app cannot be asked from here: {why_unreachable(error)}")
    except requests.RequestException as error:
        return Unanswered(why_unreachable(error))
    try:
        body: object = answer.json()
    except ValueError:
        body = {}
    listed: object = get(body, "checks", {})
    checks: Mapping[str, object] = cast("Mapping[str, object]", listed) if isinstance(listed, Mapping) else {}
    return Readiness(answer.status_code, {name: bool(passed) for name, passed in checks.items()})
