"""What was found, a line for each, or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from doctor.preflight.findings import CheckResult
from doctor.preflight.plan import Plan


def as_lines(results: Sequence[CheckResult], plan: Plan) -> str:
    """Return the faults, what could not be checked, and one line that says how many there are."""
    faults = [(one.check, fault) for one in results for fault in one.faults]
    unchecked = [(one.check, each) for one in results for each in one.unchecked]
    lines = [f"FAULT {check}: {fault}" for check, fault in faults]
    lines += [f"not checked: {check}: {each}" for check, each in unchecked]
    if plan.unknown_types:
        lines.append(f"not checked: types: {', '.join(plan.unknown_types)} are not known here")
    count = len(plan.written)
    seen = f"{len(results)} checks of {count} resources that {plan.stack} will write"
    number = "no fault" if not faults else f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    lines.append(f"{seen}: {number}, {len(unchecked)} not checked")
    return "\n".join(lines)


def as_json(results: Sequence[CheckResult], plan: Plan) -> str:
    """Return the same as a JSON object: `faults`, `unchecked` and `checks`."""
    return json.dumps(
        {
            "stack": plan.stack,
            "resources": len(plan.written),
            "faults": [{"check": one.check, **asdict(fault)} for one in results for fault in one.faults],
            "unchecked": [{"check": one.check, **asdict(each)} for one in results for each in one.unchecked],
            "unknownTypes": list(plan.unknown_types),
            "checks": [
                {"check": one.check, "faults": len(one.faults), "couldLook": not one.blind, "essential": one.essential}
                for one in results
            ],
        },
        indent=2,
    )
