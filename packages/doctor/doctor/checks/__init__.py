"""Run the checks. Each uses the collected facts only, and returns findings."""

from __future__ import annotations

from collections.abc import Sequence

from doctor.checks import apps, network, secrets, services
from doctor.facts import Facts
from doctor.findings import Finding


def run(facts: Facts) -> Sequence[Finding]:
    """Return all findings, from the network up to the app: an earlier one is nearer to a cause than a later one."""
    if facts.stack.missing:
        return list(services.check_unfinished(facts))
    found = [
        *network.check(facts),
        *services.check(facts),
        *secrets.check(facts),
    ]
    return [*found, *apps.check(facts, found)]
