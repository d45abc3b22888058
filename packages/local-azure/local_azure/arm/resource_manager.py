"""Azure Resource Manager over the model: resources, lists, actions, and queries around them.

The rules of the protocol are those of https://github.com/microsoft/api-guidelines/blob/vNext/azure and of the resource
provider contract (https://github.com/cloud-and-ai-microsoft/resource-provider-contract).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import NoReturn, TypeVar

from aiohttp import web

from local_azure.arm import endpoint_connections, filters, long_running, planning, running_state, subscriptions, views
from local_azure.arm.addresses import Address, not_found, parse, require_api_version, segments
from local_azure.arm.bodies import accepted, merge
from local_azure.arm.conditions import Conditions
from local_azure.arm.endpoint import Endpoint, origin
from local_azure.arm.log_stream import auth_token
from local_azure.arm.long_running import RESULT, Operation, style_of
from local_azure.arm.paging import page, page_of
from local_azure.arm.permissions import require_action
from local_azure.arm.tokens import InvalidTokenError, Principal
from local_azure.arm.web import AnsweredError, answer, read_object, refuse
from local_azure.control_plane.model import Work
from local_azure.core import registrations
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import NO_FAULT, OperationOutcome
from local_azure.core.ids import RESOURCE_GROUP_TYPE, SUBSCRIPTION_TYPE, ArmId
from local_azure.core.provisioning import state_word
from local_azure.core.schema import resource_schema
from local_azure.core.state import Resource, timestamp
from local_azure.core.values import JsonObject, get, put
from local_azure.resource_types import deployer
from local_azure.resource_types.authorization import ROLE_ASSIGNMENT_TYPE, scopes_above
from local_azure.resource_types.base import ResourceType
from local_azure.resource_types.container_apps import APP_TYPE, ENVIRONMENT_TYPE
from local_azure.resource_types.generic import GenericType
from local_azure.resource_types.key_vault import SECRET_TYPE
from local_azure.resource_types.network import RECORD_TYPE

T = TypeVar("T")
AUDIENCES = ("https://management.core.windows.net/", "https://management.azure.com/")
"""The accepted audiences of a token, beside the endpoint's own URL."""
_READ_ONLY_TYPES = frozenset({RECORD_TYPE.lower(), "microsoft.network/networkinterfaces"})
"""Types that Azure manages for other resources; they are read-only here."""
_STREAMED = (APP_TYPE.lower(), ENVIRONMENT_TYPE.lower())
"""Types with a log stream."""
_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}
_SHARED_NAMESPACE = "Microsoft.Resources"


@dataclass(frozen=True)
class Call:
    """An authenticated request with a valid API version."""

    request: web.Request
    parts: list[str]
    api_version: str
    principal: Principal
    body: JsonObject
    outcome: OperationOutcome = NO_FAULT
    """The duration and the result of a write that is answered before it completes."""

    @property
    def method(self) -> str:
        """The HTTP method; HEAD is handled as GET."""
        return "GET" if self.request.method == "HEAD" else self.request.method


class ResourceManager:
    """Answers requests to Azure Resource Manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._model = endpoint.model
        self._tenant = endpoint.model.tenant

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Raises `AzureError`."""
        parts = segments(request.rel_url.raw_path)
        principal = self._authenticate(request)
        version = next((value for name, value in request.query.items() if name.lower() == "api-version"), None)
        call = Call(request, parts, require_api_version(version), principal, await _body(request))
        if call.request.method not in _VERBS:
            raise _not_allowed(call)
        if call.request.method in ("PUT", "PATCH"):
            # The first body of a type imports its SDK module, in a thread, so that other requests are not blocked.
            await asyncio.to_thread(self._load_schema, parts)
        if asked := long_running.question(parts):
            return await self._in_work(lambda work: self._operation(work, call, asked))
        admitted = await self._admit(call)
        return await self._in_work(lambda work: self._answer(work, admitted))

    async def _admit(self, call: Call) -> Call:
        """Let a request on a resource in, which a fault may refuse; what is answered only when done takes its time."""
        operation, resource_id = _operation_on(call)
        if resource_id is None:
            return call
        outcome = await asyncio.to_thread(self._model.evaluate_faults, operation, resource_id)
        if style_of(resource_id.type).has(call.method):
            return replace(call, outcome=outcome)
        await asyncio.sleep(outcome.seconds)
        if outcome.error:
            raise outcome.error
        return call

    async def _in_work(self, do: Callable[[Work], T]) -> T:
        def run() -> T:
            with self._model.work() as work:
                return do(work)

        return await asyncio.to_thread(run)

    def _load_schema(self, parts: list[str]) -> None:
        address = parse(parts)
        if address and address.is_resource and (token := self._model.types.by_arm_type(address.type).token):
            _ = resource_schema(token).inputs.properties

    # -- who calls

    def _authenticate(self, request: web.Request) -> Principal:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            self._challenge("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            return self._endpoint.issuer.verify(token.strip(), [self._endpoint.base_url, origin(request), *AUDIENCES])
        except InvalidTokenError as error:
            self._challenge(error.code, str(error))

    def _challenge(self, code: str, message: str) -> NoReturn:
        """https://learn.microsoft.com/rest/api/azure/#create-the-request: 401 contains the URL of the sign-in."""
        description = message.replace('"', "'")
        raise AnsweredError(
            refuse(
                AzureError(code, message, status=HTTPStatus.UNAUTHORIZED),
                {
                    "WWW-Authenticate": f'Bearer authorization_uri="{self._endpoint.authority}", '
                    f'error="invalid_token", error_description="{description}"'
                },
            )
        )

    def _authorize(self, work: Work, call: Call, resource_type: str, scope: str, action: str = "") -> None:
        """Refuse what the caller has no role for; the service principal has the deployer's."""
        verb = _VERBS[call.request.method]
        name = f"{resource_type}/{action}/{verb}" if action else f"{resource_type}/{verb}"
        if call.principal.object_id == self._tenant.object_id:
            deployer.require(work.transaction, self._tenant, name, scope)
        else:
            require_action(work.transaction, call.principal, name, scope)

    # -- routes

    def _answer(self, work: Work, call: Call) -> web.Response:
        lowered = [one.lower() for one in call.parts]
        if lowered[:1] == ["subscriptions"] and len(lowered) > 1:
            subscriptions.require_subscription(work, self._tenant, call.parts[1])
        match lowered:
            case ["subscriptions"]:
                found = subscriptions.known_subscriptions(work, self._tenant)
                return self._read_only(
                    call, _listed([subscriptions.subscription_body(work, one, self._tenant) for one in found])
                )
            case ["tenants"]:
                return self._read_only(call, _listed([subscriptions.tenant_body(self._tenant)]))
            case ["subscriptions", _]:
                return self._read_only(call, subscriptions.subscription_body(work, call.parts[1], self._tenant))
            case ["subscriptions", _, "locations"]:
                return self._read_only(call, _listed(subscriptions.location_bodies(call.parts[1])))
            case ["providers"] | ["subscriptions", _, "providers"]:
                return self._read_only(
                    call,
                    _listed(subscriptions.provider_bodies(work.transaction, self._subscription(call), self._kinds())),
                )
            case ["providers", namespace] | ["subscriptions", _, "providers", namespace]:
                return self._read_only(call, self._provider(work, call, namespace))
            case ["subscriptions", _, "providers", namespace, "register" | "unregister" as verb]:
                return self._register(work, call, namespace, verb)
            case ["subscriptions", _, "resourcegroups"]:
                self._authorize(work, call, f"{SUBSCRIPTION_TYPE}/resourceGroups", f"/subscriptions/{call.parts[1]}")
                return self._list(work, call, RESOURCE_GROUP_TYPE, _scope(call.parts[:2]))
            case ["subscriptions", _, "resourcegroups", _]:
                return self._resource(work, call, _canonical(work, ArmId.parse(_scope(call.parts))))
            case ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"]:
                return self._resources(work, call, _scope(call.parts[:-1]))
            case _:
                address = parse(call.parts)
                if address is None:
                    raise not_found(call.parts)
                return self._addressed(work, call, address)

    def _provider(self, work: Work, call: Call, namespace: str) -> JsonObject:
        return subscriptions.provider_body(work.transaction, self._subscription(call), namespace, self._kinds())

    def _register(self, work: Work, call: Call, namespace: str, verb: str) -> web.Response:
        """https://learn.microsoft.com/rest/api/resources/providers/register"""
        if call.method != "POST":
            raise _not_allowed(call)
        known = str(self._provider(work, call, namespace)["namespace"])
        self._authorize(work, call, known, _scope(call.parts[:2]), verb)
        state = registrations.REGISTERED if verb == "register" else registrations.NOT_REGISTERED
        registrations.change(work.transaction, known, state)
        return answer(self._provider(work, call, namespace))

    def _subscription(self, call: Call) -> str:
        return call.parts[1] if call.parts[0].lower() == "subscriptions" else self._tenant.subscription_id

    def _kinds(self) -> list[ResourceType]:
        return [kind for kind in self._model.types if kind.arm_type.count("/")]

    def _read_only(self, call: Call, body: JsonObject) -> web.Response:
        if call.method != "GET":
            raise _not_allowed(call)
        return answer(body)

    def _addressed(self, work: Work, call: Call, address: Address) -> web.Response:
        if address.type.lower() == "microsoft.authorization/permissions":
            return self._read_only(call, _listed(planning.permissions(work.transaction)))
        if call.method == "POST" and (question := planning.question_of(address)):
            # That a provider which is not registered answers no question is an assumption.
            registrations.require(work.transaction, address.types[0])
            return answer(question(work, address, call.body))
        if view := views.view_of(address, self._endpoint.running):
            self._authorize(work, call, address.type, address.scope)
            listed = view(work, address)
            if call.method == "PUT" and address.is_resource and address.last.lower() == endpoint_connections.LEVEL:
                found = views.one_of(listed, address)
                endpoint_connections.decide(work, str(found["id"]).rsplit("/", 2)[0], found, call.body)
                return answer(views.one_of(view(work, address), address))
            if call.method != "GET":
                raise _not_allowed(call)
            if address.is_resource:
                return answer(views.one_of(listed, address))
            return answer(self._filtered_page(call, listed))
        if address.is_resource:
            self._require_type(work, address.type, address.names[:-1])
            return self._resource(work, call, _canonical(work, address.resource_id))
        if call.method == "POST":
            return self._act(work, call, address)
        self._require_type(work, address.type, address.names)
        return self._collection(work, call, address)

    def _require_type(self, work: Work, resource_type: str, names: tuple[str, ...]) -> None:
        """Raise Azure's refusal of a namespace or a type that is not there."""
        known = resource_type in self._model.types or resource_type.lower() in _READ_ONLY_TYPES
        if known or work.transaction.of_type(resource_type):
            return
        namespace, _, rest = resource_type.partition("/")
        if namespace.lower() not in {kind.arm_type.split("/")[0].lower() for kind in self._kinds()}:
            raise subscriptions.invalid_namespace(namespace)
        raise AzureError(
            "InvalidResourceType",
            f"The resource type '{rest}' could not be found in the namespace '{namespace}' of the local Azure.",
            status=HTTPStatus.NOT_FOUND,
        )

    # -- one resource

    def _resource(self, work: Work, call: Call, resource_id: ArmId) -> web.Response:
        self._authorize(work, call, _action_type(resource_id.type), resource_id.text)
        match call.method:
            case "GET":
                return self._get(work, call, resource_id)
            case "PUT":
                return self._put(work, call, resource_id)
            case "PATCH":
                return self._patch(work, call, resource_id)
            case "DELETE":
                return self._delete(work, call, resource_id)
            case _:
                raise _not_allowed(call)

    def _get(self, work: Work, call: Call, resource_id: ArmId) -> web.Response:
        if call.request.method == "HEAD":
            return answer(None, HTTPStatus.NO_CONTENT if work.transaction.get(resource_id) else HTTPStatus.NOT_FOUND)
        shown = self._present(work, work.existing(resource_id))
        if Conditions.of(call.request).unchanged(shown.body["etag"]):
            return answer(None, HTTPStatus.NOT_MODIFIED, {"ETag": shown.body["etag"]})
        return _resource_answer(shown)

    def _present(self, work: Work, resource: Resource) -> Resource:
        """Return a resource as Azure shows it, with its runtime status."""
        shown = work.present(resource)
        return replace(shown, body=running_state.shown(shown.id, shown.body, self._endpoint.running))

    def _put(self, work: Work, call: Call, resource_id: ArmId) -> web.Response:
        kind = self._writable(work, call, resource_id)
        existing = work.transaction.get(resource_id)
        Conditions.of(call.request).require(existing)
        saved = work.put(resource_id, accepted(kind, resource_id, call.body))
        status = HTTPStatus.OK if existing else HTTPStatus.CREATED
        style = style_of(kind.arm_type)
        if not style.put:
            always_ok = kind.arm_type.lower() in (
                "microsoft.insights/metricalerts",
                "microsoft.insights/diagnosticsettings",
            )
            return _resource_answer(work.present(saved), HTTPStatus.OK if always_ok else status)
        step = "update" if existing else "create"
        operation = self._start(work, saved, call, step)
        shown = work.present(saved)
        put(shown.body, "properties.provisioningState", state_word(kind.arm_type, step))
        return _resource_answer(shown, status, self._operation_headers(call, operation, location=False))

    def _patch(self, work: Work, call: Call, resource_id: ArmId) -> web.Response:
        kind = self._writable(work, call, resource_id)
        existing = work.existing(resource_id)
        Conditions.of(call.request).require(existing)
        desired = merge(work.desired(existing), call.body)
        saved = work.put(resource_id, accepted(kind, resource_id, desired))
        if not style_of(kind.arm_type).patch:
            return _resource_answer(work.present(saved))
        headers = self._operation_headers(call, self._start(work, saved, call, "update"))
        shown = work.present(saved)
        put(shown.body, "properties.provisioningState", "Updating")
        return _resource_answer(shown, HTTPStatus.ACCEPTED, headers)

    def _delete(self, work: Work, call: Call, resource_id: ArmId) -> web.Response:
        if resource_id.type.lower() == SECRET_TYPE.lower():
            # The control plane has no such call: https://learn.microsoft.com/rest/api/keyvault/keyvault/secrets
            raise _not_allowed(call)
        existing = work.transaction.get(resource_id)
        if existing is None:
            # A group that is not there is an error, whatever is to be deleted from it.
            if group := resource_id.group_id:
                work.existing(group)
            return answer(None, HTTPStatus.NO_CONTENT)
        Conditions.of(call.request).require(existing)
        shown = work.present(existing)
        seconds = work.start_delete(resource_id, call.outcome)
        if style_of(resource_id.type).delete:
            operation = self._record(work, existing, call, seconds)
            return answer(None, HTTPStatus.ACCEPTED, self._operation_headers(call, operation))
        return answer(shown.body) if resource_id.type.lower() == ROLE_ASSIGNMENT_TYPE.lower() else answer(None)

    def _writable(self, work: Work, call: Call, resource_id: ArmId) -> ResourceType:
        kind = work.type_of(resource_id)
        if not kind.token:
            raise _not_allowed(call)
        return kind

    # -- operations

    def _start(self, work: Work, resource: Resource, call: Call, kind: str) -> Operation:
        return self._record(work, resource, call, work.begin(resource.id, kind, call.outcome))

    @staticmethod
    def _record(work: Work, resource: Resource, call: Call, seconds: float) -> Operation:
        error = call.outcome.error
        return long_running.start(work.transaction, resource, call.method, call.api_version, seconds, error)

    @staticmethod
    def _operation_headers(call: Call, operation: Operation, *, location: bool = True) -> dict[str, str]:
        base = origin(call.request)
        headers = operation.retry_headers()
        if operation.resource_id.type != RESOURCE_GROUP_TYPE:
            headers["Azure-AsyncOperation"] = operation.status_url(base)
        if location:
            headers["Location"] = operation.result_url(base)
        return headers

    def _operation(self, work: Work, call: Call, asked: str) -> web.Response:
        if call.method != "GET":
            raise _not_allowed(call)
        operation = long_running.find(work.transaction, call.parts)
        if asked != RESULT:
            return answer(operation.status(), headers=operation.retry_headers() if operation.remaining else None)
        if operation.remaining:
            headers = operation.retry_headers() | {"Location": operation.result_url(origin(call.request))}
            return answer(None, HTTPStatus.ACCEPTED, headers)
        if operation.error:
            raise operation.error
        if operation.method == "DELETE":
            return answer(None)
        return _resource_answer(work.present(work.existing(operation.resource_id)))

    # -- actions

    def _act(self, work: Work, call: Call, address: Address) -> web.Response:
        target = address.parent_id
        if target is None:
            raise not_found(call.parts)
        self._require_type(work, target.type, target.names[:-1])
        self._authorize(work, call, target.type, target.text, address.last)
        if address.last.lower() == "getauthtoken" and target.type_key in _STREAMED:
            return answer(auth_token(self._endpoint, work.existing(target), call.principal))
        if address.last.lower() not in {one.name.lower() for one in work.type_of(target).actions}:
            raise AzureError(
                "InvalidResourceType",
                f"The resource type '{target.type.partition('/')[2]}' has no action '{address.last}' "
                "in the local Azure.",
                status=HTTPStatus.NOT_FOUND,
            )
        return answer(work.action(target, address.last, call.body))

    # -- lists

    def _collection(self, work: Work, call: Call, address: Address) -> web.Response:
        if call.method != "GET":
            raise _not_allowed(call)
        self._authorize(work, call, address.type, address.scope)
        if parent := address.parent_id:
            if not parent.type_key.endswith("/locations"):
                work.existing(parent)
        elif address.scope and ArmId.parse(address.scope).type != SUBSCRIPTION_TYPE:
            work.existing(ArmId.parse(address.scope))
        if address.type.lower() == ROLE_ASSIGNMENT_TYPE.lower():
            return self._role_assignments(work, call, address.scope)
        kind = work.type_of(ArmId.build("", address.type, *address.names, "x"))
        if kind.inputs.scope in ("resourceGroupName", None):
            return self._list(work, call, address.type, address.parent_id or address.scope)
        # Extensions are listed at the resource that they extend, and not below it.
        scope = address.scope.lower()
        return self._list(work, call, address.type, address.scope, lambda one: one.id.scope.lower() == scope)

    def _role_assignments(self, work: Work, call: Call, scope: str) -> web.Response:
        """https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest: a list holds what is
        assigned at the scope, above it and, without `atScope()`, below it."""
        text = call.request.query.get("$filter", "")
        above = {one.lower() for one in scopes_above(scope)}
        wanted = text.replace(" ", "").lower()
        at_scope = "atscope()" in wanted
        text = _without(text, "atScope()")
        principal = _argument(text, "assignedTo")
        accepts = filters.parse(text) if text and not principal else None
        found = [
            one
            for one in work.transaction.of_type(ROLE_ASSIGNMENT_TYPE)
            if (one.id.scope.lower() in above or (not at_scope and one.id.key.startswith(f"{scope.lower()}/")))
            and (not principal or one.properties.get("principalId") == principal)
            and (accepts is None or accepts({**one.properties, "id": one.id.text}))
        ]
        return answer(page(call.request, origin(call.request), found, _key, lambda one: work.present(one).body))

    def _list(
        self,
        work: Work,
        call: Call,
        resource_type: str,
        scope: ArmId | str,
        belongs: Callable[[Resource], bool] = lambda one: True,
    ) -> web.Response:
        if call.method != "GET":
            raise _not_allowed(call)
        text = call.request.query.get("$filter")
        accepts = filters.parse(text) if text else None

        def walk(after: str) -> Iterator[Resource]:
            for one in work.transaction.walk(scope, resource_type, after):
                if belongs(one) and (accepts is None or accepts(one.body)):
                    yield one

        return answer(
            page_of(call.request, origin(call.request), walk, _key, lambda one: self._present(work, one).body)
        )

    def _filtered_page(self, call: Call, listed: list[JsonObject]) -> JsonObject:
        if text := _without(call.request.query.get("$filter", ""), "atScopeAndBelow()"):
            accepts = filters.parse(text)
            listed = [one for one in listed if accepts({**(one.get("properties") or {}), **one})]
        return page(call.request, origin(call.request), listed, lambda one: str(one.get("id")).lower(), lambda one: one)

    def _resources(self, work: Work, call: Call, scope: str) -> web.Response:
        """https://learn.microsoft.com/rest/api/resources/resources/list: what lies in a region, without properties."""
        if call.method != "GET":
            raise _not_allowed(call)
        scope_id = ArmId.parse(scope)
        if scope_id.type == RESOURCE_GROUP_TYPE:
            work.existing(scope_id)
        self._authorize(work, call, f"{SUBSCRIPTION_TYPE}/resources", scope)
        expand = {one.strip().lower() for one in call.request.query.get("$expand", "").split(",")}
        text = call.request.query.get("$filter", "")
        accepts = filters.parse(text) if text else None
        resource_type = filters.demanded(text, "resourceType") if text else ""

        def walk(after: str) -> Iterator[Resource]:
            for one in work.transaction.walk(scope, resource_type, after):
                if not one.location or one.id.type == RESOURCE_GROUP_TYPE or not _is_tracked(work.type_of(one.id)):
                    continue
                if accepts is None or accepts(_summary(one, set())):
                    yield one

        return answer(page_of(call.request, origin(call.request), walk, _key, lambda one: _summary(one, expand)))


_OPERATIONS = {"GET": "read", "PUT": "put", "PATCH": "put", "DELETE": "delete"}


def _operation_on(call: Call) -> tuple[str, ArmId | None]:
    """Return the operation and the resource of a request; None for a list or a path that is no resource."""
    try:
        if [one.lower() for one in call.parts[::2]] == ["subscriptions", "resourcegroups"] and len(call.parts) == 4:
            return _OPERATIONS.get(call.method, ""), ArmId.parse(_scope(call.parts))
        address = parse(call.parts)
    except AzureError:
        return "", None  # It is refused where it is answered.
    if address is None:
        return "", None
    if address.is_resource:
        return _OPERATIONS.get(call.method, ""), address.resource_id
    return (address.last, address.parent_id) if call.method == "POST" else ("", None)


async def _body(request: web.Request) -> JsonObject:
    return await read_object(request) if request.method in ("PUT", "PATCH", "POST") else {}


def _resource_answer(
    shown: Resource, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> web.Response:
    return answer(shown.body, status, {"ETag": shown.body["etag"], **(headers or {})})


def _listed(bodies: list[JsonObject]) -> JsonObject:
    return {"value": bodies}


def _scope(parts: list[str]) -> str:
    return "".join(f"/{one}" for one in parts)


def _canonical(work: Work, resource_id: ArmId) -> ArmId:
    """Return an id in Azure's spelling: names as first given, types in the provider's letter case."""
    if found := work.transaction.get(resource_id):
        return found.id
    if resource_id.type == SUBSCRIPTION_TYPE:
        return ArmId.parse(f"/subscriptions/{resource_id.name}")
    scope = _canonical(work, ArmId.parse(resource_id.scope)).text if resource_id.scope else ""
    parents = _canonical(work, resource_id.parent).names if resource_id.parent else ()
    return ArmId.build(scope, work.type_of(resource_id).arm_type or resource_id.type, *parents, resource_id.name)


def _key(resource: Resource) -> str:
    return resource.id.key


def _action_type(resource_type: str) -> str:
    """Return a type as actions of roles name it: groups belong to their subscription."""
    return f"{SUBSCRIPTION_TYPE}/resourceGroups" if resource_type == RESOURCE_GROUP_TYPE else resource_type


def _is_tracked(kind: ResourceType) -> bool:
    return kind.tracked or isinstance(kind, GenericType)


def _summary(resource: Resource, expand: set[str]) -> JsonObject:
    """Return the summary of a resource in a list of all resources; its name contains every level."""
    names = ("kind", "sku", "identity", "managedBy", "plan", "zones", "tags", "extendedLocation")
    summary: JsonObject = {
        "id": resource.id.text,
        "name": "/".join(resource.id.names),
        "type": resource.body.get("type", resource.id.type),
        "location": resource.location,
        **{name: resource.body[name] for name in names if resource.body.get(name)},
    }
    if "createdtime" in expand:
        summary["createdTime"] = timestamp(resource.created_at)
    if "changedtime" in expand:
        summary["changedTime"] = timestamp(resource.changed_at)
    if "provisioningstate" in expand:
        summary["provisioningState"] = get(resource.body, "properties.provisioningState", "Succeeded")
    return summary


def _without(text: str, function: str) -> str:
    """Return a filter without a condition that has no operands, and without the `and` that joined it."""
    parts = [one for one in _split_and(text) if one.replace(" ", "").lower() != function.lower()]
    return " and ".join(parts)


def _split_and(text: str) -> list[str]:
    return [one for one in (part.strip() for part in text.split(" and ")) if one]


def _argument(text: str, function: str) -> str:
    """Return the argument of a filter that is a single call, such as `assignedTo('...')`; empty for other filters."""
    name, opened, rest = text.strip().partition("(")
    return rest.strip().rstrip(")").strip("' ") if opened and name.strip().lower() == function.lower() else ""


def _not_allowed(call: Call) -> AzureError:
    return AzureError(
        "MethodNotAllowed",
        f"The HTTP method '{call.request.method}' is not supported at '/{'/'.join(call.parts)[:512]}'.",
        status=HTTPStatus.METHOD_NOT_ALLOWED,
    )
