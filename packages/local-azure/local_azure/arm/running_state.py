"""The runtime status of apps in Resource Manager's responses: the data plane's values replace the model's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject, as_object
from local_azure.resource_types.container_apps import APP_TYPE, REVISION_TYPE
from local_azure.resource_types.container_apps.names import stream_address
from local_azure.status.runtime_status import RunningContainer, RunningReplica, RuntimeStatus

_RUNNING = (APP_TYPE.lower(), REVISION_TYPE.lower())


def shown(resource_id: ArmId, body: JsonObject, tell: Callable[[], RuntimeStatus | None]) -> JsonObject:
    """Return the body of an app or of a revision as it runs; any other body, and all while there is no data plane, as
    it is.

    `tell` tells what runs.
    """
    if resource_id.type_key not in _RUNNING or (running := tell()) is None:
        return body
    properties = as_object(body.get("properties"))
    if resource_id.type_key == APP_TYPE.lower():
        app = running.app(resource_id.text)
        properties["latestReadyRevisionName"] = app.latest_ready_revision if app else ""
    else:
        _show_revision(resource_id, properties, running)
    return body


def _show_revision(resource_id: ArmId, properties: JsonObject, running: RuntimeStatus) -> None:
    found = running.revision(resource_id.text)
    if found:
        properties.update(replicas=found.count, runningState=found.state, healthState=found.health)
        if found.details:
            properties["runningStateDetails"] = found.details
    elif properties.get("active"):
        properties.update(replicas=0, runningState="Processing", healthState="None")


def replicas(revision: ArmId, region: str, running: RuntimeStatus) -> list[JsonObject]:
    """Return the replicas of a revision, terminating replicas last
    (https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps-revision-replicas)."""
    found = running.revision(revision.text)
    listed = sorted(found.replicas, key=lambda one: one.leaving) if found else []
    return [replica_body(revision, region, one) for one in listed]


def replica_body(revision: ArmId, region: str, replica: RunningReplica) -> JsonObject:
    """Return the body of a replica."""
    base = f"{stream_address(region, revision)}/replicas/{replica.name}/containers"

    def container(one: RunningContainer) -> JsonObject:
        return {
            "name": one.name,
            "ready": one.ready,
            "started": one.started,
            "restartCount": one.restarts,
            "runningState": one.state,
            "runningStateDetails": one.details,
            "logStreamEndpoint": f"{base}/{one.name}/logstream",
        }

    properties: dict[str, Any] = {
        "createdTime": replica.created,
        "runningState": replica.state,
        "runningStateDetails": replica.details,
        "containers": [container(one) for one in replica.containers],
        "initContainers": [container(one) for one in replica.init_containers],
    }
    return {
        "id": f"{revision}/replicas/{replica.name}",
        "name": replica.name,
        "type": f"{REVISION_TYPE}/replicas",
        "properties": properties,
    }
