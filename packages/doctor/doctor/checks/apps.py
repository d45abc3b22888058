"""Check the apps as they run: revisions, secrets in replicas, logs, and web's readiness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from doctor.checks import events
from doctor.checks.secrets import VARIABLES
from doctor.facts import Absent, App, Facts, LoggedSymptom, Readiness, Replica, Revision, Symptom, Unanswered
from doctor.findings import Cause, Finding, Status, failed, passed, skipped

_HEALTHY_STATES = frozenset({"Running", "RunningAtMaxScale", "ScaledToZero"})
_STARTING = frozenset({"Activating", "Processing", "Provisioning", "Unknown", ""})
"""States of a revision: https://learn.microsoft.com/azure/container-apps/revisions#running-status."""
_START_TAKES_AT_MOST = timedelta(minutes=3)
"""Longer than the startup probes of this stack allow."""
_READY = 200

_CAUSES = {
    Symptom.DNS: Cause.NAME_UNRESOLVED,
    Symptom.TIMEOUT: Cause.REDIS_DOWN,
    Symptom.TLS: Cause.TLS_FAILS,
    Symptom.AUTH: Cause.KEY_REFUSED,
    Symptom.DATABASE: Cause.WRONG_DATABASE,
    Symptom.FULL: Cause.REDIS_FULL,
    Symptom.CONNECTIONS: Cause.CONNECTIONS_USED_UP,
    Symptom.READ_ONLY: Cause.REDIS_READ_ONLY,
    Symptom.LOADING: Cause.REDIS_LOADING,
    Symptom.CANNOT_SAVE: Cause.REDIS_CANNOT_SAVE,
    Symptom.CLUSTERED: Cause.CLUSTERING_ON,
    Symptom.CERTIFICATE_RULE: Cause.CERTIFICATE_RULE_MISSING,
    Symptom.KEY_MISSING: Cause.KEY_MISSING,
    Symptom.KEY_NOT_ENCODED: Cause.KEY_NOT_ENCODED,
    Symptom.KEY_NOT_CURRENT: Cause.KEY_NOT_CURRENT,
}
_URL_SYMPTOMS = frozenset(
    {
        Symptom.AUTH,
        Symptom.DATABASE,
        Symptom.CERTIFICATE_RULE,
        Symptom.KEY_MISSING,
        Symptom.KEY_NOT_ENCODED,
        Symptom.KEY_NOT_CURRENT,
    }
)
"""Symptoms that only a wrong URL causes, or a server that refuses a right one."""
_URL_CHECKS = ("url", "url key", "url tls", "url server", "url database", "key", "variables", "secrets")


def check(facts: Facts, earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the findings of each app, then web's readiness; ``earlier`` says whether the secrets are right."""
    secrets_are_right = all(one.status is Status.PASSED for one in earlier if one.check in _URL_CHECKS) and not any(
        one.cause is Cause.KEY_AUTHENTICATION_OFF for one in earlier
    )
    for app in facts.apps:
        yield _revision(app)
        yield _carried(facts, app, secrets_are_right=secrets_are_right)
        yield _log(facts, app)
        yield from events.check(app)
    yield _readiness(facts)


def _symptom(facts: Facts, app: App) -> Symptom | None:
    """Return what an app's log complains of now; None for nothing."""
    if app.logged is None or isinstance(app.logged, Absent) or _is_past(facts, app, app.logged):
        return None
    return app.logged.symptom


def _is_past(facts: Facts, app: App, logged: LoggedSymptom) -> bool:
    """Return whether what web's log complains of is over: web is ready, by that same replica as far as is known."""
    is_ready = isinstance(facts.readiness, Readiness) and facts.readiness.status == _READY
    return app is facts.web and is_ready and logged.ready and app.latest_ready == app.latest


# -- revisions


def _revision(app: App) -> Finding:
    if app.state not in ("Succeeded", "InProgress", ""):
        words = f"the app's last change is {app.state}"
        return failed("revision", app.name, Cause.REVISION_FAILING, words, app.latest)
    if isinstance(app.revisions, Absent):
        return skipped("revision", app.name, app.revisions.reason)
    revision = app.latest_revision()
    if revision is None:
        return skipped("revision", app.name, f"Azure does not list {app.latest or 'a latest revision'}")
    if fault := _fault(app, revision):
        return failed("revision", app.name, Cause.REVISION_FAILING, f"{revision.name} {fault}", revision.name)
    if revision.running in _STARTING:
        return skipped("revision", app.name, f"{revision.name} is still starting ({revision.running or 'no state'})")
    if revision.replica_count == 0:
        return passed("revision", app.name, f"{revision.name} is scaled to zero")
    return passed("revision", app.name, f"{revision.name}: {revision.running}, replicas: {revision.replica_count}")


def _fault(app: App, revision: Revision) -> str:
    """Return what is wrong with a revision, in words; empty for nothing."""
    if revision.error or revision.provisioning in ("Failed", "Deprovisioned"):
        return (
            f"could not be provisioned: {revision.error.splitlines()[0][:200] if revision.error else 'no reason given'}"
        )
    replicas: Sequence[Replica] = () if isinstance(revision.replicas, Absent) else revision.replicas
    for replica in replicas:
        for one in replica.containers:
            if (one.restarts and not one.ready) or "BackOff" in one.details:
                return f"keeps restarting {one.name} ({one.restarts} times): {one.details or one.state}"
    if revision.running in _STARTING:
        begun = _start_begun(app, revision, replicas)
        since = datetime.now(UTC) - begun if begun else timedelta()
        return f"is not ready after {int(since.total_seconds())} s" if since > _START_TAKES_AT_MOST else ""
    if revision.running not in _HEALTHY_STATES:
        return f"is {revision.running}"
    if revision.health == "Unhealthy":
        return "is Unhealthy: its replicas fail their probes"
    if app.min_replicas and not revision.replica_count:
        return f"has no replica, though {app.min_replicas} always run"
    if app.latest_ready and app.latest_ready != app.latest:
        return f"is not ready; {app.latest_ready} still serves"
    return ""


def _start_begun(app: App, revision: Revision, replicas: Sequence[Replica]) -> datetime | None:
    """Return when the start began that a revision is in; None where nothing shows that it takes too long.

    A revision is `Activating` or `Processing` also when Azure wakes or scales one that has been ready for weeks, so its
    own age says nothing: what counts is the age of a replica that is not ready.
    """
    waiting = [one.created for one in replicas if one.created and not all(each.ready for each in one.containers)]
    if waiting:
        return min(waiting)
    return None if app.latest_ready == app.latest else revision.created


# -- secrets in replicas


def _carried(facts: Facts, app: App, *, secrets_are_right: bool) -> Finding:
    revision = app.latest_revision()
    if revision is None or isinstance(revision.replicas, Absent):
        return skipped("carried secrets", app.name, "the replicas of the latest revision are unknown")
    started = [one.created for one in revision.replicas if one.created]
    if not started:
        return passed("carried secrets", app.name, "no replica runs, and the next one takes the current secrets")
    oldest = min(started)
    set_at = [
        (secret.name, secret.reference.versioned, secret.reference.created)
        for secret in app.secrets
        if secret.reference and isinstance(secret.reference.created, datetime)
    ]
    # Only another revision reads a reference without a version again, a restart does not (azure-container-apps#856).
    made = revision.created or oldest
    if unversioned := [name for name, versioned, created in set_at if not versioned and created > made]:
        words = f"{revision.name} was made at {_time(made)}, before the newest version of: {', '.join(unversioned)}"
        return failed("carried secrets", app.name, Cause.REFERENCE_UNVERSIONED, words, revision.name)
    newer = [name for name, versioned, created in set_at if versioned and created > oldest]
    if newer:
        words = f"replicas started at {_time(oldest)}, before the version that is now set: {', '.join(newer)}"
        return failed("carried secrets", app.name, Cause.SECRET_NOT_IN_REPLICAS, words, revision.name)
    changed_since = app.modified is not None and app.modified > oldest
    symptom = _symptom(facts, app)
    if secrets_are_right and symptom in _URL_SYMPTOMS:
        words = f"the secrets are right, and yet its replicas, started at {_time(oldest)}, fail with: {symptom}"
        return failed("carried secrets", app.name, Cause.SECRET_NOT_IN_REPLICAS, words, revision.name)
    holds_values = any(secret.reference is None for secret in app.secrets if secret.name in VARIABLES.values())
    if changed_since and holds_values:
        words = (
            f"the app was changed at {_time(app.modified)}, after its replicas started; Azure does not show "
            "whether a secret was changed"
        )
        return skipped("carried secrets", app.name, words)
    return passed("carried secrets", app.name, f"replicas started at {_time(oldest)}, after the secrets were set")


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else "an unknown time"


# -- what the app says


def _log(facts: Facts, app: App) -> Finding:
    if isinstance(app.logged, Absent):
        return skipped("log", app.name, app.logged.reason)
    if app.logged is None:
        return skipped("log", app.name, "its last lines say nothing of Redis")
    if app.logged.symptom is None:
        return passed("log", app.name, "Redis answers")
    if _is_past(facts, app, app.logged):
        return passed("log", app.name, f"Redis failed earlier ({app.logged.symptom}), and the app is ready now")
    symptom = app.logged.symptom
    return failed("log", app.name, _CAUSES[symptom], f"Redis connection failed: {symptom}", app.latest)


def _readiness(facts: Facts) -> Finding:
    web, answer = facts.web, facts.readiness
    subject = web.name if web else "web"
    if isinstance(answer, Absent):
        return skipped("readiness", subject, answer.reason)
    if isinstance(answer, Unanswered):
        if web and not web.external:
            return skipped("readiness", subject, "the app answers within its environment only")
        return failed("readiness", subject, Cause.APP_UNANSWERED, f"{facts.stack.readiness_url}: {answer.reason}")
    if answer.status == _READY:
        return passed("readiness", subject, "200, ready")
    if web and not web.external:
        return skipped("readiness", subject, f"{answer.status}: the app answers within its environment only")
    wrong = [name for name, well in answer.checks.items() if not well]
    if not wrong:
        words = f"{answer.status}, and not the app's own answer: no replica serves"
        return failed("readiness", subject, Cause.APP_UNANSWERED, words)
    cause = Cause.REDIS_FAILS if "cache" in wrong else Cause.APP_DATABASE_FAILS
    return failed("readiness", subject, cause, f"{answer.status}, failing: {', '.join(wrong)}")
