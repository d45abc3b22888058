"""Read from Azure: Resource Manager and the data plane of vaults. Nothing is written."""

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
from urllib3.util.retry import Retry

from doctor.api_versions import version_of
from doctor.cloud import Cloud
from doctor.errors import CannotLookError
from doctor.facts import Absent
from doctor.values import JsonObject, objects, text

T = TypeVar("T")

_VAULT_API_VERSION = "7.6"
_TIMEOUT_SECONDS = (5.0, 30.0)
"""To connect, and to wait for an answer: a busy Resource Manager takes many seconds to list metrics or keys."""
_TEMPORARY = (408, 429, 500, 502, 503, 504)
"""Statuses after which azure-core asks again
(https://learn.microsoft.com/python/api/azure-core/azure.core.pipeline.policies.retrypolicy); Resource Manager's 429 has
a `Retry-After` (https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling)."""
_RETRIES = Retry(
    total=3,
    connect=1,
    read=1,
    redirect=0,
    other=0,
    status_forcelist=_TEMPORARY,
    # Also POST: the doctor's are reads, such as `listKeys`.
    allowed_methods=frozenset({"GET", "POST"}),
    backoff_factor=0.8,
    backoff_max=10,
    retry_after_max=30,
    raise_on_status=False,
)
_PAGES_MOST = 20
_CONNECTIONS = 32


class RefusedError(Exception):
    """Azure refused a request. The message has Azure's code and words, and no secret.

    Attributes:
        status: HTTP status.
        code: Azure's code, with an inner one after a slash where there is one.
    """

    def __init__(self, status: int, code: str, words: str) -> None:
        self.status = status
        self.code = code
        super().__init__(f"{code or status}: {words}" if words else code or str(status))


class UnreachableError(Exception):
    """No answer came, or a proxy gave it."""


def _session() -> requests.Session:
    """Return a session that several threads may share and that repeats what failed for a moment only."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=_RETRIES))
    # No cookies: threads cannot share a cookie jar.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


@dataclass
class Client:
    """Calls one cloud as one identity. Its methods may be called from several threads at once.

    Attributes:
        cloud: the cloud's addresses.
        credential: gives the tokens.
        session: the connections; they use the proxy and the certificate authorities of the environment variables.
    """

    cloud: Cloud
    credential: TokenCredential
    _tokens: dict[str, str] = field(default_factory=dict[str, str])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    session: requests.Session = field(default_factory=_session)

    def sign_in(self) -> None:
        """Get a token for Resource Manager, which every check needs. Raises `CannotLookError`."""
        try:
            self._token(self.cloud.audience)
        except UnreachableError as error:
            raise CannotLookError(
                f"{error} Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
            ) from None

    # -- Azure Resource Manager

    def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """Return one resource, by its id. Raises `RefusedError`, `UnreachableError`."""
        return self._ask("GET", self._url(path), {"api-version": version_of(path), **(query or {})})

    def list(self, path: str, query: Mapping[str, str] | None = None) -> list[JsonObject]:
        """Return all pages of a list. Raises `RefusedError`, `UnreachableError`."""
        page = self.get(path, query)
        found = objects(page, "value")
        for _ in range(_PAGES_MOST):
            link = text(page, "nextLink")
            if not link:
                break
            page = self._ask("GET", link, {})
            found += objects(page, "value")
        return found

    def read_action(self, path: str, body: JsonObject | None = None) -> JsonObject:
        """Return the answer of a POST that changes nothing, such as ``listKeys``.

        Raises `RefusedError`, `UnreachableError`.
        """
        return self._ask("POST", self._url(path), {"api-version": version_of(path)}, body=body)

    def management_token(self) -> str:
        """Return the token for Resource Manager, which a container registry takes in exchange for one of its own.

        Raises `UnreachableError`.
        """
        return self._token(self.cloud.audience)

    # -- vaults

    def vault_secret(self, url: str) -> JsonObject:
        """Return a secret with its value, by its address in a vault. Raises `RefusedError`, `UnreachableError`."""
        return self._ask("GET", url, {"api-version": _VAULT_API_VERSION}, self.cloud.vault_audience)

    def _url(self, path: str) -> str:
        return self.cloud.resource_manager + path

    def _ask(
        self, method: str, url: str, query: Mapping[str, str], audience: str = "", body: JsonObject | None = None
    ) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token(audience or self.cloud.audience)}"}
        try:
            # Redirects are not followed: the token would go to another host.
            answer = self.session.request(
                method, url, params=query, headers=headers, json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise UnreachableError(why_unreachable(error)) from None
        try:
            said: Any = answer.json()
        except ValueError:
            said = {}
        if answer.status_code != requests.codes.ok:
            inner = text(said, "error.innererror.code")
            code = text(said, "error.code") + (f"/{inner}" if inner else "")
            raise RefusedError(answer.status_code, code, _first_line(text(said, "error.message")))
        return cast("JsonObject", said) if isinstance(said, dict) else {}

    def _token(self, audience: str) -> str:
        with self._lock:
            if audience not in self._tokens:
                try:
                    self._tokens[audience] = self.credential.get_token(f"{audience}/.default").token
                except ClientAuthenticationError as error:
                    raise UnreachableError(f"no way to sign in for {audience}: {_first_line(error.message)}") from None
            return self._tokens[audience]


def known(ask: Callable[[], T]) -> T | Absent:
    """Return what a request yields, or the reason why it fails."""
    try:
        return ask()
    except (RefusedError, UnreachableError) as error:
        return Absent(str(error))


def why_unreachable(error: requests.RequestException) -> str:
    """Return why a request got no answer, in words without addresses."""
    match error:
        case requests.exceptions.ProxyError():
            return "the proxy refused or did not answer"
        case requests.exceptions.SSLError():
            return "no trusted encrypted connection"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case _ if "ReadTimeoutError" in repr(error):  # how requests shows the last of several time-outs
            return "no answer in time"
        case _ if "NameResolutionError" in repr(error):
            return "its name has no address here"
        case _:
            return "no connection"


def _first_line(words: str | None) -> str:
    return (words or "").strip().splitlines()[0][:300] if (words or "").strip() else ""
