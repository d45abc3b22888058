"""Collect the facts of an app: secrets, variables, revisions, replicas, console and system log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus

from pydantic import SecretStr

from doctor.client import Client, RefusedError, known
from doctor.collecting import events, logs
from doctor.collecting.vault import Reference, Referred
from doctor.facts import Absent, App, Container, LoggedSymptom, Replica, Revision, ScaleRule, Secret, Variable
from doctor.values import JsonObject, get, moment, objects, text, texts

_GRACE_SECONDS = 30
"""https://learn.microsoft.com/azure/container-apps/application-lifecycle-management#shutdown"""


def host_of(body: JsonObject) -> str:
    """Return the host name of an app; empty without an ingress."""
    return text(body, "properties.configuration.ingress.fqdn")


def environment_of(body: JsonObject) -> str:
    """Return the resource id of an app's environment."""
    return text(body, "properties.environmentId") or text(body, "properties.managedEnvironmentId")


def references_of(body: JsonObject) -> Iterator[Reference]:
    """Yield an app's references to secrets of a vault."""
    for one in objects(body, "properties.configuration.secrets"):
        if url := text(one, "keyVaultUrl"):
            yield Reference(url, _principal(body, text(one, "identity")))


def _principal(body: JsonObject, identity: str) -> str:
    """Return the object id of the identity that a secret names by a resource id or by ``system``."""
    if identity.lower() == "system":
        return text(body, "identity.principalId")
    assigned: Mapping[str, object] = get(body, "identity.userAssignedIdentities", {})
    return next((text(one, "principalId") for key, one in assigned.items() if key.lower() == identity.lower()), "")


def app(client: Client, body: JsonObject, referred: Callable[[Reference], Referred]) -> App:
    """Return the facts of an app; ``referred`` resolves a reference to a vault."""
    app_id = text(body, "id")
    latest = text(body, "properties.latestRevisionName")
    with ThreadPoolExecutor(2) as pool:
        listed = pool.submit(known, partial(client.read_action, f"{app_id}/listSecrets"))
        stream = logs.open_stream(client, body)
        log = pool.submit(events.read, stream)
        revision_bodies = listed_revisions(client, app_id)
        revisions = revisions_of(client, app_id, revision_bodies, latest)
        logged = _logged(stream, body, latest, revisions)
        values = listed.result()
    return App(
        id=app_id,
        secrets=[_secret(body, one, values, referred) for one in objects(body, "properties.configuration.secrets")],
        containers=[text(one, "name") for one in _containers(body)],
        variables=list(_variables(body)),
        state=text(body, "properties.provisioningState"),
        min_replicas=int(get(body, "properties.template.scale.minReplicas", 0)),
        host=host_of(body),
        external=bool(get(body, "properties.configuration.ingress.external", False)),
        modified=moment(body, "systemData.lastModifiedAt"),
        latest=latest,
        latest_ready=text(body, "properties.latestReadyRevisionName"),
        revisions=revisions,
        logged=logged,
        rules=[scale_rule(one) for one in objects(body, "properties.template.scale.rules")],
        commands=_commands(body),
        commands_of={
            text(one, "name"): _commands(one)
            for one in ([] if isinstance(revision_bodies, Absent) else revision_bodies)
        },
        grace_seconds=int(get(body, "properties.template.terminationGracePeriodSeconds", _GRACE_SECONDS)),
        events=log.result(),
    )


def _commands(body: JsonObject) -> dict[str, list[str]]:
    """Return what the containers of an app or of a revision run."""
    return {
        text(one, "name"): [*texts(one, "command"), *texts(one, "args")]
        for one in objects(body, "properties.template.containers")
    }


def scale_rule(body: JsonObject) -> ScaleRule:
    """Return a scale rule; the kinds that Azure names itself have KEDA's name here."""
    kind = next((key for key in body if key != "name"), "")
    types = {"custom": text(body, "custom.type"), "azureQueue": "azure-queue"}
    return ScaleRule(text(body, "name"), types.get(kind, kind), text(body, f"{kind}.identity"))


def _secret(
    body: JsonObject, one: JsonObject, values: JsonObject | Absent, referred: Callable[[Reference], Referred]
) -> Secret:
    name, url = text(one, "name"), text(one, "keyVaultUrl")
    if url:
        found = referred(Reference(url, _principal(body, text(one, "identity"))))
        return Secret(name, found.reference, found.value)
    if isinstance(values, Absent):
        return Secret(name, None, Absent(f"the app's secrets cannot be listed: {values.reason}"))
    held = next((text(value, "value") for value in objects(values, "value") if text(value, "name") == name), "")
    return Secret(name, None, SecretStr(held) if held else Absent("Azure lists the secret without its value"))


def _variables(body: JsonObject) -> Iterator[Variable]:
    for container in _containers(body):
        for one in objects(container, "env"):
            yield Variable(text(container, "name"), text(one, "name"), text(one, "secretRef") or None)


def _containers(body: JsonObject) -> list[JsonObject]:
    return [*objects(body, "properties.template.initContainers"), *objects(body, "properties.template.containers")]


def listed_revisions(client: Client, app_id: str) -> list[JsonObject] | Absent:
    """Return all revisions of an app, the newest first. Azure lists the inactive ones, too."""
    listed = known(partial(client.list, f"{app_id}/revisions"))
    if isinstance(listed, Absent):
        return listed
    return sorted(listed, key=lambda one: text(one, "properties.createdTime"), reverse=True)


def revisions_of(
    client: Client, app_id: str, listed: Sequence[JsonObject] | Absent, latest: str, newest: int = 0
) -> list[Revision] | Absent:
    """Return the revisions that are active or have replicas, the latest, and the newest ones, with their replicas.

    A revision's own count of replicas need not include those that are ending.
    """
    if isinstance(listed, Absent):
        return listed
    wanted = [
        one
        for index, one in enumerate(listed)
        if index < newest
        or get(one, "properties.active", False)
        or int(get(one, "properties.replicas", 0)) > 0
        or text(one, "name") == latest
    ]
    if not wanted:
        return []
    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(partial(_revision, client, app_id), wanted))


def _revision(client: Client, app_id: str, body: JsonObject) -> Revision:
    name = text(body, "name")
    replicas = known(partial(_replicas, client, f"{app_id}/revisions/{name}/replicas"))
    return Revision(
        name=name,
        created=moment(body, "properties.createdTime"),
        running=text(body, "properties.runningState"),
        health=text(body, "properties.healthState"),
        provisioning=text(body, "properties.provisioningState"),
        error=text(body, "properties.provisioningError"),
        replica_count=int(get(body, "properties.replicas", 0)),
        replicas=replicas if isinstance(replicas, Absent) else [_replica(one) for one in replicas],
    )


def _replicas(client: Client, path: str) -> list[JsonObject]:
    """Return the replicas of a revision. Which answer Azure gives for an inactive one is assumed: none, or 404."""
    try:
        return client.list(path)
    except RefusedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return []
        raise


def _replica(body: JsonObject) -> Replica:
    return Replica(
        name=text(body, "name"),
        created=moment(body, "properties.createdTime"),
        state=text(body, "properties.runningState"),
        containers=[
            Container(
                name=text(one, "name"),
                started=bool(get(one, "started", False)),
                ready=bool(get(one, "ready", False)),
                restarts=int(get(one, "restartCount", 0)),
                state=text(one, "runningState"),
                details=text(one, "runningStateDetails"),
            )
            for one in objects(body, "properties.containers")
        ],
    )


def _logged(
    stream: logs.Stream | Absent, body: JsonObject, latest: str, revisions: list[Revision] | Absent
) -> LoggedSymptom | Absent | None:
    if isinstance(revisions, Absent):
        return revisions
    revision = next((one for one in revisions if one.name == latest), None)
    if revision is None or isinstance(revision.replicas, Absent):
        return revision.replicas if revision and isinstance(revision.replicas, Absent) else None
    return logs.read(stream, body, latest, revision.replicas)
