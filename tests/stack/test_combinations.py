"""Settings that could meet badly, each pair of them at least once, deployed twice by the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stack.deployment import Deployment, LocalAzure

Deploy = Callable[..., Deployment]

TWO_WORKERS = [
    {"name": "mail", "queues": ["mail", "sms"]},
    {"name": "reports", "queues": ["reports"], "minReplicas": 1},
]
FACTORS = ("classic", "dedicated", "references", "beat", "registry", "workers", "extras")
"""``extras``: further variables and secrets, alerts, zone redundancy, hosts."""

# An orthogonal array of strength two: every pair of factors takes all four pairs of values.
ROWS = ("0000000", "1010101", "0110011", "1100110", "0001111", "1011010", "0111100", "1101001")
"""test_lifecycle.py deploys the first."""
PROJECT = "shop-platform"
"""Another name of the project, which none of Azure's names contains."""

SLOW = pytest.mark.slow("combinations of settings")

SHARED = """
name: shared
runtime: python
"""
SHARED_PROGRAM = """
import pulumi
from pulumi_azure_native import containerregistry, resources

group = resources.ResourceGroup("shared", resource_group_name="rg-shared")
registry = containerregistry.Registry(
    "registry", registry_name="contoso", resource_group_name=group.name, sku={"name": "Basic"}
)
pulumi.export("registry", {"id": registry.id, "server": registry.login_server})
"""


@pytest.fixture(scope="module")
def registry(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Deploy a container registry of another program."""
    directory = tmp_path_factory.mktemp("shared")
    (directory / "Pulumi.yaml").write_text(SHARED)
    (directory / "Pulumi.shared.yaml").write_text("config:\n  azure-native:location: westeurope\n")
    (directory / "__main__.py").write_text(SHARED_PROGRAM)
    shared = Deployment(local_azure, directory, "shared")
    shared.up()
    return shared.outputs()["registry"]


def test_the_rows_hold_every_pair_of_values() -> None:
    for first in range(len(FACTORS)):
        for second in range(first):
            pairs = {(row[first], row[second]) for row in ROWS}
            assert len(pairs) == 4, f"{FACTORS[first]} and {FACTORS[second]}"


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, marks=[] if row == ROWS[1] else SLOW) for row in ROWS[1:]],
)
def test_a_combination_deploys_and_the_second_time_nothing_changes(
    deploy: Deploy, registry: dict[str, Any], row: str
) -> None:
    on = {name: value == "1" for name, value in zip(FACTORS, row, strict=True)}
    settings: dict[str, Any] = {
        "redis": {
            "service": "classic" if on["classic"] else "managed",
            "dedicatedBroker": on["dedicated"],
            **({"sku": "Standard_C1"} if on["classic"] and on["extras"] else {}),
        },
        "useKeyVaultReferences": on["references"],
        "beat": {"enabled": on["beat"]},
        "workers": TWO_WORKERS if on["workers"] else [{"name": "worker"}],
    }
    if on["registry"]:
        settings["registry"] = registry
    if on["extras"]:
        settings |= {
            "zoneRedundant": True,
            "env": {"LOG_LEVEL": "debug"},
            "secretEnv": {"API_KEY": "not for anybody else's eyes"},
            "alerts": {"emails": ["team@example.org"]},
            "web": {"hosts": ["www.example.org"]},
            "keyVault": {"purgeProtection": True},
        }
    stack = deploy(project=PROJECT, **settings)
    assert {step.operation for step in stack.up()} == {"create"}
    assert stack.up() == []
    expected = {"apps-web", *(["apps-mail", "apps-reports"] if on["workers"] else ["apps-worker"])}
    assert stack.revisions().keys() == expected | ({"apps-beat"} if on["beat"] else set())
    assert PROJECT in stack.resource("keyvault:Vault")["urn"]
    assert stack.outputs()["resourceGroupName"].startswith("rg-westeurope-magictoolbox-dev-")
    assert not [one["id"] for one in stack.resources() if PROJECT in one.get("id", "")]


def test_prod_deploys_and_the_second_time_nothing_changes(deploy: Deploy) -> None:
    stack = deploy("unused")
    stack.stack = "prod"
    stack.configure("rolePropagationSeconds", 0)
    stack.up()
    assert stack.up() == []
    outputs = stack.outputs()
    assert outputs["redisHostName"] != outputs["brokerHostName"]
