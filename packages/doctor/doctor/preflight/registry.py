"""Ask a container registry for an image's manifest, by https://distribution.github.io/distribution/spec/api/."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from doctor.client import Client, UnreachableError, why_unreachable
from doctor.values import get, objects, text

_DOCKER_HUB = "registry-1.docker.io"
_AZURE = ".azurecr.io"
_TIMEOUT_SECONDS = (5.0, 15.0)
_ACCEPTED = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CLIENT_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Reference:
    """An image's reference.

    Attributes:
        host: the registry.
        repository: the image's name there.
        version: its tag or digest.
    """

    host: str
    repository: str
    version: str

    @property
    def is_azure(self) -> bool:
        """Whether the registry is one of Azure's."""
        return self.host.endswith(_AZURE)

    @staticmethod
    def parse(image: str) -> Reference:
        """Read a reference as container engines do: without a host it is on Docker Hub."""
        first, slash, rest = image.partition("/")
        is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        host, path = (first.lower(), rest) if is_host else (_DOCKER_HUB, image)
        if host in ("docker.io", "index.docker.io"):
            host = _DOCKER_HUB
        if "@" in path:
            name, _, version = path.partition("@")
            name = name.partition(":")[0]
        else:
            name, _, version = path.partition(":")
        if host == _DOCKER_HUB and "/" not in name:
            name = f"library/{name}"
        return Reference(host, name, version or "latest")


@dataclass(frozen=True)
class Manifest:
    """An image that is there.

    Attributes:
        platforms: what it runs on, such as ``linux/amd64``; none where that is not said.
        anonymous: whether the registry shows it without a login.
    """

    platforms: frozenset[str]
    anonymous: bool = True


@dataclass(frozen=True)
class Missing:
    """There is no such image."""


@dataclass(frozen=True)
class Denied:
    """The registry does not show the image."""

    words: str


def fetch(reference: Reference, client: Client) -> Manifest | Missing | Denied:
    """Ask for an image, first without a login and then, at an Azure registry, with the caller's.

    Raises `UnreachableError`.
    """
    with requests.Session() as session:
        caller = _Caller(session, reference, client)
        answer = caller.manifest(token="")
        anonymous = True
        if answer.status_code == requests.codes.unauthorized:
            challenge = answer.headers.get("WWW-Authenticate", "")
            token = caller.anonymous_token(challenge)
            answer = caller.manifest(token) if token else answer
            if reference.is_azure and answer.status_code in (401, 403):
                anonymous = False
                token = caller.azure_token()
                answer = caller.manifest(token) if token else answer
        return caller.read(answer, anonymous=anonymous)


class _Caller:
    """Calls one registry about one image."""

    def __init__(self, session: requests.Session, reference: Reference, client: Client) -> None:
        self._session = session
        self._reference = reference
        self._client = client
        self._base = f"https://{reference.host}"
        self._token = ""

    def manifest(self, token: str) -> requests.Response:
        self._token = token
        path = f"/v2/{self._reference.repository}/manifests/{self._reference.version}"
        return self._send("GET", path, accept=", ".join(_ACCEPTED))

    def anonymous_token(self, challenge: str) -> str:
        """Return the token that the registry gives to anybody, or an empty text."""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        realm = fields.pop("realm", "")
        # Only to the registry's own domain or the one that it names by HTTPS; nothing of the caller's is sent.
        if not challenge.lower().startswith("bearer") or not realm.startswith("https://"):
            return ""
        fields.pop("error", None)
        fields.setdefault("scope", self._scope)
        answer = self._request("GET", f"{realm}?{urlencode(fields)}", {})
        return _token_in(answer)

    def azure_token(self) -> str:
        """Exchange the caller's token for one of an Azure registry
        (https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md); an empty text when it gives none."""
        given = {
            "grant_type": "access_token",
            "service": self._reference.host,
            "access_token": self._client.management_token(),
        }
        refresh = text(_json(self._send("POST", "/oauth2/exchange", form=given)), "refresh_token")
        if not refresh:
            return ""
        asked = {
            "grant_type": "refresh_token",
            "service": self._reference.host,
            "scope": self._scope,
            "refresh_token": refresh,
        }
        return _token_in(self._send("POST", "/oauth2/token", form=asked))

    def read(self, answer: requests.Response, *, anonymous: bool) -> Manifest | Missing | Denied:
        """Read the answer to the question for the manifest."""
        if answer.status_code == requests.codes.not_found:
            return Missing()
        if answer.status_code != requests.codes.ok:
            body = _json(answer)
            codes = [text(one, "code") for one in objects(body, "errors")]
            return Denied(", ".join(filter(None, codes)) or f"status {answer.status_code}")
        body = _json(answer)
        listed = objects(body, "manifests")
        if listed:
            return Manifest(frozenset(_platforms(get(one, "platform", {}) for one in listed)), anonymous)
        digest = text(body, "config.digest")
        if not digest:
            return Manifest(frozenset(), anonymous)
        blob = self._send("GET", f"/v2/{self._reference.repository}/blobs/{digest}", follow=True)
        return Manifest(frozenset(_platforms([_json(blob)])), anonymous)

    @property
    def _scope(self) -> str:
        return f"repository:{self._reference.repository}:pull"

    def _send(
        self, method: str, path: str, *, accept: str = "", form: dict[str, str] | None = None, follow: bool = False
    ) -> requests.Response:
        headers = {"Accept": accept} if accept else {}
        if self._token and form is None:
            headers["Authorization"] = f"Bearer {self._token}"
        return self._request(method, f"{self._base}{path}", headers, form, follow=follow)

    def _request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        form: dict[str, str] | None = None,
        *,
        follow: bool = False,
    ) -> requests.Response:
        try:
            return self._session.request(
                method, url, headers=headers, data=form, timeout=_TIMEOUT_SECONDS, allow_redirects=follow
            )
        except requests.RequestException as error:
            raise UnreachableError(why_unreachable(error)) from None


def _platforms(found: Iterable[Any]) -> Iterable[str]:
    for one in found:
        system, architecture = text(one, "os"), text(one, "architecture")
        # What is attached to an image, such as its provenance, is listed as "unknown".
        if system and architecture and "unknown" not in (system, architecture):
            yield f"{system}/{architecture}"


def _token_in(answer: requests.Response) -> str:
    body = _json(answer)
    return text(body, "access_token") or text(body, "token")


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return {}
