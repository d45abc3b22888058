"""Injected faults: affected operations, their number and effects; and drift."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from local_azure.arm.web import refuse
from local_azure.cli import fault_commands
from local_azure.cli.main import main
from local_azure.control_plane import drift
from local_azure.core import faults
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault
from local_azure.core.ids import ArmId
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.provider.pipeline import Pipeline
from local_azure.provider.servicer import PartialFailureError
from local_azure.resource_types import service_links
from local_azure.resource_types.authorization import roles_in_force
from local_azure.system.paths import Home
from modules.landscape import SECRETS_USER, Engine
from modules.timed import Timed

CACHE = {"sku": {"name": "Standard", "family": "C", "capacity": 1}}
PRINCIPAL = "00000000-0000-0000-0000-0000000000aa"


@pytest.fixture
def azure(tmp_path: Path) -> Timed:
    timed = Timed(tmp_path / "state.sqlite", latency="none")
    timed.put(timed.group)
    return timed


# -- which operations


@pytest.mark.parametrize(
    ("fault", "operation", "hit"),
    [
        (Fault("fail"), "create", True),
        (Fault("fail"), "delete", True),
        (Fault("fail"), "read", False),
        (Fault("fail"), "listKeys", False),
        (Fault("fail", operation="any"), "read", True),
        (Fault("fail", operation="read, listkeys"), "listKeys", True),
        (Fault("fail", operation="update"), "create", False),
        (Fault("fail", type="microsoft.cache/*"), "create", True),
        (Fault("fail", type="Microsoft.Cache/redisEnterprise"), "create", False),
        (Fault("fail", name="CLASS*"), "create", True),
        (Fault("fail", name="other"), "create", False),
        (Fault("fail", name="/subscriptions/*/resourceGroups/rg/*"), "create", True),
        (Fault("fail", name="/subscriptions/*/resourceGroups/other/*"), "create", False),
    ],
)
def test_a_fault_hits_what_its_patterns_name(azure: Timed, fault: Fault, operation: str, hit: bool) -> None:
    assert fault.affects(operation, ArmId.parse(azure.classic)) is hit


# -- what they do


def test_an_operation_fails_as_often_as_asked_and_leaves_nothing(azure: Timed) -> None:
    azure.add_fault(Fault("fail", type="Microsoft.Cache/redis", code="SkuNotAvailable"), times=2)
    for _ in range(2):
        with pytest.raises(AzureError) as refused:
            azure.request_put(azure.classic, CACHE)
        assert (refused.value.code, refused.value.status) == ("SkuNotAvailable", HTTPStatus.CONFLICT)
        assert not azure.exists(azure.classic)
    azure.request_put(azure.classic, CACHE)
    assert azure.faults() == []


def test_a_fault_without_number_stays(azure: Timed) -> None:
    azure.add_fault(Fault("fail", operation="delete", code="ScopeLocked"))
    azure.request_put(azure.classic, CACHE)
    for _ in range(3):
        with pytest.raises(AzureError):
            azure.request_delete(azure.classic)
    assert azure.faults() == ["1  delete of * '*' fails with ScopeLocked  (always)"]


def test_faults_stay_over_a_restart(azure: Timed) -> None:
    azure.add_fault(Fault("fail", code="QuotaExceeded"), times=1)
    azure.restart()
    with pytest.raises(AzureError):
        azure.request_put(azure.classic, CACHE)


def test_throttling_says_when_to_come_back(azure: Timed) -> None:
    azure.add_fault(Fault("throttle", code="TooManyRequests", status=429, retry_after=17))
    with pytest.raises(AzureError) as refused:
        azure.request_put(azure.classic, CACHE)
    assert (refused.value.status, refused.value.retry_after) == (HTTPStatus.TOO_MANY_REQUESTS, 17)


def test_a_client_is_told_so_in_a_header() -> None:
    throttled = AzureError("TooManyRequests", "Later.", status=HTTPStatus.TOO_MANY_REQUESTS, retry_after=17)
    assert refuse(throttled).headers["Retry-After"] == "17"
    assert "Retry-After" not in refuse(AzureError("BadRequest", "No.")).headers


def test_slowness_adds_up_and_holds_up_nothing_else(azure: Timed) -> None:
    azure.add_fault(Fault("slow", type="Microsoft.Cache/redis", seconds=30))
    azure.add_fault(Fault("slow", seconds=5))
    azure.request_put(azure.classic, CACHE)
    azure.after(34)
    assert azure.state(azure.classic) == "Creating"
    azure.request_put(azure.vnet, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
    azure.after(1)
    assert azure.state(azure.classic) == "Succeeded"


def test_an_accepted_operation_that_fails_leaves_the_resource_failed_until_it_is_put_again(azure: Timed) -> None:
    azure.add_fault(Fault("slow", seconds=5), times=1)
    azure.add_fault(Fault("fail", code="OperationFailed", message="No capacity.", stage="accepted"), times=1)
    azure.request_put(azure.classic, CACHE)
    assert azure.state(azure.classic) == "Creating"
    azure.complete_operations()
    assert azure.state(azure.classic) == "Failed"
    _, failure = azure.model.progress(ArmId.parse(azure.classic))
    assert failure
    assert (failure.code, failure.message) == ("OperationFailed", "No capacity.")
    azure.request_put(azure.classic, CACHE)
    assert azure.state(azure.classic) == "Succeeded"


def test_an_accepted_deletion_that_fails_leaves_the_resource(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    azure.add_fault(Fault("fail", code="OperationFailed", stage="accepted"), times=1)
    azure.request_delete(azure.classic)
    assert azure.state(azure.classic) == "Failed"
    azure.request_delete(azure.classic)
    assert azure.state(azure.classic) is None


def test_what_has_no_provisioning_state_fails_at_once(azure: Timed) -> None:
    azure.add_fault(Fault("fail", code="OperationFailed", stage="accepted"))
    with pytest.raises(AzureError):
        azure.model.evaluate_faults("put", ArmId.parse(f"{azure.vault}/secrets/one"))


def test_the_engine_records_what_was_accepted_and_failed(azure: Timed) -> None:
    azure.add_fault(Fault("fail", code="OperationFailed", message="No capacity.", stage="accepted"), times=1)
    engine = Engine(AzureNativeProvider(azure.model))
    engine.configure(location="westeurope")
    inputs = {"resourceGroupName": "rg", "name": "classic", "location": "westeurope", **CACHE}
    with pytest.raises(PartialFailureError) as failed:
        engine.create("azure-native:redis:Redis", inputs)
    assert failed.value.resource_id == azure.classic
    assert failed.value.outputs["provisioningState"].value == "Failed"
    assert failed.value.reason == 'Code="OperationFailed" Message="No capacity."'


CLUSTER = {"publicNetworkAccess": "Disabled"}


def refusal(do: Callable[[], object]) -> tuple[str, HTTPStatus]:
    """Return the code and status with which a request is refused."""
    with pytest.raises(AzureError) as refused:
        do()
    return refused.value.code, refused.value.status


def test_a_cache_for_which_there_is_no_room_stays_failed_until_it_is_deleted(azure: Timed) -> None:
    assert main_adds(azure, "no-capacity", "--once")

    def create() -> object:
        target = ArmId.parse(azure.cache)
        body = {"location": "westeurope", "sku": {"name": "Balanced_B0"}, "properties": CLUSTER}
        return azure.model.put(target, body, outcome=azure.model.evaluate_faults("put", target))

    create()
    assert azure.state(azure.cache) == "Failed"
    _, failure = azure.model.progress(ArmId.parse(azure.cache))
    assert failure
    assert failure.code == "InsufficientCapacity"
    assert refusal(create) == ("Conflict", HTTPStatus.CONFLICT)
    azure.request_delete(azure.cache)
    create()
    assert azure.state(azure.cache) == "Succeeded"


def main_adds(azure: Timed, *arguments: str) -> bool:
    """Put a fault in by the command."""
    parser = argparse.ArgumentParser()
    fault_commands.add_parser(parser.add_subparsers())
    home = Home(azure.path.parent)
    assert home.state == azure.path
    return fault_commands.run(home, parser.parse_args(["faults", "add", *arguments])) == 0


def test_a_cache_is_busy_until_it_is_running_though_its_operation_has_ended(azure: Timed) -> None:
    azure.with_network().with_cache()
    database = ArmId.parse(azure.database)
    assert main_adds(azure, "late-running", "--type", "Microsoft.Cache/redisEnterprise/databases", "--seconds", "60")
    settings = azure.get(azure.database).properties

    def update() -> object:
        outcome = azure.model.evaluate_faults("put", database)
        return azure.model.put(database, {"properties": settings}, outcome=outcome)

    update()
    assert azure.state(azure.database) == "Succeeded", "the operation has ended"
    assert azure.get(azure.database).properties["resourceState"] == "Updating"
    assert azure.get(azure.cache).properties["resourceState"] == "Running"
    with azure.model.store.transaction() as transaction:
        faults.clear(transaction)
    busy = ("Conflict", HTTPStatus.CONFLICT)
    assert refusal(update) == busy
    assert refusal(lambda: azure.put(azure.cache, CLUSTER, sku={"name": "Balanced_B1"})) == busy
    assert refusal(lambda: azure.action(azure.database, "listKeys")) == busy
    assert refusal(azure.with_endpoint) == ("ReferencedResourceNotProvisioned", HTTPStatus.CONFLICT)
    azure.after(60)
    assert azure.get(azure.database).properties["resourceState"] == "Running"
    assert azure.action(azure.database, "listKeys")
    azure.with_endpoint()
    update()


def test_at_azures_pace_a_cache_is_running_a_while_after_its_operation(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite")
    azure.put(azure.group)
    target = ArmId.parse(azure.cache)
    body = {"location": "westeurope", "sku": {"name": "Balanced_B0"}, "properties": CLUSTER}
    azure.model.put(target, body, outcome=azure.model.evaluate_faults("put", target))
    seconds, _ = azure.model.progress(target)
    azure.after(seconds)
    assert azure.model.progress(target) == (0, None)
    assert azure.get(azure.cache).properties["resourceState"] == "Creating"
    assert refusal(lambda: azure.put(azure.database, {}, location=None)) == ("Conflict", HTTPStatus.CONFLICT)
    azure.complete_operations()
    assert azure.get(azure.cache).properties["resourceState"] == "Running"
    azure.put(azure.database, {}, location=None)


def test_a_subnet_stays_held_by_an_environment_that_was_deleted(azure: Timed) -> None:
    environment = {"vnetConfiguration": {"infrastructureSubnetId": azure.apps_subnet}}
    azure.with_network().put(azure.environment, environment)
    azure.delete(azure.environment)
    azure.put(azure.environment, environment)
    number = azure.add_fault(Fault("subnet-held", type="Microsoft.Network/virtualNetworks/subnets"))
    azure.put(azure.environment, environment)
    azure.delete(azure.environment)
    in_use = ("ManagedEnvironmentSubnetInUse", HTTPStatus.BAD_REQUEST)
    assert refusal(lambda: azure.put(azure.environment, environment)) == in_use
    assert refusal(lambda: azure.delete(azure.apps_subnet)) == ("InUseSubnetCannotBeDeleted", HTTPStatus.CONFLICT)
    with azure.model.store.transaction() as transaction:
        faults.clear(transaction, number)
    azure.put(azure.environment, environment)
    azure.delete(azure.environment)
    azure.delete(azure.apps_subnet)


def test_at_azures_pace_a_subnet_is_held_for_a_while(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite")
    environment = {"vnetConfiguration": {"infrastructureSubnetId": azure.apps_subnet}}
    azure.with_network().put(azure.environment, environment)
    azure.delete(azure.environment)
    refused = refusal(lambda: azure.put(azure.environment, environment))
    assert refused == ("ManagedEnvironmentSubnetInUse", HTTPStatus.BAD_REQUEST)
    azure.after(service_links.HOLD_SECONDS)
    azure.put(azure.environment, environment)
    azure.delete(azure.environment)
    azure.delete(azure.apps_subnet)


def test_a_role_that_never_takes_effect(azure: Timed) -> None:
    role = f"{azure.group}/providers/Microsoft.Authorization/roleAssignments/{PRINCIPAL[:-2]}01"
    definition = {"roleDefinitionId": SECRETS_USER, "principalId": PRINCIPAL, "principalType": "ServicePrincipal"}
    number = azure.add_fault(Fault("role-never-effective", type="Microsoft.Authorization/roleAssignments"))
    azure.request_put(role, definition)

    def in_force() -> set[str]:
        with azure.model.store.transaction() as transaction:
            return roles_in_force(transaction, PRINCIPAL, azure.group)

    azure.complete_operations()
    assert in_force() == set()
    assert azure.exists(role)
    with azure.model.store.transaction() as transaction:
        faults.clear(transaction, number)
    assert in_force() == {SECRETS_USER.rsplit("/", 1)[-1]}


# -- drift


@pytest.fixture
def network(azure: Timed) -> Timed:
    azure.with_network().with_cache().with_zone().with_endpoint().with_vault()
    return azure


def cause_drift(azure: Timed, kind: str, resource_type: str = "*", name: str = "*") -> list[str]:
    return [one.text for one, _ in drift.cause_drift(azure.model, kind, resource_type, name)]


def test_a_dns_link_goes(network: Timed) -> None:
    link = f"{network.zone}/virtualNetworkLinks/vnet"
    assert cause_drift(network, "dns-link-removed") == [link]
    assert not network.exists(link)
    assert cause_drift(network, "dns-link-removed") == []


def test_a_connection_is_rejected_on_both_sides(network: Timed) -> None:
    assert cause_drift(network, "endpoint-rejected", name="pep") == [network.endpoint]
    endpoint = network.get(network.endpoint).properties["privateLinkServiceConnections"][0]
    (seen,) = network.get(network.cache).properties["privateEndpointConnections"]
    for connection in (endpoint, seen):
        assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Rejected"


def test_a_key_is_regenerated(network: Timed) -> None:
    before = network.action(network.database, "listKeys")
    assert cause_drift(network, "key-regenerated") == [network.database]
    after = network.action(network.database, "listKeys")
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]


def test_public_access_is_switched_on_where_it_was_off(network: Timed) -> None:
    assert cause_drift(network, "public-access-on", resource_type="Microsoft.KeyVault/*") == [network.vault]
    assert network.get(network.vault).properties["publicNetworkAccess"] == "Enabled"
    assert network.vault not in cause_drift(network, "public-access-on")


# -- the command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_command_adds_lists_and_clears(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "list"]) == 0
    assert main(["faults", "add", "fail", "--type", "Microsoft.App/*", "--code", "Conflict", "--once"]) == 0
    assert main(["faults", "add", "throttle", "--retry-after", "3", "--times", "2"]) == 0
    assert main(["faults", "add", "slow", "--seconds", "1.5"]) == 0
    assert main(["faults", "add", "role-never-effective"]) == 0
    capsys.readouterr()
    assert main(["faults", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1  write of Microsoft.App/* '*' fails with Conflict  (1 more time)",
        "2  write of * '*' is throttled (429 TooManyRequests, Retry-After 3)  (2 more times)",
        "3  write of * '*' takes 1.5 s more  (always)",
        "4  Microsoft.Authorization/roleAssignments '*' never takes effect  (always)",
    ]
    assert main(["faults", "clear", "2"]) == 0
    assert main(["faults", "clear", "2"]) == 1
    assert main(["faults", "clear"]) == 0
    capsys.readouterr()
    main(["faults", "list"])
    assert capsys.readouterr().out == "no faults\n"


def test_the_command_says_when_there_is_nothing_to_change(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "add", "key-regenerated", "--name", "nowhere"]) == 1
    assert "no resource matches --type '*' --name 'nowhere'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fail"],
        ["fail", "--code", "x", "--once", "--times", "2"],
        ["throttle", "--retry-after", "0"],
        ["slow"],
        ["unheard-of"],
    ],
)
def test_the_command_refuses_what_makes_no_sense(home: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["faults", "add", *arguments])
    assert ended.value.code == 2


def test_a_status_that_is_no_errors_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "add", "fail", "--code", "x", "--status", "200"]) == 1
    assert "400 to 599" in capsys.readouterr().err


def test_status_shows_what_there_is_and_what_ails(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    azure = Timed(home / "state.sqlite")
    azure.with_network().with_cache().with_zone().with_endpoint()
    drift.cause_drift(azure.model, "endpoint-rejected", "*", "*")
    azure.add_fault(Fault("slow", seconds=3))
    assert main(["status"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["Microsoft.Network/virtualNetworks", "1", "healthy"] for line in lines)
    assert f"  connection Rejected: {azure.endpoint}" in lines
    assert "latency: as on Azure, divided by 1 (start --latency none|azure, --speedup N)" in lines
    assert lines[-1] == "  1  write of * '*' takes 3 s more  (always)"


def test_the_pipeline_waits_for_no_more_than_its_engine(azure: Timed) -> None:
    """A cancelled engine's wait ends, another one's does not."""
    pipeline = Pipeline(azure.model)
    first, second = None, None

    async def greet() -> None:
        nonlocal first, second
        first, second = pipeline.greet("one"), pipeline.greet("other")
        pipeline.end_waits("one")

    asyncio.run(greet())
    assert first
    assert second
    assert (first.is_set(), second.is_set()) == (True, False)
