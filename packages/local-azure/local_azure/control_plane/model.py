"""The model of Azure: create, read, list, update, delete and actions on resources, under Azure's rules.

Its bodies are those of Azure Resource Manager; the Pulumi provider and the HTTP endpoint are adapters. Every operation
is one transaction: an error changes nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from local_azure.core import creations, faults, latency, options, provisioning, registrations
from local_azure.core.arm_body import same_value
from local_azure.core.azure_error import (
    AzureError,
    conflict,
    parent_not_found,
    resource_group_not_found,
    resource_not_found,
)
from local_azure.core.faults import NO_FAULT, OperationOutcome
from local_azure.core.ids import RESOURCE_GROUP_TYPE, SUBSCRIPTION_TYPE, ArmId
from local_azure.core.state import Resource, Store, Transaction, timestamp
from local_azure.core.values import JsonObject, as_object, copied, find, get, normalise_location, put, restore, take
from local_azure.resource_types import TypeRegistry, deployer
from local_azure.resource_types.base import Change, Reference, Request, ResourceType, Tenant, nested_in_the_way
from local_azure.resource_types.every_type import EVERY_TYPE, moved
from local_azure.resource_types.implied_references import implied_references, target_not_found
from local_azure.resource_types.locks import refuse_locked_delete
from local_azure.resource_types.managed_identity import IDENTITY_REFERENCE, complete_identity
from local_azure.resource_types.private_endpoint import disconnect
from local_azure.resource_types.subscription_rules import SUBSCRIPTION_RULES


class Model:
    """Azure's resources. Thread-safe."""

    def __init__(self, store: Store, tenant: Tenant | None = None) -> None:
        self.store = store
        self.tenant = tenant or Tenant()
        self.types = TypeRegistry()
        self.has_image: Callable[[str], bool] = lambda _: True
        """Returns whether an image with a reference exists; called only while the data plane is on."""
        self.server = uuid.uuid4().hex
        """Identifies this process, to distinguish its unanswered creations from those of a killed process."""

    def evaluate_faults(self, operation: str, resource_id: ArmId) -> OperationOutcome:
        """Return the duration and the result of an operation under the options and the injected faults.

        `operation` is `put`, `delete`, `read` or the name of an action. Called before each request, in a separate
        transaction, because a fault counts as used even if it refuses the request. Raises the `AzureError` of a fault
        that refuses the operation.
        """
        refusal: AzureError | None = None
        late: AzureError | None = None
        with self.store.transaction() as transaction:
            if operation == "put":
                operation = "update" if transaction.has(resource_id) else "create"
            seconds = latency.typical(resource_id.type).seconds(operation)
            if operation == "delete":
                nested = transaction.types_under(resource_id)
                seconds = max(seconds, *(latency.typical(nested_type).delete for nested_type in nested), 0.0)
            pace = options.read(transaction).pace
            seconds *= pace
            kind = self.types.by_arm_type(resource_id.type)
            busy_seconds = kind.busy_seconds * pace
            for fault in faults.consume(transaction, operation, resource_id):
                if fault.kind == "late-running":
                    busy_seconds += fault.seconds
                    continue
                seconds += fault.seconds
                if fault.kind == "slow":
                    continue
                if fault.stage == "accepted" and operation in faults.WRITES and kind.has_provisioning_state:
                    late = fault.error()
                else:
                    refusal = fault.error()
        if refusal:
            raise refusal
        return OperationOutcome(seconds, late, busy_seconds)

    def authorize(self, operation: str, resource_id: ArmId) -> None:
        """Raise `AuthorizationFailed` unless the deployer's role permits an operation, named as in
        `evaluate_faults`."""
        with self.store.transaction() as transaction:
            action = deployer.action_name(resource_id.type, operation)
            deployer.require(transaction, self.tenant, action, resource_id.text)

    def register(self, namespace: str) -> None:
        """Register the subscription with a resource provider. Raises `AuthorizationFailed`."""
        with self.store.transaction() as transaction:
            scope = f"/subscriptions/{self.tenant.subscription_id}"
            deployer.require(transaction, self.tenant, f"{namespace}/register/action", scope)
            registrations.change(transaction, namespace, registrations.REGISTERED)

    def put(
        self,
        resource_id: ArmId,
        body: JsonObject,
        *,
        create: bool = False,
        urn: str = "",
        outcome: OperationOutcome = NO_FAULT,
    ) -> Resource:
        """Create or replace a resource; with `create`, refuse if it exists. Return the resource as a GET shows it.

        `urn` is the engine's name of a resource that it creates. A creation that is repeated because the emulator was
        killed before it answered is idempotent. Raises `AzureError` where Azure would refuse.
        """
        with self.work() as work:
            existing = work.transaction.has(resource_id)
            if create and existing and not work.is_lost_creation(resource_id, urn):
                raise conflict(
                    f"cannot create already existing resource '{resource_id}'; import it, or choose another name",
                    "ResourceAlreadyExists",
                )
            saved = work.repeat_put(resource_id, body) if create and existing else work.put(resource_id, body)
            if create and urn:
                creations.record(work.transaction, saved.id, urn, self.server)
            work.begin(saved.id, "update" if existing and not create else "create", outcome)
            return work.present(saved)

    def get(self, resource_id: ArmId) -> Resource:
        """Return a resource as Azure shows it. Raises `ResourceNotFound` or `ResourceGroupNotFound`."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return operations.present(operations.existing(resource_id))

    def list(self, resource_type: str, scope: ArmId | str = "") -> list[Resource]:
        """Return the resources of a type, in all scopes or under one, as Azure shows them."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return [operations.present(resource) for resource in transaction.of_type(resource_type, scope)]

    @contextmanager
    def work(self) -> Generator[Work, None, None]:
        """Run several operations in one transaction; an exception rolls all of them back."""
        with self.store.transaction() as transaction:
            yield Work(self, transaction)

    def delete(self, resource_id: ArmId, *, outcome: OperationOutcome = NO_FAULT) -> None:
        """Delete a resource and its nested resources; do nothing if it does not exist."""
        with self.work() as work:
            work.start_delete(resource_id, outcome)

    def progress(self, resource_id: ArmId) -> tuple[float, AzureError | None]:
        """Return the seconds until the operation on a resource completes (0 without one), and its error, if any."""
        with self.work() as work:
            return work.progress(resource_id)

    def lost_creation(self, urn: str) -> ArmId | None:
        """Return the id of the resource that a killed server created for a URN without answering, or None."""
        with self.store.transaction() as transaction:
            lost = creations.lost(transaction, urn, self.server)
            found = transaction.get(lost[0].key) if lost else None
            return found.id if found else None

    def known(self, resource_id: str) -> None:
        """Record that the engine knows a resource, because it has sent its id."""
        with self.store.transaction() as transaction:
            creations.known(transaction, resource_id.lower())

    def answered(self, urn: str) -> None:
        """Record that a creation was answered."""
        with self.store.transaction() as transaction:
            creations.answered(transaction, urn)

    def pace(self) -> float:
        """The factor for Azure's durations; 0 when operations complete immediately."""
        with self.store.transaction() as transaction:
            return options.read(transaction).pace

    def action(self, resource_id: ArmId, name: str, body: JsonObject | None = None) -> JsonObject:
        """Run an action (a POST) on a resource, such as `listKeys`; action names are case-insensitive."""
        with self.store.transaction() as transaction:
            return Work(self, transaction).action(resource_id, name, body or {})


class Work:
    """Operations of the model within one transaction."""

    def __init__(self, model: Model, transaction: Transaction) -> None:
        self._model = model
        self._transaction = transaction
        self._operations = provisioning.recorded(transaction)
        self._busy_kinds = provisioning.busy_kinds(transaction)
        if self._operations:
            self._complete_due_operations()

    @property
    def transaction(self) -> Transaction:
        """The transaction of these operations."""
        return self._transaction

    def type_of(self, resource_id: ArmId) -> ResourceType:
        return self._model.types.by_arm_type(resource_id.type)

    def has_image(self, reference: str) -> bool:
        return not options.read(self._transaction).data_plane or self._model.has_image(reference)

    def existing(self, resource_id: ArmId) -> Resource:
        if (resource := self._transaction.get(resource_id)) is None:
            self._require_ancestors(resource_id)
            if resource_id.type == RESOURCE_GROUP_TYPE:
                raise resource_group_not_found(resource_id.name)
            raise resource_not_found(resource_id.type, "/".join(resource_id.names), resource_id.resource_group)
        return resource

    def present(self, resource: Resource) -> Resource:
        resource = replace(resource, body=copied(resource.body))
        shown = self.type_of(resource.id).present(resource, self._transaction)
        if (ongoing := self._ongoing(resource.id)) and self.type_of(resource.id).has_provisioning_state:
            put(shown, "properties.provisioningState", provisioning.state_word(resource.id.type, ongoing.kind))
        if resource.id.key in self._busy_kinds and "resourceState" in resource.properties:
            word = provisioning.state_word(resource.id.type, self._busy_kinds[resource.id.key])
            put(shown, "properties.resourceState", word)
        shown["etag"] = shown.get("etag") or f'W/"{resource.etag}"'
        return replace(resource, body=shown)

    def action(self, resource_id: ArmId, name: str, body: JsonObject) -> JsonObject:
        resource = self.existing(resource_id)
        actions = {action.name.lower(): action for action in self.type_of(resource_id).actions}
        if (act := actions.get(name.lower())) is None:
            raise AzureError(
                "InvalidResourceType",
                f"The resource type '{resource_id.type}' has no action '{name}' in the emulator.",
            )
        self._refuse_busy_service(resource_id)
        return act.run(Request(resource, body, self._transaction, self._model.tenant))

    # -- long-running operations

    def begin(self, resource_id: ArmId, kind: str, outcome: OperationOutcome) -> float:
        """Start the long-running operation of a write that was just done; return the seconds until it completes."""
        self.forget_operation(resource_id)
        ends = self._transaction.now + timedelta(seconds=outcome.seconds)
        if outcome.busy_seconds and kind != "delete":
            until = ends + timedelta(seconds=outcome.busy_seconds)
            provisioning.record_busy(self._transaction, resource_id.key, kind, until)
            self._busy_kinds[resource_id.key] = kind
        if not outcome.seconds and not outcome.error:
            return 0.0
        locks = self.type_of(resource_id).locks(resource_id)
        self._operations[resource_id.key] = provisioning.record(
            self._transaction, resource_id, kind, ends, locks, outcome.error
        )
        self._complete_due_operations()
        return outcome.seconds

    def progress(self, resource_id: ArmId) -> tuple[float, AzureError | None]:
        """Return the seconds until the operation on a resource completes (0 without one), and its error, if any."""
        ongoing = self._operations.get(resource_id.key)
        if ongoing is None:
            return 0.0, None
        seconds = ongoing.seconds(self._transaction.now)
        return seconds, None if seconds else ongoing.error()

    def forget_operation(self, resource_id: ArmId) -> None:
        """Delete the record of the operation on a resource, because another operation starts."""
        if self._operations.pop(resource_id.key, None):
            provisioning.forget(self._transaction, resource_id.key)
        if self._busy_kinds.pop(resource_id.key, None):
            provisioning.forget_busy(self._transaction, resource_id.key)

    def repeat_put(self, resource_id: ArmId, body: JsonObject) -> Resource:
        """Repeat a creation that was never answered; a resource that cannot be updated to the body is recreated."""
        self.forget_operation(resource_id)
        try:
            return self.put(resource_id, body)
        except AzureError:
            self.delete(resource_id)
            return self.put(resource_id, body)

    def is_lost_creation(self, resource_id: ArmId, urn: str) -> bool:
        """Return whether a killed server created the resource for a URN without answering."""
        return any(one.key == resource_id.key for one in creations.lost(self._transaction, urn, self._model.server))

    def _ongoing(self, resource_id: ArmId) -> provisioning.Ongoing | None:
        ongoing = self._operations.get(resource_id.key)
        return ongoing if ongoing and not ongoing.is_done(self._transaction.now) else None

    def _complete_due_operations(self) -> None:
        """Apply the result of each long-running operation that is due."""
        for ongoing in [
            operation for operation in self._operations.values() if operation.is_done(self._transaction.now)
        ]:
            resource = self._transaction.get(ongoing.key)
            if resource and ongoing.failure:
                if resource.properties.get("provisioningState") != provisioning.FAILED:
                    resource.properties["provisioningState"] = provisioning.FAILED
                    self._transaction.save(resource)
                continue  # The record keeps the failure for clients that poll the operation.
            del self._operations[ongoing.key]
            provisioning.forget(self._transaction, ongoing.key)
            if resource and ongoing.kind == "delete":
                # A resource that is in use by now is kept.
                with suppress(AzureError):
                    self.delete(resource.id)

    def _refuse_busy(self, resource_id: ArmId, kind: ResourceType) -> None:
        wanted = {resource_id.key, *(lock.lower() for lock in kind.locks(resource_id))}
        for ongoing in self._operations.values():
            if not ongoing.is_done(self._transaction.now) and ongoing.locks & wanted:
                raise provisioning.busy(ArmId.parse(ongoing.key), ongoing.kind)
        self._refuse_busy_service(resource_id)

    def _refuse_busy_service(self, resource_id: ArmId) -> None:
        """Refuse writes to and actions on a resource while its service is busy after the operation."""
        wanted = {resource_id.key, *(lock.lower() for lock in self.type_of(resource_id).locks(resource_id))}
        for key, kind in self._busy_kinds.items():
            held = ArmId.parse(key)
            if wanted & {key, *(lock.lower() for lock in self.type_of(held).locks(held))}:
                raise provisioning.busy(held, kind)

    def _refuse_write_under_deletion(self, resource_id: ArmId) -> None:
        """Raise `AzureError` if an ancestor of the resource is being deleted."""
        for ongoing in self._operations.values():
            is_going = ongoing.kind == "delete" and not ongoing.is_done(self._transaction.now)
            if is_going and resource_id.key.startswith(f"{ongoing.key}/"):
                raise provisioning.being_deleted(ArmId.parse(ongoing.key))

    # -- put

    def put(self, resource_id: ArmId, body: JsonObject) -> Resource:
        kind = self.type_of(resource_id)
        existing = self._transaction.get(resource_id)
        self._require_ancestors(resource_id)
        if self._operations or self._busy_kinds:
            self._refuse_write_under_deletion(resource_id)
            self._refuse_busy(resource_id, kind)
        if existing is None and kind.name_rule:
            kind.name_rule.check(resource_id.name)
        spelled = existing.id if existing else resource_id.spelled(kind.arm_type)
        change = self._start(kind, spelled, body, existing)
        if kind.tracked and not change.location:
            raise AzureError(
                "LocationRequired", "The location property is required for this definition.", target="location"
            )
        self._refuse_immutable_changes(kind, change)
        references = list(self._references(kind, change))
        for rule in (*SUBSCRIPTION_RULES, *EVERY_TYPE, *kind.rules):
            rule(change)
        for claim in kind.claims(change):
            if self._transaction.claim(claim.name, change.id):
                raise conflict(claim.message, claim.code, claim.target or change.id.text)
        complete_identity(change)
        kind.complete(change)
        saved = self._transaction.save(Resource(change.id, change.body, change.secrets))
        self._transaction.refer(change.id, references)
        kind.applied(change, saved)
        return self._transaction.get(change.id) or saved

    def desired(self, resource: Resource) -> JsonObject:
        """Return the body of a PUT that would not change the resource: its GET and the write-only values."""
        body = copied(resource.body)
        for path, value in resource.secrets.items():
            if re.sub(r"\[\d+\]", "[*]", path) in self.type_of(resource.id).write_only:
                restore(body, path, value)
        return body

    def _start(self, kind: ResourceType, resource_id: ArmId, desired: JsonObject, existing: Resource | None) -> Change:
        body = copied(desired)
        secrets: JsonObject = {}
        for path in kind.write_only:
            secrets.update(take(body, path))
        body |= {"id": resource_id.text, "name": resource_id.name, "type": kind.arm_type or resource_id.type}
        if location := body.get("location"):
            body["location"] = normalise_location(location)
        if kind.has_provisioning_state:
            put(body, "properties.provisioningState", "Succeeded")
        body["systemData"] = self._system_data(existing)
        return Change(resource_id, desired, existing, body, secrets, self._transaction, self, self._model.tenant)

    def _system_data(self, existing: Resource | None) -> JsonObject:
        caller, now = self._model.tenant.client_id, timestamp(self._transaction.now)
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

    def _require_ancestors(self, resource_id: ArmId) -> None:
        """Raise `AzureError` unless the group, the extended resource and the parent exist."""
        if resource_id.scope:
            scope = ArmId.parse(resource_id.scope)
            if scope.type != SUBSCRIPTION_TYPE and scope.subscription:
                self.existing(scope)
        parent = resource_id.parent
        while parent and parent.type not in self._model.types:
            parent = parent.parent  # Some levels, such as `locations`, are not resources.
        if parent and self._transaction.get(parent) is None:
            raise parent_not_found(parent.name)

    def _refuse_immutable_changes(self, kind: ResourceType, change: Change) -> None:
        if change.existing is None:
            return
        for path in ("location", *kind.create_only):
            desired_value, current = get(change.body, path), get(change.existing.body, path)
            if desired_value is not None and not same_value(desired_value, current):
                if path == "location":
                    raise moved(change.id, str(current), str(desired_value))
                code, message = kind.fixed
                raise conflict(message.format(path=path, id=change.id), code, path)

    def _references(self, kind: ResourceType, change: Change) -> Iterator[tuple[str, ArmId]]:
        declared: set[str] = set()
        for reference in (*kind.references, IDENTITY_REFERENCE):
            for at, value in _ids(change.body, reference):
                target = ArmId.parse(value, at)
                self._require_target(reference, target, change, at)
                declared.add(at)
                yield reference.path, target
        for at, target in implied_references(change.body):
            within = target.key == change.id.key or target.key.startswith(f"{change.id.key}/")
            if at in declared or within or not self._model.types.is_declared(target.type):
                continue
            if not self._transaction.has(target):
                raise target_not_found(target, change.id, at)
            yield at, target

    def _require_target(self, reference: Reference, target: ArmId, change: Change, at: str) -> None:
        source = change.id
        fits = not reference.targets or target.type_key in map(str.lower, reference.targets)
        if not fits:
            raise AzureError(
                reference.missing,
                f"Resource {target} referenced by resource {source} is of type {target.type}; "
                f"expected {' or '.join(reference.targets)}.",
                target=at,
            )
        found = self._transaction.get(target)
        placed = self._transaction.get(target.parent) if found and not found.location and target.parent else found
        elsewhere = reference.same_region and placed and placed.location != change.location
        if elsewhere or (found is None and target.type != SUBSCRIPTION_TYPE):
            raise AzureError(reference.missing, reference.words.format(target=target, source=source), target=at)
        if ongoing := self._ongoing(target):
            word = provisioning.state_word(target.type, ongoing.kind)
            raise provisioning.not_provisioned(target, source, at, word)
        for key, kind in self._busy_kinds.items():
            if key == target.key or key.startswith(f"{target.key}/"):
                word = provisioning.state_word(target.type, kind)
                raise provisioning.not_provisioned(target, source, at, word)

    # -- delete

    def start_delete(self, resource_id: ArmId, outcome: OperationOutcome) -> float:
        """Delete a resource, immediately or by a long-running operation; return the seconds until it is deleted."""
        resource = self._transaction.get(resource_id)
        if resource is None:
            return 0.0
        if (ongoing := self._ongoing(resource.id)) and ongoing.kind == "delete":
            return ongoing.seconds(self._transaction.now)
        self._refuse_busy(resource.id, self.type_of(resource.id))
        refuse_locked_delete(self._transaction, resource.id)
        if not outcome.seconds and not outcome.error:
            self.delete(resource.id)
            return 0.0
        self._deletion_set(resource)
        return self.begin(resource.id, "delete", outcome)

    def delete(self, resource_id: ArmId) -> None:
        resource = self._transaction.get(resource_id)
        if resource is None:
            return
        being_deleted = self._deletion_set(resource)
        # Side effects on other resources run innermost first, while all resources can still be read.
        for deleted in being_deleted:
            self.type_of(deleted.id).removed(deleted, self._transaction, self)
            disconnect(deleted, self._transaction)
        for deleted in being_deleted:
            self._transaction.remove(deleted.id)

    def _deletion_set(self, resource: Resource) -> list[Resource]:
        """Return the resources that are deleted with a resource, itself last. Raises `AzureError` if it cannot be
        deleted."""
        kind = self.type_of(resource.id)
        kind.refuse_delete(resource, self._transaction, self._model.tenant)
        being_deleted = [*self._transaction.under(resource.id), resource]
        if blocking := [
            candidate
            for candidate in being_deleted
            if candidate.id.type in kind.keeps_nested and candidate.id.parent == resource.id
        ]:
            raise nested_in_the_way(resource, blocking)
        deleted_keys = {candidate.id.key for candidate in being_deleted}
        for candidate in being_deleted:
            self._refuse_in_use(candidate, deleted_keys)
        return being_deleted

    def _refuse_in_use(self, resource: Resource, deleted_keys: set[str]) -> None:
        for stored in self._transaction.referring_to(resource.id):
            source = self._transaction.get(stored.source)
            if source is None or source.id.key in deleted_keys:
                continue
            for reference in self.type_of(source.id).references:
                if reference.path == stored.path and reference.in_use:
                    code, message = reference.in_use
                    raise conflict(message.format(target=resource.id.name, source=source.id), code, resource.id.text)


def _ids(body: JsonObject, reference: Reference) -> Iterator[tuple[str, str]]:
    """Yield every id at a reference's path, each with its concrete path."""
    for at, value in find(body, reference.path):
        found: list[Any] = list(as_object(value)) if reference.keys else [value]
        for text in found:
            if isinstance(text, str) and text:
                yield at, text
