"""The subscription takes writes.

Reads: the subscription (`Microsoft.Resources/subscriptions/read`).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.values import text

_READ_ONLY = frozenset({"Disabled", "Warned", "Expired", "Deleted"})
"""https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states: nothing can be created."""


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault where the subscription is read only."""
    found = look.find(look.scope)
    if found is None:
        yield Fault(
            "subscription-missing",
            f"subscription {look.subscription}",
            "",
            "whoever is signed in does not see it",
            "sign in to its tenant: `az login --tenant TENANT`, or choose another: `az account set --subscription ID`",
        )
    elif (state := text(found, "state")) in _READ_ONLY:
        yield Fault(
            "subscription-disabled",
            f"subscription {look.subscription}",
            state,
            "nothing can be created in it",
            "re-enable it in the portal (Subscriptions, Reactivate), or deploy to another one",
        )
