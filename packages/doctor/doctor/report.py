"""Print the findings as a table for people, or as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from doctor.diagnosis import Diagnosis
from doctor.facts import Facts
from doctor.findings import Cause, Finding, Status
from doctor.remedies import remedy

_WORDS: dict[Cause, str] = {
    Cause.ENVIRONMENT_OUTSIDE: "the apps' environment is outside the network that holds the private endpoint",
    Cause.SUBNET_NOT_DELEGATED: "the apps' subnet is not delegated to Container Apps",
    Cause.ENDPOINT_MISSING: "there is no private endpoint",
    Cause.ENDPOINT_PENDING: "the private endpoint waits for approval",
    Cause.ENDPOINT_REJECTED: "the private endpoint was rejected",
    Cause.ENDPOINT_DISCONNECTED: "the private endpoint is disconnected: its target was deleted or recreated",
    Cause.ENDPOINT_GROUP_WRONG: "the private endpoint connects to another sub-resource",
    Cause.ZONE_MISSING: "the private DNS zone is missing",
    Cause.ZONE_OF_OTHER_SERVICE: "the private endpoint's zone is that of another service",
    Cause.ZONE_NOT_LINKED: "the private DNS zone is linked to no network",
    Cause.ZONE_LINKED_ELSEWHERE: "the private DNS zone is linked to another network",
    Cause.RECORD_MISSING: "the private DNS zone has no record",
    Cause.RECORD_STALE: "the private DNS record has an old address",
    Cause.CACHE_MISSING: "there is no cache",
    Cause.CACHE_FAILED: "the cache is in a failed state: Azure could not create or change it",
    Cause.CACHE_NOT_RUNNING: "the cache does not run",
    Cause.CLUSTERING_ON: "the cache is clustered, which Celery and ordinary clients cannot use",
    Cause.EVICTS_TASKS: "the cache that holds the queue may evict queued tasks",
    Cause.VAULT_MISSING: "there is no vault",
    Cause.KEY_AUTHENTICATION_OFF: "the cache accepts no access keys",
    Cause.PUBLIC_ACCESS_ON: "public network access is on",
    Cause.TLS_NOT_REQUIRED: "TLS 1.2 is not required",
    Cause.ROLE_MISSING: "the apps' identity lacks the role to read the vault",
    Cause.VAULT_SECRET_MISSING: "a secret is missing in the vault",
    Cause.VAULT_SECRET_DISABLED: "a secret is disabled in the vault",
    Cause.SECRET_MISSING: "an app lacks a secret",
    Cause.VARIABLE_BY_VALUE: "a variable is set by value instead of by reference to its secret",
    Cause.VARIABLE_MISSING: "a variable does not refer to its secret",
    Cause.KEY_NOT_ENCODED: "the key in a URL is not percent-encoded",
    Cause.URL_MALFORMED: "a URL cannot be read",
    Cause.KEY_MISSING: "the access key is missing from a URL",
    Cause.URL_NOT_ENCRYPTED: "a URL asks for no TLS",
    Cause.CERTIFICATE_RULE_MISSING: "ssl_cert_reqs is missing from a URL",
    Cause.WRONG_SERVER: "a URL names another server",
    Cause.WRONG_DATABASE: "a URL asks for a database that the cache does not have",
    Cause.KEY_NOT_CURRENT: "the key in a URL is not one of the cache's: it was regenerated",
    Cause.SECRET_NOT_IN_REPLICAS: "a secret was changed, and the replicas still have the old one",
    Cause.REFERENCE_UNVERSIONED: "a secret was changed in the vault, and an app refers to it without a version: the "
    "revision still has the old value",
    Cause.NAME_UNRESOLVED: "the apps cannot resolve the cache's name, and the zones seen from here are right",
    Cause.REDIS_DOWN: "Redis does not answer, and the network path to it is right",
    Cause.REDIS_FULL: "Redis is full, and its eviction policy frees nothing",
    Cause.CONNECTIONS_USED_UP: "Redis has as many connections as its size allows",
    Cause.REDIS_READ_ONLY: "Redis takes no writes: the apps are connected to a replica",
    Cause.REDIS_LOADING: "Redis has restarted and still loads its data",
    Cause.REDIS_CANNOT_SAVE: "Redis takes no writes, because it cannot save its data",
    Cause.TLS_FAILS: "the TLS connection to Redis fails",
    Cause.KEY_REFUSED: "Redis refuses the key: it is missing, not percent-encoded or regenerated, and which of these "
    "cannot be known without reading the secrets",
    Cause.REDIS_FAILS: "the app cannot use Redis, and neither its log nor any other check says why",
    Cause.APP_DATABASE_FAILS: "the app cannot use its database",
    Cause.SCALER_FAILS: "a scale rule cannot be measured, so the app does not scale",
    Cause.SCALE_RULE_IDENTITY: "a scale rule has an identity that its type does not take, so the app does not scale",
    Cause.KILLED_AT_SHUTDOWN: "replicas are killed at their end, with the work that they have begun",
    Cause.REVISION_FAILING: "the latest revision fails, and Redis is not the reason",
    Cause.APP_UNANSWERED: "the app does not answer",
}

_SHOWN = {Status.PASSED: "pass", Status.FAILED: "FAIL", Status.SKIPPED: "skip"}


def words_of(cause: Cause | None) -> str:
    """Return a cause in a sentence."""
    return _WORDS[cause] if cause else ""


def as_table(findings: Sequence[Finding], diagnosis: Diagnosis, facts: Facts, width: int) -> str:
    """Return the findings as rows, wrapped to a width in characters, then the cause and its remedy."""
    return "\n".join([*_rows(findings, diagnosis, width), "", *_conclusion(findings, diagnosis, facts)])


def _rows(findings: Sequence[Finding], diagnosis: Diagnosis, width: int) -> Iterator[str]:
    checks = max(len(one.check) for one in findings)
    subjects = max(len(one.subject) for one in findings)
    indent = 4 + 2 + checks + 2 + subjects + 2
    for one in findings:
        evidence = f"{one.evidence} (a consequence)" if one in diagnosis.consequences else one.evidence
        lines = textwrap.wrap(evidence, max(40, width - indent)) or [""]
        yield f"{_SHOWN[one.status]}  {one.check:{checks}}  {one.subject:{subjects}}  {lines[0]}"
        for line in lines[1:]:
            yield " " * indent + line


def _conclusion(findings: Sequence[Finding], diagnosis: Diagnosis, facts: Facts) -> Iterator[str]:
    root = diagnosis.root
    skips = sum(one.status is Status.SKIPPED for one in findings)
    if root is None:
        seen = f"; {skips} checks were skipped" if skips else ""
        yield f"No fault was found{seen}."
        return
    yield f"Cause:  {words_of(root.cause)} ({root.cause})"
    yield f"        {root.evidence}"
    yield f"Remedy: {remedy(root, facts)}"
    for one in diagnosis.others:
        yield f"Also:   {one.subject}: {words_of(one.cause)} ({one.cause}); run the doctor again after the remedy"


def as_json(findings: Sequence[Finding], diagnosis: Diagnosis, facts: Facts) -> str:
    """Return the same as one JSON object: ``stack``, ``healthy``, ``cause`` (or null), ``others``, ``checks``."""
    root = diagnosis.root
    return json.dumps(
        {
            "stack": facts.stack.name,
            "healthy": root is None,
            "cause": _named(root, facts) if root else None,
            "others": [_named(one, facts) for one in diagnosis.others],
            "checks": [
                {
                    "check": one.check,
                    "subject": one.subject,
                    "status": one.status,
                    "evidence": one.evidence,
                    "cause": one.cause,
                    "consequence": one in diagnosis.consequences,
                }
                for one in findings
            ],
        },
        indent=2,
    )


def _named(one: Finding, facts: Facts) -> dict[str, str]:
    return {
        "name": str(one.cause),
        "subject": one.subject,
        "words": words_of(one.cause),
        "evidence": one.evidence,
        "remedy": remedy(one, facts),
    }
