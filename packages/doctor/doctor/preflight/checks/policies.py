"""No Azure Policy denies what is planned.

Asks Azure Policy itself, for each different resource (`Microsoft.PolicyInsights/checkPolicyRestrictions/read`), which
changes nothing: https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions. Values that are known only to
the deployment are left out, so a policy on one of them cannot be judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned, body_of
from doctor.values import JsonObject, get, objects, text

_THREADS = 8


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each policy that denies a resource; one of the resources is named."""
    asked: dict[str, Planned] = {}
    for one in look.plan.written:
        body = {name: value for name, value in body_of(one).items() if name != "name"}
        asked.setdefault(f"{one.group} {json.dumps(body, sort_keys=True)}", one)
    with ThreadPoolExecutor(_THREADS) as pool:
        running = [(one, pool.submit(_denials, look, one)) for one in asked.values()]
    found: dict[str, list[Planned]] = {}
    for planned, denials in running:
        for assignment in denials.result():
            found.setdefault(assignment, []).append(planned)
    for assignment, denied in found.items():
        names = ", ".join(dict.fromkeys(one.subject for one in denied))
        yield Fault(
            "policy-denies",
            f"policy assignment {assignment}",
            "",
            f"it denies {names}",
            f"change what it is about (`az policy assignment show --name {assignment.rsplit('/', 1)[-1]} --scope "
            f"{_scope(assignment)}`), or have its owner exempt the group",
        )


def _scope(assignment: str) -> str:
    return assignment[: assignment.lower().rfind("/providers/microsoft.authorization/")] or "/"


def _denials(look: Look, planned: Planned) -> list[str]:
    scope = look.deployment_scope(planned.group)
    body: JsonObject = {"resourceDetails": {"resourceContent": body_of(planned), "apiVersion": planned.kind.version}}
    answer = look.ask(f"{scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", body)
    return [
        text(one, "policyInfo.policyAssignmentId")
        for one in objects(answer, "contentEvaluationResult.policyEvaluations")
        if text(one, "evaluationResult").lower() == "noncompliant"
        and str(get(one, "effectDetails.policyEffect", "")).lower() == "deny"
    ]
