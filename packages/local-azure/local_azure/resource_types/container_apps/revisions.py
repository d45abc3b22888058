"""Revisions: what an app's template was, run by replicas (https://learn.microsoft.com/azure/container-apps/revisions).

A changed template makes one; nothing else does. Its replicas have the values that the app's secrets had when they
started: a changed secret restarts nothing
(https://learn.microsoft.com/azure/container-apps/manage-secrets#secrets-and-revisions).
"""

from __future__ import annotations

import re
from typing import cast

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, Transaction, timestamp
from local_azure.core.values import JsonObject, as_list, as_object, get
from local_azure.resource_types.base import Action, Change, Request, ResourceType
from local_azure.resource_types.container_apps.containers import secrets_named_by
from local_azure.resource_types.container_apps.names import REVISION_TYPE
from local_azure.resource_types.container_apps.refusals import revision_failed, whole
from local_azure.resource_types.container_apps.secret_values import secret_values

_LEVEL = REVISION_TYPE.rsplit("/", 1)[-1]
_SUFFIX = r"[a-z0-9]([a-z0-9]|-(?!-))*"
_LONGEST_NAME = 54
_MOST_INACTIVE = 100
_SUFFIX_AT = "properties.template.revisionSuffix"
_INACTIVE_AT = "properties.configuration.maxInactiveRevisions"


def mode_of(app: JsonObject) -> str:
    """Return an app's mode: `Single` (one revision is active), `Multiple` or `Labels`."""
    return str(get(app, "properties.configuration.activeRevisionsMode") or "Single").capitalize()


# -- rules


def suffix_is_valid(change: Change) -> None:
    """Check a revision's suffix. A digit may come first.

    Source: https://learn.microsoft.com/azure/container-apps/revisions#name-suffix; the wording is that of
    https://github.com/Azure/azure-quickstart-templates/issues/14660.
    """
    suffix = change.desires(_SUFFIX_AT)
    if not suffix:
        return
    too_long = len(change.id.name) + len(str(suffix)) > _LONGEST_NAME
    if too_long or not re.fullmatch(_SUFFIX, str(suffix)) or str(suffix).endswith("-"):
        raise AzureError(
            "ContainerAppInvalidRevisionName",
            f"Revision name has an invalid value '{suffix}'. A revision name must consist of lower case alphanumeric "
            "characters or '-', start with an alphabetic character, and end with an alphanumeric character. The length "
            f"of the revision name must not be more than a combined {_LONGEST_NAME} characters with the container app "
            "name.",
            target=_SUFFIX_AT,
        )


def suffix_is_new(change: Change) -> None:
    """Enforce Azure's rule: also a PUT that repeats an earlier suffix with another template.

    Source: https://github.com/Azure/terraform-azurerm-avm-res-app-containerapp/issues/115.
    """
    suffix = change.desires(_SUFFIX_AT)
    if not suffix or not template_is_changed(change):
        return
    if change.transaction.get(change.id.child(_LEVEL, next_revision_name(change))):
        raise revision_failed(
            change.id.name,
            "template.revisionsuffix",
            f'"{suffix}": revision with suffix {suffix} already exists.',
            _SUFFIX_AT,
        )


def inactive_limit_is_valid(change: Change) -> None:
    """Enforce Azure's rule: 100 inactive revisions are kept unless fewer are asked for.

    Source: https://learn.microsoft.com/azure/container-apps/revisions.
    """
    most = change.desires(_INACTIVE_AT)
    if most is not None and whole(most, _INACTIVE_AT) not in range(0, _MOST_INACTIVE + 1):
        raise AzureError(
            "InvalidRequestParameterWithDetails",
            f"MaxInactiveRevisions '{most}' is invalid. It must be 0 to {_MOST_INACTIVE}.",
            target=_INACTIVE_AT,
        )


# -- names


def template_is_changed(change: Change) -> bool:
    """Return whether a change makes a revision. A suffix that is no longer asked for is no change by itself."""
    if change.existing is None:
        return True
    earlier = dict(as_object(change.existing.properties.get("template")))
    wanted = dict(as_object(change.desires("properties.template")))
    if not wanted.get("revisionSuffix"):
        earlier.pop("revisionSuffix", None)
        wanted.pop("revisionSuffix", None)
    return _without_nothing(earlier) != _without_nothing(wanted)


def _without_nothing(value: object) -> object:
    """Return a value without what is said to be nothing, which is the same to Azure as not said."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in cast("JsonObject", value).items() if item is not None}
    if isinstance(value, list):
        return [_without_nothing(item) for item in cast("list[object]", value)]
    return value


def next_revision_name(change: Change) -> str:
    """Return the name of an app's newest revision after a change: the suffix that is asked for, or a number."""
    if change.existing and not template_is_changed(change):
        return str(change.existing.properties["latestRevisionName"])
    suffix = change.desires(_SUFFIX_AT) or f"{_made(change) + 1:07d}"
    return f"{change.id.name}--{suffix}"


def _made(change: Change) -> int:
    return int(change.existing.secrets.get("revisionsMade", 0)) if change.existing else 0


def complete_revision(change: Change) -> None:
    """Fill in an app's newest revision."""
    name = next_revision_name(change)
    change.secrets["revisionsMade"] = _made(change) + template_is_changed(change)
    change.properties.update({"latestRevisionName": name, "latestReadyRevisionName": name})


# -- what follows from a change


def make_revision(change: Change, app: Resource) -> None:
    """Make the newest revision of an app if it is new, and stop what its mode and its limit leave no place for."""
    transaction = change.transaction
    newest = app.id.child(_LEVEL, str(app.properties["latestRevisionName"]))
    is_new = not transaction.has(newest)
    earlier = as_object(change.existing and change.existing.body)
    if not is_new and mode_of(app.body) == mode_of(earlier) and not change.changed(_INACTIVE_AT):
        return
    others = [resource for resource in transaction.of_type(REVISION_TYPE, app.id) if resource.id.key != newest.key]
    if is_new:
        revision = Resource(newest, _revision_body(newest, app, timestamp(change.now)))
        _start(revision, app)
        transaction.save(revision)
    if mode_of(app.body) == "Single":
        for other in others:
            if other.properties["active"]:
                _stop(other)
                transaction.save(other)
    _forget_oldest(app, others, transaction)


def _revision_body(revision: ArmId, app: Resource, now: str) -> JsonObject:
    return {
        "id": revision.text,
        "name": revision.name,
        "type": REVISION_TYPE,
        "properties": {
            "createdTime": now,
            "template": app.properties.get("template", {}),
            "healthState": "Healthy",
            "provisioningState": "Provisioned",
        },
    }


def _forget_oldest(app: Resource, revisions: list[Resource], transaction: Transaction) -> None:
    most = get(app.body, _INACTIVE_AT, _MOST_INACTIVE)
    inactive = [revision for revision in revisions if not revision.properties["active"]]
    inactive.sort(key=lambda item: item.created_at, reverse=True)
    for item in inactive[most:]:
        transaction.remove(item.id)


def active_revisions(app: ArmId, transaction: Transaction) -> list[Resource]:
    """Return the active revisions of an app."""
    return [resource for resource in transaction.of_type(REVISION_TYPE, app) if resource.properties["active"]]


# -- replicas


def _start(revision: Resource, app: Resource) -> None:
    replicas = max(1, int(get(revision.body, "properties.template.scale.minReplicas", 0)))
    revision.properties.update({"active": True, "replicas": replicas, "runningState": "Running"})
    values = secret_values(app)
    names = secrets_named_by(revision.properties.get("template"))
    revision.secrets["values"] = {name: values[name] for name in sorted(names) if name in values}


def _stop(revision: Resource) -> None:
    revision.properties.update({"active": False, "replicas": 0, "runningState": "Stopped"})
    revision.secrets.pop("values", None)


def restart_replicas(revision: Resource, app: Resource, transaction: Transaction) -> None:
    """Let a revision's replicas start again, with the values that the app's secrets have now."""
    _start(revision, app)
    revision.properties["restartedTime"] = timestamp(transaction.now)
    transaction.save(revision)


# -- actions: https://learn.microsoft.com/azure/container-apps/revisions-manage


def _app_of(request: Request) -> Resource:
    app = request.transaction.get(request.resource.id.parent) if request.resource.id.parent else None
    if app is None:
        raise AzureError("ResourceNotFound", f"The app of {request.resource.id} is not there.")
    return app


def _activate(request: Request) -> JsonObject:
    app, revision = _app_of(request), request.resource
    missing = secrets_named_by(revision.properties.get("template")) - set(secret_values(app))
    if missing:
        raise AzureError(
            "ContainerAppSecretRefNotFound",
            f"SecretRef '{min(missing)}' defined for revision '{revision.id.name}' not found.",
            target=revision.id.text,
        )
    if not revision.properties["active"]:
        _start(revision, app)
        request.transaction.save(revision)
    return {}


def _deactivate(request: Request) -> JsonObject:
    app, revision = _app_of(request), request.resource
    _stop(revision)
    request.transaction.save(revision)
    _forget_oldest(app, request.transaction.of_type(REVISION_TYPE, app.id), request.transaction)
    return {}


def _restart(request: Request) -> JsonObject:
    if not request.resource.properties["active"]:
        raise AzureError(
            "RevisionInactive",
            f"The revision '{request.resource.id.name}' is not active and cannot be restarted.",
            target=request.resource.id.text,
        )
    restart_replicas(request.resource, _app_of(request), request.transaction)
    return {}


class Revision(ResourceType):
    """https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revisions: made by its app."""

    arm_type = REVISION_TYPE
    actions = (Action("activate", _activate), Action("deactivate", _deactivate), Action("restart", _restart))

    def present(self, resource: Resource, transaction: Transaction) -> JsonObject:
        app = transaction.get(resource.id.parent) if resource.id.parent else None
        if app:
            latest = str(app.properties["latestRevisionName"])
            latest_host = str(app.properties.get("latestRevisionFqdn") or "")
            resource.properties["fqdn"] = latest_host.replace(latest, resource.id.name, 1)
            resource.properties["trafficWeight"] = traffic_weight(app, resource)
        return resource.body


def traffic_weight(app: Resource, revision: Resource) -> int:
    """Return the share of requests, in percent, that a revision gets."""
    latest = app.properties["latestRevisionName"]
    shares = [as_object(item) for item in as_list(get(app.body, "properties.configuration.ingress.traffic"))]
    if mode_of(app.body) == "Single" or not shares:
        return 100 if revision.id.name == latest and revision.properties["active"] else 0
    named = [
        share
        for share in shares
        if (latest if share.get("latestRevision") else share.get("revisionName")) == revision.id.name
    ]
    return sum(int(item.get("weight") or 0) for item in named)
