"""Mocks of the Pulumi engine: record every registered resource, and return outputs like Azure's."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
from pulumi.runtime import mocks, settings, stack
from pulumi.runtime.proto import source_pb2

PROGRAM = Path(__file__).parents[2] / "__main__.py"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
IMAGE = "contoso.azurecr.io/shop:1.4.2"
REQUIRED = {"app": "magictoolbox", "image": IMAGE}
"""The settings without a default."""
KEYS = {"primary": "ab/cd+ef==", "secondary": "123/abc="}
ZONE = "example-0a1b2c3d.westeurope.azurecontainerapps.io"

_NAME_PROPERTIES = (
    "resourceGroupName",
    "workspaceName",
    "resourceName",
    "virtualNetworkName",
    "subnetName",
    "privateZoneName",
    "virtualNetworkLinkName",
    "privateEndpointName",
    "privateDnsZoneGroupName",
    "clusterName",
    "databaseName",
    "vaultName",
    "secretName",
    "environmentName",
    "containerAppName",
    "roleAssignmentName",
    "ruleName",
    "actionGroupName",
    "name",
)
"""Properties that hold a resource's own name; the last one present does."""


_SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key that marks a special value in the protocol; source: pulumi.runtime.rpc."""


def _without_secrets(value: Any) -> Any:
    """Return inputs with every secret unwrapped."""
    if isinstance(value, dict):
        if _SECRET_SIGNATURE in value:
            return _without_secrets(value["value"])
        return {key: _without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


@dataclass(frozen=True)
class Registered:
    """A resource as the program registered it.

    Attributes:
        type: its type token.
        name: Pulumi's name of it.
        inputs: its inputs, secrets unwrapped.
        request: the whole request, with options and dependencies.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    request: Any

    @property
    def dependencies(self) -> frozenset[str]:
        """Return the names of its direct dependencies."""
        return frozenset(urn.rsplit("::", 1)[-1] for urn in self.request.dependencies)

    def plain_texts(self) -> Iterator[str]:
        """Yield every text among its inputs that is not secret."""

        def walk(value: Any) -> Iterator[str]:
            match value.WhichOneof("kind"):
                case "string_value":
                    yield value.string_value
                case "list_value":
                    for item in value.list_value.values:
                        yield from walk(item)
                case "struct_value" if _SECRET_SIGNATURE not in value.struct_value.fields:
                    for item in value.struct_value.fields.values():
                        yield from walk(item)
                case _:
                    pass

        for value in self.request.object.fields.values():
            yield from walk(value)


class RecordingMonitor(mocks.MockMonitor):
    """Records the requests themselves: the mocks do not get options and dependencies."""

    def RegisterResource(self, request: Any) -> Any:
        answer = super().RegisterResource(request)
        recorder = self.mocks
        assert isinstance(recorder, Recorder)
        if request.type != "pulumi:pulumi:Stack":
            recorder.requests[request.type, request.name] = request
        return answer


@dataclass
class HookRecorder:
    """Replaces the server through which an engine calls a program's resource hooks."""

    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict)

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        self.hooks[hook.name] = hook


@dataclass
class Recorder(mocks.Mocks):
    """Returns outputs like Azure's, and records resources and calls."""

    inputs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    requests: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: list[mocks.MockCallArgs] = field(default_factory=list)
    callbacks: HookRecorder = field(default_factory=HookRecorder)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.inputs[args.typ, args.name] = _without_secrets(args.inputs)
        outputs = {**args.inputs, **self._computed(args)}
        return f"{SUBSCRIPTION}/{args.name}", outputs

    def _computed(self, args: mocks.MockResourceArgs) -> dict[str, Any]:
        own = next((args.inputs[key] for key in reversed(_NAME_PROPERTIES) if key in args.inputs), args.name)
        match args.typ:
            case "azure-native:managedidentity:UserAssignedIdentity":
                return {"name": own, "principalId": str(uuid.uuid5(uuid.NAMESPACE_DNS, args.name))}
            case "azure-native:authorization:RoleAssignment":
                return {"name": own, "createdOn": "2026-11-28T12:00:00Z"}
            case "azure-native:redisenterprise:RedisEnterprise":
                return {"name": own, "hostName": f"{own}.westeurope.redis.azure.net"}
            case "azure-native:redis:Redis":
                return {"name": own, "hostName": f"{own}.redis.cache.windows.net", "sslPort": 6380}
            case "azure-native:keyvault:Vault":
                uri = f"https://{own}.vault.azure.net/"
                return {"name": own, "properties": {**args.inputs["properties"], "vaultUri": uri}}
            case "azure-native:keyvault:Secret":
                uri = f"https://{args.inputs['vaultName']}.vault.azure.net/secrets/{own}"
                properties = {"secretUri": uri, "secretUriWithVersion": f"{uri}/{'0' * 32}"}
                return {"name": own, "properties": properties}
            case "azure-native:app:ManagedEnvironment":
                return {"name": own, "defaultDomain": ZONE}
            case "azure-native:app:ContainerApp":
                # A list of ids comes back as a map.
                identity = dict(args.inputs["identity"])
                identity["userAssignedIdentities"] = {id_: {} for id_ in identity["userAssignedIdentities"]}
                return {"name": own, "identity": identity, "latestRevisionName": f"{own}--0000001"}
            case "random:index/randomString:RandomString":
                return {"result": "x7k2q"}
            case "random:index/randomPassword:RandomPassword":
                return {"result": f"password of {args.name}"}
            case _:
                return {"name": own}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        self.calls.append(args)
        match args.token:
            case "azure-native:authorization:getClientConfig":
                return {"clientId": "", "objectId": "", "subscriptionId": "", "tenantId": str(uuid.UUID(int=1))}
            case "azure-native:redisenterprise:listDatabaseKeys" | "azure-native:redis:listRedisKeys":
                return {"primaryKey": KEYS["primary"], "secondaryKey": KEYS["secondary"]}
            case "azure-native:redisenterprise:getRedisEnterprise" | "azure-native:redisenterprise:getDatabase":
                return {"resourceState": "Running"}
            case "pulumi:pulumi:readStackResourceOutputs":
                return {"name": args.args["stackName"], "outputs": {}}
            case token:
                raise AssertionError(f"the program called {token}, which no test knows")

    @property
    def registered(self) -> list[Registered]:
        """Return every resource, in the order of registration."""
        return [Registered(*key, self.inputs[key], request) for key, request in self.requests.items()]

    def waits_for(self, name: str) -> frozenset[str]:
        """Return the names of all direct and indirect dependencies of a resource."""
        dependencies = {one.name: one.dependencies for one in self.registered if one.request.custom}
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = dependencies[ahead.pop()] - found
            found |= new
            ahead += new
        return frozenset(found)

    def of_type(self, kind: str) -> list[Registered]:
        """Return resources by the end of their type, such as ``app:ContainerApp``, sorted by name."""
        found = (one for one in self.registered if one.type.endswith(kind) and one.request.custom)
        return sorted(found, key=lambda one: one.name)

    def one(self, kind: str, name: str | None = None) -> Registered:
        """Return the only resource of a type, or that of a Pulumi name."""
        found = [one for one in self.of_type(kind) if name in (None, one.name)]
        assert len(found) == 1, f"{kind} {name or ''}: {[one.name for one in found]}"
        return found[0]


class ServingApps:
    """Stands for Resource Manager where every app's revision is old and ready."""

    async def get(self, path: str, version: str) -> dict[str, Any]:
        if "/revisions/" in path:
            return {"properties": {"createdTime": "2026-01-01T00:00:00Z"}}
        return {"properties": {"latestRevisionName": "one", "latestReadyRevisionName": "one"}}


class InlineExecutor(ThreadPoolExecutor):
    """Runs the SDK's calls in the calling thread: no engine makes them wait."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


def run_with_mocks(
    program: Callable[[], Any],
    configuration: Mapping[str, Any] | None = None,
    encrypted: Sequence[str] = ("secretEnv",),
) -> tuple[Recorder, Any]:
    """Run a program until all outputs are resolved.

    Args:
        program: registers resources; what it returns may hold Outputs.
        configuration: settings by name, without namespace; the location is westeurope unless given.
        encrypted: names of the settings that the stack file would hold encrypted.

    Returns:
        What was registered, and what the program returned with its Outputs resolved.
    """
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    loop.set_default_executor(InlineExecutor())
    asyncio.set_event_loop(loop)
    try:
        mocks.set_mocks(recorder, project="django-aca", stack="dev", preview=False, monitor=RecordingMonitor(recorder))
        settings.SETTINGS.callbacks = recorder.callbacks
        encoded = {
            key if ":" in key else f"django-aca:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in {"azure-native:location": "westeurope", **(configuration or {})}.items()
            if value is not None
        }
        pulumi.runtime.set_all_config(encoded, [f"django-aca:{name}" for name in encrypted])
        returned: list[Any] = []

        async def run() -> Any:
            await stack.run_pulumi_func(lambda: returned.append(program()))
            return await pulumi.Output.from_input(returned[0]).future()

        # The SDK sends the whole call stack along with each resource, and under pytest that is a long one.
        with (
            mock.patch("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace),
            mock.patch("components.serving.ResourceManager", ServingApps),
        ):
            return recorder, loop.run_until_complete(run())
    finally:
        loop.close()
        settings.reset_options()
        pulumi.runtime.set_all_config({}, [])


@dataclass(frozen=True)
class Stack:
    """A run of the whole program under mocks."""

    recorder: Recorder
    outputs: Mapping[str, Any]

    def secrets(self, app: str) -> dict[str, Any]:
        """Return the secrets of a container app by name."""
        secrets: Sequence[Mapping[str, Any]] = self.app(app)["configuration"]["secrets"]
        return {secret["name"]: secret for secret in secrets}

    def variables(self, app: str) -> dict[str, Any]:
        """Return the environment variables of a container app by name."""
        return {variable["name"]: variable for variable in self.container(app)["env"]}

    def container(self, app: str) -> Mapping[str, Any]:
        """Return the container of an app."""
        (container,) = self.app(app)["template"]["containers"]
        return container

    def app(self, name: str) -> dict[str, Any]:
        """Return a container app's inputs by its Pulumi name."""
        return self.recorder.one("app:ContainerApp", name).inputs
