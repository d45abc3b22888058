"""What Azure does, and does not do, when an app or a secret changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.values import get
from local_azure.resource_types.container_apps.secrets import re_read_references
from modules.landscape import Landscape, app_properties, assigned
from rules.apps import (
    CONTAINER,
    aged,
    app,
    grant,
    private_vault,
    public_vault,
    referring,
    revision_id,
    revisions,
    running,
    secret,
    vault,
    version_url,
    with_app,
    with_environment,
)

MULTIPLE = ("configuration.activeRevisionsMode", "Multiple")
IMAGE = f"{CONTAINER}.image"


@pytest.fixture
def landscape(tmp_path: Path) -> Landscape:
    return Landscape(tmp_path / "state.sqlite")


def re_read(item: Landscape) -> list[str]:
    with item.model.store.transaction() as transaction:
        return [revision.id.name for revision in re_read_references(transaction)]


def active(item: Landscape) -> list[str]:
    return [name for name, each in revisions(item).items() if each.properties["active"]]


def weights(item: Landscape) -> dict[str, int]:
    return {name: each.properties["trafficWeight"] for name, each in revisions(item).items()}


# -- revisions


def test_revisions_are_numbered_and_made_by_template_changes_alone(landscape: Landscape) -> None:
    with_app(landscape)
    steps: list[tuple[tuple[str, Any], str]] = [
        (("configuration.secrets", [{"name": "redis-url", "value": "another"}]), "web--0000001"),
        (("configuration.ingress.targetPort", 9000), "web--0000001"),
        (("configuration.maxInactiveRevisions", 10), "web--0000001"),
        ((f"{CONTAINER}.probes", None), "web--0000001"),
        ((IMAGE, "app:2"), "web--0000002"),
        (("template.scale", {"minReplicas": 1}), "web--0000003"),
    ]
    for change, latest in steps:
        shown = app(change)(landscape).properties
        assert (shown["latestRevisionName"], shown["latestReadyRevisionName"]) == (latest, latest), change


def test_a_number_is_given_once_even_when_its_revision_is_forgotten(landscape: Landscape) -> None:
    with_app(landscape)
    limit = ("configuration.maxInactiveRevisions", 1)
    for number in range(2, 6):
        app(limit, (IMAGE, f"app:{number}"))(landscape)
    assert list(revisions(landscape)) == ["web--0000004", "web--0000005"]


def test_a_hundred_inactive_revisions_are_kept(landscape: Landscape) -> None:
    with_app(landscape)
    for number in range(2, 104):
        app((IMAGE, f"app:{number}"))(landscape)
    assert len(revisions(landscape)) == 101
    assert "web--0000002" not in revisions(landscape)


def test_a_suffix_names_a_revision_and_leaving_it_out_makes_none(landscape: Landscape) -> None:
    with_app(landscape)
    assert app(("template.revisionSuffix", "v2"))(landscape).properties["latestRevisionName"] == "web--v2"
    assert app()(landscape).properties["latestRevisionName"] == "web--v2"
    assert app((IMAGE, "app:3"))(landscape).properties["latestRevisionName"] == "web--0000003"


def test_single_mode_has_one_active_revision(landscape: Landscape) -> None:
    with_app(landscape)
    app((IMAGE, "app:2"))(landscape)
    assert active(landscape) == ["web--0000002"]
    assert weights(landscape) == {"web--0000001": 0, "web--0000002": 100}


def test_multiple_mode_keeps_them_and_single_mode_stops_them(landscape: Landscape) -> None:
    with_environment(landscape)
    app(MULTIPLE)(landscape)
    app(MULTIPLE, (IMAGE, "app:2"))(landscape)
    assert active(landscape) == ["web--0000001", "web--0000002"]
    app((IMAGE, "app:2"))(landscape)
    assert active(landscape) == ["web--0000002"]


def test_weights_are_what_the_ingress_says(landscape: Landscape) -> None:
    with_environment(landscape)
    app(MULTIPLE)(landscape)
    shares = [{"revisionName": "web--0000001", "weight": 80}, {"latestRevision": True, "weight": 20}]
    app(MULTIPLE, (IMAGE, "app:2"), ("configuration.ingress.traffic", shares))(landscape)
    assert weights(landscape) == {"web--0000001": 80, "web--0000002": 20}


def test_traffic_may_name_the_revision_that_the_same_change_makes(landscape: Landscape) -> None:
    with_app(landscape)
    shares = [{"revisionName": "web--v2", "weight": 10}, {"revisionName": "web--0000001", "weight": 90}]
    app(MULTIPLE, ("template.revisionSuffix", "v2"), ("configuration.ingress.traffic", shares))(landscape)
    assert weights(landscape) == {"web--0000001": 90, "web--v2": 10}


def test_an_apps_deletion_takes_its_revisions_along(landscape: Landscape) -> None:
    with_app(landscape)
    landscape.delete(landscape.app)
    assert revisions(landscape) == {}
    assert app((IMAGE, "app:9"))(landscape).properties["latestRevisionName"] == "web--0000001"


# -- names and addresses


def test_what_ingress_leaves_out_has_azures_defaults(landscape: Landscape) -> None:
    with_environment(landscape)
    shown = app(("configuration.ingress", {"targetPort": 8000}))(landscape)
    domain = landscape.get(landscape.environment).properties["defaultDomain"]
    assert get(shown.body, "properties.configuration.ingress") == {
        "allowInsecure": False,
        "exposedPort": 0,
        "external": False,
        "fqdn": f"web.internal.{domain}",
        "targetPort": 8000,
        "traffic": [{"latestRevision": True, "weight": 100}],
        "transport": "Auto",
    }
    assert revisions(landscape)["web--0000001"].properties["fqdn"] == f"web--0000001.internal.{domain}"


def test_an_app_without_ingress_has_no_names(landscape: Landscape) -> None:
    with_environment(landscape)
    shown = app(("configuration.ingress", None))(landscape)
    assert shown.properties["latestRevisionFqdn"] == ""
    assert revisions(landscape)["web--0000001"].properties["fqdn"] == ""


def test_the_apps_of_an_environment_are_seen_by_its_addresses(landscape: Landscape) -> None:
    with_app(landscape)
    other = app(name="worker")(landscape).properties["outboundIpAddresses"]
    assert other == landscape.get(landscape.app).properties["outboundIpAddresses"]
    assert re.fullmatch(r"20(\.\d{1,3}){3}", other[0])


def test_an_internal_environment_has_an_address_of_its_subnet(landscape: Landscape) -> None:
    landscape.with_network()
    network = {"infrastructureSubnetId": landscape.apps_subnet, "internal": True}
    shown = landscape.put(landscape.environment, {"vnetConfiguration": network})
    assert shown.properties["staticIp"].startswith("10.0.")


# -- secrets


def test_a_changed_secret_restarts_nothing_until_someone_does(landscape: Landscape) -> None:
    with_app(landscape)
    app(("configuration.secrets", [{"name": "redis-url", "value": "new"}]))(landscape)
    assert running(landscape) == {"redis-url": "s3cret"}
    landscape.action(revision_id(landscape), "restart")
    assert running(landscape) == {"redis-url": "new"}


def test_a_new_revision_has_the_new_value(landscape: Landscape) -> None:
    with_app(landscape)
    app(("configuration.secrets", [{"name": "redis-url", "value": "new"}]), (IMAGE, "app:2"))(landscape)
    assert running(landscape, "web--0000002") == {"redis-url": "new"}
    assert running(landscape, "web--0000001") == {}, "a stopped revision runs with nothing"


def test_stopped_replicas_start_with_the_value_of_then(landscape: Landscape) -> None:
    with_app(landscape)
    landscape.action(revision_id(landscape), "deactivate")
    app(("configuration.secrets", [{"name": "redis-url", "value": "new"}]))(landscape)
    landscape.action(revision_id(landscape), "activate")
    assert running(landscape) == {"redis-url": "new"}


def test_activating_what_is_active_restarts_nothing(landscape: Landscape) -> None:
    with_app(landscape)
    app(("configuration.secrets", [{"name": "redis-url", "value": "new"}]))(landscape)
    landscape.action(revision_id(landscape), "activate")
    assert running(landscape) == {"redis-url": "s3cret"}


def test_values_stand_in_no_body(landscape: Landscape) -> None:
    private_vault(landscape)
    secret("hidden-in-vault")(landscape)
    referring()(landscape)
    with landscape.model.store.transaction() as transaction:
        bodies = str([item.body for item in transaction.under(landscape.subscription)])
    assert "hidden-in-vault" not in bodies


# -- references to a vault


def test_a_reference_without_version_is_read_again_and_restarts_what_has_it(landscape: Landscape) -> None:
    public_vault(landscape)
    referring()(landscape)
    secret("v2")(landscape)
    assert re_read(landscape) == [], "not before its time"
    assert running(landscape) == {"redis-url": "v1"}
    aged(landscape)
    assert re_read(landscape) == ["web--0000001"]
    assert running(landscape) == {"redis-url": "v2"}
    assert list(revisions(landscape)) == ["web--0000001"], "a restart is no revision"
    aged(landscape)
    assert re_read(landscape) == [], "an unchanged value restarts nothing"


def test_a_revision_without_the_variable_is_not_restarted(landscape: Landscape) -> None:
    public_vault(landscape)
    referring(*("https://kv-demo.vault.azure.net/secrets/redis-url", None), (f"{CONTAINER}.env", []))(landscape)
    secret("v2")(landscape)
    aged(landscape)
    assert re_read(landscape) == []


def test_a_reference_with_version_stays_what_it_is(landscape: Landscape) -> None:
    public_vault(landscape)
    referring(version_url(landscape))(landscape)
    secret("v2")(landscape)
    aged(landscape)
    assert re_read(landscape) == []
    assert running(landscape) == {"redis-url": "v1"}


def test_a_new_version_in_the_reference_comes_with_the_next_start(landscape: Landscape) -> None:
    public_vault(landscape)
    referring(version_url(landscape))(landscape)
    secret("v2")(landscape)
    referring(version_url(landscape))(landscape)
    assert running(landscape) == {"redis-url": "v1"}, "a changed secret restarts nothing"
    landscape.action(revision_id(landscape), "restart")
    assert running(landscape) == {"redis-url": "v2"}


def test_an_update_does_not_take_the_regular_reading_forward(landscape: Landscape) -> None:
    public_vault(landscape)
    referring()(landscape)
    secret("v2")(landscape)
    referring()(landscape)
    aged(landscape)
    assert re_read(landscape) == ["web--0000001"]


def test_what_can_no_longer_be_read_keeps_its_value(landscape: Landscape) -> None:
    public_vault(landscape)
    referring()(landscape)
    secret("v2")(landscape)
    vault(publicNetworkAccess="Disabled")(landscape)
    aged(landscape)
    assert re_read(landscape) == []
    assert running(landscape) == {"redis-url": "v1"}


def test_a_later_update_reads_every_reference_again(landscape: Landscape) -> None:
    public_vault(landscape)
    referring()(landscape)
    vault(publicNetworkAccess="Disabled")(landscape)
    with pytest.raises(Exception, match="ForbiddenByConnection"):
        referring("https://kv-demo.vault.azure.net/secrets/redis-url", None, (IMAGE, "app:2"))(landscape)
    assert list(revisions(landscape)) == ["web--0000001"]


# -- others


def test_several_containers_share_what_the_profile_has(landscape: Landscape) -> None:
    with_environment(landscape)
    containers = [
        {"name": "web", "image": "app:1", "resources": {"cpu": 0.75, "memory": "1Gi"}},
        {"name": "proxy", "image": "proxy:1", "resources": {"cpu": 0.25, "memory": "1Gi"}},
    ]
    app(("template.containers", containers))(landscape)


def test_an_image_of_a_registry_elsewhere_is_not_asked_for(landscape: Landscape) -> None:
    with_environment(landscape)
    registries = [{"server": "elsewhere.azurecr.io", "identity": landscape.identity}]
    app(("configuration.registries", registries), (IMAGE, "elsewhere.azurecr.io/shop:1"))(landscape)


def test_two_vaults_and_two_identities_each_have_their_own_rule(landscape: Landscape) -> None:
    public_vault(landscape)
    second = f"{landscape.vault}2"
    landscape.put(second, landscape.get(landscape.vault).properties | {"publicNetworkAccess": "Enabled"})
    landscape.put(f"{second}/secrets/other", {"value": "o1"}, location=None)
    other = f"{landscape.identity}-2"
    landscape.put(other)
    principal = landscape.get(other).properties["principalId"]
    role = {
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6",
    }
    name = "99999999-0000-0000-0000-000000000000"
    landscape.put(f"{second}/providers/Microsoft.Authorization/roleAssignments/{name}", role, location=None)
    own = {"name": "redis-url", "keyVaultUrl": "https://kv-demo.vault.azure.net/secrets/redis-url"}
    theirs = {"name": "other", "keyVaultUrl": "https://kv-demo2.vault.azure.net/secrets/other"}

    def put(first: str, last: str) -> object:
        secrets = [{**own, "identity": first}, {**theirs, "identity": last}]
        properties = app_properties(landscape.environment)
        properties["configuration"]["secrets"] = secrets
        return landscape.put(landscape.app, properties, identity=assigned(landscape.identity, other))

    with pytest.raises(Exception, match="using Managed identity"):
        put(other, landscape.identity)
    put(landscape.identity, other)


def test_a_role_given_twice_in_the_tree_is_enough_once(landscape: Landscape) -> None:
    public_vault(landscape)
    grant("group", name=2)(landscape)
    referring()(landscape)
