"""The checks, a file for each: what it asks, what it finds, and what mends that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from doctor.client import RefusedError, UnreachableError
from doctor.preflight.checks import (
    existing,
    images,
    locks,
    names,
    networks,
    policies,
    providers,
    quota,
    regions,
    registries,
    rights,
    sizes,
    state,
    tags,
)
from doctor.preflight.findings import CheckResult, Finding, Unchecked
from doctor.preflight.look import Look

_THREADS = 16


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        name: how reports call it.
        run: yields what it finds.
        essential: whether a deployment should not begin when it cannot look.
    """

    name: str
    run: Callable[[Look], Iterator[Finding]]
    essential: bool = False


CHECKS = (
    Check("subscription", state.check, essential=True),
    Check("providers", providers.check, essential=True),
    Check("rights", rights.check, essential=True),
    Check("locks", locks.check),
    Check("regions", regions.check, essential=True),
    Check("sizes", sizes.check),
    Check("quota", quota.check),
    Check("names", names.check),
    Check("existing", existing.check),
    Check("registries", registries.check),
    Check("images", images.check),
    Check("tags", tags.check),
    Check("networks", networks.check),
    Check("policies", policies.check),
)


def run(look: Look) -> Sequence[CheckResult]:
    """Run every check, several at once; the results are in the order of `CHECKS`."""
    with ThreadPoolExecutor(_THREADS) as pool:
        running = [pool.submit(_run, one, look) for one in CHECKS]
        return [one.result() for one in running]


def _run(check: Check, look: Look) -> CheckResult:
    findings: list[Finding] = []
    blind = False
    try:
        findings.extend(check.run(look))
    except (RefusedError, UnreachableError) as error:
        blind = True
        findings.append(Unchecked(check.name, str(error)))
    return CheckResult(check.name, tuple(findings), blind, check.essential)
