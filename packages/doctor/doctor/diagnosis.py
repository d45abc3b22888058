"""Find the root cause among failed checks: the first that no other explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from doctor.checks.events import SCALER
from doctor.checks.targets import VAULT
from doctor.findings import Cause, Finding, Status

_NETWORK = frozenset(
    {
        Cause.ENVIRONMENT_OUTSIDE,
        Cause.ENDPOINT_MISSING,
        Cause.ENDPOINT_PENDING,
        Cause.ENDPOINT_REJECTED,
        Cause.ENDPOINT_DISCONNECTED,
        Cause.ENDPOINT_GROUP_WRONG,
        Cause.ZONE_MISSING,
        Cause.ZONE_OF_OTHER_SERVICE,
        Cause.ZONE_NOT_LINKED,
        Cause.ZONE_LINKED_ELSEWHERE,
        Cause.RECORD_MISSING,
        Cause.RECORD_STALE,
    }
)
_UNREADABLE_URL = frozenset({Cause.KEY_NOT_ENCODED, Cause.URL_MALFORMED})
_SERVER = _UNREADABLE_URL | {Cause.WRONG_SERVER}
_URL = _SERVER | {
    Cause.KEY_MISSING,
    Cause.URL_NOT_ENCRYPTED,
    Cause.CERTIFICATE_RULE_MISSING,
    Cause.WRONG_DATABASE,
    Cause.KEY_NOT_CURRENT,
}
_OTHER_URL_IN_REPLICAS = frozenset(
    {
        Cause.SECRET_MISSING,
        Cause.VARIABLE_BY_VALUE,
        Cause.VARIABLE_MISSING,
        Cause.SECRET_NOT_IN_REPLICAS,
        Cause.REFERENCE_UNVERSIONED,
    }
)
_NO_SERVER = frozenset({Cause.CACHE_MISSING, Cause.CACHE_FAILED, Cause.CACHE_NOT_RUNNING})
_SERVER_REFUSES = frozenset(
    {Cause.CONNECTIONS_USED_UP, Cause.REDIS_READ_ONLY, Cause.REDIS_LOADING, Cause.REDIS_CANNOT_SAVE}
)
"""What the server itself answers: the way to it is right."""
_OF_REDIS = (
    _NETWORK
    | _URL
    | _OTHER_URL_IN_REPLICAS
    | _NO_SERVER
    | {
        Cause.CLUSTERING_ON,
        Cause.KEY_AUTHENTICATION_OFF,
        Cause.NAME_UNRESOLVED,
        Cause.REDIS_DOWN,
        Cause.REDIS_FULL,
        *_SERVER_REFUSES,
        Cause.TLS_FAILS,
        Cause.KEY_REFUSED,
    }
)
_OF_START_UP = (
    _OF_REDIS
    | {Cause.REDIS_FAILS, Cause.APP_DATABASE_FAILS}
    | {Cause.ROLE_MISSING, Cause.VAULT_MISSING, Cause.VAULT_SECRET_MISSING, Cause.VAULT_SECRET_DISABLED}
)

_REFUSED_BY = _OTHER_URL_IN_REPLICAS | {Cause.WRONG_SERVER, Cause.URL_MALFORMED, Cause.KEY_AUTHENTICATION_OFF}

EXPLAINED_BY: dict[Cause, frozenset[Cause]] = {
    # the vault: what is gone with it
    Cause.VAULT_SECRET_MISSING: frozenset({Cause.VAULT_MISSING}),
    Cause.ROLE_MISSING: frozenset({Cause.VAULT_MISSING}),
    # the network: what hides what
    Cause.ZONE_NOT_LINKED: frozenset({Cause.ENVIRONMENT_OUTSIDE, Cause.ZONE_OF_OTHER_SERVICE}),
    Cause.ZONE_LINKED_ELSEWHERE: frozenset({Cause.ENVIRONMENT_OUTSIDE, Cause.ZONE_OF_OTHER_SERVICE}),
    Cause.RECORD_MISSING: frozenset(
        {
            Cause.ENDPOINT_MISSING,
            Cause.ENDPOINT_PENDING,
            Cause.ENDPOINT_REJECTED,
            Cause.ENDPOINT_DISCONNECTED,
            Cause.ENDPOINT_GROUP_WRONG,
            Cause.ZONE_OF_OTHER_SERVICE,
            Cause.ZONE_MISSING,
        }
    ),
    Cause.RECORD_STALE: frozenset({Cause.ENDPOINT_REJECTED, Cause.ENDPOINT_PENDING, Cause.ENDPOINT_DISCONNECTED}),
    # the secrets
    Cause.KEY_NOT_CURRENT: frozenset({Cause.WRONG_SERVER}),
    Cause.SECRET_NOT_IN_REPLICAS: _URL,
    Cause.REFERENCE_UNVERSIONED: _URL,
    # what apps say of Redis
    Cause.NAME_UNRESOLVED: _NETWORK | _SERVER | _OTHER_URL_IN_REPLICAS | _NO_SERVER,
    # Redis drops a connection too many before the TLS handshake, which clients take for an outage.
    Cause.REDIS_DOWN: _NETWORK
    | _SERVER
    | _OTHER_URL_IN_REPLICAS
    | _NO_SERVER
    | {Cause.CLUSTERING_ON, Cause.CONNECTIONS_USED_UP, Cause.URL_NOT_ENCRYPTED},
    Cause.TLS_FAILS: _NETWORK | _SERVER | _OTHER_URL_IN_REPLICAS | {Cause.URL_NOT_ENCRYPTED},
    Cause.KEY_REFUSED: _REFUSED_BY | {Cause.KEY_MISSING, Cause.KEY_NOT_CURRENT, Cause.KEY_NOT_ENCODED},
    **dict.fromkeys(_SERVER_REFUSES, _OTHER_URL_IN_REPLICAS | _NO_SERVER | {Cause.WRONG_SERVER}),
    Cause.REDIS_FAILS: _OF_REDIS,
    Cause.SCALER_FAILS: _OF_REDIS | {Cause.SCALE_RULE_IDENTITY},
    # what apps come to
    Cause.REVISION_FAILING: _OF_START_UP,
    Cause.APP_UNANSWERED: _OF_START_UP | {Cause.REVISION_FAILING},
}
"""What a fault follows from, where that is a fault as well."""

_SEEN_BY_CLIENTS = ("log", SCALER)
"""Checks of what the apps or KEDA are answered: they look at what is there, and explain nothing but outcomes."""
_LOGGED_EXPLAINED_BY: dict[Cause, frozenset[Cause]] = {
    Cause.WRONG_DATABASE: _OTHER_URL_IN_REPLICAS,
    Cause.CERTIFICATE_RULE_MISSING: _OTHER_URL_IN_REPLICAS,
    Cause.KEY_MISSING: _REFUSED_BY,
    Cause.KEY_NOT_ENCODED: _REFUSED_BY,
    Cause.KEY_NOT_CURRENT: _REFUSED_BY,
}
"""The same for what an app's log says of the URL that its replicas have, which need not be the one that is set."""
_OUTCOMES = frozenset({Cause.SCALER_FAILS, Cause.REDIS_FAILS, Cause.REVISION_FAILING, Cause.APP_UNANSWERED})

_NON_BREAKING = frozenset(
    {Cause.PUBLIC_ACCESS_ON, Cause.TLS_NOT_REQUIRED, Cause.EVICTS_TASKS, Cause.KILLED_AT_SHUTDOWN}
)
"""Misconfigurations that break no app: never named before one that does."""
_PRIVATE_PATH = _NETWORK - {Cause.ENVIRONMENT_OUTSIDE}


@dataclass(frozen=True)
class Diagnosis:
    """The result of a diagnosis.

    Attributes:
        root: the finding that names the cause; None for a healthy stack.
        consequences: failed checks that follow from it.
        others: faults that it does not explain; they show better once it is mended.
    """

    root: Finding | None
    consequences: Sequence[Finding]
    others: Sequence[Finding]


def diagnose(findings: Sequence[Finding]) -> Diagnosis:
    """Return the root cause of the findings' faults, with what follows from it."""
    faults = [one for one in findings if one.status is Status.FAILED]
    roots = [one for one in faults if not any(_explains(other, one) for other in faults if other is not one)]
    # What explain each other are two views of one fault; the nearer view comes first.
    roots = roots or faults
    root = next((one for one in roots if one.cause not in _NON_BREAKING), next(iter(roots), None))
    if root is None:
        return Diagnosis(None, (), ())
    consequences = [one for one in faults if one is not root and _follows(one, root)]
    others = [one for one in roots if one is not root and one not in consequences]
    # What follows from one of the others is no fault of its own either.
    consequences += [one for one in faults if one is not root and one not in consequences and one not in others]
    return Diagnosis(root, consequences, others)


def _follows(fault: Finding, root: Finding) -> bool:
    return (fault.cause == root.cause and not _is_apart(fault, root)) or _explains(root, fault)


def _is_apart(fault: Finding, root: Finding) -> bool:
    """Return whether two faults of one kind concern two things, such as the cache's endpoint and the vault's."""
    return fault.cause in _PRIVATE_PATH | _NON_BREAKING and fault.subject != root.subject


def _explains(root: Finding, fault: Finding) -> bool:
    if root.cause is None or fault.cause is None:
        return False
    known = EXPLAINED_BY.get(fault.cause, frozenset())
    if fault.check in _SEEN_BY_CLIENTS:
        known |= _LOGGED_EXPLAINED_BY.get(fault.cause, frozenset())
    if root.cause not in known or (root.check in _SEEN_BY_CLIENTS and fault.cause not in _OUTCOMES):
        return False
    if fault.cause in _PRIVATE_PATH and root.cause in _PRIVATE_PATH:
        return root.subject == fault.subject
    if root.subject == VAULT:
        # The vault is read when a replica starts, and not afterwards.
        return fault.cause in (Cause.REVISION_FAILING, Cause.APP_UNANSWERED)
    return True
