"""Asks Azure: Resource Manager and the data plane of vaults. It reads, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar, cast

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from requests.adapters import HTTPAdapter

from doctor.api_versions import version_of
from doctor.cloud import Cloud
from doctor.errors import CannotLookError
from doctor.facts import Absent
from doctor.values import JsonObject, objects, text

T = TypeVar("T")

_VAULT_API_VERSION = "7.6"
_TIMEOUT_SECONDS = (3.0, 5.0)
"""To connect, and to wait for an answer."""
_PAGES_MOST = 20
_CONNECTIONS = 32


class RefusedError(Exception):
    """Azure's answer is no. The message has its code and words, and no secret.

    Attributes:
        status: HTTP status.
        code: Azure's code, with an inner one after a slash where there is one.
    """

    def __init__(self, status: int, code: str, words: str) -> None:
        self.status = status
        self.code = code
        super().__init__(f"{code or status}: {words}" if words else code or str(status))


class UnreachableError(Exception):
    """Nobody answered, or what answered was a proxy."""


def _session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    # No cookies: they are what threads could not share.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


@dataclass
class Client:
    """One caller of one cloud. Its methods may be called from several threads at once."""

    cloud: Cloud
    credential: TokenCredential
    _tokens: dict[str, str] = field(default_factory=dict[str, str])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    session: requests.Session = field(default_factory=_session)
    """Its connections; they know the proxy and the certificate authorities of the environment."""

    def sign_in(self) -> None:
        """Get a token for Resource Manager, without which nothing can be seen. Raises `CannotLookError`."""
        try:
            self._token(self.cloud.audience)
        except UnreachableError as error:
            raise CannotLookError(
                f"{error} Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
            ) from None

    # -- Azure Resource Manager

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """One resource, by its id. Raises `RefusedError`, `UnreachableError`."""
        return self._ask("GET", self._url(path), {"api-version": version_of(path), **(query or {})})

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[JsonObject]:
        """All pages of a list. Raises `RefusedError`, `UnreachableError`."""
        page = self.get(path, query)
        found = objects(page, "value")
        for _ in range(_PAGES_MOST):
            link = text(page, "nextLink")
            if not link:
                break
            page = self._ask("GET", link, {})
            found += objects(page, "value")
        return found

    def read_action(self, path: str) -> JsonObject:
        """A POST that changes nothing, such as ``listKeys``. Raises `RefusedError`, `UnreachableError`."""
        return self._ask("POST", self._url(path), {"api-version": version_of(path)})

    # -- others

    def vault_secret(self, url: str) -> JsonObject:
        """A secret with its value, by its address in a vault. Raises `RefusedError`, `UnreachableError`."""
        return self._ask("GET", url, {"api-version": _VAULT_API_VERSION}, self.cloud.vault_audience)

    def _url(self, path: str) -> str:
        return self.cloud.resource_manager + path

    def _ask(self, method: str, url: str, query: Mapping[str, str], audience: str = "") -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token(audience or self.cloud.audience)}"}
        try:
            # Not followed: a redirect would take the token elsewhere.
            answer = self.session.request(
                method, url, params=query, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise UnreachableError(why_unreachable(error)) from None
        try:
            body: Any = answer.json()
        except ValueError:
            body = {}
        if answer.status_code != requests.codes.ok:
            inner = text(body, "error.innererror.code")
            code = text(body, "error.code") + (f"/{inner}" if inner else "")
            raise RefusedError(answer.status_code, code, _first_line(text(body, "error.message")))
        return cast("JsonObject", body) if isinstance(body, dict) else {}

    def _token(self, audience: str) -> str:
        with self._lock:
            if audience not in self._tokens:
                try:
                    self._tokens[audience] = self.credential.get_token(f"{audience}/.default").token
                except ClientAuthenticationError as error:
                    raise UnreachableError(f"no way to sign in for {audience}: {_first_line(error.message)}") from None
            return self._tokens[audience]


def known(ask: Callable[[], T]) -> T | Absent:
    """What a question yields, or why it yields nothing."""
    try:
        return ask()
    except (RefusedError, UnreachableError) as error:
        return Absent(str(error))


def why_unreachable(error: requests.RequestException) -> str:
    """Why a request got no answer, in words that repeat no address."""
    match error:
        case requests.exceptions.ProxyError():
            return "the proxy refused or did not answer"
        case requests.exceptions.SSLError():
            return "no trusted encrypted connection"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case _ if "NameResolutionError" in repr(error):
            return "its name has no address here"
        case _:
            return "no connection"


def _first_line(words: str | None) -> str:
    return (words or "").strip().splitlines()[0][:300] if (words or "").strip() else ""
