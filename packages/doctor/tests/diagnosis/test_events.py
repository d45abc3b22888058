"""What an app's system log tells the doctor: failing scalers, and replicas that were killed at their end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from diagnosis.healthy import WORKER, healthy, with_cache
from doctor import checks
from doctor.collecting import apps, events
from doctor.diagnosis import diagnose
from doctor.facts import Absent, App, Event, Facts, LoggedSymptom, Readiness, ScaleRule
from doctor.findings import Cause, Finding
from doctor.remedies import remedy

LATEST = f"{WORKER}--0000001"
COMMAND = {"main": ["sh", "/app/start-worker.sh", "--url", "rediss://:SECRET@h/0"]}
WRONG_KEY = "connection to redis failed: WRONGPASS invalid username-password pair or user is disabled."
TIME_OUT = "connection to redis failed: dial tcp 10.0.2.4:10000: i/o timeout"


def ago(seconds: float) -> datetime:
    """Return a moment in the past."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def failing(message: str, seconds: float = 10, revision: str = LATEST) -> Event:
    """Return a scaler that failed some seconds ago."""
    return Event(ago(seconds), revision, "", "KEDAScalerFailed", message)


def worker(**changes: Any) -> Facts:
    """Return a healthy stack with changes of its worker, which is at zero; web answers 200."""
    facts = healthy()
    at_zero = [replace(one, running="ScaledToZero", replica_count=0, replicas=[]) for one in revisions(facts.apps[1])]
    rules = [ScaleRule("queue", "redis", "")]
    settings: dict[str, Any] = {
        "min_replicas": 0,
        "revisions": at_zero,
        "logged": None,
        "rules": rules,
        "commands": COMMAND,
        **changes,
    }
    changed = replace(facts.apps[1], **settings)
    return replace(facts, apps=[facts.apps[0], changed], readiness=Readiness(200, {"cache": True}))


def revisions(app: App) -> Sequence[Any]:
    """Return an app's revisions."""
    assert not isinstance(app.revisions, Absent)
    return app.revisions


def root(facts: Facts) -> Finding | None:
    """Return the finding that names the cause."""
    return diagnose(checks.run(facts)).root


def cause(facts: Facts) -> Cause | None:
    """Return the cause that is named."""
    found = root(facts)
    return found.cause if found else None


# -- scalers


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (WRONG_KEY, Cause.KEY_NOT_CURRENT),
        ("connection to redis failed: NOAUTH Authentication required.", Cause.KEY_MISSING),
        (TIME_OUT, Cause.REDIS_DOWN),
        ("connection to redis failed: dial tcp: lookup red-shop: no such host", Cause.NAME_UNRESOLVED),
        ("connection to redis failed: tls: failed to verify certificate: x509", Cause.TLS_FAILS),
        ("CROSSSLOT Keys in request don't hash to the same slot", Cause.CLUSTERING_ON),
        ("something new", Cause.SCALER_FAILS),
    ],
)
def test_a_scaler_that_fails_while_web_answers_200_is_a_fault(message: str, expected: Cause) -> None:
    assert cause(worker(events=[failing(message)])) is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"events": [failing(WRONG_KEY, 10, f"{WORKER}--0000000")]},
        {"events": [failing(WRONG_KEY, 20), Event(ago(10), LATEST, "", "ScaledObjectReady", "ready for scaling")]},
        {"events": [failing(WRONG_KEY, 3600)]},
        {"events": [failing(WRONG_KEY, 20)], "logged": LoggedSymptom(None, at=ago(10))},
        {"events": Absent("the log cannot be read")},
        {"events": []},
    ],
    ids=["of an earlier revision", "ready since", "of an hour ago", "the worker connected since", "unknown", "none"],
)
def test_a_scaler_that_failed_and_works_again_is_no_fault(changes: dict[str, Any]) -> None:
    assert cause(worker(**changes)) is None


def test_a_success_that_is_older_than_the_failure_excuses_nothing() -> None:
    earlier = Event(ago(30), LATEST, "", "KEDAScalersStarted", "Started scalers watch")
    assert cause(worker(events=[earlier, failing(WRONG_KEY)], logged=LoggedSymptom(None, at=ago(60)))) is (
        Cause.KEY_NOT_CURRENT
    )


def test_a_failing_scaler_follows_from_what_keeps_everybody_from_the_cache() -> None:
    facts = worker(events=[failing(WRONG_KEY)])
    assert cause(with_cache(facts, keys_enabled=False, keys=Absent("off"))) is Cause.KEY_AUTHENTICATION_OFF
    facts = worker(events=[failing(TIME_OUT)])
    assert cause(with_cache(facts, state="Disabled")) is Cause.CACHE_NOT_RUNNING


@pytest.mark.parametrize("kind", ["redis", "http", "postgresql"])
def test_an_identity_on_a_rule_that_takes_none_is_the_cause_of_its_failing_scaler(kind: str) -> None:
    facts = worker(rules=[ScaleRule("queue", kind, "system")], events=[failing("error parsing redis metadata")])
    assert cause(facts) is Cause.SCALE_RULE_IDENTITY
    assert cause(worker(rules=[ScaleRule("queue", "azure-servicebus", "system")])) is None


# -- ends


def ended(
    code: int, replica: str = "r1", revision: str = LATEST, *, seconds: float = 60, ran: float = 600
) -> list[Event]:
    """Return the events of a replica that ran for some time and ended some seconds ago."""
    words = f"Container 'main' was terminated with exit code '{code}'"
    return [
        Event(ago(seconds + ran), revision, replica, "ContainerStarted", "Started container 'main'"),
        Event(ago(seconds), revision, replica, "ContainerTerminated", words),
    ]


def test_a_replica_that_was_killed_after_its_grace_is_told_with_its_command_and_without_secrets() -> None:
    facts = worker(events=ended(137))
    found = root(facts)
    assert found is not None
    assert found.cause is Cause.KILLED_AT_SHUTDOWN
    assert "`sh /app/start-worker.sh --url ...`" in found.evidence
    assert "SECRET" not in found.evidence + remedy(found, facts)
    assert "the image's ENTRYPOINT" in str(root(worker(events=ended(137), commands={"main": []})))


@pytest.mark.parametrize(
    "changes",
    [
        {"events": ended(0)},
        {"events": ended(143)},
        {"events": [*ended(137, seconds=120), *ended(0, "r2")]},
        {"events": [Event(ago(61), LATEST, "r1", "OOMKilled", "out of memory"), *ended(137)]},
        {"events": ended(137, revision="old"), "commands_of": {"old": {"main": ["sh", "old.sh"]}}},
        {"events": ended(137, ran=31)},
        {"events": ended(137), "revisions": Absent("unknown")},
    ],
    ids=[
        "well",
        "by SIGTERM",
        "killed, and the next one well",
        "for lack of memory",
        "with another command",
        "before it had begun to handle signals",
        "unknown",
    ],
)
def test_other_ends_are_no_fault(changes: dict[str, Any]) -> None:
    assert cause(worker(**changes)) is None


def test_a_container_that_was_killed_in_a_replica_that_goes_on_was_not_killed_at_its_end() -> None:
    facts = healthy()
    (replica,) = revisions(facts.apps[1])[0].replicas
    changed = replace(facts.apps[1], events=ended(137, replica.name))
    assert cause(replace(facts, apps=[facts.apps[0], changed])) is None


# -- references without a version


def test_a_reference_without_a_version_is_as_old_as_its_revision_also_after_a_restart() -> None:
    facts = healthy()

    def changed(app: App) -> App:
        secrets = [
            replace(
                one,
                reference=one.reference
                and replace(one.reference, url=one.reference.url.removesuffix("/1"), created=ago(3600)),
            )
            for one in app.secrets
        ]
        restarted = [replace(one, replicas=[replace(one.replicas[0], created=ago(60))]) for one in revisions(app)]
        return replace(app, secrets=secrets, revisions=restarted)

    facts = replace(facts, apps=[changed(one) for one in facts.apps])
    found = root(facts)
    assert found is not None
    assert found.cause is Cause.REFERENCE_UNVERSIONED
    assert "--replace '**::secrets-digest-key'" in remedy(found, facts)


# -- reading


@pytest.mark.parametrize("moment", ["2026-11-18T11:34:22Z", "2026-11-18 11:34:22 +0000 UTC"])
def test_events_are_read_as_azure_writes_them(moment: str) -> None:
    body = {
        "TimeStamp": moment,
        "Type": "Warning",
        "RevisionName": "web--1",
        "ReplicaName": None,
        "Msg": "no answer",
        "Reason": "KEDAScalerFailed",
    }
    own = {**body, "Reason": "ConnectedToEventsServer"}
    read = events.parse([json.dumps(own), "no JSON", "[]", json.dumps(body)])
    at = datetime(2026, 11, 18, 11, 34, 22, tzinfo=UTC)
    assert read == [Event(at, "web--1", "", "KEDAScalerFailed", "no answer")]


def test_scale_rules_are_read_in_all_their_forms() -> None:
    rules = [
        {"name": "a", "custom": {"type": "redis", "identity": "system"}},
        {"name": "b", "azureQueue": {"identity": "system"}},
        {"name": "c", "http": {"metadata": {}}},
    ]
    expected = [ScaleRule("a", "redis", "system"), ScaleRule("b", "azure-queue", "system"), ScaleRule("c", "http", "")]
    assert [apps.scale_rule(one) for one in rules] == expected
