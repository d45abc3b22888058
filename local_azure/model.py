"""The model of Azure: resources that are put, read, listed, deleted and acted on, under Azure's rules.

It takes and returns bodies as Azure Resource Manager has them and knows nothing of how they arrive: the Pulumi provider
is one thin adapter of it. Every operation is one transaction: a refusal leaves everything as it was.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from local_azure.arm_body import same_value
from local_azure.azure_error import (
    AzureError,
    conflict,
    parent_not_found,
    resource_group_not_found,
    resource_not_found,
)
from local_azure.ids import RESOURCE_GROUP_TYPE, SUBSCRIPTION_TYPE, ArmId
from local_azure.resource_types import TypeRegistry
from local_azure.resource_types.base import Change, Directory, Reference, Request, ResourceType, nested_in_the_way
from local_azure.resource_types.managed_identity import IDENTITY_REFERENCE, complete_identity
from local_azure.state import Resource, Store, Transaction, timestamp
from local_azure.values import JsonObject, as_object, find, get, normalise_location, put, restore, take


class Model:
    """Azure's resources. Threads may share a model."""

    def __init__(self, store: Store, directory: Directory | None = None) -> None:
        self.store = store
        self.directory = directory or Directory()
        self.types = TypeRegistry()

    def put(self, resource_id: ArmId, body: JsonObject, *, create: bool = False) -> Resource:
        """Create or replace a resource; with `create`, refuse when it is there.

        Raises `AzureError` where Azure would refuse. Returns what a GET would.
        """
        with self.store.transaction() as transaction:
            if create and transaction.get(resource_id):
                raise conflict(
                    f"cannot create already existing resource '{resource_id}'; import it, or choose another name",
                    "ResourceAlreadyExists",
                )
            operations = Work(self, transaction)
            return operations.present(operations.put(resource_id, body))

    def get(self, resource_id: ArmId) -> Resource:
        """A resource as Azure shows it; raise `ResourceNotFound` (or `ResourceGroupNotFound`) when it is not there."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return operations.present(operations.existing(resource_id))

    def list(self, resource_type: str, scope: ArmId | str = "") -> list[Resource]:
        """The resources of a type, all of them or those under a scope, as Azure shows them."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return [operations.present(one) for one in transaction.of_type(resource_type, scope)]

    @contextmanager
    def work(self) -> Generator[Work, None, None]:
        """Several operations in one transaction, for what must hold while they are done; an error undoes them all."""
        with self.store.transaction() as transaction:
            yield Work(self, transaction)

    def delete(self, resource_id: ArmId) -> None:
        """Delete a resource and what is nested in it; nothing happens when it is not there."""
        with self.store.transaction() as transaction:
            Work(self, transaction).delete(resource_id)

    def action(self, resource_id: ArmId, name: str, body: JsonObject | None = None) -> JsonObject:
        """Do what a POST on a resource does, such as `listKeys` or `regenerateKey`; action names ignore case."""
        with self.store.transaction() as transaction:
            return Work(self, transaction).action(resource_id, name, body or {})


class Work:
    """The operations within one transaction."""

    def __init__(self, model: Model, transaction: Transaction) -> None:
        self._model = model
        self._transaction = transaction

    @property
    def transaction(self) -> Transaction:
        """What the operations read and write."""
        return self._transaction

    def type_of(self, resource_id: ArmId) -> ResourceType:
        return self._model.types.by_arm_type(resource_id.type)

    def existing(self, resource_id: ArmId) -> Resource:
        if (resource := self._transaction.get(resource_id)) is None:
            self._require_surroundings(resource_id)
            if resource_id.type == RESOURCE_GROUP_TYPE:
                raise resource_group_not_found(resource_id.name)
            raise resource_not_found(resource_id.type, "/".join(resource_id.names), resource_id.resource_group)
        return resource

    def present(self, resource: Resource) -> Resource:
        resource = replace(resource, body=copy.deepcopy(resource.body))
        shown = self.type_of(resource.id).present(resource, self._transaction)
        shown["etag"] = shown.get("etag") or f'W/"{resource.etag}"'
        return replace(resource, body=shown)

    def action(self, resource_id: ArmId, name: str, body: JsonObject) -> JsonObject:
        resource = self.existing(resource_id)
        actions = {one.name.lower(): one for one in self.type_of(resource_id).actions}
        if (act := actions.get(name.lower())) is None:
            raise AzureError(
                "InvalidResourceType",
                f"The resource type '{resource_id.type}' has no action '{name}' in the local Azure.",
            )
        return act.run(Request(resource, body, self._transaction, self._model.directory))

    # -- put

    def put(self, resource_id: ArmId, body: JsonObject) -> Resource:
        kind = self.type_of(resource_id)
        existing = self._transaction.get(resource_id)
        self._require_surroundings(resource_id)
        if existing is None and kind.name_rule:
            kind.name_rule.check(resource_id.name)
        spelled = existing.id if existing else resource_id.spelled(kind.arm_type)
        change = self._start(kind, spelled, body, existing)
        if kind.tracked and not change.location:
            raise AzureError(
                "LocationRequired", "The location property is required for this definition.", target="location"
            )
        self._refuse_fixed(kind, change)
        references = list(self._references(kind, change))
        for rule in kind.rules:
            rule(change)
        for claim in kind.claims(change):
            if self._transaction.claim(claim.name, change.id):
                raise conflict(claim.message, claim.code)
        complete_identity(change)
        kind.complete(change)
        saved = self._transaction.save(Resource(change.id, change.body, change.secrets))
        self._transaction.refer(change.id, references)
        kind.applied(change, saved)
        return self._transaction.get(change.id) or saved

    def desired(self, resource: Resource) -> JsonObject:
        """The body that would put a resource as it is: what a GET answers, and the write-only values again."""
        body = copy.deepcopy(resource.body)
        for path, value in resource.secrets.items():
            if re.sub(r"\[\d+\]", "[*]", path) in self.type_of(resource.id).write_only:
                restore(body, path, value)
        return body

    def _start(self, kind: ResourceType, resource_id: ArmId, desired: JsonObject, existing: Resource | None) -> Change:
        body = copy.deepcopy(desired)
        secrets: JsonObject = {}
        for path in kind.write_only:
            secrets.update(take(body, path))
        body |= {"id": resource_id.text, "name": resource_id.name, "type": kind.arm_type or resource_id.type}
        if location := body.get("location"):
            body["location"] = normalise_location(location)
        if kind.has_provisioning_state:
            put(body, "properties.provisioningState", "Succeeded")
        body["systemData"] = self._system_data(existing)
        return Change(resource_id, desired, existing, body, secrets, self._transaction, self, self._model.directory)

    def _system_data(self, existing: Resource | None) -> JsonObject:
        caller, now = self._model.directory.client_id, timestamp(self._transaction.now)
        created = get(existing.body, "systemData") if existing else None
        return {
            "createdBy": caller,
            "createdByType": "Application",
            "createdAt": now,
            **(created or {}),
            "lastModifiedBy": caller,
            "lastModifiedByType": "Application",
            "lastModifiedAt": now,
        }

    def _require_surroundings(self, resource_id: ArmId) -> None:
        """The group, the extended resource and the parent must be there; subscriptions and the tenant always are."""
        if resource_id.scope:
            scope = ArmId.parse(resource_id.scope)
            if scope.type != SUBSCRIPTION_TYPE and scope.subscription:
                self.existing(scope)
        parent = resource_id.parent
        while parent and parent.type not in self._model.types:
            parent = parent.parent  # Some levels, such as `locations`, are no resources of their own.
        if parent and self._transaction.get(parent) is None:
            raise parent_not_found(parent.name)

    def _refuse_fixed(self, kind: ResourceType, change: Change) -> None:
        if change.existing is None:
            return
        for path in ("location", *kind.create_only):
            asked, there = get(change.body, path), get(change.existing.body, path)
            if asked is not None and not same_value(asked, there):
                code = "InvalidResourceLocation" if path == "location" else "PropertyChangeNotAllowed"
                raise conflict(f"Changing property '{path}' of '{change.id}' is not allowed.", code, path)

    def _references(self, kind: ResourceType, change: Change) -> Iterator[tuple[str, ArmId]]:
        for reference in (*kind.references, IDENTITY_REFERENCE):
            for at, value in _ids(change.body, reference):
                target = ArmId.parse(value, at)
                self._require_target(reference, target, change.id, at)
                yield reference.path, target

    def _require_target(self, reference: Reference, target: ArmId, source: ArmId, at: str) -> None:
        fits = not reference.targets or target.type_key in map(str.lower, reference.targets)
        if not fits:
            raise AzureError(
                reference.missing,
                f"Resource {target} referenced by resource {source} is of type {target.type}; "
                f"expected {' or '.join(reference.targets)}.",
                target=at,
            )
        if self._transaction.get(target) is None and target.type != SUBSCRIPTION_TYPE:
            raise AzureError(
                reference.missing,
                f"Resource {target} referenced by resource {source} was not found. "
                "Please make sure that the referenced resource exists.",
                target=at,
            )

    # -- delete

    def delete(self, resource_id: ArmId) -> None:
        resource = self._transaction.get(resource_id)
        if resource is None:
            return
        kind = self.type_of(resource.id)
        kind.refuse_delete(resource, self._transaction)
        going = [*self._transaction.under(resource.id), resource]
        if in_the_way := [one for one in going if one.id.type in kind.keeps_nested and one.id.parent == resource.id]:
            raise nested_in_the_way(resource, in_the_way)
        leaving = {one.id.key for one in going}
        for one in going:
            self._refuse_in_use(one, leaving)
        # What happens to others when a resource goes is told innermost first, while all of them can still be read.
        for one in going:
            self.type_of(one.id).removed(one, self._transaction, self)
        for one in going:
            self._transaction.remove(one.id)

    def _refuse_in_use(self, resource: Resource, leaving: set[str]) -> None:
        for stored in self._transaction.referring_to(resource.id):
            source = self._transaction.get(stored.source)
            if source is None or source.id.key in leaving:
                continue
            for reference in self.type_of(source.id).references:
                if reference.path == stored.path and reference.in_use:
                    code, words = reference.in_use
                    raise conflict(words.format(target=resource.id.name, source=source.id), code, resource.id.text)


def _ids(body: JsonObject, reference: Reference) -> Iterator[tuple[str, str]]:
    """Every id at a reference's path, each with its own path."""
    for at, value in find(body, reference.path):
        found: list[Any] = list(as_object(value)) if reference.keys else [value]
        for one in found:
            if isinstance(one, str) and one:
                yield at, one
