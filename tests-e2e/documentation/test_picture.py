"""The picture of the network flow shows what is deployed, and nothing else."""

import copy
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from documentation.blocks import ROOT
from tests.stack.deployment import Deployment as Stack
from tests.stack.deployment import LocalAzure, write_project
from tools.docs import picture

COMMITTED = ROOT / "docs" / "pictures" / "network-flow.svg"


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The state of the dev stack, deployed without the random suffix."""
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"))
    directory = tmp_path_factory.mktemp("project") / "program"
    write_project(directory, "dev", {"uniqueSuffix": ""})
    stack = Stack(azure, directory, "dev")
    try:
        stack.up()
        yield json.loads(stack.pulumi("stack", "export", "--stack", "dev").stdout)["deployment"]["resources"]
    finally:
        azure.run("stop", check=False)


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_committed_picture_is_that_of_the_deployed_stack(resources: Any) -> None:
    drawn = picture.draw(picture.flow(resources))
    assert drawn == COMMITTED.read_text(encoding="utf-8"), (
        'deploy dev with uniqueSuffix "", then: pulumi stack export | python -m tools.docs.picture ' + str(COMMITTED)
    )


def test_the_order_of_the_state_does_not_matter(resources: Any) -> None:
    assert picture.draw(picture.flow(resources[::-1])) == picture.draw(picture.flow(resources))


def _changed(resources: Any, kind: str, change: Any) -> list[str]:
    copied = copy.deepcopy(resources)
    for one in copied:
        if one["type"].endswith(f":{kind}"):
            change(one)
    return _texts(picture.draw(picture.flow(copied)))


def test_a_zone_that_is_linked_elsewhere_is_drawn_outside(resources: Any) -> None:
    def elsewhere(link: Any) -> None:
        link["inputs"]["virtualNetwork"]["id"] += "-other"

    assert "Zones that the network is not linked to: nobody asks them" not in _texts(COMMITTED.read_text())
    assert "Zones that the network is not linked to: nobody asks them" in _changed(
        resources, "VirtualNetworkLink", elsewhere
    )


def test_public_access_shows(resources: Any) -> None:
    def enabled(cluster: Any) -> None:
        cluster["inputs"]["publicNetworkAccess"] = "Enabled"

    assert "Azure Managed Redis, public access is on" in _changed(resources, "RedisEnterprise", enabled)


def test_an_app_that_uses_no_service_has_no_arrow(resources: Any) -> None:
    def alone(app: Any) -> None:
        app["propertyDependencies"] = {}

    assert not [text for text in _changed(resources, "ContainerApp", alone) if text.startswith("2:")]


def test_a_record_that_nobody_keeps_shows(resources: Any) -> None:
    copied = [one for one in resources if not one["type"].endswith(":PrivateDnsZoneGroup")]
    assert "without a record" in _texts(picture.draw(picture.flow(copied)))


def test_a_stack_without_a_network_is_refused() -> None:
    with pytest.raises(picture.PictureError):
        picture.flow([])
