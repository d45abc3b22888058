"""What Azure refuses of any resource: places, tags, names, and ids that name nothing; and two writes at once."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.azure_error import AzureError
from local_azure.core.faults import OperationOutcome
from local_azure.core.ids import ArmId
from modules.landscape import Landscape, app_properties
from rules.cases import Refusal, Step, all_of, check, everything, group

SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
WORKSPACE_OF_ENVIRONMENT = "properties.workspaceResourceId"


def tagged(**tags: str) -> Step:
    """Return a group with tags."""
    return lambda one: one.put(one.group, tags=tags)


def generic(one: Landscape, **properties: Any) -> object:
    """Return a resource of a type that the model knows only from its schema."""
    kind = one.model.types.by_token("azure-native:applicationinsights:Component")
    component = ArmId.build(one.group, kind.arm_type, "insights")
    return one.put(component.text, properties)


PLACES = [
    Refusal(
        "a group without location",
        lambda one: None,
        lambda one: one.put(one.group, location=None),
        "LocationRequired",
        "location",
        group,
    ),
    Refusal(
        "a group in a region that there is not",
        lambda one: None,
        lambda one: one.put(one.group, location="westeruope"),
        "LocationNotAvailableForResourceGroup",
        "location",
        lambda one: one.put(one.group, location="West Europe"),
    ),
    Refusal(
        "a network in a region that there is not",
        group,
        lambda one: one.put(one.vnet, SPACE, location="europe"),
        "LocationNotAvailableForResourceType",
        "location",
        lambda one: one.put(one.vnet, SPACE, location="North Europe"),
    ),
    Refusal(
        "a group that moves",
        group,
        lambda one: one.put(one.group, location="northeurope"),
        "InvalidResourceGroupLocation",
        "location",
        lambda one: one.put(one.group, location="WestEurope"),
    ),
    Refusal(
        "a network that moves",
        all_of(group, lambda one: one.put(one.vnet, SPACE)),
        lambda one: one.put(one.vnet, SPACE, location="northeurope"),
        "InvalidResourceLocation",
        "location",
        lambda one: one.put(one.vnet, SPACE, location="West Europe"),
    ),
    Refusal(
        "a resource in a group that is not there",
        group,
        lambda one: one.put(one.vnet.replace("/rg/", "/none/"), SPACE),
        "ResourceGroupNotFound",
        "",
        lambda one: one.put(one.vnet.replace("/rg/", "/RG/"), SPACE),
    ),
    Refusal(
        "a name of a group that ends with a dot",
        lambda one: None,
        lambda one: one.put(f"{one.group}."),
        "InvalidResourceName",
        "rg.",
        lambda one: one.put(f"{one.group}.(1)"),
    ),
    Refusal(
        "a name of a group of 91 characters",
        lambda one: None,
        lambda one: one.put(f"{one.subscription}/resourceGroups/{'g' * 91}"),
        "InvalidResourceName",
        "g" * 91,
        lambda one: one.put(f"{one.subscription}/resourceGroups/{'g' * 90}"),
    ),
]
TAGS = [
    Refusal(
        "51 tags",
        lambda one: None,
        tagged(**{f"t{number}": "v" for number in range(51)}),
        "InvalidTagsCount",
        "tags",
        tagged(**{f"t{number}": "v" for number in range(50)}),
    ),
    Refusal(
        "a slash in a tag's name",
        lambda one: None,
        tagged(**{"cost/centre": "v"}),
        "InvalidTagNameCharacters",
        "tags.cost/centre",
        tagged(**{"cost-centre": "a/b"}),
    ),
    Refusal(
        "a tag's name of 513 characters",
        lambda one: None,
        tagged(**{"n" * 513: "v"}),
        "InvalidTagNameLength",
        "tags",
        tagged(**{"n" * 512: "v"}),
    ),
    Refusal(
        "a tag's value of 257 characters",
        lambda one: None,
        tagged(name="v" * 257),
        "InvalidTagValueLength",
        "tags.name",
        tagged(name="v" * 256),
    ),
]
IDS = [
    Refusal(
        "an id that names nothing, in a type that nobody declared",
        group,
        lambda one: generic(one, WorkspaceResourceId=one.workspace),
        "ResourceNotFound",
        "properties.WorkspaceResourceId",
        all_of(lambda one: one.put(one.workspace), lambda one: generic(one, WorkspaceResourceId=one.workspace)),
    ),
    Refusal(
        "an id that names nothing, deep in a body",
        group,
        lambda one: one.put(
            one.vnet,
            {**SPACE, "ddosProtectionPlan": {}, "bastions": [{"properties": {"subnet": {"id": one.vnet + "x"}}}]},
        ),
        "InvalidResourceReference",
        "properties.bastions[0].properties.subnet.id",
        lambda one: one.put(one.vnet, {**SPACE, "bastions": [{"properties": {"subnet": {"id": one.vnet}}}]}),
    ),
    Refusal(
        "an environment that is a network",
        lambda one: one.with_network().with_apps(),
        lambda one: one.put(f"{one.app}2", app_properties(one.vnet)),
        "ContainerAppInvalidEnvironmentId",
        "properties.environmentId",
        lambda one: one.put(f"{one.app}2", app_properties(one.environment)),
    ),
]


@pytest.mark.parametrize("refusal", [*PLACES, *TAGS, *IDS], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_what_a_tag_says_is_nothing_to_check(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    one.put(one.group, tags={"ownerId": one.workspace})


def test_a_body_that_was_read_can_be_sent_back(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    one.with_network().with_cache().with_zone().with_endpoint().with_vault().with_apps()
    before = one.get(one.vnet)
    one.model.put(before.id, before.body)
    assert [each["name"] for each in one.get(one.vnet).properties["subnets"]] == ["apps", "endpoints"]


# -- two writes at once


def begin(one: Landscape, resource_id: str, properties: dict[str, Any], seconds: float = 60.0) -> None:
    """Begin a write that takes time, and is not done yet."""
    one.model.put(ArmId.parse(resource_id), {"properties": properties}, outcome=OperationOutcome(seconds))


def test_two_writes_to_one_network_at_a_time_are_refused(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite").with_network()
    begin(one, f"{one.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"})
    before = everything(one)
    for path, properties in (
        (f"{one.vnet}/subnets/second", {"addressPrefix": "10.0.4.0/24"}),
        (one.vnet, SPACE),
        (one.endpoints_subnet, {"addressPrefix": "10.0.2.0/24"}),
    ):
        with pytest.raises(AzureError) as caught:
            one.put(path, properties)
        assert (caught.value.code, caught.value.status) == ("AnotherOperationInProgress", HTTPStatus.TOO_MANY_REQUESTS)
    with pytest.raises(AzureError, match="AnotherOperationInProgress"):
        one.delete(one.endpoints_subnet)
    assert everything(one) == before


def test_writes_to_two_networks_do_not_meet(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite").with_network()
    one.put(f"{one.vnet}2", SPACE)
    begin(one, f"{one.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"})
    one.put(f"{one.vnet}2/subnets/first", {"addressPrefix": "10.0.3.0/24"}, location=None)


def test_a_write_after_the_other_is_accepted(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite").with_network()
    begin(one, f"{one.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"}, seconds=0.0)
    one.put(f"{one.vnet}/subnets/second", {"addressPrefix": "10.0.4.0/24"}, location=None)


def test_a_subnet_that_is_being_written_takes_no_endpoint(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite").with_network().with_cache()
    begin(one, one.endpoints_subnet, {"addressPrefix": "10.0.2.0/24"})
    with pytest.raises(AzureError) as caught:
        one.with_endpoint()
    assert caught.value.code == "ReferencedResourceNotProvisioned"
    assert caught.value.target == "properties.subnet.id"


def test_a_database_is_written_with_its_cluster(tmp_path: Path) -> None:
    one = Landscape(tmp_path / "state.sqlite")
    one.put(one.group)
    one.with_cache()
    begin(one, one.database, {"evictionPolicy": "NoEviction"})
    with pytest.raises(AzureError) as caught:
        one.put(one.cache, sku={"name": "Balanced_B1"})
    assert (caught.value.code, caught.value.status) == ("Conflict", HTTPStatus.CONFLICT)
