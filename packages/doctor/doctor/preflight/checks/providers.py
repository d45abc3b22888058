"""The subscription is registered with the resource providers of everything that is planned.

Reads: each provider (`*/read` of the subscription). An environment in a virtual network also needs
Microsoft.ContainerService, which nothing registers by itself (https://github.com/Azure/bicep/issues/14935).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.plan import Plan
from doctor.preflight.types import ENVIRONMENT
from doctor.values import get, text

_WITHOUT_REGISTRATION = frozenset({"Microsoft.Authorization", "Microsoft.Resources"})
CONTAINER_SERVICE = "Microsoft.ContainerService"


def needed(plan: Plan) -> dict[str, str]:
    """Return the namespaces that a plan needs registered, each with what needs it."""
    found: dict[str, str] = {}
    for one in plan.written:
        if one.kind.namespace not in _WITHOUT_REGISTRATION:
            found.setdefault(one.kind.namespace, one.subject)
        if one.type == ENVIRONMENT and get(one.inputs, "vnetConfiguration") is not None:
            found.setdefault(CONTAINER_SERVICE, f"{one.subject}, which lies in a virtual network,")
    return dict(sorted(found.items()))


def unregistered(look: Look) -> dict[str, str]:
    """Return the namespaces that are needed and not registered, each with its state."""
    states = {name: text(look.provider(name), "registrationState") for name in needed(look.plan)}
    return {name: state for name, state in states.items() if state != "Registered"}


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each provider that is not registered."""
    reasons = needed(look.plan)
    for name, state in unregistered(look).items():
        if state == "Registering":
            remedy = f"wait until `az provider show --namespace {name} --query registrationState` says Registered"
            yield Fault("provider-registering", name, state, f"{reasons[name]} needs it registered", remedy)
        else:
            yield Fault(
                "provider-not-registered",
                name,
                state or "unknown",
                f"{reasons[name]} needs it registered",
                f"run `az provider register --namespace {name} --wait`",
            )
