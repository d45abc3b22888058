"""From facts to the root cause, without a deployed stack."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from diagnosis.healthy import (
    GROUP,
    HOST,
    IDS,
    KEY,
    NETWORK,
    OTHER_KEY,
    STARTED_AT,
    URL,
    WORKER,
    healthy,
    suffering,
    with_apps,
    with_cache,
    with_secret,
)
from doctor import checks
from doctor.checks.targets import targets
from doctor.diagnosis import EXPLAINED_BY, diagnose
from doctor.facts import (
    Absent,
    Address,
    Cache,
    Environment,
    Facts,
    LoggedSymptom,
    Readiness,
    Service,
    Stack,
    Symptom,
    Unanswered,
    Zone,
)
from doctor.findings import Cause, Status
from doctor.remedies import remedy
from doctor.report import as_json, as_table, words_of

CLOSED = Absent("the vault is closed to where the doctor stands")
Change = Callable[[Facts], Facts]


def causes(facts: Facts) -> tuple[Cause | None, Sequence[Cause | None]]:
    """Return the cause that is named, and the other faults."""
    found = diagnose(checks.run(facts))
    return (found.root.cause if found.root else None), [one.cause for one in found.others]


def outside(facts: Facts) -> Facts:
    """Return the same stack from where its vault cannot be read."""
    for name in ("redis-url", "celery-broker-url", "celery-result-backend", "redis-key"):
        facts = with_secret(facts, name, CLOSED)
    return facts


def url(text: str, symptom: Symptom) -> Change:
    return lambda facts: suffering(with_secret(facts, "redis-url", SecretStr(text)), symptom)


def endpoint(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert not isinstance(facts.network.endpoints, Absent)
        redis, vault = facts.network.endpoints
        return replace(facts, network=replace(facts.network, endpoints=[replace(redis, **changes), vault]))

    return change


def zone(change_zone: Callable[[Zone], Zone | None]) -> Change:
    def change(facts: Facts) -> Facts:
        assert not isinstance(facts.network.zones, Absent)
        redis, vault = facts.network.zones
        changed = change_zone(redis)
        return replace(facts, network=replace(facts.network, zones=[vault, *([changed] if changed else [])]))

    return change


def environment(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        assert isinstance(facts.network.environment, Environment)
        return replace(facts, network=replace(facts.network, environment=replace(facts.network.environment, **changes)))

    return change


def failing(symptom: Symptom, change: Change) -> Change:
    """Return a change that makes the apps fail with a word."""
    return lambda facts: suffering(change(facts), symptom)


def revision(**changes: Any) -> Change:
    def change(facts: Facts) -> Facts:
        def changed(app: Any) -> Any:
            return replace(app, revisions=[replace(app.revisions[0], **changes)])

        return replace(facts, apps=[changed(app) for app in facts.apps])

    return change


def restarting(facts: Facts) -> Facts:
    def changed(app: Any) -> Any:
        found = app.revisions[0]
        container = replace(found.replicas[0].containers[0], ready=False, restarts=4, details="CrashLoopBackOff")
        return replace(found, replicas=[replace(found.replicas[0], containers=[container])])

    return replace(facts, apps=[replace(app, revisions=[changed(app)]) for app in facts.apps])


def unready(facts: Facts, created: datetime) -> Facts:
    """Return the facts with replicas that started at a moment and are not ready yet."""

    def changed(replica: Any) -> Any:
        return replace(replica, created=created, containers=[replace(replica.containers[0], ready=False)])

    return revision(replicas=[changed(one) for one in facts.apps[0].revisions[0].replicas])(facts)  # type: ignore[union-attr]


FELT_BY_THE_APPS: dict[str, tuple[Change, Cause]] = {
    "zone not linked, public address": (
        failing(Symptom.TIMEOUT, zone(lambda one: replace(one, networks=frozenset()))),
        Cause.ZONE_NOT_LINKED,
    ),
    "zone linked elsewhere": (
        failing(Symptom.TIMEOUT, zone(lambda one: replace(one, networks=frozenset({f"{NETWORK}-other"})))),
        Cause.ZONE_LINKED_ELSEWHERE,
    ),
    "zone gone": (failing(Symptom.DNS, zone(lambda one: None)), Cause.ZONE_MISSING),
    "zone of the other service": (
        failing(Symptom.DNS, endpoint(zone_ids=["/x/privatednszones/privatelink.redis.cache.windows.net"])),
        Cause.ZONE_OF_OTHER_SERVICE,
    ),
    "record missing": (failing(Symptom.DNS, zone(lambda one: replace(one, records={}))), Cause.RECORD_MISSING),
    "record stale": (
        failing(
            Symptom.TIMEOUT,
            zone(lambda one: replace(one, records={"red-shop.westeurope": frozenset({"10.0.2.99"})})),
        ),
        Cause.RECORD_STALE,
    ),
    "endpoint rejected": (failing(Symptom.TIMEOUT, endpoint(status="Rejected")), Cause.ENDPOINT_REJECTED),
    "endpoint pending": (failing(Symptom.TIMEOUT, endpoint(status="Pending")), Cause.ENDPOINT_PENDING),
    "endpoint of another group": (failing(Symptom.TIMEOUT, endpoint(groups=["vault"])), Cause.ENDPOINT_GROUP_WRONG),
    "environment in no network": (
        failing(Symptom.TIMEOUT, environment(subnet_id="")),
        Cause.ENVIRONMENT_OUTSIDE,
    ),
    "environment in another network": (
        failing(Symptom.DNS, environment(subnet_id="/other/subnets/apps")),
        Cause.ENVIRONMENT_OUTSIDE,
    ),
    "key authentication off": (
        lambda facts: suffering(with_cache(facts, keys_enabled=False, keys=Absent("off")), Symptom.AUTH),
        Cause.KEY_AUTHENTICATION_OFF,
    ),
    "cache stopped": (
        lambda facts: suffering(with_cache(facts, state="Disabled"), Symptom.TIMEOUT),
        Cause.CACHE_NOT_RUNNING,
    ),
    "Redis down": (lambda facts: suffering(facts, Symptom.TIMEOUT), Cause.REDIS_DOWN),
    "Redis full": (lambda facts: suffering(facts, Symptom.FULL), Cause.REDIS_FULL),
    "Redis full, as the metric says too": (
        lambda facts: suffering(with_cache(facts, memory_used=100.0), Symptom.FULL),
        Cause.REDIS_FULL,
    ),
    "connections used up, as Azure Monitor says": (
        lambda facts: suffering(
            with_cache(facts, connections=254.0, most_connections=256),
            Symptom.TIMEOUT,
        ),
        Cause.CONNECTIONS_USED_UP,
    ),
    "no more connections": (lambda facts: suffering(facts, Symptom.CONNECTIONS), Cause.CONNECTIONS_USED_UP),
    "a replica that takes no writes": (lambda facts: suffering(facts, Symptom.READ_ONLY), Cause.REDIS_READ_ONLY),
    "Redis that loads its data": (lambda facts: suffering(facts, Symptom.LOADING), Cause.REDIS_LOADING),
    "Redis that cannot save": (lambda facts: suffering(facts, Symptom.CANNOT_SAVE), Cause.REDIS_CANNOT_SAVE),
    "a cluster, as the apps say": (lambda facts: suffering(facts, Symptom.CLUSTERED), Cause.CLUSTERING_ON),
    "a cluster, as Azure says too": (
        lambda facts: suffering(restarting(with_cache(facts, clustering="OSSCluster")), Symptom.CLUSTERED),
        Cause.CLUSTERING_ON,
    ),
    "variable by value": (
        lambda facts: suffering(
            with_apps(facts, variables=[replace(one, secret=None) for one in facts.apps[0].variables]), Symptom.AUTH
        ),
        Cause.VARIABLE_BY_VALUE,
    ),
    "its own database": (
        lambda facts: replace(facts, readiness=Readiness(503, {"database": False, "cache": True})),
        Cause.APP_DATABASE_FAILS,
    ),
    "restarting for its own reasons": (
        lambda facts: replace(restarting(facts), readiness=Readiness(503, {})),
        Cause.REVISION_FAILING,
    ),
    "not provisioned": (revision(provisioning="Failed", error="image not found"), Cause.REVISION_FAILING),
    "unhealthy": (revision(running="Degraded", health="Unhealthy"), Cause.REVISION_FAILING),
    "starting for too long": (
        lambda facts: with_apps(revision(running="Activating")(facts), latest_ready="app-shop--0000000"),
        Cause.REVISION_FAILING,
    ),
    "a replica that starts for too long in a revision that was ready": (
        lambda facts: revision(running="Activating")(unready(facts, STARTED_AT)),
        Cause.REVISION_FAILING,
    ),
    "unanswered": (lambda facts: replace(facts, readiness=Unanswered("no connection")), Cause.APP_UNANSWERED),
    "restarting because of Redis": (
        lambda facts: suffering(restarting(zone(lambda one: replace(one, records={}))(facts)), Symptom.DNS),
        Cause.RECORD_MISSING,
    ),
}
READ_IN_THE_SECRETS: dict[str, tuple[Change, Cause, Cause]] = {
    "key missing": (
        url(f"rediss://default@{HOST}:10000/0?ssl_cert_reqs=required", Symptom.AUTH),
        Cause.KEY_MISSING,
        Cause.KEY_REFUSED,
    ),
    "key raw": (
        url(f"rediss://:{KEY}@{HOST}:10000/0?ssl_cert_reqs=required", Symptom.AUTH),
        Cause.KEY_NOT_ENCODED,
        Cause.KEY_REFUSED,
    ),
    "key regenerated": (
        lambda facts: suffering(
            with_cache(facts, keys={"primary": SecretStr("new"), "secondary": SecretStr(OTHER_KEY)}), Symptom.AUTH
        ),
        Cause.KEY_NOT_CURRENT,
        Cause.KEY_REFUSED,
    ),
    "wrong database": (
        url(URL.replace("/0?", "/1?"), Symptom.DATABASE),
        Cause.WRONG_DATABASE,
        Cause.WRONG_DATABASE,
    ),
    "ssl_cert_reqs missing": (
        url(URL.partition("?")[0], Symptom.CERTIFICATE_RULE),
        Cause.CERTIFICATE_RULE_MISSING,
        Cause.CERTIFICATE_RULE_MISSING,
    ),
    "no TLS": (url(URL.replace("rediss", "redis"), Symptom.TIMEOUT), Cause.URL_NOT_ENCRYPTED, Cause.REDIS_DOWN),
    "another server": (url(URL.replace(":10000", ":6380"), Symptom.TIMEOUT), Cause.WRONG_SERVER, Cause.REDIS_DOWN),
}


def test_a_healthy_stack_passes_every_check() -> None:
    findings = checks.run(healthy())
    assert {one.status for one in findings} == {Status.PASSED}, [one for one in findings if one.cause]
    assert causes(healthy()) == (None, [])


@pytest.mark.parametrize("place", [lambda facts: facts, outside], ids=["vault readable", "vault closed"])
@pytest.mark.parametrize("fault", FELT_BY_THE_APPS)
def test_what_the_apps_feel_is_named_from_either_place(fault: str, place: Change) -> None:
    change, cause = FELT_BY_THE_APPS[fault]
    assert causes(place(change(healthy()))) == (cause, [])


@pytest.mark.parametrize("fault", READ_IN_THE_SECRETS)
def test_a_wrong_url_is_named_where_it_can_be_read_and_by_the_apps_word_where_not(fault: str) -> None:
    change, inside, closed = READ_IN_THE_SECRETS[fault]
    assert causes(change(healthy())) == (inside, [])
    assert causes(outside(change(healthy()))) == (closed, [])


@pytest.mark.parametrize("symptom", [Symptom.AUTH, Symptom.DATABASE, Symptom.CERTIFICATE_RULE])
def test_a_right_secret_and_an_app_that_fails_on_it_mean_that_its_replicas_have_an_old_one(symptom: Symptom) -> None:
    assert causes(suffering(healthy(), symptom)) == (Cause.SECRET_NOT_IN_REPLICAS, [])


def test_a_version_newer_than_the_replicas_is_not_in_them() -> None:
    def changed(secret: Any) -> Any:
        return replace(secret, reference=replace(secret.reference, created=STARTED_AT + timedelta(seconds=1)))

    facts = with_apps(healthy(), secrets=[changed(one) for one in healthy().apps[0].secrets])
    assert causes(facts) == (Cause.SECRET_NOT_IN_REPLICAS, [])
    assert causes(outside(facts)) == (Cause.SECRET_NOT_IN_REPLICAS, [])


def test_an_app_with_values_that_was_changed_after_its_replicas_started_is_not_judged_by_that() -> None:
    direct = [replace(one, reference=None) for one in healthy().apps[0].secrets]
    facts = with_apps(healthy(), secrets=direct, modified=STARTED_AT + timedelta(hours=1))
    assert causes(facts) == (None, [])
    (finding, _) = [one for one in checks.run(facts) if one.check == "carried secrets"]
    assert finding.status is Status.SKIPPED
    assert causes(suffering(facts, Symptom.AUTH)) == (Cause.SECRET_NOT_IN_REPLICAS, [])


def test_what_a_log_said_before_web_was_ready_again_is_past() -> None:
    facts = suffering(healthy(), Symptom.TIMEOUT)
    web = replace(facts, apps=[facts.apps[0], healthy().apps[1]], readiness=healthy().readiness)
    assert causes(web) == (None, [])
    assert causes(replace(facts, readiness=healthy().readiness)) == (Cause.REDIS_DOWN, []), "the worker still suffers"


def test_two_faults_are_both_told_and_the_one_that_stops_the_apps_comes_first() -> None:
    facts = with_cache(suffering(outside(healthy()), Symptom.AUTH), public_access=True)
    assert causes(facts) == (Cause.KEY_REFUSED, [Cause.PUBLIC_ACCESS_ON])


def test_a_fault_of_the_vaults_path_explains_no_failing_redis() -> None:
    facts = suffering(healthy(), Symptom.FULL)
    assert not isinstance(facts.network.endpoints, Absent)
    redis, vault = facts.network.endpoints
    facts = replace(facts, network=replace(facts.network, endpoints=[redis, replace(vault, status="Rejected")]))
    root, others = causes(facts)
    assert {root, *others} == {Cause.ENDPOINT_REJECTED, Cause.REDIS_FULL}


@pytest.mark.parametrize("state", ["Activating", "Processing"])
def test_a_revision_that_azure_wakes_or_scales_is_healthy_however_old_it_is(state: str) -> None:
    old = revision(running=state, created=STARTED_AT - timedelta(days=30))
    assert causes(old(healthy())) == (None, [])
    assert causes(old(unready(healthy(), datetime.now(UTC)))) == (None, [])
    assert causes(revision(running=state, replicas=[], replica_count=0)(with_apps(healthy(), logged=None))) == (
        None,
        [],
    )


def test_scaled_to_zero_is_healthy() -> None:
    facts = revision(running="ScaledToZero", health="None", replica_count=0, replicas=[])(healthy())
    facts = replace(facts, apps=[replace(one, min_replicas=0, logged=None) for one in facts.apps])
    assert causes(facts) == (None, [])


def test_peered_networks_are_one() -> None:
    facts = environment(subnet_id="/other/subnets/apps", peers=frozenset({NETWORK}))(healthy())
    linked = replace(
        facts,
        network=replace(
            facts.network,
            zones=[replace(one, networks=frozenset({"/other"})) for one in facts.network.zones],  # type: ignore[union-attr]
        ),
    )
    assert causes(linked) == (None, [])


def test_an_app_within_its_environment_is_not_asked_from_outside() -> None:
    facts = replace(healthy(), readiness=Readiness(404, {}))
    internal = replace(facts, apps=[replace(facts.apps[0], external=False), facts.apps[1]])
    assert causes(internal) == (None, [])
    assert causes(facts) == (Cause.APP_UNANSWERED, [])


def test_a_missing_answer_is_skipped_and_never_a_fault() -> None:
    facts = healthy()
    unknown = Absent("AuthorizationFailed")
    blind = replace(
        with_apps(outside(facts), revisions=unknown, logged=unknown),
        network=replace(facts.network, environment=unknown, endpoints=unknown, zones=unknown),
        redis=unknown,
        broker=unknown,
        vault=unknown,
        readiness=unknown,
    )
    assert causes(blind) == (None, [])
    assert any(one.status is Status.SKIPPED and one.evidence == "AuthorizationFailed" for one in checks.run(blind))


@pytest.mark.parametrize(
    ("service", "host", "zone_name", "record"),
    [
        (Service.MANAGED, "shop.westeurope.redis.azure.net", "privatelink.redis.azure.net", "shop.westeurope"),
        (Service.CLASSIC, "shop.redis.cache.windows.net", "privatelink.redis.cache.windows.net", "shop"),
        (Service.CLASSIC, "shop.redis.cache.usgovcloudapi.net", "privatelink.redis.cache.usgovcloudapi.net", "shop"),
    ],
)
def test_zone_and_record_follow_from_the_host_name(service: Service, host: str, zone_name: str, record: str) -> None:
    redis, vault = targets(with_cache(healthy(), service=service, address=Address(host, 10000)))
    assert (redis.zone, redis.record) == (zone_name, record)
    assert (vault.zone, vault.record) == ("privatelink.vaultcore.azure.net", "kv-shop")


def test_every_cause_has_words_and_a_remedy_and_explains_no_other_in_a_circle() -> None:
    facts = healthy()
    for cause in Cause:
        assert words_of(cause)
        found = replace(checks.run(facts)[0], cause=cause, subject=WORKER, at=(IDS["vault"],))
        assert remedy(found, facts).split()[0] in ("pulumi", "az"), cause
        assert cause not in EXPLAINED_BY.get(cause, frozenset())
        for other in EXPLAINED_BY.get(cause, frozenset()):
            assert cause not in EXPLAINED_BY.get(other, frozenset()), (cause, other)


def test_no_report_holds_a_secret() -> None:
    for change, _, _ in READ_IN_THE_SECRETS.values():
        facts = change(healthy())
        findings = checks.run(facts)
        found = diagnose(findings)
        printed = as_table(findings, found, facts, 120) + as_json(findings, found, facts) + repr(facts)
        assert not any(part in printed for part in (KEY, OTHER_KEY, URL, "cHJpbWFyeS"))


@pytest.mark.parametrize("key", [KEY, KEY.replace("/", "x")], ids=["with /", "without /"])
@pytest.mark.parametrize("form", ["rediss://{}shop.example:10000/0", "rediss://shop.example,password={},ssl=True"])
def test_a_key_where_the_host_belongs_is_not_shown(form: str, key: str) -> None:
    facts = with_secret(healthy(), "redis-url", SecretStr(form.format(key)))
    findings = checks.run(facts)
    found = diagnose(findings)
    assert found.root is not None
    assert found.root.cause is Cause.URL_MALFORMED
    printed = (as_table(findings, found, facts, 120) + as_json(findings, found, facts)).lower()
    assert not any(part in printed for part in re.findall(r"[a-z0-9]{4,}", key.lower()))


def test_what_is_known_to_be_gone_is_a_fault() -> None:
    gone = Absent("there is no such thing in the stack's resource group", gone=True)
    facts = healthy()
    assert causes(suffering(replace(facts, redis=gone, broker=gone), Symptom.DNS)) == (Cause.CACHE_MISSING, [])
    assert causes(replace(facts, vault=gone)) == (Cause.VAULT_MISSING, [])


def test_the_endpoint_that_a_deleted_cache_or_vault_has_left_is_replaced() -> None:
    gone = Absent("there is no such thing in the stack's resource group", gone=True)
    facts = healthy()
    for changed, pep in (
        (replace(facts, redis=gone, broker=gone), "pep-redis"),
        (replace(facts, vault=gone), "pep-vault"),
    ):
        root = diagnose(checks.run(changed)).root
        assert root is not None
        deletion = f"az network private-endpoint delete --ids {GROUP.lower()}/privateendpoints/{pep}"
        assert f"{deletion} && pulumi up" in remedy(root, changed)


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"replicated": False}, ["redis.highAvailability true", "redis.sku Balanced_B1"]),
        ({"replicated": True}, ["redis.sku Balanced_B1"]),
        ({"replicated": False, "size": "Balanced_B20"}, ["redis.highAvailability true", "redis.sku SIZE"]),
        (
            {"replicated": False, "size": "Basic_C0", "service": Service.CLASSIC},
            ["redis.sku Standard_C0", "redis.sku Standard_C1"],
        ),
        ({"replicated": True, "size": "Standard_C1", "service": Service.CLASSIC}, ["redis.sku Standard_C2"]),
    ],
)
def test_a_full_cache_is_given_a_replica_before_it_is_resized(changes: dict[str, Any], steps: list[str]) -> None:
    facts = with_cache(healthy(), memory_used=100.0, **changes)
    found = next(one for one in checks.run(facts) if one.cause is Cause.REDIS_FULL)
    command = remedy(found, facts)
    assert re.findall(r"--path (\S+ \S+)", command) == steps
    assert command.count("pulumi up") == len(steps)
    if not changes["replicated"] and "SIZE" not in command:
        assert "loses all data, queued tasks included" in command


def unfinished(**changes: Any) -> Facts:
    """Return a stack whose first deployment ended at its cache."""
    unknown = Absent("the first deployment did not finish")
    facts = with_cache(healthy(), **changes)
    stack = Stack("dev", GROUP, Address("", 0), Address("", 0), "", "", ("redisHostName",))
    network = replace(facts.network, environment=unknown, endpoints=unknown, zones=unknown)
    return replace(facts, stack=stack, network=network, vault=unknown, apps=[], readiness=unknown)


def test_a_cache_that_could_not_be_created_is_deleted_and_one_that_has_served_never() -> None:
    facts = unfinished(state="CreateFailed", keyed_id="")
    assert causes(facts) == (Cause.CACHE_FAILED, [])
    root = diagnose(checks.run(facts)).root
    assert root is not None
    assert remedy(root, facts).startswith(f"az resource delete --ids {IDS['redis']} && pulumi refresh --stack dev")
    served = with_cache(healthy(), state="ScalingFailed")
    assert causes(suffering(served, Symptom.TIMEOUT)) == (Cause.CACHE_FAILED, [])
    root = diagnose(checks.run(served)).root
    assert root is not None
    assert "delete" not in remedy(root, served)


def test_a_clustered_cache_explains_apps_that_fail_and_its_remedy_says_what_is_lost() -> None:
    facts = suffering(restarting(with_cache(healthy(), clustering="OSSCluster")), Symptom.TIMEOUT)
    assert causes(facts) == (Cause.CLUSTERING_ON, [])
    root = diagnose(checks.run(facts)).root
    assert root is not None
    assert "all data of this cache is lost" in remedy(root, facts)


def test_only_the_cache_that_holds_the_queue_must_not_evict_tasks() -> None:
    facts = healthy()
    cache, broker = facts.redis, facts.broker
    assert isinstance(cache, Cache)
    assert isinstance(broker, Cache)
    other = Address("broker.westeurope.redis.azure.net", 10000)
    apart = replace(
        facts,
        stack=replace(facts.stack, broker=other),
        redis=replace(cache, eviction_policy="AllKeysLRU"),
        broker=replace(broker, address=other),
    )
    assert [one.subject for one in checks.run(apart) if one.check == "eviction"] == ["broker"]
    assert all(one.cause is not Cause.EVICTS_TASKS for one in checks.run(apart))
    assert causes(with_cache(facts, eviction_policy="allkeys-lru")) == (Cause.EVICTS_TASKS, [])


def test_an_app_without_any_variable_lacks_its_own() -> None:
    assert causes(with_apps(healthy(), variables=[])) == (Cause.VARIABLE_MISSING, [])


def test_no_remedy_deploys_another_image() -> None:
    facts = healthy()
    for cause in Cause:
        found = replace(checks.run(facts)[0], cause=cause, subject=WORKER, at=(IDS["vault"],))
        command = remedy(found, facts)
        assert command.count("pulumi up") == command.count('--config "image=$(pulumi stack output image'), cause


def test_the_guide_has_one_section_for_each_cause() -> None:
    guide = (Path(__file__).parents[4] / "docs" / "troubleshooting.md").read_text()
    sections = re.findall(r"^#### `([a-z-]+)`$", guide, re.MULTILINE)
    assert sorted(sections) == sorted(str(cause) for cause in Cause)


def test_what_a_replica_that_is_not_ready_logs_is_not_past_while_an_earlier_one_still_serves() -> None:
    facts = outside(healthy())
    apps = [replace(facts.apps[0], logged=LoggedSymptom(Symptom.AUTH, ready=False)), facts.apps[1]]
    assert causes(replace(facts, apps=apps)) == (Cause.KEY_REFUSED, [])
