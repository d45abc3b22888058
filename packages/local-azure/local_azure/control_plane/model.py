"""The model of Azure: resources that are put, read, listed, deleted and acted on, under Azure's rules.

It takes and returns bodies as Azure Resource Manager has them and knows nothing of how they arrive: the Pulumi provider
is one thin adapter of it. Every operation is one transaction: a refusal leaves everything as it was.
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
    """Azure's resources. Threads may share a model."""

    def __init__(self, store: Store, tenant: Tenant | None = None) -> None:
        self.store = store
        self.tenant = tenant or Tenant()
        self.types = TypeRegistry()
        self.has_image: Callable[[str], bool] = lambda _: True
        """Tells whether the registries that are here hold an image, by its reference; asked where apps really run."""
        self.server = uuid.uuid4().hex
        """Tells this process's unanswered creations from those of one that was killed."""

    def evaluate_faults(self, operation: str, resource_id: ArmId) -> OperationOutcome:
        """Let an operation in: `put`, `delete`, `read` or the name of an action. Says what time it takes.

        Whoever brings a request calls this first, in a transaction of its own: a fault is used up by what it refuses.
        Raises the `AzureError` of a fault that refuses it.
        """
        refusal: AzureError | None = None
        late: AzureError | None = None
        with self.store.transaction() as transaction:
            if operation == "put":
                operation = "update" if transaction.has(resource_id) else "create"
            seconds = latency.typical(resource_id.type).seconds(operation)
            if operation == "delete":
                nested = transaction.types_under(resource_id)
                seconds = max(seconds, *(latency.typical(one).delete for one in nested), 0.0)
            pace = options.read(transaction).pace
            seconds *= pace
            kind = self.types.by_arm_type(resource_id.type)
            busy_seconds = kind.busy_seconds * pace
            for fault in faults.meet(transaction, operation, resource_id):
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
        """Raise `AuthorizationFailed` unless the deployer's role permits an operation, named as `admit` names it."""
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
        """Create or replace a resource; with `create`, refuse when it is there.

        `urn` is the engine's name for a resource that it has created: asked for again after the local Azure was killed
        before it could answer, it is the same creation. Raises `AzureError` where Azure would refuse. Returns what a
        GET would.
        """
        with self.work() as work:
            existing = work.transaction.has(resource_id)
            if create and existing and not work.is_lost_creation(resource_id, urn):
                raise conflict(
                    f"cannot create already existing resource '{resource_id}'; import it, or choose another name",
                    "ResourceAlreadyExists",
                )
            saved = work.put_again(resource_id, body) if create and existing else work.put(resource_id, body)
            if create and urn:
                creations.record(work.transaction, saved.id, urn, self.server)
            work.begin(saved.id, "update" if existing and not create else "create", outcome)
            return work.present(saved)

    def get(self, resource_id: ArmId) -> Resource:
        """Return a resource as Azure shows it; raise `ResourceNotFound` (or `ResourceGroupNotFound`) when it is not
        there."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return operations.present(operations.existing(resource_id))

    def list(self, resource_type: str, scope: ArmId | str = "") -> list[Resource]:
        """Return the resources of a type, all of them or those under a scope, as Azure shows them."""
        with self.store.transaction() as transaction:
            operations = Work(self, transaction)
            return [operations.present(one) for one in transaction.of_type(resource_type, scope)]

    @contextmanager
    def work(self) -> Generator[Work, None, None]:
        """Several operations in one transaction, for what must hold while they are done; an error undoes them all."""
        with self.store.transaction() as transaction:
            yield Work(self, transaction)

    def delete(self, resource_id: ArmId, *, outcome: OperationOutcome = NO_FAULT) -> None:
        """Delete a resource and what is nested in it; nothing happens when it is not there."""
        with self.work() as work:
            work.start_delete(resource_id, outcome)

    def progress(self, resource_id: ArmId) -> tuple[float, AzureError | None]:
        """The seconds until the operation on a resource is done, 0 when there is none, and what it has failed with."""
        with self.work() as work:
            return work.progress(resource_id)

    def lost_creation(self, urn: str) -> ArmId | None:
        """What was made for one of the engine's resources by a server that was killed before it could answer."""
        with self.store.transaction() as transaction:
            lost = creations.lost(transaction, urn, self.server)
            found = transaction.get(lost[0].key) if lost else None
            return found.id if found else None

    def known(self, resource_id: str) -> None:
        """The engine has asked for a resource by its id, and so knows it."""
        with self.store.transaction() as transaction:
            creations.known(transaction, resource_id.lower())

    def answered(self, urn: str) -> None:
        """The engine has had the answer to a creation."""
        with self.store.transaction() as transaction:
            creations.answered(transaction, urn)

    def pace(self) -> float:
        """What Azure's seconds are multiplied by; 0 when no time passes."""
        with self.store.transaction() as transaction:
            return options.read(transaction).pace

    def action(self, resource_id: ArmId, name: str, body: JsonObject | None = None) -> JsonObject:
        """Do what a POST on a resource does, such as `listKeys` or `regenerateKey`; action names ignore case."""
        with self.store.transaction() as transaction:
            return Work(self, transaction).action(resource_id, name, body or {})


class Work:
    """The operations within one transaction."""

    def __init__(self, model: Model, transaction: Transaction) -> None:
        self._model = model
        self._transaction = transaction
        self._operations = provisioning.recorded(transaction)
        self._busy_kinds = provisioning.busy_kinds(transaction)
        if self._operations:
            self._complete_due_operations()

    @property
    def transaction(self) -> Transaction:
        """What the operations read and write."""
        return self._transaction

    def type_of(self, resource_id: ArmId) -> ResourceType:
        return self._model.types.by_arm_type(resource_id.type)

    def has_image(self, reference: str) -> bool:
        return not options.read(self._transaction).data_plane or self._model.has_image(reference)

    def existing(self, resource_id: ArmId) -> Resource:
        if (resource := self._transaction.get(resource_id)) is None:
            self._require_surroundings(resource_id)
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
        actions = {one.name.lower(): one for one in self.type_of(resource_id).actions}
        if (act := actions.get(name.lower())) is None:
            raise AzureError(
                "InvalidResourceType",
                f"The resource type '{resource_id.type}' has no action '{name}' in the local Azure.",
            )
        self._refuse_busy_service(resource_id)
        return act.run(Request(resource, body, self._transaction, self._model.tenant))

    # -- operations that take time

    def begin(self, resource_id: ArmId, kind: str, outcome: OperationOutcome) -> float:
        """Let a write that was just done take its time and come to its end; return the seconds until then."""
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
        """The seconds until the operation on a resource is done, 0 when there is none, and what it has failed with."""
        ongoing = self._operations.get(resource_id.key)
        if ongoing is None:
            return 0.0, None
        seconds = ongoing.seconds(self._transaction.now)
        return seconds, None if seconds else ongoing.error()

    def forget_operation(self, resource_id: ArmId) -> None:
        """Take the operation on a resource off the record, as another one begins."""
        if self._operations.pop(resource_id.key, None):
            provisioning.forget(self._transaction, resource_id.key)
        if self._busy_kinds.pop(resource_id.key, None):
            provisioning.forget_busy(self._transaction, resource_id.key)

    def put_again(self, resource_id: ArmId, body: JsonObject) -> Resource:
        """Do once more what was done and never answered; what cannot be changed to the body is made anew."""
        self.forget_operation(resource_id)
        try:
            return self.put(resource_id, body)
        except AzureError:
            self.delete(resource_id)
            return self.put(resource_id, body)

    def is_lost_creation(self, resource_id: ArmId, urn: str) -> bool:
        """Return whether a resource was made for the engine's resource by a server that was killed before it could
        answer."""
        return any(one.key == resource_id.key for one in creations.lost(self._transaction, urn, self._model.server))

    def _ongoing(self, resource_id: ArmId) -> provisioning.Ongoing | None:
        ongoing = self._operations.get(resource_id.key)
        return ongoing if ongoing and not ongoing.is_done(self._transaction.now) else None

    def _complete_due_operations(self) -> None:
        """Do what operations come to whose time is over."""
        for ongoing in [one for one in self._operations.values() if one.is_done(self._transaction.now)]:
            resource = self._transaction.get(ongoing.key)
            if resource and ongoing.failure:
                if resource.properties.get("provisioningState") != provisioning.FAILED:
                    resource.properties["provisioningState"] = provisioning.FAILED
                    self._transaction.save(resource)
                continue  # The failure stays on the record for those who ask what it was.
            del self._operations[ongoing.key]
            provisioning.forget(self._transaction, ongoing.key)
            if resource and ongoing.kind == "delete":
                # What something has come to need meanwhile stays.
                with suppress(AzureError):
                    self.delete(resource.id)

    def _refuse_busy(self, resource_id: ArmId, kind: ResourceType) -> None:
        wanted = {resource_id.key, *(one.lower() for one in kind.locks(resource_id))}
        for ongoing in self._operations.values():
            if not ongoing.is_done(self._transaction.now) and ongoing.locks & wanted:
                raise provisioning.busy(ArmId.parse(ongoing.key), ongoing.kind)
        self._refuse_busy_service(resource_id)

    def _refuse_busy_service(self, resource_id: ArmId) -> None:
        """Refuse a write to, or an action on, what Azure still works on, though its operation has ended."""
        wanted = {resource_id.key, *(one.lower() for one in self.type_of(resource_id).locks(resource_id))}
        for key, kind in self._busy_kinds.items():
            held = ArmId.parse(key)
            if wanted & {key, *(one.lower() for one in self.type_of(held).locks(held))}:
                raise provisioning.busy(held, kind)

    def _refuse_write_under_deletion(self, resource_id: ArmId) -> None:
        """Nothing is made in what is being deleted."""
        for ongoing in self._operations.values():
            is_going = ongoing.kind == "delete" and not ongoing.is_done(self._transaction.now)
            if is_going and resource_id.key.startswith(f"{ongoing.key}/"):
                raise provisioning.being_deleted(ArmId.parse(ongoing.key))

    # -- put

    def put(self, resource_id: ArmId, body: JsonObject) -> Resource:
        kind = self.type_of(resource_id)
        existing = self._transaction.get(resource_id)
        self._require_surroundings(resource_id)
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
        self._refuse_fixed(kind, change)
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
        """Return the body that would put a resource as it is: what a GET answers, and the write-only values again."""
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
                if path == "location":
                    raise moved(change.id, str(there), str(asked))
                code, words = kind.fixed
                raise conflict(words.format(path=path, id=change.id), code, path)

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
        """Delete a resource, at once or by an operation that takes time; return the seconds until it is gone."""
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
        self._leaving(resource)
        return self.begin(resource.id, "delete", outcome)

    def delete(self, resource_id: ArmId) -> None:
        resource = self._transaction.get(resource_id)
        if resource is None:
            return
        being_deleted = self._leaving(resource)
        # What happens to others when a resource goes is told innermost first, while all of them can still be read.
        for one in being_deleted:
            self.type_of(one.id).removed(one, self._transaction, self)
            disconnect(one, self._transaction)
        for one in being_deleted:
            self._transaction.remove(one.id)

    def _leaving(self, resource: Resource) -> list[Resource]:
        """What goes with a resource, itself last. Raises `AzureError` when it cannot go."""
        kind = self.type_of(resource.id)
        kind.refuse_delete(resource, self._transaction, self._model.tenant)
        being_deleted = [*self._transaction.under(resource.id), resource]
        if in_the_way := [
            one for one in being_deleted if one.id.type in kind.keeps_nested and one.id.parent == resource.id
        ]:
            raise nested_in_the_way(resource, in_the_way)
        leaving = {one.id.key for one in being_deleted}
        for one in being_deleted:
            self._refuse_in_use(one, leaving)
        return being_deleted

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
    """Yield every id at a reference's path, each with its own path."""
    for at, value in find(body, reference.path):
        found: list[Any] = list(as_object(value)) if reference.keys else [value]
        for one in found:
            if isinstance(one, str) and one:
                yield at, one
