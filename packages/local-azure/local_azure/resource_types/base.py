"""What a resource type is to the model: a table of rules and a few functions that fill in what Azure works out.

A type's module declares a `ResourceType`; most of it is data. The model does what all types share: it looks up parents
and references, refuses changes to what is fixed at creation, keeps write-only values out of the body, and stores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from local_azure.core.arm_body import BodyShape
from local_azure.core.azure_error import AzureError, conflict
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction
from local_azure.core.tenant import Tenant as Tenant
from local_azure.core.values import JsonObject, get, put

T = TypeVar("T")


class Operations(Protocol):
    """What a type may do to other resources, within the same transaction."""

    def put(self, resource_id: ArmId, body: JsonObject) -> Resource:
        """Create or replace another resource."""
        ...

    def delete(self, resource_id: ArmId) -> None:
        """Delete another resource."""
        ...

    def type_of(self, resource_id: ArmId) -> ResourceType:
        """Return the behaviour of another resource's type."""
        ...

    def has_image(self, reference: str) -> bool:
        """Return whether the registries that are here hold an image."""
        ...


@dataclass
class Change:
    """A PUT on its way: what is asked, what is there, and the answer that grows from it."""

    id: ArmId
    desired: JsonObject
    """The body as it was asked for, write-only values included."""
    existing: Resource | None
    body: JsonObject
    """What a GET will answer; starts as the asked body without its write-only values."""
    secrets: JsonObject
    """What no GET will answer; starts with the write-only values, by their paths."""
    transaction: Transaction
    operations: Operations
    tenant: Tenant

    @property
    def properties(self) -> JsonObject:
        """Return the `properties` of the answer."""
        return self.body.setdefault("properties", {})

    @property
    def now(self) -> datetime:
        """Return the moment of the change."""
        return self.transaction.now

    @property
    def location(self) -> str:
        """Return the region of the resource, normalised, or an empty string."""
        return self.body.get("location") or ""

    def desires(self, path: str, default: Any = None) -> Any:
        """Return what is asked for at a path."""
        return get(self.desired, path, default)

    def default(self, path: str, value: Any) -> Any:
        """Fill in Azure's default where nothing is asked for; return the value."""
        if get(self.body, path) is None:
            put(self.body, path, value)
        return get(self.body, path)

    def keep(self, path: str, make: Callable[[], Any]) -> Any:
        """Fill in a value that is made at creation and never changes."""
        earlier = get(self.existing.body, path) if self.existing else None
        value = make() if earlier is None else earlier
        put(self.body, path, value)
        return value

    def keep_secret(self, name: str, make: Callable[[], T]) -> T:
        """Return the same for a value that no GET returns."""
        earlier = self.existing.secrets.get(name) if self.existing else None
        return self.secrets.setdefault(name, make() if earlier is None else earlier)

    def changed(self, path: str) -> bool:
        """Return whether what is asked for at a path differs from what was asked for before; true at creation."""
        return self.existing is None or get(self.existing.body, path) != get(self.body, path)


@dataclass(frozen=True)
class Reference:
    """A place in a body that names another resource by its id.

    A missing target, or one of another type, is refused with `missing`. With `in_use` the target cannot be deleted
    while the reference exists; the code is Azure's, the text may use `{target}` (a name) and `{source}` (an id).
    """

    path: str
    targets: tuple[str, ...] = ()
    """The types it may name; none means any."""
    missing: str = "InvalidResourceReference"
    in_use: tuple[str, str] | None = None
    keys: bool = False
    """Whether the ids are the keys of a map."""
    words: str = (
        "Resource {target} referenced by resource {source} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region."
    )
    """The refusal of a missing target."""
    same_region: bool = False
    """Whether the target, or the network that it is a subnet of, must lie in the same region."""


@dataclass(frozen=True)
class NameRule:
    """Azure's rule for a type's names
    (https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules)."""

    pattern: str
    """A regular expression for the whole name."""
    words: str
    """The rule in words, for the refusal."""
    code: str = "InvalidResourceName"

    def check(self, name: str) -> None:
        """Refuse a name that breaks the rule."""
        if not re.fullmatch(self.pattern, name, re.ASCII):
            raise AzureError(self.code, f"The resource name '{name}' is invalid: it must be {self.words}.", target=name)


@dataclass(frozen=True)
class Claim:
    """Something that only one resource can have, and the refusal when another has it."""

    name: str
    code: str
    message: str
    target: str | None = None
    """The path of the property that claims it; unset: the resource itself."""


@dataclass(frozen=True)
class PrivateLink:
    """A sub-resource of a type that a private endpoint can connect to."""

    group: str
    """Its name, Azure's "group id"."""
    zone: str
    """The private DNS zone whose records resolve to it."""
    domain: str
    """The domain of the public names, which the zone replaces."""
    host: Callable[[Resource], str]
    """The public name of a resource."""
    lacking: Callable[[Resource], str | None] = lambda _: None
    """Why a resource, such as one of a small size, cannot be connected to."""

    def record_name(self, resource: Resource) -> str:
        """Return the name of the resource's record in the zone."""
        return self.host(resource).removesuffix(f".{self.domain}")


Rule = Callable[[Change], None]
"""A check of a change; raises `AzureError`."""


@dataclass
class Request:
    """A POST on its way: the resource, what was sent, and where an action writes."""

    resource: Resource
    body: JsonObject
    transaction: Transaction
    tenant: Tenant


@dataclass(frozen=True)
class Action:
    """A POST on a resource."""

    name: str
    """Its name in the URL, such as `listKeys`."""
    run: Callable[[Request], JsonObject]
    functions: tuple[str, ...] = ()
    """The SDK's functions for it, as their tokens end."""


@dataclass(frozen=True)
class Inputs:
    """How the SDK's inputs spell a resource's id."""

    name: str = "name"
    """The input with the resource's own name."""
    parents: tuple[str, ...] = ()
    """The inputs with the names of the resources that it is nested in, outermost first."""
    scope: str | None = "resourceGroupName"
    """The input with the name of the resource group, or with the id of what it extends; None for a subscription's."""
    auto_name: str | None = None
    """How a name is made up: `random`, `uuid` or `copy`; unset: `random`, but `copy` for a nested resource."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the inputs that the id is made of, which are not part of the body."""
        return (*([self.scope] if self.scope else []), *self.parents, self.name)


class ResourceType:
    """The behaviour of one type. Paths are those of the body: `properties.subnets[*].properties.addressPrefix`."""

    token: str = ""
    """The SDK's token; empty for a type that only Azure itself makes."""
    arm_type: str = ""
    """The type as Azure spells it."""
    inputs: Inputs = Inputs()
    shape: BodyShape = BodyShape()
    name_rule: ClassVar[NameRule | None] = None
    create_only: ClassVar[tuple[str, ...]] = ()
    """What is fixed at creation: another value needs another resource. The location always is."""
    fixed: ClassVar[tuple[str, str]] = (
        "PropertyChangeNotAllowed",
        "Changing property '{path}' of '{id}' is not allowed.",
    )
    """The code and the words of the refusal to change it."""
    write_only: tuple[str, ...] = ()
    """What a GET never returns."""
    collections: ClassVar[tuple[str, ...]] = ()
    """Lists of nested resources that may also be managed one by one: leaving one out of a PUT leaves it as it is."""
    references: ClassVar[tuple[Reference, ...]] = ()
    rules: ClassVar[tuple[Rule, ...]] = ()
    private_links: ClassVar[tuple[PrivateLink, ...]] = ()
    """The sub-resources that private endpoints can connect to."""
    actions: ClassVar[tuple[Action, ...]] = ()
    """What can be asked of it by POST."""
    has_provisioning_state: bool = True
    tracked: bool = True
    """Whether it lies in a region and so must have a location."""
    busy_seconds: ClassVar[float] = 0.0
    """For how long Azure continues to work after an operation has ended. Until then the resource's `resourceState` is
    not Running, and writes, private endpoints and actions are refused."""
    keeps_nested: ClassVar[tuple[str, ...]] = ()
    """The types of nested resources with which it cannot be deleted."""

    def claims(self, change: Change) -> Iterable[Claim]:
        """Return what the resource must be the only one to have."""
        return ()

    def locks(self, resource_id: ArmId) -> Iterable[str]:
        """Return what a write holds beside the resource itself for as long as it takes: ids, or other names.

        Another write that holds any of it is refused meanwhile.
        """
        return ()

    def complete(self, change: Change) -> None:
        """Fill in what Azure works out: `change.body` for what a GET returns, `change.secrets` for what none does."""

    def applied(self, change: Change, resource: Resource) -> None:
        """Do what follows for other resources, once this one is stored."""

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        """Return what a GET answers: the body (a copy, free to change), with what other resources add to it."""
        return resource.body

    def refuse_delete(self, resource: Resource, transaction: Transaction, tenant: Tenant) -> None:
        """Raise when the resource itself (not what it is in) is to be deleted and cannot be.

        `tenant` identifies the caller.
        """

    def removed(self, resource: Resource, transaction: Transaction, operations: Operations) -> None:
        """Apply to other resources what follows from this one's deletion, alone or with its parent."""


@dataclass(frozen=True)
class Keys:
    """A pair of access keys that can be listed and regenerated."""

    names: Mapping[str, str] = field(default_factory=lambda: {"Primary": "primaryKey", "Secondary": "secondaryKey"})
    """The key types of `regenerateKey`, and the names in the answer of `listKeys`."""

    def make(self, change: Change, generate: Callable[[], str]) -> None:
        """Make both keys at creation, and keep them."""
        for name in self.names.values():
            change.keep_secret(name, generate)

    def list(self, request: Request) -> JsonObject:
        """Return the answer of `listKeys`."""
        return {name: request.resource.secrets[name] for name in self.names.values()}

    def regenerate(self, request: Request, generate: Callable[[], str]) -> JsonObject:
        """Return the answer of `regenerateKey`, for a body such as `{"keyType": "Primary"}`."""
        key_type = str(request.body.get("keyType"))
        if key_type not in self.names:
            raise AzureError(
                "InvalidRequestBody",
                f"The value of 'keyType' must be one of {', '.join(self.names)}.",
                target="keyType",
            )
        request.resource.secrets[self.names[key_type]] = generate()
        request.transaction.save(request.resource)
        return self.list(request)


def name_taken(name: str, host: str, code: str, words: str) -> Claim:
    """Return the claim to a name that is part of a public host name, and so unique in all of Azure."""
    return Claim(f"host/{host}", code, f"{words} '{name}' is already in use; its host name {host} is taken.")


def nested_in_the_way(resource: Resource, nested: list[Resource]) -> AzureError:
    """Return the error for deleting a resource while resources nested in it exist."""
    listed = ", ".join(f"'{item.id.type.rsplit('/', 1)[-1]}/{item.id.name}'" for item in nested[:5])
    return conflict(
        f"Can not delete resource before nested resources are deleted. '{resource.id}' still has: {listed}.",
        "CannotDeleteResource",
        resource.id.text,
    )
