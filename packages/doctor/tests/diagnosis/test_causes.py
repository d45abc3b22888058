"""Each fault that can be put into a deployed stack is named, and nothing else is.

Here the stack's apps do not run: what only they can tell is in test_running_stack.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnosis import faults
from diagnosis.world import Deployed, World, copied, look

SEEN_FROM_ANYWHERE: dict[str, tuple[faults.Inject, str]] = {
    "the zone is not linked": (faults.unlink, "zone-not-linked"),
    "the zone is linked to another network": (faults.link_to_other_network, "zone-linked-to-other-network"),
    "the zone is that of the other service": (faults.zone_of_other_service, "zone-of-other-service"),
    "the record is missing": (faults.remove_record, "record-missing"),
    "the record is stale": (faults.age_record, "record-stale"),
    "the endpoint is rejected": (faults.reject, "endpoint-rejected"),
    "the endpoint is disconnected": (faults.disconnect, "endpoint-disconnected"),
    "the cache evicts tasks": (faults.evict_tasks, "eviction-policy-wrong"),
    "the endpoint is pending": (faults.leave_pending, "endpoint-pending"),
    "the environment is in another network": (faults.move_environment, "environment-outside-network"),
    "the environment is in no network": (faults.take_environment_out, "environment-outside-network"),
    "public access is on": (faults.open_to_the_internet, "public-access-on"),
    "key authentication is off": (faults.refuse_keys, "key-authentication-off"),
    "a variable is set by value": (faults.set_by_value, "variable-by-value"),
    "a variable is missing": (faults.lose_variable, "variable-missing"),
    "a revision fails its probes": (faults.fail_probes, "revision-failing"),
}
SEEN_WITH_THE_VAULT: dict[str, tuple[faults.Inject, str]] = {
    "the role is missing": (faults.take_role_away, "role-missing"),
    "a secret is disabled in the vault": (faults.disable_secret, "vault-secret-disabled"),
    "references have no version": (faults.drop_versions, "vault-reference-without-version"),
    "a scale rule has an identity": (faults.give_a_rule_an_identity, "scale-rule-identity"),
    "a secret was changed without a new revision": (faults.change_without_revision, "secret-changed-without-revision"),
    "the cluster could not be resized": (faults.leave_cache_failed, "cache-failed"),
    "the cache is clustered": (faults.cluster, "clustering-policy-wrong"),
    "the cluster is stopped": (faults.stop_cluster, "cache-not-running"),
}
SEEN_IN_THE_SECRETS: dict[str, tuple[faults.Inject, str]] = {
    "the key is missing from a URL": (faults.leave_key_out, "key-missing"),
    "a raw key is in a URL": (faults.leave_key_raw, "key-not-encoded"),
    "the key was regenerated": (faults.regenerate, "key-not-current"),
    "a URL asks for a missing database": (faults.ask_for_missing_database, "wrong-database"),
    "ssl_cert_reqs is missing": (faults.leave_certificate_rule_out, "ssl-cert-reqs-missing"),
    "a URL leads to another host": (faults.lead_elsewhere, "wrong-server"),
}
PLACES = {
    "managed, vault closed": ("managed", False),
    "managed, vault readable": ("managed", True),
    "classic, values in the apps": ("classic", False),
}


@pytest.fixture
def world(request: pytest.FixtureRequest, deployed: dict[str, Deployed], tmp_path: Path) -> Iterator[World]:
    name, inside = PLACES[request.param]
    with copied(deployed[name], tmp_path, inside=inside) as made:
        yield made


def assert_named(world: World, inject: faults.Inject, cause: str, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = [world.key(), world.key("secondary"), world.redis_url()]
    inject(world)
    seen = look(world, capsys)
    assert (seen.cause, seen.others, seen.code) == (cause, [], 1), seen.words
    assert seen.report["cause"]["remedy"]
    assert not any(secret in seen.printed for secret in secrets), "a secret was printed"


@pytest.mark.parametrize("world", PLACES, indirect=True)
def test_a_healthy_stack_has_no_cause(
    world: World, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = look(world, capsys)
    assert (seen.cause, seen.others, seen.code) == (None, [], 0), seen.words
    (key,) = seen.of("key")
    assert key["status"] == ("skip" if "closed" in request.node.callspec.id else "pass")


@pytest.mark.parametrize("world", PLACES, indirect=True)
@pytest.mark.parametrize("fault", SEEN_FROM_ANYWHERE)
def test_what_resource_manager_shows_is_named(fault: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert_named(world, *SEEN_FROM_ANYWHERE[fault], capsys)


@pytest.mark.parametrize("world", [one for one in PLACES if "managed" in one], indirect=True)
@pytest.mark.parametrize("fault", SEEN_WITH_THE_VAULT)
def test_what_a_vault_shows_is_named(fault: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert_named(world, *SEEN_WITH_THE_VAULT[fault], capsys)


@pytest.mark.parametrize("world", [one for one in PLACES if "closed" not in one], indirect=True)
@pytest.mark.parametrize("fault", SEEN_IN_THE_SECRETS)
def test_what_the_secrets_show_is_named(fault: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert_named(world, *SEEN_IN_THE_SECRETS[fault], capsys)


@pytest.mark.parametrize("world", ["managed, vault closed"], indirect=True)
@pytest.mark.parametrize("fault", SEEN_IN_THE_SECRETS)
def test_what_only_the_secrets_show_is_skipped_with_the_reason_where_they_are_closed(
    fault: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    inject, _ = SEEN_IN_THE_SECRETS[fault]
    inject(world)
    seen = look(world, capsys)
    assert (seen.cause, seen.code) == (None, 0), seen.words
    (key,) = seen.of("key")
    assert key["status"] == "skip"
    assert "ForbiddenByConnection" in key["evidence"]
