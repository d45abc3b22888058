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
    return lambda landscape: landscape.put(landscape.group, tags=tags)


def generic(landscape: Landscape, **properties: Any) -> object:
    """Return a resource of a type that the model knows only from its schema."""
    kind = landscape.model.types.by_token("azure-native:applicationinsights:Component")
    component = ArmId.build(landscape.group, kind.arm_type, "insights")
    return landscape.put(component.text, properties)


PLACES = [
    Refusal(
        "a group without location",
        lambda landscape: None,
        lambda landscape: landscape.put(landscape.group, location=None),
        "LocationRequired",
        "location",
        group,
    ),
    Refusal(
        "a group in a region that there is not",
        lambda landscape: None,
        lambda landscape: landscape.put(landscape.group, location="westeruope"),
        "LocationNotAvailableForResourceGroup",
        "location",
        lambda landscape: landscape.put(landscape.group, location="West Europe"),
    ),
    Refusal(
        "a network in a region that there is not",
        group,
        lambda landscape: landscape.put(landscape.vnet, SPACE, location="europe"),
        "LocationNotAvailableForResourceType",
        "location",
        lambda landscape: landscape.put(landscape.vnet, SPACE, location="North Europe"),
    ),
    Refusal(
        "a group that moves",
        group,
        lambda landscape: landscape.put(landscape.group, location="northeurope"),
        "InvalidResourceGroupLocation",
        "location",
        lambda landscape: landscape.put(landscape.group, location="WestEurope"),
    ),
    Refusal(
        "a network that moves",
        all_of(group, lambda landscape: landscape.put(landscape.vnet, SPACE)),
        lambda landscape: landscape.put(landscape.vnet, SPACE, location="northeurope"),
        "InvalidResourceLocation",
        "location",
        lambda landscape: landscape.put(landscape.vnet, SPACE, location="West Europe"),
    ),
    Refusal(
        "a resource in a group that is not there",
        group,
        lambda landscape: landscape.put(landscape.vnet.replace("/rg/", "/none/"), SPACE),
        "ResourceGroupNotFound",
        "",
        lambda landscape: landscape.put(landscape.vnet.replace("/rg/", "/RG/"), SPACE),
    ),
    Refusal(
        "a name of a group that ends with a dot",
        lambda landscape: None,
        lambda landscape: landscape.put(f"{landscape.group}."),
        "InvalidResourceName",
        "rg.",
        lambda landscape: landscape.put(f"{landscape.group}.(1)"),
    ),
    Refusal(
        "a name of a group of 91 characters",
        lambda landscape: None,
        lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/{'g' * 91}"),
        "InvalidResourceName",
        "g" * 91,
        lambda landscape: landscape.put(f"{landscape.subscription}/resourceGroups/{'g' * 90}"),
    ),
]
TAGS = [
    Refusal(
        "51 tags",
        lambda landscape: None,
        tagged(**{f"t{number}": "v" for number in range(51)}),
        "InvalidTagsCount",
        "tags",
        tagged(**{f"t{number}": "v" for number in range(50)}),
    ),
    Refusal(
        "a slash in a tag's name",
        lambda landscape: None,
        tagged(**{"cost/centre": "v"}),
        "InvalidTagNameCharacters",
        "tags.cost/centre",
        tagged(**{"cost-centre": "a/b"}),
    ),
    Refusal(
        "a tag's name of 513 characters",
        lambda landscape: None,
        tagged(**{"n" * 513: "v"}),
        "InvalidTagNameLength",
        "tags",
        tagged(**{"n" * 512: "v"}),
    ),
    Refusal(
        "a tag's value of 257 characters",
        lambda landscape: None,
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
        lambda landscape: generic(landscape, WorkspaceResourceId=landscape.workspace),
        "ResourceNotFound",
        "properties.WorkspaceResourceId",
        all_of(
            lambda landscape: landscape.put(landscape.workspace),
            lambda landscape: generic(landscape, WorkspaceResourceId=landscape.workspace),
        ),
    ),
    Refusal(
        "an id that names nothing, deep in a body",
        group,
        lambda landscape: landscape.put(
            landscape.vnet,
            {**SPACE, "ddosProtectionPlan": {}, "bastions": [{"properties": {"subnet": {"id": landscape.vnet + "x"}}}]},
        ),
        "InvalidResourceReference",
        "properties.bastions[0].properties.subnet.id",
        lambda landscape: landscape.put(
            landscape.vnet, {**SPACE, "bastions": [{"properties": {"subnet": {"id": landscape.vnet}}}]}
        ),
    ),
    Refusal(
        "an environment that is a network",
        lambda landscape: landscape.with_network().with_apps(),
        lambda landscape: landscape.put(f"{landscape.app}2", app_properties(landscape.vnet)),
        "ContainerAppInvalidEnvironmentId",
        "properties.environmentId",
        lambda landscape: landscape.put(f"{landscape.app}2", app_properties(landscape.environment)),
    ),
]


@pytest.mark.parametrize("refusal", [*PLACES, *TAGS, *IDS], ids=str)
def test_azure_refuses(refusal: Refusal, tmp_path: Path) -> None:
    check(refusal, tmp_path)


def test_what_a_tag_says_is_nothing_to_check(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.put(landscape.group, tags={"ownerId": landscape.workspace})


def test_a_body_that_was_read_can_be_sent_back(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.with_network().with_cache().with_zone().with_endpoint().with_vault().with_apps()
    before = landscape.get(landscape.vnet)
    landscape.model.put(before.id, before.body)
    assert [each["name"] for each in landscape.get(landscape.vnet).properties["subnets"]] == ["apps", "endpoints"]


# -- two writes at once


def begin(landscape: Landscape, resource_id: str, properties: dict[str, Any], seconds: float = 60.0) -> None:
    """Begin a write that takes time, and is not done yet."""
    landscape.model.put(ArmId.parse(resource_id), {"properties": properties}, outcome=OperationOutcome(seconds))


def test_two_writes_to_one_network_at_a_time_are_refused(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite").with_network()
    begin(landscape, f"{landscape.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"})
    before = everything(landscape)
    for path, properties in (
        (f"{landscape.vnet}/subnets/second", {"addressPrefix": "10.0.4.0/24"}),
        (landscape.vnet, SPACE),
        (landscape.endpoints_subnet, {"addressPrefix": "10.0.2.0/24"}),
    ):
        with pytest.raises(AzureError) as caught:
            landscape.put(path, properties)
        assert (caught.value.code, caught.value.status) == ("AnotherOperationInProgress", HTTPStatus.TOO_MANY_REQUESTS)
    with pytest.raises(AzureError, match="AnotherOperationInProgress"):
        landscape.delete(landscape.endpoints_subnet)
    assert everything(landscape) == before


def test_writes_to_two_networks_do_not_meet(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite").with_network()
    landscape.put(f"{landscape.vnet}2", SPACE)
    begin(landscape, f"{landscape.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"})
    landscape.put(f"{landscape.vnet}2/subnets/first", {"addressPrefix": "10.0.3.0/24"}, location=None)


def test_a_write_after_the_other_is_accepted(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite").with_network()
    begin(landscape, f"{landscape.vnet}/subnets/first", {"addressPrefix": "10.0.3.0/24"}, seconds=0.0)
    landscape.put(f"{landscape.vnet}/subnets/second", {"addressPrefix": "10.0.4.0/24"}, location=None)


def test_a_subnet_that_is_being_written_takes_no_endpoint(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite").with_network().with_cache()
    begin(landscape, landscape.endpoints_subnet, {"addressPrefix": "10.0.2.0/24"})
    with pytest.raises(AzureError) as caught:
        landscape.with_endpoint()
    assert caught.value.code == "ReferencedResourceNotProvisioned"
    assert caught.value.target == "properties.subnet.id"


def test_a_database_is_written_with_its_cluster(tmp_path: Path) -> None:
    landscape = Landscape(tmp_path / "state.sqlite")
    landscape.put(landscape.group)
    landscape.with_cache()
    begin(landscape, landscape.database, {"evictionPolicy": "NoEviction"})
    with pytest.raises(AzureError) as caught:
        landscape.put(landscape.cache, sku={"name": "Balanced_B1"})
    assert (caught.value.code, caught.value.status) == ("Conflict", HTTPStatus.CONFLICT)
