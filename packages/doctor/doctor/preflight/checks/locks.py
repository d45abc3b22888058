"""No lock makes the group or the subscription read only.

Reads: locks (`Microsoft.Authorization/locks/read`).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.types import ROLE_ASSIGNMENT
from doctor.values import text

_MARK = "/providers/microsoft.authorization/locks/"


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each read-only lock at a scope that the deployment writes in."""
    groups = {f"{look.scope}/resourceGroups/{name}" for name in look.plan.group_names}
    scopes = {look.scope, *groups, *(text(one.inputs, "scope") for one in look.plan.of_type(ROLE_ASSIGNMENT))}
    written = {one.lower() for one in scopes if one}
    for lock in look.list(f"{look.scope}/providers/Microsoft.Authorization/locks"):
        if text(lock, "properties.level").lower() != "readonly":
            continue
        lock_id = text(lock, "id")
        locked = lock_id[: lock_id.lower().rfind(_MARK)]
        if any(one == locked.lower() or one.startswith(f"{locked.lower()}/") for one in written):
            yield Fault(
                "locked",
                locked,
                "locked read only",
                "nothing in it can be written, and no keys can be listed",
                f"have its owner run `az lock delete --ids {lock_id}`",
            )
