"""Each cause of a failed first deployment, put into a subscription or a plan, is found: that one and no other."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doctor.preflight import checks
from preflight.plans import CACHE, IMAGE, NETWORK, PULL, REGION, SUFFIX, VAULT, first_deployment
from preflight.world import World

OTHER_GROUP = "rg-other"
_VAULT: dict[str, object] = {
    "tenantId": "00000000-0000-0000-0000-000000000001",
    "sku": {"family": "A", "name": "standard"},
    "enableRbacAuthorization": True,
}


@dataclass(frozen=True)
class Case:
    """A cause.

    Attributes:
        cause: the name that is reported.
        inject: puts it in.
        words: parts of its line: the value, and the remedy's command.
    """

    cause: str
    inject: Callable[[World], object]
    words: tuple[str, ...]


def _without(action: str) -> Callable[[World], object]:
    return lambda world: world.deployer(without=action)


def _tags(*resources: str, **tags: str) -> Callable[[World], object]:
    def inject(world: World) -> None:
        for name in resources:
            world.preview.inputs[name]["tags"] = {**world.preview.inputs[name]["tags"], **tags}

    return inject


def _classic(world: World) -> None:
    world.preview = first_deployment(classic=True)


def _cache_is_taken(world: World) -> None:
    _classic(world)
    sku = {"name": "Basic", "family": "C", "capacity": 0}
    world.resource("Microsoft.Cache/redis", CACHE, OTHER_GROUP, location=REGION, properties={"sku": sku})


def _vault(world: World, group: str = OTHER_GROUP) -> str:
    return world.resource("Microsoft.KeyVault/vaults", VAULT, group, location=REGION, properties=_VAULT)


def _recover(world: World) -> None:
    world.preview.inputs["vault-vault"]["properties"]["createMode"] = "recover"


def _deleted_elsewhere(world: World) -> None:
    world.delete(
        world.resource("Microsoft.KeyVault/vaults", VAULT, OTHER_GROUP, location="northeurope", properties=_VAULT)
    )
    _recover(world)


def _registry(world: World, *, app: str = "contoso.azurecr.io", **properties: object) -> str:
    """Make the registry, and let the plan pull from it."""
    registry = world.resource(
        "Microsoft.ContainerRegistry/registries",
        "contoso",
        OTHER_GROUP,
        location=REGION,
        sku={"name": "Premium"},
        properties=properties,
    )
    _pull_from(world, registry, app)
    return registry


def _pull_from(world: World, registry: str, server: str = "contoso.azurecr.io") -> None:
    role = PULL.format(subscription=world.azure.subscription)
    world.preview.add(
        "identity-acr-pull", "azure-native:authorization:RoleAssignment", scope=registry, roleDefinitionId=role
    )
    world.preview.inputs["apps-web"]["configuration"]["registries"] = [{"server": server}]


def _private_image_without_registry(world: World) -> None:
    _registry(world)
    del world.preview.inputs["apps-web"]["configuration"]["registries"]
    world.preview.remove("identity-acr-pull")


def _image_elsewhere(world: World) -> None:
    _registry(world, app="other.azurecr.io")
    world.preview.inputs["apps-web"]["template"]["containers"][0]["image"] = "other.azurecr.io/shop:1.4.2"


def _missing_registry(world: World) -> None:
    world.make_group(OTHER_GROUP)
    group = f"{world.scope}/resourceGroups/{OTHER_GROUP}"
    _pull_from(world, f"{group}/providers/Microsoft.ContainerRegistry/registries/absent")


def _no_image(world: World) -> None:
    world.azure.model.has_image = lambda reference: reference != IMAGE


def _lock(world: World) -> None:
    world.put(f"{world.scope}/providers/Microsoft.Authorization/locks/freeze", properties={"level": "ReadOnly"})


def _peered(world: World) -> None:
    """A hub network that was peered with the stack's network, when that was there before, and waits for it."""
    space = {"addressPrefixes": ["10.0.128.0/17"]}
    hub = world.resource(
        "Microsoft.Network/virtualNetworks", "hub", OTHER_GROUP, location=REGION, properties={"addressSpace": space}
    )
    network = f"{world.group}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
    with world.azure.model.work() as work:
        found = work.existing(work.transaction.get(hub).id)  # pyright: ignore[reportOptionalMemberAccess]
        peering = {"name": "to-shop", "properties": {"remoteVirtualNetwork": {"id": network}}}
        found.properties["virtualNetworkPeerings"] = [peering]
        work.transaction.save(found)


def _planned_peering(world: World) -> None:
    space = {"addressPrefixes": ["10.0.0.0/20"]}
    hub = world.resource(
        "Microsoft.Network/virtualNetworks", "hub", OTHER_GROUP, location=REGION, properties={"addressSpace": space}
    )
    world.preview.add(
        "to-hub",
        "azure-native:network:VirtualNetworkPeering",
        virtualNetworkName=NETWORK,
        virtualNetworkPeeringName="hub",
        remoteVirtualNetwork={"id": hub},
    )


def _region(region: str) -> Callable[[World], object]:
    def inject(world: World) -> None:
        for inputs in world.preview.inputs.values():
            if inputs.get("location") == REGION:
                inputs["location"] = region

    return inject


def _zones(world: World) -> None:
    _region("westus")(world)
    world.preview.inputs["apps-environment"]["zoneRedundant"] = True


def _size(world: World) -> None:
    profiles = [{"name": "big", "workloadProfileType": "D999"}]
    world.preview.inputs["apps-environment"]["workloadProfiles"] = profiles


def _many_cores(world: World) -> None:
    """The stack is deployed, and more replicas are asked for than its environment may have."""
    environment = world.resource(
        "Microsoft.App/managedEnvironments", "cae-westeurope-shop-01", location=REGION, properties={}
    )
    for name in ("resource-group", "apps-environment"):
        world.preview.operations[name] = "same"
    world.preview.ids["apps-environment"] = environment
    template = world.preview.inputs["apps-web"]["template"]
    template["scale"] = {"minReplicas": 6, "maxReplicas": 6}
    template["containers"][0]["resources"] = {"cpu": 0.5, "memory": "1Gi"}
    world.fault("quota", name="ManagedEnvironmentConsumptionCores", limit=2)


def _group_going(world: World) -> None:
    world.make_group()
    with world.azure.model.work() as work:
        found = work.existing(work.transaction.get(world.group).id)  # pyright: ignore[reportOptionalMemberAccess]
        found.properties["provisioningState"] = "Deleting"
        work.transaction.save(found)
    world.preview.operations["resource-group"] = "same"


def _kept_group(world: World) -> None:
    """The group is the stack's own; something in it is not."""
    world.make_group()
    world.preview.operations["resource-group"] = "same"
    world.resource("Microsoft.ManagedIdentity/userAssignedIdentities", "id-westeurope-shop-01", location=REGION)


def _foreign_group(world: World) -> None:
    world.preview.remove("resource-group")


def _named(token: str, taken: str, /, **inputs: object) -> Callable[[World], object]:
    """Plan a resource whose name somebody has."""

    def inject(world: World) -> None:
        kind, name = taken.rsplit("/", 1)
        bodies = {
            "Microsoft.ContainerRegistry/registries": {"sku": {"name": "Basic"}},
            "Microsoft.Storage/storageAccounts": {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        }
        world.resource(kind, name, OTHER_GROUP, location=REGION, **bodies[kind])
        world.preview.add("another", token, placed=True, **inputs)

    return inject


_OTHER_LOCATIONS = {"definition": "e56962a6-4747-49cd-b67b-bf8b01975c4c", "listOfAllowedLocations": ["northeurope"]}
_REDIS_TYPES = ["Microsoft.Cache/redisEnterprise"]
_SUBNET_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"

CASES = (
    Case(
        "provider-not-registered",
        lambda world: world.unregister("Microsoft.Cache"),
        ("Microsoft.Cache is NotRegistered", "az provider register --namespace Microsoft.Cache --wait"),
    ),
    Case(
        "provider-not-registered",
        lambda world: world.unregister("Microsoft.ContainerService"),
        ("Microsoft.ContainerService", "lies in a virtual network", "az provider register"),
    ),
    Case(
        "provider-registering",
        lambda world: world.unregister("Microsoft.App", "Registering"),
        ("Microsoft.App is Registering", "az provider show --namespace Microsoft.App"),
    ),
    Case("subscription-disabled", lambda world: world.fault("subscription-disabled"), ("Disabled", "portal")),
    Case(
        "right-missing",
        _without("Microsoft.KeyVault/vaults/write"),
        ("Microsoft.KeyVault/vaults/write", "az role assignment create", "Contributor"),
    ),
    Case(
        "right-missing-role-assignments",
        lambda world: world.deployer("Contributor"),
        ("Microsoft.Authorization/roleAssignments/write", "Role Based Access Control Administrator"),
    ),
    Case(
        "right-missing-keys",
        _without("Microsoft.Cache/redisEnterprise/databases/listKeys/action"),
        ("listKeys/action", "az role assignment create"),
    ),
    Case("right-missing-link", _without(_SUBNET_JOIN), (_SUBNET_JOIN, "needs it", "az role assignment")),
    Case(
        "right-missing-link",
        _without("Microsoft.Cache/redisEnterprise/PrivateEndpointConnectionsApproval/action"),
        ("privateEndpointConnectionsApproval/action",),
    ),
    Case(
        "right-missing-link",
        _without("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"),
        ("userAssignedIdentities/assign/action",),
    ),
    Case("locked", _lock, ("locked read only", "az lock delete --ids")),
    Case("region-unknown", _region("westeurop"), ("westeurop", "az account list-locations")),
    Case(
        "type-not-in-region",
        lambda world: world.fault("not-offered", type="Microsoft.App/managedEnvironments", region=REGION),
        ("Microsoft.App/managedEnvironments is not offered in westeurope", "northeurope"),
    ),
    Case("region-without-zones", _zones, ("westus has no availability zones", "pulumi config set zoneRedundant false")),
    Case("size-not-offered", _size, ("D999", "choose one of")),
    Case(
        "quota-of-environments",
        lambda world: world.fault("quota", name="ManagedEnvironmentCount", limit=0),
        ("ManagedEnvironmentCount in westeurope is 0", "1 more is planned"),
    ),
    Case("quota-of-cores", _many_cores, ("ManagedEnvironmentConsumptionCores", "is 2", "take 3 cores", "minReplicas")),
    Case("vault-soft-deleted", lambda world: world.delete(_vault(world)), ("deleted vault", "keyVault.recover true")),
    Case("vault-not-deleted", _recover, ("keyVault.recover is true", "pulumi config rm")),
    Case("vault-deleted-elsewhere", _deleted_elsewhere, ("in northeurope", "pulumi config set azure-native:location")),
    Case("name-taken", _vault, (f"vault name {VAULT} is taken", "uniqueSuffix")),
    Case("name-taken", _cache_is_taken, (f"cache name {CACHE} is taken", "uniqueSuffix")),
    Case(
        "name-taken",
        lambda world: world.resource(
            "Microsoft.Cache/redisEnterprise", CACHE, OTHER_GROUP, location=REGION, sku={"name": "Balanced_B0"}
        ),
        (f"cache name {CACHE} is taken", OTHER_GROUP),
    ),
    Case(
        "name-taken",
        _named(
            "azure-native:containerregistry:Registry",
            "Microsoft.ContainerRegistry/registries/shopimages",
            registryName="shopimages",
        ),
        ("registry name shopimages is taken",),
    ),
    Case(
        "name-taken",
        _named(
            "azure-native:storage:StorageAccount",
            "Microsoft.Storage/storageAccounts/shopfiles",
            accountName="shopfiles",
        ),
        ("storage account name shopfiles is taken",),
    ),
    Case("already-there", lambda world: world.make_group(), ("resource group", "pulumi import")),
    Case("already-there", _kept_group, ("userAssignedIdentities id-westeurope-shop-01", "pulumi import")),
    Case(
        "group-elsewhere", lambda world: world.make_group(location="northeurope"), ("in northeurope", "does not move")
    ),
    Case("group-being-deleted", _group_going, ("being deleted", "az group wait --deleted")),
    Case("group-missing", _foreign_group, ("missing", "az group create")),
    Case("registry-missing", _missing_registry, ("registry.id", "az acr show --name absent")),
    Case(
        "registry-mismatch",
        _image_elsewhere,
        ("registry.server is other.azurecr.io", "contoso.azurecr.io"),
    ),
    Case(
        "registry-ignores-acrpull",
        lambda world: _registry(world, roleAssignmentMode="AbacRepositoryPermissions"),
        ("AbacRepositoryPermissions", "az acr update --name contoso --role-assignment-mode rbac"),
    ),
    Case(
        "registry-closed",
        lambda world: _registry(world, publicNetworkAccess="Disabled"),
        ("Disabled", "az acr update --name contoso --public-network-enabled true"),
    ),
    Case("image-missing", _no_image, (f"image is {IMAGE}", "push it")),
    Case(
        "image-platform",
        lambda world: world.fault("wrong-platform", name="*/shop:*", platform="linux/arm64"),
        ("linux/arm64", "docker build --platform linux/amd64"),
    ),
    Case("image-not-pullable", _private_image_without_registry, ("the apps have none", "registry.server")),
    Case(
        "tags-too-many",
        _tags("redis-dns-zone", **{f"t{number}": "x" for number in range(14)}),
        ("16 names", "at most 15", "private DNS zones"),
    ),
    Case(
        "tags-too-many",
        _tags("vault-vault", **{f"t{number}": "x" for number in range(49)}),
        ("51 names", "at most 50"),
    ),
    Case("tag-name-dns", _tags("redis-dns-link", **{"cost center": "x"}), ("tags.cost center", "no space")),
    Case("tag-name-reserved", _tags("vault-vault", **{"a/b": "x"}), ("tags.a/b", "rename it")),
    Case("tag-name-length", _tags("vault-vault", **{"a" * 513: "x"}), ("513 characters", "shorten it")),
    Case("tag-value-length", _tags("vault-vault", owner="x" * 257), ("tags.owner is 257 characters", "shorten it")),
    Case("tag-twice", _tags("vault-vault", App="x"), ("tags.App", "letter case")),
    Case("ranges-overlap", _peered, ("10.0.0.0/16", "10.0.128.0/17", "network.addressSpace")),
    Case("ranges-overlap", _planned_peering, ("10.0.0.0/16", "10.0.0.0/20", "network.addressSpace")),
    Case(
        "policy-denies",
        lambda world: world.assign_policy(**_OTHER_LOCATIONS),
        ("policyAssignments/", "vaults", "az policy assignment show"),
    ),
    Case(
        "policy-denies",
        lambda world: world.assign_policy(
            "6c112d4e-5bc7-47ae-a041-ea2d9dccd749", listOfResourceTypesNotAllowed=_REDIS_TYPES
        ),
        (f"denies redisEnterprise {CACHE}",),
    ),
    Case(
        "policy-denies",
        lambda world: world.assign_policy("871b6d14-10aa-478d-b590-94f262ecfa99", tagName="costCenter"),
        ("denies", "managedEnvironments"),
    ),
)


@pytest.mark.parametrize("classic", [False, True])
def test_a_sound_subscription_has_no_fault(world: World, classic: bool) -> None:
    if classic:
        _classic(world)
    seen = world.look()
    assert not seen.faults, seen.lines
    assert seen.code == 0
    assert not [one.check for one in seen.results if one.blind], seen.lines
    assert "does not tell whether it has room for it in westeurope" in seen.unchecked


def test_an_image_in_a_private_registry_of_the_stack_is_pullable(world: World) -> None:
    _registry(world)
    seen = world.look()
    assert not seen.faults, seen.lines
    assert "image" not in seen.unchecked


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.cause)
def test_a_cause_is_found_with_its_remedy(world: World, case: Case) -> None:
    case.inject(world)
    seen = world.look()
    assert seen.causes == {case.cause}, seen.lines
    assert any(all(one in str(fault) for one in case.words) for fault in seen.faults), seen.lines
    assert seen.code == 1
    assert all("\n" not in str(fault) for fault in seen.faults)
    assert SUFFIX in VAULT


def test_the_right_to_register_is_missed_only_where_it_is_needed(world: World) -> None:
    world.deployer(without="*/register/action")
    assert world.look().code == 0
    world.unregister("Microsoft.Cache")
    assert world.look().causes == {"provider-not-registered", "right-missing-registration"}


def test_all_faults_are_told_at_once(world: World) -> None:
    for inject in (_vault, _size, _tags("vault-vault", App="x")):
        inject(world)
    world.unregister("Microsoft.Insights")
    world.deployer("Contributor")
    causes = {
        "name-taken",
        "size-not-offered",
        "tag-twice",
        "provider-not-registered",
        "right-missing-role-assignments",
    }
    assert world.look().causes == causes


def test_a_subscription_that_is_not_seen_is_named(world: World) -> None:
    world.chosen = "00000000-0000-0000-0000-00000000abcd"
    seen = world.look()
    assert seen.causes == {"subscription-missing"}
    assert "az account set --subscription" in seen.lines


INJECTED = {one.cause for one in CASES} | {"right-missing-registration", "subscription-missing"}


def test_every_cause_is_injected_and_described() -> None:
    named = {cause for file in Path(checks.__file__).parent.glob("*.py") for cause in _causes_in(file)}
    assert len(named) >= 25
    assert named == INJECTED
    guide = (Path(__file__).parents[2] / "docs" / "preflight.md").read_text()
    assert not [cause for cause in sorted(named) if f"`{cause}`" not in guide]


def _causes_in(file: Path) -> Iterator[str]:
    """Yield the causes that a check names: the first argument of a fault, or what a variable `cause` is set to."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault":
            found = [node.args[0]]
        elif isinstance(node, ast.Assign):
            pairs = [(node.targets[0], node.value)]
            if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(node.targets[0].elts, node.value.elts, strict=True))
            found = [value for target, value in pairs if isinstance(target, ast.Name) and target.id == "cause"]
        else:
            continue
        yield from (str(one.value) for one in found if isinstance(one, ast.Constant))
