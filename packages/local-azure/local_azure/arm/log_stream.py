"""The log stream of an app, as `az containerapp logs show` and the portal read it. It is undocumented. The addresses,
the parameters and the token are those that the Azure CLI uses
(https://github.com/Azure/azure-cli/blob/dev/src/azure-cli/azure/cli/command_modules/containerapp/custom.py), the lines
those that https://learn.microsoft.com/azure/container-apps/log-streaming shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from local_azure.arm.endpoint import Endpoint
from local_azure.arm.tokens import LIFETIME_SECONDS, InvalidTokenError, Principal
from local_azure.core.azure_error import AzureError, resource_not_found
from local_azure.core.ids import ArmId
from local_azure.core.state import Resource, timestamp
from local_azure.core.values import JsonObject
from local_azure.resource_types.container_apps import APP_TYPE, ENVIRONMENT_TYPE
from local_azure.resource_types.container_apps.names import STREAM_DOMAIN
from local_azure.status.replica_logs import Event, Line, Source, Tail, system_file

_LINES, _MOST_LINES = 20, 300
"""https://learn.microsoft.com/cli/azure/containerapp/logs: default 20, maximum 300."""
_POLL_SECONDS = 0.2
_SILENCE_SECONDS = 60.0
"""Seconds without a line after which the stream sends a keep-alive line."""
_CONNECTING, _CONNECTED = "Connecting to the events collector...", "Successfully connected to events server"
_TYPES = {"containerapps": APP_TYPE, "managedenvironments": ENVIRONMENT_TYPE}


def is_stream_host(host: str) -> bool:
    """Return whether a host name, with or without a port, is that of the log stream."""
    return host.partition(":")[0].lower().endswith(f".{STREAM_DOMAIN}")


class LogStream:
    """Issues tokens for the log stream, and serves it."""

    def __init__(self, endpoint: Endpoint, home: Path) -> None:
        self._endpoint = endpoint
        self._home = home
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End the streams that are followed."""
        self._ending.set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request. Raises `AzureError`."""
        parts = [one for one in request.path.split("/") if one]
        match [one.lower() for one in parts]:
            case ["subscriptions", _, "resourcegroups", _, level, _, *_] if request.method == "GET" and level in _TYPES:
                resource = await asyncio.to_thread(self._resource, parts)
                self._authenticate(request, resource.id)
            case _:
                raise AzureError("NotFound", "The log stream has no such address.", status=HTTPStatus.NOT_FOUND)
        follow = request.query.get("follow", "false").lower() == "true"
        lines = _line_count(request.query.get("tailLines"))
        match [one.lower() for one in parts[6:]]:
            case ["eventstream"]:
                records = self._events(resource, lines, follow)
            case ["revisions", _, "replicas", _, "containers", _, "logstream"] if resource.id.type == APP_TYPE:
                source = Source(resource.id.name, parts[7], parts[9], parts[11])
                as_text = request.query.get("output", "json").lower() == "text"
                self._require_replica(resource.id, source)
                records = self._lines(resource.id, source, as_text, lines, follow)
            case _:
                raise AzureError("NotFound", "The log stream has no such address.", status=HTTPStatus.NOT_FOUND)
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        try:
            async for record in records:
                await response.write(f"{record}\n".encode())
            await response.write_eof()
        except ConnectionError:
            pass  # its reader has gone
        return response

    # -- what it is about

    def _resource(self, parts: list[str]) -> Resource:
        scope = "/" + "/".join(parts[:4])
        resource_id = ArmId.build(scope, _TYPES[parts[4].lower()], parts[5])
        with self._endpoint.model.store.transaction() as transaction:
            found = transaction.get(resource_id)
        if found is None:
            raise resource_not_found(resource_id.type, resource_id.name, resource_id.resource_group)
        return found

    def _authenticate(self, request: web.Request, resource_id: ArmId) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise InvalidTokenError("AuthenticationFailed", "The 'Authorization' header is missing.")
            self._endpoint.issuer.verify(token.strip(), [_audience(resource_id)])
        except InvalidTokenError as error:
            raise AzureError(error.code, str(error), status=HTTPStatus.UNAUTHORIZED) from None

    def _require_replica(self, app: ArmId, source: Source) -> None:
        if not self._is_there(app, source):
            raise AzureError(
                "ReplicaNotFound",
                f"The container '{source.container}' of the replica '{source.replica}' does not exist.",
                status=HTTPStatus.NOT_FOUND,
            )

    def _is_there(self, app: ArmId, source: Source) -> bool:
        """Return whether a container belongs to an existing replica."""
        running = self._endpoint.running()
        revision = running.revision(f"{app}/revisions/{source.revision}") if running else None
        return any(
            source.container in {one.name for one in (*replica.containers, *replica.init_containers)}
            for replica in (revision.replicas if revision else ())
            if replica.name == source.replica
        )

    # -- what it says

    async def _lines(self, app: ArmId, source: Source, as_text: bool, count: int, follow: bool) -> AsyncIterator[str]:
        form = _text if as_text else _json
        yield form(_short(), f"Connecting to the container '{source.container}'...")
        tails = {"": Tail(source.file(self._home), count)}
        # Read before the response that confirms the connection: later lines are new to the client.
        earlier = await asyncio.to_thread(_read, tails)
        connected = f"Successfully Connected to container: '{source.container}' [Revision: '{source.revision}', "
        yield form(_short(), f"{connected}Replica: '{source.replica}']")
        async for _, record in self._records(tails, earlier, follow, lambda: self._is_there(app, source)):
            if record is None:
                yield form(_short(), f"No logs since last {_SILENCE_SECONDS:.0f} seconds")
            else:
                line = Line.parse(record)
                # Azure's moments have more digits than ours: nanoseconds in text, and a tenth of a microsecond in JSON.
                bare = line.moment.removesuffix("Z")
                yield form(f"{bare}000Z" if as_text else f"{bare}0+00:00", line.text)

    async def _events(self, resource: Resource, count: int, follow: bool) -> AsyncIterator[str]:
        yield _event("Normal", None, Event(_seconds(), "", "", "StartingGettingEvents", _CONNECTING))
        names = await asyncio.to_thread(self._apps_of, resource)
        tails = {name: Tail(system_file(self._home, name), count) for name in names}
        earlier = await asyncio.to_thread(_read, tails)
        yield _event("Normal", None, Event(_seconds(), "", "", "ConnectedToEventsServer", _CONNECTED))
        async for name, record in self._records(tails, earlier, follow, lambda: True):
            if record is None:
                silent = f"No events since last {_SILENCE_SECONDS:.0f} seconds"
                yield _event("Normal", None, Event(_seconds(), "", "", "NoNewEvents", silent))
            else:
                event = Event.parse(record)
                yield _event("Warning" if event.is_warning else "Normal", name, event)

    def _apps_of(self, resource: Resource) -> list[str]:
        """Return the app itself, or the apps of an environment."""
        if resource.id.type == APP_TYPE:
            return [resource.id.name]
        with self._endpoint.model.store.transaction() as transaction:
            apps = transaction.of_type(APP_TYPE)
        return [app.id.name for app in apps if str(app.properties["environmentId"]).lower() == resource.id.key]

    async def _records(
        self,
        tails: Mapping[str, Tail],
        earlier: Sequence[tuple[str, str]],
        follow: bool,
        goes_on: Callable[[], bool],
    ) -> AsyncIterator[tuple[str, str | None]]:
        """Yield the lines of files, with the file's name, those that were read already first; None for a long silence.
        It ends at the end of the files, or if they are followed, when nothing more will come."""
        for name, record in earlier:
            yield name, record
        heard = time.monotonic()
        while True:
            last = not follow or self._ending.is_set() or not goes_on()
            for name, record in await asyncio.to_thread(_read, tails):
                heard = time.monotonic()
                yield name, record
            if last:
                return
            if time.monotonic() - heard >= _SILENCE_SECONDS:
                heard = time.monotonic()
                yield "", None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _POLL_SECONDS)


def _read(tails: Mapping[str, Tail]) -> list[tuple[str, str]]:
    return [(name, record) for name, tail in tails.items() for record in tail.read()]


def auth_token(endpoint: Endpoint, resource: Resource, principal: Principal) -> JsonObject:
    """Return a token for the stream of an app or of an environment
    (https://learn.microsoft.com/rest/api/resource-manager/containerapps/container-apps/get-auth-token)."""
    return {
        "id": resource.id.text,
        "name": resource.id.name,
        "type": resource.id.type,
        "location": resource.location,
        "properties": {
            "token": endpoint.issuer.issue(principal, _audience(resource.id)),
            "expires": timestamp(datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS)),
        },
    }


def _audience(resource_id: ArmId) -> str:
    return f"https://{STREAM_DOMAIN}{resource_id.key}"


def _line_count(text: str | None) -> int:
    if text is None:
        return _LINES
    if not text.isdecimal() or int(text) > _MOST_LINES:
        raise AzureError("InvalidTailLines", f"tailLines must be a number from 0 to {_MOST_LINES}.")
    return int(text)


def _text(moment: str, words: str) -> str:
    return f"{moment} {words}"


def _json(moment: str, words: str) -> str:
    return json.dumps({"TimeStamp": moment, "Log": words})


def _event(kind: str, app: str | None, event: Event) -> str:
    return json.dumps(
        {
            "TimeStamp": event.moment,
            "Type": kind,
            "ContainerAppName": app,
            "RevisionName": event.revision or None,
            "ReplicaName": event.replica or None,
            "Msg": event.message,
            "Reason": event.reason,
            "EventSource": "ContainerAppController",
            "Count": 1,
        }
    )


def _short() -> str:
    """Return a time in the format of the stream."""
    return datetime.now(UTC).isoformat(timespec="microseconds")[:25]


def _seconds() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
