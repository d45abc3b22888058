"""Read the last thing that an app's console log says about Redis, in a word.

The log is read as `az containerapp logs show` reads it
(https://learn.microsoft.com/azure/container-apps/log-streaming). Its lines are never shown: another
application may write secrets there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import requests
from pydantic import SecretStr

from doctor.client import Client, known, why_unreachable
from doctor.facts import Absent, LoggedSymptom, Replica, Symptom
from doctor.values import JsonObject, moment, objects, text

_LINES = 300
"""The most that Azure gives."""
_TIMEOUT_SECONDS = (3.0, 3.0)

_WORDS = {
    "dns": Symptom.DNS,
    "timeout": Symptom.TIMEOUT,
    "tls": Symptom.TLS,
    "auth": Symptom.AUTH,
    "database": Symptom.DATABASE,
    "full": Symptom.FULL,
    "connections": Symptom.CONNECTIONS,
    "readonly": Symptom.READ_ONLY,
    "loading": Symptom.LOADING,
    "misconf": Symptom.CANNOT_SAVE,
    "clustered": Symptom.CLUSTERED,
}
_RESULT_LINE = re.compile(rf"Redis connection (?:successful|failed: (?P<word>{'|'.join(_WORDS)})\b)")
"""The workload's own words."""
_KEY_LINE = re.compile(r"Redis access key in \w+: (?P<flaw>missing|not percent-encoded|refused)\b")
_FLAWS = {
    "missing": Symptom.KEY_MISSING,
    "not percent-encoded": Symptom.KEY_NOT_ENCODED,
    "refused": Symptom.KEY_NOT_CURRENT,
}
"""What the workload says of a key beside the word `auth`."""
_WORKS = re.compile(r"Connected to rediss?://|Task \S+ succeeded|Scheduler: Sending due task")
"""What Celery says when it has just used Redis."""
_CERTIFICATE_RULE = re.compile(r"rediss:// URL must have parameter ssl_cert_reqs")
_COMPLAINS = re.compile(r"redis|kombu", re.IGNORECASE)
"""An application has other servers and databases, whose errors are worded alike."""
_COMPLAINTS = (
    (
        Symptom.AUTH,
        re.compile(r"WRONGPASS|NOAUTH|invalid username-password|[Aa]uthentication required|invalid password"),
    ),
    (Symptom.DATABASE, re.compile(r"DB index is out of range")),
    (Symptom.FULL, re.compile(r"OOM command not allowed|command not allowed when used memory")),
    (Symptom.CONNECTIONS, re.compile(r"max number of clients reached")),
    (Symptom.READ_ONLY, re.compile(r"READONLY|ReadOnlyError|write against a read only replica")),
    (Symptom.LOADING, re.compile(r"LOADING|BusyLoadingError|loading the dataset in memory")),
    (Symptom.CANNOT_SAVE, re.compile(r"MISCONF|unable to persist to disk")),
    (Symptom.CLUSTERED, re.compile(r"CROSSSLOT|CrossSlot|hash to the same slot|MovedError|MOVED \d+|CLUSTERDOWN")),
    (
        Symptom.DNS,
        re.compile(r"Name or service not known|[Tt]emporary failure in name resolution|No address associated"),
    ),
    (Symptom.TLS, re.compile(r"CERTIFICATE_VERIFY_FAILED|WRONG_VERSION_NUMBER|TLSV1_ALERT")),
    (Symptom.TIMEOUT, re.compile(r"Timeout connecting|timed out|Connection refused|Connection reset|closed by server")),
)
"""How redis-py words its errors in Celery's log."""


def last_said(lines: Iterable[str]) -> LoggedSymptom | None:
    """Return what the last line about Redis says; None where no line is about it."""
    said: LoggedSymptom | None = None
    flaw: Symptom | None = None
    for line in lines:
        before = said
        if found := _KEY_LINE.search(line):
            flaw = _FLAWS[found["flaw"]]
            continue
        if found := _RESULT_LINE.search(line):
            said = LoggedSymptom(_WORDS[found["word"]] if found["word"] else None)
        elif _CERTIFICATE_RULE.search(line):
            said = LoggedSymptom(Symptom.CERTIFICATE_RULE)
        elif _WORKS.search(line):
            said = LoggedSymptom(None)
        elif _COMPLAINS.search(line):
            symptom = next((symptom for symptom, words in _COMPLAINTS if words.search(line)), None)
            said = LoggedSymptom(symptom) if symptom else said
        if said and said is not before:
            said = replace(said, at=moment({"at": line.partition(" ")[0]}, "at"))
        if said and said.symptom is None:
            flaw = None
    # Several processes write one log: the flaw holds for whatever line of theirs is the last.
    return replace(said, symptom=flaw) if flaw and said and said.symptom is Symptom.AUTH else said


@dataclass(frozen=True)
class Stream:
    """The log stream of an app.

    Attributes:
        session: asks for it.
        url: address of the app there.
        token: opens it.
    """

    session: requests.Session
    url: str
    token: SecretStr

    def lines(self, path: str, *, output: str) -> list[str] | Absent:
        """Return the lines of a log, the newest last: at most as many as Azure gives."""
        query = {"follow": "false", "output": output, "tailLines": str(_LINES)}
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        try:
            with self.session.get(
                self.url + path,
                params=query,
                headers=headers,
                timeout=_TIMEOUT_SECONDS,
                stream=True,
                allow_redirects=False,
            ) as answer:
                answer.raise_for_status()
                return [line.decode(errors="replace") for line in answer.iter_lines()]
        except requests.RequestException as error:
            return Absent(f"the log cannot be read from here: {why_unreachable(error)}")


def open_stream(client: Client, app: JsonObject) -> Stream | Absent:
    """Return the log stream of an app."""
    app_id = text(app, "id")
    token = known(partial(client.read_action, f"{app_id}/getAuthToken"))
    if isinstance(token, Absent):
        return Absent(f"the log cannot be read: {token.reason}")
    base = text(app, "properties.eventStreamEndpoint").partition("/subscriptions/")[0]
    if not base:
        return Absent("the app names no log stream")
    _, _, subscription, _, group, *_, name = app_id.split("/")
    url = f"{base}/subscriptions/{subscription}/resourceGroups/{group}/containerApps/{name}"
    return Stream(client.session, url, SecretStr(text(token, "properties.token")))


def read(
    stream: Stream | Absent, app: JsonObject, revision: str, replicas: Iterable[Replica]
) -> LoggedSymptom | Absent | None:
    """Return what the newest replica of a revision says last of Redis."""
    newest = max(replicas, key=lambda one: (one.created is not None, one.created, one.name), default=None)
    container = _container_of(app, newest)
    if newest is None or not container:
        return Absent("no replica runs, so there is no log to read")
    if isinstance(stream, Absent):
        return stream
    path = f"/revisions/{revision}/replicas/{newest.name}/containers/{container}/logstream"
    lines = stream.lines(path, output="text")
    if isinstance(lines, Absent):
        return lines
    said = last_said(lines)
    return said and replace(said, ready=all(one.ready for one in newest.containers))


def _container_of(app: JsonObject, replica: Replica | None) -> str:
    """Return the replica's container whose log to read: one of the app's template, not a sidecar that Azure adds."""
    there = [one.name for one in replica.containers] if replica else []
    listed = [text(one, "name") for one in objects(app, "properties.template.containers")]
    return next((name for name in listed if name in there), there[0] if there else "")
