"""Long-running operations: their states, the requests that are refused meanwhile, and their completion without a
client."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest

from local_azure.core import latency, options
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault
from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.provider.pipeline import BACKOFF_SECONDS, Pipeline, is_retried
from local_azure.resource_types import TypeRegistry
from modules.landscape import Engine, app_properties, assigned, vault_properties
from modules.timed import Timed

NETWORK = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
SUBNET = {"addressPrefix": "10.0.1.0/24"}
CACHE = {"sku": {"name": "Standard", "family": "C", "capacity": 1}}


@pytest.fixture
def azure(tmp_path: Path) -> Timed:
    timed = Timed(tmp_path / "state.sqlite")
    timed.put(timed.group)
    return timed


# -- the table


def test_every_time_has_its_source_and_every_type_of_the_program_its_time() -> None:
    for kind in TypeRegistry():
        if kind.token and kind.arm_type.lower() not in latency._BY_KEY:
            continue
        typical = latency.typical(kind.arm_type)
        assert typical.source
        assert min(typical.create, typical.update, typical.delete, typical.action) > 0


def test_a_type_that_is_not_in_the_table_takes_the_time_of_a_small_resource() -> None:
    assert latency.typical("Contoso.Widgets/widgets").create == latency.typical("Contoso.Gadgets/gadgets").create > 0


def test_names_of_types_ignore_case() -> None:
    assert latency.typical("MICROSOFT.CACHE/REDIS") == latency.typical("Microsoft.Cache/redis")


def test_an_operation_of_no_name_of_its_own_is_an_action() -> None:
    typical = latency.typical("Microsoft.Cache/redis")
    assert typical.seconds("regenerateKey") == typical.action
    assert typical.seconds("read") == latency.READ


# -- options


def test_no_time_passes_unless_asked_for(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite", latency="none")
    azure.request_put(azure.group)
    azure.request_put(azure.classic, CACHE)
    assert azure.state(azure.classic) == "Succeeded"


def test_options_stay_with_the_state(tmp_path: Path) -> None:
    Timed(tmp_path / "state.sqlite", latency="azure", speedup=60.0)
    with Store(tmp_path / "state.sqlite").transaction() as transaction:
        kept = options.read(transaction)
        assert (kept.latency, kept.speedup, kept.pace) == ("azure", 60.0, 1 / 60)
        assert options.change(transaction, speedup=2.0).latency == "azure"


def test_speed_divides_the_time(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite", speedup=60.0)
    azure.put(azure.group)
    outcome = azure.model.evaluate_faults("put", ArmId.parse(azure.classic))
    assert outcome.seconds == latency.typical("Microsoft.Cache/redis").create / 60


# -- what is seen meanwhile


def test_a_resource_is_shown_as_created_and_updated_until_it_is_done(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    assert azure.state(azure.classic) == "Creating"
    azure.complete_operations()
    assert azure.state(azure.classic) == "Succeeded"
    azure.request_put(azure.classic, CACHE)
    assert azure.state(azure.classic) == "Updating"
    azure.complete_operations()
    assert azure.state(azure.classic) == "Succeeded"


def test_a_resource_is_shown_as_deleted_until_it_is_gone(azure: Timed) -> None:
    azure.put(azure.classic, CACHE)
    azure.request_delete(azure.classic)
    assert azure.state(azure.classic) == "Deleting"
    azure.complete_operations()
    assert azure.state(azure.classic) is None


def test_container_apps_have_their_own_words(azure: Timed) -> None:
    azure.request_put(azure.environment, {})
    assert azure.state(azure.environment) == "Waiting"


def test_a_deletion_that_azure_would_refuse_is_refused_at_once(azure: Timed) -> None:
    azure.with_network().with_apps()
    with pytest.raises(AzureError) as refused:
        azure.request_delete(azure.environment)
    assert refused.value.code == "ManagedEnvironmentHasContainerApps"
    assert azure.state(azure.environment) == "Succeeded"


def test_a_group_takes_as_long_as_the_slowest_in_it(azure: Timed) -> None:
    azure.put(azure.classic, CACHE)
    group = ArmId.parse(azure.group)
    assert azure.model.evaluate_faults("delete", group).seconds == latency.typical("Microsoft.Cache/redis").delete
    azure.delete(azure.classic)
    assert (
        azure.model.evaluate_faults("delete", group).seconds
        == latency.typical("Microsoft.Resources/resourceGroups").delete
    )


# -- what is refused meanwhile


@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_a_second_write_is_refused_until_the_first_is_done(azure: Timed, operation: str) -> None:
    if operation != "create":
        azure.put(azure.classic, CACHE)
    if operation == "delete":
        azure.request_delete(azure.classic)
    else:
        azure.request_put(azure.classic, CACHE)
    with pytest.raises(AzureError) as refused:
        azure.request_put(azure.classic, CACHE)
    assert (refused.value.code, refused.value.status) == ("Conflict", HTTPStatus.CONFLICT)
    assert "busy processing a previous update request" in refused.value.message
    azure.complete_operations()
    azure.request_put(azure.classic, CACHE)


def test_a_deletion_asked_for_again_is_the_same_one(azure: Timed) -> None:
    azure.put(azure.classic, CACHE)
    azure.request_delete(azure.classic)
    azure.after(1)
    azure.request_delete(azure.classic)
    assert azure.model.progress(ArmId.parse(azure.classic))[0] == latency.typical("Microsoft.Cache/redis").delete - 1


def test_two_subnets_of_one_network_wait_for_one_another(azure: Timed) -> None:
    azure.put(azure.vnet, NETWORK)
    azure.request_put(azure.endpoints_subnet, SUBNET)
    for refusal in (
        lambda: azure.request_put(azure.apps_subnet, {"addressPrefix": "10.0.2.0/24"}),
        lambda: azure.request_put(azure.vnet, NETWORK),
    ):
        with pytest.raises(AzureError) as refused:
            refusal()
        assert refused.value.code == "AnotherOperationInProgress"
        assert refused.value.status == HTTPStatus.TOO_MANY_REQUESTS
    azure.complete_operations()
    azure.request_put(azure.apps_subnet, {"addressPrefix": "10.0.2.0/24"})


def test_resources_that_share_nothing_do_not_wait(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    azure.request_put(azure.vnet, NETWORK)
    assert azure.state(azure.vnet) == "Updating"


def test_an_app_needs_an_environment_that_is_ready(azure: Timed) -> None:
    azure.put(azure.identity)
    azure.request_put(azure.environment, {})
    with pytest.raises(AzureError) as refused:
        azure.put(azure.app, app_properties(azure.environment), identity=assigned(azure.identity))
    assert refused.value.code == "ManagedEnvironmentNotProvisioned"
    azure.complete_operations()
    azure.put(azure.app, app_properties(azure.environment), identity=assigned(azure.identity))


def test_nothing_is_made_in_a_group_that_goes(azure: Timed) -> None:
    azure.request_delete(azure.group)
    with pytest.raises(AzureError) as refused:
        azure.request_put(azure.classic, CACHE)
    assert refused.value.code == "ResourceGroupBeingDeleted"
    azure.complete_operations()
    assert azure.state(azure.group) is None


# -- operations go on


def test_an_operation_goes_on_when_the_local_azure_is_killed(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    azure.request_put(azure.vnet, NETWORK)
    azure.complete_operations()
    azure.request_delete(azure.vnet)
    azure.restart()
    assert azure.state(azure.vnet) == "Deleting"
    azure.complete_operations()
    assert (azure.state(azure.classic), azure.state(azure.vnet)) == ("Succeeded", None)


def test_what_cannot_go_any_more_when_its_time_comes_stays(azure: Timed) -> None:
    secret = f"{azure.vault}/secrets/one"
    azure.put(azure.vault, vault_properties())
    azure.with_officer()
    azure.put(secret, {"value": "s3cret"})
    azure.request_delete(secret)
    azure.put(azure.vault, vault_properties(publicNetworkAccess="Disabled"))
    azure.complete_operations()
    assert azure.get(secret).id.name == "one"


# -- how the real provider waits


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AzureError("TooManyRequests", "", status=HTTPStatus.TOO_MANY_REQUESTS), True),
        (AzureError("ServiceUnavailable", "", status=HTTPStatus.SERVICE_UNAVAILABLE), True),
        (AzureError("InternalServerError", "", status=HTTPStatus.INTERNAL_SERVER_ERROR), True),
        (AzureError("AnotherOperationInProgress", "", status=HTTPStatus.CONFLICT), True),
        (AzureError("Conflict", "", status=HTTPStatus.CONFLICT), False),
        (AzureError("BadRequest", ""), False),
        (AzureError("AuthorizationFailed", "", status=HTTPStatus.FORBIDDEN), False),
        (AzureError("TooManyRequests", "", status=HTTPStatus.TOO_MANY_REQUESTS, retry_after=120), True),
        (AzureError("TooManyRequests", "", status=HTTPStatus.TOO_MANY_REQUESTS, retry_after=121), False),
    ],
)
def test_the_provider_tries_again_what_the_real_one_does(error: AzureError, expected: bool) -> None:
    assert is_retried(error) is expected


class Waits(Pipeline):
    """Records the requested waits, and advances the clock instead."""

    def __init__(self, azure: Timed) -> None:
        super().__init__(azure.model)
        self.azure = azure
        self.waited: list[float] = []

    async def _pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.azure.after(seconds)


def test_the_provider_waits_as_long_as_azure_says_and_else_longer_each_time(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite", speedup=10.0)
    waits = Waits(azure)
    group = ArmId.parse(azure.group)
    azure.add_fault(Fault("throttle", code="TooManyRequests", status=429, retry_after=7), times=1)
    azure.add_fault(Fault("fail", code="InternalServerError"), times=2)
    asyncio.run(waits.send("put", lambda: group, lambda target, _: azure.model.put(target, {"location": "westeurope"})))
    assert waits.waited == [7, BACKOFF_SECONDS[1] / 10, BACKOFF_SECONDS[2] / 10]


def test_the_provider_gives_up_after_the_last_try(tmp_path: Path) -> None:
    azure = Timed(tmp_path / "state.sqlite", latency="none")
    waits = Waits(azure)
    azure.add_fault(Fault("fail", code="ServiceUnavailable"))
    with pytest.raises(AzureError) as refused:
        asyncio.run(waits.send("put", lambda: ArmId.parse(azure.group), lambda *_: None))
    assert refused.value.code == "ServiceUnavailable"
    assert waits.waited == [0, 0, 0]


def test_the_provider_returns_when_the_resource_is_done(azure: Timed) -> None:
    provider = AzureNativeProvider(azure.model)
    provider._pipeline = waits = Waits(azure)
    engine = Engine(provider)
    engine.configure(location="westeurope")
    inputs = {"resourceGroupName": "rg", "virtualNetworkName": "vnet", **NETWORK, "location": "westeurope"}
    resource_id, outputs = engine.create("azure-native:network:VirtualNetwork", inputs)
    assert outputs.values["provisioningState"] == "Succeeded"
    assert sum(waits.waited) == latency.typical("Microsoft.Network/virtualNetworks").create
    assert resource_id
    engine.delete("azure-native:network:VirtualNetwork", resource_id)
    assert azure.state(azure.vnet) is None
