"""Define the findings of checks, and the causes that a failed one names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check ended."""

    PASSED = "pass"
    FAILED = "fail"
    SKIPPED = "skip"


class Cause(StrEnum):
    """What can be wrong, by the name that the report and its JSON give it."""

    # the network
    ENVIRONMENT_OUTSIDE = "environment-outside-network"
    SUBNET_NOT_DELEGATED = "subnet-not-delegated"
    ENDPOINT_MISSING = "endpoint-missing"
    ENDPOINT_PENDING = "endpoint-pending"
    ENDPOINT_REJECTED = "endpoint-rejected"
    ENDPOINT_DISCONNECTED = "endpoint-disconnected"
    ENDPOINT_GROUP_WRONG = "endpoint-group-wrong"
    ZONE_MISSING = "zone-missing"
    ZONE_OF_OTHER_SERVICE = "zone-of-other-service"
    ZONE_NOT_LINKED = "zone-not-linked"
    ZONE_LINKED_ELSEWHERE = "zone-linked-to-other-network"
    RECORD_MISSING = "record-missing"
    RECORD_STALE = "record-stale"
    # the caches and the vault
    CACHE_MISSING = "cache-missing"
    CACHE_FAILED = "cache-failed"
    CACHE_NOT_RUNNING = "cache-not-running"
    CLUSTERING_ON = "clustering-policy-wrong"
    EVICTS_TASKS = "eviction-policy-wrong"
    VAULT_MISSING = "vault-missing"
    KEY_AUTHENTICATION_OFF = "key-authentication-off"
    PUBLIC_ACCESS_ON = "public-access-on"
    TLS_NOT_REQUIRED = "tls-not-required"
    ROLE_MISSING = "role-missing"
    VAULT_SECRET_MISSING = "vault-secret-missing"
    VAULT_SECRET_DISABLED = "vault-secret-disabled"
    # the secrets
    SECRET_MISSING = "secret-missing"
    VARIABLE_BY_VALUE = "variable-by-value"
    VARIABLE_MISSING = "variable-missing"
    KEY_NOT_ENCODED = "key-not-encoded"
    URL_MALFORMED = "url-malformed"
    KEY_MISSING = "key-missing"
    URL_NOT_ENCRYPTED = "url-not-encrypted"
    CERTIFICATE_RULE_MISSING = "ssl-cert-reqs-missing"
    WRONG_SERVER = "wrong-server"
    WRONG_DATABASE = "wrong-database"
    KEY_NOT_CURRENT = "key-not-current"
    SECRET_NOT_IN_REPLICAS = "secret-changed-without-revision"
    REFERENCE_UNVERSIONED = "vault-reference-without-version"
    # the apps
    NAME_UNRESOLVED = "redis-name-unresolved"
    REDIS_DOWN = "redis-down"
    REDIS_FULL = "redis-full"
    CONNECTIONS_USED_UP = "redis-connections-used-up"
    REDIS_READ_ONLY = "redis-read-only"
    REDIS_LOADING = "redis-loading"
    REDIS_CANNOT_SAVE = "redis-cannot-save"
    TLS_FAILS = "tls-fails"
    KEY_REFUSED = "key-refused"
    REDIS_FAILS = "redis-fails"
    APP_DATABASE_FAILS = "app-database-fails"
    SCALER_FAILS = "scaler-fails"
    SCALE_RULE_IDENTITY = "scale-rule-identity"
    KILLED_AT_SHUTDOWN = "killed-at-shutdown"
    REVISION_FAILING = "revision-failing"
    APP_UNANSWERED = "app-unanswered"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: the check's name.
        subject: what was looked at, in the stack's terms: ``redis``, ``broker``, ``vault``, or an app's name.
        status: how it ended.
        evidence: what was seen, or why nothing was; no secret.
        cause: what is wrong, where it failed.
        at: what the remedy changes: resource ids, or a revision's name.
    """

    check: str
    subject: str
    status: Status
    evidence: str
    cause: Cause | None = None
    at: tuple[str, ...] = ()


def passed(check: str, subject: str, evidence: str) -> Finding:
    """Return the finding of a check that found no fault."""
    return Finding(check, subject, Status.PASSED, evidence)


def failed(check: str, subject: str, cause: Cause, evidence: str, *at: str) -> Finding:
    """Return the finding of a check that found a fault."""
    return Finding(check, subject, Status.FAILED, evidence, cause, at)


def skipped(check: str, subject: str, reason: str) -> Finding:
    """Return the finding of a check that lacked the facts."""
    return Finding(check, subject, Status.SKIPPED, reason)
