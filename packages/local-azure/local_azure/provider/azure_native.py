"""The `azure-native` provider: Pulumi's properties on one side, bodies of the model on the other."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar, cast

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    InvokeResponse,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from local_azure.control_plane.model import Model
from local_azure.core.azure_error import AzureError, invalid_id
from local_azure.core.faults import OperationOutcome
from local_azure.core.ids import ArmId
from local_azure.core.schema import (
    Failure,
    ResourceSchema,
    UnknownTokenError,
    canonical_token,
    function_schema,
    own_properties,
    resource_schema,
)
from local_azure.core.state import Resource
from local_azure.core.values import UNKNOWN, JsonObject, as_object, copied, get, normalise_location, take
from local_azure.provider.differences import CREATE_BEFORE_DELETE, diff_response, follow
from local_azure.provider.pipeline import Pipeline
from local_azure.provider.property_values import Path, Plain, check_failures, to_plain, to_properties
from local_azure.provider.servicer import OLD_INPUTS, CancellableProvider, PartialFailureError, current_peer
from local_azure.resource_types.base import ResourceType

T = TypeVar("T")
RESOURCE_MANAGER_AUDIENCE = "https://management.azure.com/"
"""What a token is for unless `getClientToken` names another `endpoint`."""
_READ_ONLY_INPUTS = ("id", "etag", "type", "provisioningState")
"""Inputs that some types declare although only Azure sets them."""
_MAX_CONNECTIONS = 64


@dataclass(frozen=True)
class Settings:
    """The configuration of the provider."""

    subscription_id: str
    location: str | None = None


class AzureNativeProvider(CancellableProvider):
    """Implements the resource types and functions of the installed pulumi-azure-native on a model."""

    def __init__(self, model: Model, issue_token: Callable[[str], str] | None = None) -> None:
        """`issue_token` gives the caller's token for an audience, which Resource Manager accepts."""
        self._model = model
        self._issue_token = issue_token
        self._settings: OrderedDict[str, Settings] = OrderedDict()
        self._pipeline = Pipeline(model)

    # -- configuration

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        given = to_plain(request.args).values
        self._pipeline.greet(current_peer())
        self._settings[current_peer()] = Settings(
            subscription_id=given.get("subscriptionId") or self._model.tenant.subscription_id,
            location=given.get("location"),
        )
        while len(self._settings) > _MAX_CONNECTIONS:
            self._settings.popitem(last=False)
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    def _current_settings(self) -> Settings:
        settings = self._settings.get(current_peer())
        if settings is None and self._settings:
            settings = next(reversed(self._settings.values()))
        return settings or Settings(self._model.tenant.subscription_id)

    # -- resources

    async def check(self, request: CheckRequest) -> CheckResponse:
        return await _in_thread(lambda: self._check(request))

    def _check(self, request: CheckRequest) -> CheckResponse:
        kind, schema = self._known(request.type)
        given = to_plain(request.new_inputs)
        old, new = to_plain(request.old_inputs).values, given.values
        added: JsonObject = {}
        if new.get(kind.inputs.name) is None:
            added |= _auto_name(kind, schema, request, old, self._model.lost_creation(request.urn))
        elif old.get(kind.inputs.name) == new[kind.inputs.name] and old.get(CREATE_BEFORE_DELETE):
            added[CREATE_BEFORE_DELETE] = True
        if new.get("location") is None and "location" in schema.inputs.properties:
            added |= self._auto_location(new)
        return CheckResponse(
            inputs={**request.new_inputs, **to_properties(added)},
            failures=check_failures(schema.failures(new | added), given.secrets),
        )

    def _auto_location(self, inputs: JsonObject) -> JsonObject:
        """Return the provider's location, or else that of the resource group."""
        settings = self._current_settings()
        if settings.location:
            return {"location": settings.location}
        group = inputs.get("resourceGroupName")
        if group is UNKNOWN:
            return {"location": UNKNOWN}
        if isinstance(group, str):
            found = self._find(ArmId.parse(f"/subscriptions/{settings.subscription_id}/resourceGroups/{group}"))
            if found:
                return {"location": found.location}
        return {}

    async def diff(self, request: DiffRequest) -> DiffResponse:
        return await _in_thread(lambda: self._diff(request))

    def _diff(self, request: DiffRequest) -> DiffResponse:
        kind, _ = self._known(request.type)
        self._model.known(request.resource_id)
        outputs = to_plain(request.old_state).values
        old = as_object(outputs.pop(OLD_INPUTS, None))
        return diff_response(kind, old, outputs, to_plain(request.new_inputs).values)

    async def create(self, request: CreateRequest) -> CreateResponse:
        kind, schema = await _in_thread(lambda: self._known(request.type))
        inputs = to_plain(request.properties)
        if request.preview:
            return CreateResponse(properties=await _in_thread(lambda: _preview(kind, schema, inputs)))

        def put(resource_id: ArmId, outcome: OperationOutcome) -> Resource:
            body = _body(kind, inputs.values)
            return self._model.put(resource_id, body, create=True, urn=request.urn, outcome=outcome)

        started = await self._pipeline.send("put", lambda: self._id(kind, inputs.values), put)
        resource, failure = await self._pipeline.finish(started)
        outputs = to_properties(_outputs(kind, schema, resource), inputs.secrets)
        if failure:
            raise PartialFailureError(resource.id.text, outputs, request.properties, failure)
        return CreateResponse(resource_id=resource.id.text, properties=outputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        kind, schema = await _in_thread(lambda: self._known(request.type))
        inputs = to_plain(request.news)
        if request.preview:
            # What a resource is called and where it is cannot change in an update; all else may.
            old = to_properties(to_plain(request.olds).values)
            stable = {name: old[name] for name in ("name", "location") if name in old}
            return UpdateResponse({**await _in_thread(lambda: _preview(kind, schema, inputs)), **stable})

        def put(resource_id: ArmId, outcome: OperationOutcome) -> Resource:
            return self._model.put(resource_id, _body(kind, inputs.values), outcome=outcome)

        started = await self._pipeline.send("put", lambda: ArmId.parse(request.resource_id), put)
        resource, failure = await self._pipeline.finish(started)
        outputs = to_properties(_outputs(kind, schema, resource), inputs.secrets)
        if failure:
            raise PartialFailureError(resource.id.text, outputs, request.news, failure)
        return UpdateResponse(outputs)

    async def read(self, request: ReadRequest) -> ReadResponse:
        def read(resource_id: ArmId, outcome: OperationOutcome) -> ReadResponse:
            return self._read(request, resource_id)

        return await self._pipeline.send("read", lambda: ArmId.parse(request.resource_id), read)

    def _read(self, request: ReadRequest, resource_id: ArmId) -> ReadResponse:
        kind, schema = self._known(request.type)
        if kind.arm_type.lower() != resource_id.type_key:
            raise invalid_id(f"{resource_id}' of type '{resource_id.type}', not '{kind.arm_type}")
        resource = self._find(resource_id)
        if resource is None:
            return ReadResponse()
        self._model.known(resource.id.text)
        outputs = _outputs(kind, schema, resource)
        known, given = to_plain(request.properties), to_plain(request.inputs)
        if given.values:
            inputs = _followed_inputs(kind, schema, given.values, known.values, outputs)
        else:
            inputs = _input_part(schema, outputs) | _id_inputs(kind, resource.id)
        secrets: list[Path] = [*known.secrets, *given.secrets]
        return ReadResponse(resource.id.text, to_properties(outputs, secrets), to_properties(inputs, given.secrets))

    async def delete(self, request: DeleteRequest) -> None:
        await _in_thread(lambda: self._known(request.type))
        resource_id = ArmId.parse(request.resource_id)
        await self._pipeline.send(
            "delete", lambda: resource_id, lambda _, outcome: self._model.delete(resource_id, outcome=outcome)
        )
        await self._pipeline.wait(resource_id)

    def answered(self, urn: str) -> None:
        """Record that a creation was answered, or that the engine has disconnected."""
        self._model.answered(urn)

    def end_waits(self, peer: str) -> None:
        """Cancel all waits of the engine behind a connection."""
        self._pipeline.end_waits(peer)

    def _known(self, token: str) -> tuple[ResourceType, ResourceSchema]:
        return self._model.types.by_token(token), resource_schema(token)

    def _find(self, resource_id: ArmId) -> Resource | None:
        try:
            return self._model.get(resource_id)
        except AzureError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _id(self, kind: ResourceType, inputs: JsonObject) -> ArmId:
        return _build_id(kind, inputs, self._current_settings().subscription_id)

    # -- functions

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        schema = await _in_thread(lambda: function_schema(request.tok))
        arguments = to_plain(request.args).values
        if failures := schema.failures(arguments):
            return _refused(failures)
        settings = self._current_settings()
        tenant = self._model.tenant
        match schema.token:
            case "azure-native:authorization:getClientConfig":
                return _returned(
                    {
                        "clientId": tenant.client_id,
                        "objectId": tenant.object_id,
                        "subscriptionId": settings.subscription_id,
                        "tenantId": tenant.tenant_id,
                    }
                )
            case "azure-native:authorization:getClientToken":
                return _returned({"token": self._token(arguments)})
            case _:
                return await self._invoke_on_resource(schema.token, arguments)

    def _token(self, arguments: JsonObject) -> str:
        if self._issue_token is None:
            raise AzureError(
                "NotImplemented",
                "Nothing here takes a token: no Resource Manager is served.",
                status=HTTPStatus.NOT_IMPLEMENTED,
            )
        return self._issue_token(str(arguments.get("endpoint") or RESOURCE_MANAGER_AUDIENCE))

    async def _invoke_on_resource(self, token: str, arguments: JsonObject) -> InvokeResponse:
        found = self._model.types.by_function(token)
        kind = found[0] if found else await _in_thread(lambda: self._looked_up_type(token))
        missing = [name for name in kind.inputs.names if not isinstance(arguments.get(name), str)]
        if missing:
            return _refused([Failure(name, "is required") for name in missing])

        def ask(resource_id: ArmId, outcome: OperationOutcome) -> JsonObject:
            if found:
                return self._model.action(resource_id, found[1].name, _without(arguments, kind.inputs.names))
            resource = self._model.get(resource_id)
            return {"id": resource.id.text, **_outputs(kind, resource_schema(kind.token), resource)}

        operation = found[1].name if found else "read"
        return _returned(await self._pipeline.send(operation, lambda: self._id(kind, arguments), ask))

    def _looked_up_type(self, token: str) -> ResourceType:
        """Return the resource type that a function such as `getRedis` looks up."""
        package, module, name = canonical_token(token).split(":")
        if name.startswith("get"):
            try:
                return self._model.types.by_token(f"{package}:{module}:{name.removeprefix('get')}")
            except UnknownTokenError:
                pass
        raise AzureError(
            "NotImplemented", f"The function '{token}' is not in the local Azure.", status=HTTPStatus.NOT_IMPLEMENTED
        )


async def _in_thread(work: Callable[[], T]) -> T:
    """Run a function in a thread: the first use of a type imports an SDK module, and SQLite blocks."""
    return await asyncio.to_thread(work)


def _refused(failures: list[Failure]) -> InvokeResponse:
    return InvokeResponse(failures=check_failures(failures, []))


def _returned(values: JsonObject) -> InvokeResponse:
    return InvokeResponse(to_properties(values))


def _without(values: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {name: value for name, value in values.items() if name not in names}


# -- names and ids


def _auto_name(
    kind: ResourceType, schema: ResourceSchema, request: CheckRequest, old: JsonObject, lost: ArmId | None
) -> JsonObject:
    """Return a name for a resource without one: the old one, or one made up from the resource's name and the engine's
    seed.

    A `lost` creation of the resource is asked for again by the name that it was made with.
    """
    name = kind.inputs.name
    if name not in schema.inputs.properties:
        return {}
    if isinstance(old.get(name), str):
        kept = {CREATE_BEFORE_DELETE: True} if old.get(CREATE_BEFORE_DELETE) else {}
        return {name: old[name], **kept}
    if lost:
        return {name: lost.name, CREATE_BEFORE_DELETE: True}
    digest = hashlib.blake2b(request.urn.encode(), key=request.random_seed[:64]).digest()
    match kind.inputs.auto_name or ("copy" if kind.inputs.parents else "random"):
        case "uuid":
            return {name: str(uuid.UUID(bytes=digest[:16], version=4)), CREATE_BEFORE_DELETE: True}
        case "copy":
            return {name: request.name}
        case _:
            return {name: f"{request.name}{digest.hex()[:8]}", CREATE_BEFORE_DELETE: True}


def _build_id(kind: ResourceType, inputs: JsonObject, subscription_id: str) -> ArmId:
    named = kind.inputs
    subscription = f"/subscriptions/{subscription_id}"
    match named.scope:
        case None:
            scope = subscription
        case "resourceGroupName":
            scope = f"{subscription}/resourceGroups/{inputs[named.scope]}"
        case _:
            scope = "/" + str(inputs[named.scope]).strip("/")
    # A few types have no name: their resources are distinguished by all their inputs.
    own = inputs.get(named.name) or hashlib.blake2b(repr(sorted(inputs.items())).encode(), digest_size=8).hexdigest()
    return ArmId.build(scope, kind.arm_type, *(str(inputs[name]) for name in named.parents), str(own))


def _id_inputs(kind: ResourceType, resource_id: ArmId) -> JsonObject:
    """Return the inputs that an id contains."""
    named = kind.inputs
    inputs: JsonObject = dict(zip((*named.parents, named.name), resource_id.names, strict=True))
    if named.scope == "resourceGroupName":
        inputs[named.scope] = resource_id.resource_group
    elif named.scope:
        inputs[named.scope] = resource_id.scope
    return inputs


# -- bodies, outputs and inputs


def _body(kind: ResourceType, inputs: JsonObject) -> JsonObject:
    return kind.shape.body(_without(own_properties(inputs), (*kind.inputs.names, "id", "etag", "type")))


def _outputs(kind: ResourceType, schema: ResourceSchema, resource: Resource) -> JsonObject:
    outputs = as_object(schema.outputs.project(kind.shape.properties(resource.body)))
    return outputs | {"azureApiVersion": schema.api_version}


def _preview(kind: ResourceType, schema: ResourceSchema, inputs: Plain) -> dict[str, PropertyValue]:
    """Return the outputs as far as inputs of the same name tell them; the rest is unknown.

    So the name of a resource is unknown where its input has another name (`accountName`), as with the real provider:
    a function that is asked in an `apply` of it does not run before the resource is there.
    """
    given = own_properties(inputs.values)
    outputs = as_object(schema.outputs.preview(_identities_as_map(given)))
    for path in kind.write_only:
        take(outputs, kind.shape.sdk_path(path))
    for name in schema.outputs.properties:
        outputs.setdefault(name, UNKNOWN)
    outputs["azureApiVersion"] = schema.api_version
    if isinstance(outputs.get("location"), str):
        outputs["location"] = normalise_location(outputs["location"])
    return to_properties(_without(outputs, ("id", "urn")), inputs.secrets)


def _identities_as_map(inputs: JsonObject) -> JsonObject:
    """Replace the list of a resource's identity ids by Azure's map with the properties of each identity."""
    assigned = get(inputs, "identity.userAssignedIdentities")
    if not isinstance(assigned, list):
        return inputs
    shown = copied(inputs)
    known = all(isinstance(one, str) for one in cast("list[Any]", assigned))
    shown["identity"]["userAssignedIdentities"] = (
        {one: {"clientId": UNKNOWN, "principalId": UNKNOWN} for one in cast("list[str]", assigned)}
        if known
        else UNKNOWN
    )
    return shown


def _input_part(schema: ResourceSchema, outputs: JsonObject) -> JsonObject:
    return _without(as_object(schema.inputs.project(outputs)), _READ_ONLY_INPUTS)


def _followed_inputs(
    kind: ResourceType, schema: ResourceSchema, inputs: JsonObject, before: JsonObject, after: JsonObject
) -> JsonObject:
    """Return the program's inputs with the drift since the outputs were last read."""
    seen, now = _input_part(schema, before), _input_part(schema, after)
    for path in map(kind.shape.sdk_path, kind.collections):
        if get(inputs, path) is None:
            # Kept by other resources: the program said nothing of it here.
            take(seen, path)
            take(now, path)
    return as_object(follow(inputs, seen, now))
