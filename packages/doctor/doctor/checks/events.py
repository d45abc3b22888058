"""Check an app's system log: scalers that fail, and replicas that were killed at their end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from doctor.facts import Absent, App, Event, LoggedSymptom
from doctor.findings import Cause, Finding, failed, passed, skipped

SCALER = "scaler"
"""The check's name: what it finds concerns the queue's cache."""

_SCALER_FAILED = "KEDAScalerFailed"
_SCALER_WORKS = frozenset({"KEDAScalersStarted", "KEDAScaleTargetActivated", "ScaledObjectReady", "SuccessfulRescale"})
_NEWS_FOR = timedelta(minutes=6)
"""How long an event describes the present. KEDA emits one at every failing poll (30 s), but Kubernetes' client lets
through only one in 5 minutes of a source once there were 25 (EventSourceObjectSpamFilter of client-go)."""
_SCALER_CAUSES: Sequence[tuple[re.Pattern[str], Cause]] = (
    (re.compile(r"WRONGPASS|invalid username-password|invalid password", re.IGNORECASE), Cause.KEY_NOT_CURRENT),
    (re.compile(r"NOAUTH|authentication required", re.IGNORECASE), Cause.KEY_MISSING),
    (re.compile(r"no such host|server misbehaving", re.IGNORECASE), Cause.NAME_UNRESOLVED),
    (re.compile(r"x509|certificate|tls:", re.IGNORECASE), Cause.TLS_FAILS),
    (re.compile(r"MOVED|CROSSSLOT|CLUSTERDOWN"), Cause.CLUSTERING_ON),
    (re.compile(r"max number of clients"), Cause.CONNECTIONS_USED_UP),
    (re.compile(r"LOADING"), Cause.REDIS_LOADING),
    (re.compile(r"OOM"), Cause.REDIS_FULL),
    (re.compile(r"timeout|refused|reset|EOF|no route|unreachable", re.IGNORECASE), Cause.REDIS_DOWN),
)
"""How KEDA words what Redis or the network answers. Its messages may hold an address, and hold no key."""

_KNOWS_IDENTITY = frozenset({"azure-queue", "azure-servicebus", "azure-eventhub"})
"""Types of scale rules that take a managed identity:
https://learn.microsoft.com/azure/container-apps/scale-app#managed-identity and azure-container-apps#1786."""

_EXIT_CODE = re.compile(r"terminated with exit code '(-?\d+)'")
_KILLED = frozenset({137, -9})
_OUT_OF_MEMORY = re.compile(r"OOM|out of memory|memory limit", re.IGNORECASE)
_STARTS = frozenset({"ContainerStarted", "ReplicaCreated", "ContainerCreated"})
_SETTLED_AFTER = timedelta(seconds=3)
"""A process that gets SIGTERM this soon after its start does not handle signals yet."""


def check(app: App) -> Iterator[Finding]:
    """Check an app's scale rules and the ends of its replicas."""
    if app.rules:
        yield _rules(app)
        yield _scaler(app)
    yield _shutdown(app)


# -- scaling


def _rules(app: App) -> Finding:
    wrong = [one for one in app.rules if one.identity and one.type not in _KNOWS_IDENTITY]
    if wrong:
        named = ", ".join(f"{one.name} ({one.type})" for one in wrong)
        words = f"`identity` is set on {named}, whose type takes none: its scaler fails, and the app does not scale"
        return failed("scale rules", app.name, Cause.SCALE_RULE_IDENTITY, words)
    return passed(
        "scale rules", app.name, f"{', '.join(one.name for one in app.rules)}: no identity that a type does not take"
    )


def _scaler(app: App) -> Finding:
    """Check that KEDA can measure: its failure counts until a success that is newer, and web's readiness is none."""
    if isinstance(app.events, Absent):
        return skipped(SCALER, app.name, app.events.reason)
    of_latest = [one for one in app.events if one.revision in ("", app.latest)]
    failure = next((one for one in reversed(of_latest) if one.reason == _SCALER_FAILED), None)
    if failure is None:
        return passed(SCALER, app.name, "the system log has no failing scaler")
    at = _time(failure.moment)
    if _is_over(app, failure, of_latest):
        return passed(SCALER, app.name, f"the scaler failed earlier (last at {at})")
    cause = next((cause for words, cause in _SCALER_CAUSES if words.search(failure.message)), Cause.SCALER_FAILS)
    words = f"{_SCALER_FAILED} at {at}: {_without_secrets(failure.message)}"
    return failed(SCALER, app.name, cause, words, app.latest)


def _is_over(app: App, failure: Event, events: Sequence[Event]) -> bool:
    if failure.moment is None:
        return False
    successes = [one.moment for one in events if one.reason in _SCALER_WORKS and one.moment]
    if isinstance(app.logged, LoggedSymptom) and app.logged.symptom is None and app.logged.at:
        successes.append(app.logged.at)
    return any(one > failure.moment for one in successes) or datetime.now(UTC) - failure.moment > _NEWS_FOR


def _without_secrets(message: str) -> str:
    """Return the first line of a message, without the authority's user part of an address."""
    line = message.strip().splitlines()[0] if message.strip() else ""
    return re.sub(r"://[^@\s]*@", "://***@", line)[:300]


# -- ends


def _shutdown(app: App) -> Finding:
    """Check that the replica that ended last was not killed: SIGKILL after the grace cuts off requests and tasks."""
    name = "shutdown"
    if isinstance(app.events, Absent):
        return skipped(name, app.name, app.events.reason)
    if isinstance(app.revisions, Absent):
        return skipped(name, app.name, app.revisions.reason)
    there = {
        replica.name
        for revision in app.revisions
        if not isinstance(revision.replicas, Absent)
        for replica in revision.replicas
    }
    ends = [one for one in _ends(app.events).values() if one.replica not in there and _is_judged(app, one)]
    if not ends:
        return passed(name, app.name, "the system log has no replica that ended")
    last = max(ends, key=lambda one: (one.moment is not None, one.moment))
    code = int((_EXIT_CODE.search(last.message) or ["", "0"])[1])
    if code not in _KILLED or _lacked_memory(app.events, last) or not _had_settled(app, last):
        return passed(name, app.name, f"{last.replica} ended with exit code {code}")
    words = (
        f"{last.replica} was killed at {_time(last.moment)} (exit code 137), {app.grace_seconds} s after SIGTERM: its "
        f"command, {_command(app)}, does not handle the signal or takes longer to finish"
    )
    return failed(name, app.name, Cause.KILLED_AT_SHUTDOWN, words, last.revision)


def _ends(events: Sequence[Event]) -> Mapping[str, Event]:
    """Return the last end of a container of each replica."""
    return {one.replica: one for one in events if one.replica and _EXIT_CODE.search(one.message)}


def _is_judged(app: App, end: Event) -> bool:
    """Return whether an ended replica ran what the app runs now: with another command, the fault may be fixed."""
    return app.commands_of.get(end.revision, app.commands) == app.commands


def _lacked_memory(events: Sequence[Event], end: Event) -> bool:
    return any(one.replica == end.replica and _OUT_OF_MEMORY.search(f"{one.reason} {one.message}") for one in events)


def _had_settled(app: App, end: Event) -> bool:
    assert not isinstance(app.events, Absent)
    begun = [one.moment for one in app.events if one.replica == end.replica and one.reason in _STARTS and one.moment]
    if not begun or end.moment is None:
        return True
    return end.moment - max(begun) > timedelta(seconds=app.grace_seconds) + _SETTLED_AFTER


def _command(app: App) -> str:
    """Return how the app is started, without what could hold a secret: at most three words, none with an address."""
    command = next(iter(app.commands.values()), ())
    if not command:
        return "the image's ENTRYPOINT"
    shown = [word for word in command[:3] if len(word) <= 60 and "=" not in word and "://" not in word]
    return "`" + " ".join(shown) + (" ...`" if len(shown) < len(command) else "`")


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if moment else "an unknown time"
