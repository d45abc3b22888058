"""Resources that are recreated in Azure under the same name or as another service: the stack reconnects to them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from local_azure.control_plane.model import Model
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Store
from local_azure.resource_types.container_apps.secret_values import secret_values
from tests.stack.deployment import Deployment, Step, operations

Deploy = Callable[..., Deployment]


@contextmanager
def _azure(stack: Deployment) -> Iterator[Model]:
    """Return the resources in the emulator, independently of the program."""
    store = Store(stack.azure.home / "state.sqlite")
    try:
        yield Model(store)
    finally:
        store.close()


def _stored(stack: Deployment, kind: str, name: str | None = None) -> Resource:
    """Return a resource of the stack as Azure has it."""
    with _azure(stack) as model:
        return model.get(ArmId.parse(stack.resource(kind, name)["id"]))


def _connection(stack: Deployment, name: str) -> str:
    """Return the status of a private endpoint's connection."""
    (connection,) = _stored(stack, "network:PrivateEndpoint", name).properties["privateLinkServiceConnections"]
    return connection["properties"]["privateLinkServiceConnectionState"]["status"]


def _records(stack: Deployment, name: str) -> list[str]:
    """Return the addresses that a zone group has written."""
    (config,) = _stored(stack, "network:PrivateDnsZoneGroup", name).properties["privateDnsZoneConfigs"]
    return [address for record in config["properties"]["recordSets"] for address in record["ipAddresses"]]


def _replaced(steps: Sequence[Step]) -> set[str]:
    return {step.name for step in steps if "replace" in step.operation}


def test_a_cache_that_was_deleted_comes_back_with_an_endpoint_that_connects_to_it(deploy: Deploy) -> None:
    stack = deploy()
    stack.up()
    with _azure(stack) as model:
        model.delete(ArmId.parse(stack.resource("redisenterprise:RedisEnterprise")["id"]))
    assert _connection(stack, "redis-private-endpoint") == "Disconnected"
    steps = stack.up("--refresh")
    assert _connection(stack, "redis-private-endpoint") == "Approved"
    assert _records(stack, "redis-private-zone-group")
    assert not _replaced(steps) & {"vault-private-endpoint", "vault-vault"}, "what was not touched stays"
    assert stack.up("--refresh") == []


def test_a_recovered_vault_is_connected_and_its_roles_are_waited_for(deploy: Deploy) -> None:
    stack = deploy()
    stack.up()
    vault = stack.resource("keyvault:Vault")
    marker = stack.resource("random:index/randomUuid:RandomUuid")["id"]
    with _azure(stack) as model:
        vault_id = ArmId.parse(vault["id"])
        body = model.get(vault_id).body
        model.delete(vault_id)
        model.put(
            vault_id,
            {"location": body["location"], "properties": {**body["properties"], "createMode": "recover"}},
        )
    assert _connection(stack, "vault-private-endpoint") == "Disconnected"
    steps = stack.up("--refresh")
    assert _connection(stack, "vault-private-endpoint") == "Approved"
    assert ("create", "identity-key-vault-secrets-user") in operations(steps)
    assert stack.resource("random:index/randomUuid:RandomUuid")["id"] != marker, "the wait for the new assignment"
    assert not _replaced(steps) & {"vault-vault", "redis-cluster", "redis-private-endpoint"}
    assert stack.up() == []


def test_a_rejected_connection_is_replaced_and_an_imported_one_is_not(deploy: Deploy) -> None:
    stack = deploy()
    stack.up()
    endpoint = "redis-private-endpoint"
    name = _stored(stack, "network:PrivateEndpoint", endpoint).id.name
    stack.azure.run("faults", "add", "endpoint-rejected", "--name", name)
    assert _connection(stack, endpoint) == "Rejected"
    assert _replaced(stack.up("--refresh")) == {endpoint, "redis-private-zone-group"}
    assert _connection(stack, endpoint) == "Approved"
    # As an import records it: every property that a program could have set.
    state = json.loads(stack.pulumi("stack", "export", "--stack", stack.stack).stdout)
    (held,) = (one for one in state["deployment"]["resources"] if one["urn"].endswith(f"::{endpoint}"))
    held["inputs"]["privateLinkServiceConnections"] = held["outputs"]["privateLinkServiceConnections"]
    (stack.directory / "state.json").write_text(json.dumps(state))
    stack.pulumi("stack", "import", "--file", "state.json", "--stack", stack.stack)
    assert operations(stack.up()) == {("update", endpoint)}


@pytest.mark.parametrize(("first", "second"), [("managed", "classic"), ("classic", "managed")])
def test_another_service_is_connected_by_another_endpoint(deploy: Deploy, first: str, second: str) -> None:
    stack = deploy(redis={"service": first})
    stack.up()
    size = {"managed": "Balanced_B0", "classic": "Basic_C0"}[second]
    stack.configure("redis", {"service": second, "queueDrainedFor": f"{second} {size} shared"})
    stack.up()
    assert _connection(stack, "redis-private-endpoint") == "Approved"
    assert _records(stack, "redis-private-zone-group")
    assert stack.up() == []


def test_a_cache_is_waited_for_until_it_is_running(deploy: Deploy) -> None:
    stack = deploy(redis={"dedicatedBroker": True})
    fault = ("late-running", "--type", "Microsoft.Cache/redisEnterprise*", "--seconds", "3", "--times", "4")
    stack.azure.run("faults", "add", *fault)
    stack.up()
    assert _connection(stack, "broker-private-endpoint") == "Approved"
    stack.azure.run("faults", "add", *fault)
    stack.configure("redis.sku", "Balanced_B1")
    stack.configure("redis.queueDrainedFor", "managed Balanced_B1 dedicated")
    assert {step.name for step in stack.up()} == {"redis-cluster", "broker-cluster"}
    assert stack.up() == []


def test_a_wrong_value_in_the_vault_is_written_anew_with_the_digests_key(deploy: Deploy) -> None:
    stack = deploy()
    stack.up()
    right = stack.outputs()["redisUrl"]
    with _azure(stack) as model:
        secret = ArmId.parse(stack.resource("keyvault:Secret", "vault-redis-url")["id"])
        model.put(secret, {"properties": {"value": "redis://wrong"}})
    stack.up("--replace", "**::secrets-digest-key")
    stack.up("--refresh")
    # Compared before it is asserted: a failure shows no key.
    is_right = secret_values(_stored(stack, "app:ContainerApp", "apps-web"))["redis-url"] == right
    assert is_right, "the app reads the wrong value again"
    assert stack.up() == []
