"""Read from Azure Resource Manager by the identity of the program's own provider."""

import asyncio
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import authorization

Json = Mapping[str, Any]

_HOSTS = {
    "public": "management.azure.com",
    "usgovernment": "management.usgovcloudapi.net",
    "china": "management.chinacloudapi.cn",
}
_METADATA_VERSION = "2022-09-01"
_TIMEOUT_SECONDS = 30
_TRIES, _PAUSE_SECONDS = 4, 2
_TEMPORARY = (408, 429, 500, 502, 503, 504)


class UnreadableError(Exception):
    """Azure refused a request, or no answer came. The message holds no secret.

    Attributes:
        status: HTTP status; 0 where no answer came.
    """

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


def metadata_host(environment: Mapping[str, str], cloud: str | None) -> str:
    """Return the host that describes the cloud.

    The same settings decide as for the provider: ``ARM_METADATA_HOSTNAME``, ``azure-native:environment``,
    ``ARM_ENVIRONMENT``. Source:
    https://www.pulumi.com/registry/packages/azure-native/installation-configuration.

    Args:
        environment: environment variables.
        cloud: the provider's setting ``environment``, if it is set.
    """
    named = cloud or environment.get("ARM_ENVIRONMENT") or "public"
    return environment.get("ARM_METADATA_HOSTNAME") or _HOSTS.get(named.lower(), _HOSTS["public"])


class ResourceManager:
    """Sends requests to the Resource Manager of the provider's cloud, and repeats what failed for a moment."""

    def __init__(self) -> None:
        # The provider's own setting; the program's settings are read by ``settings.py`` alone.
        cloud = pulumi.Config("azure-native").get("environment")
        self._metadata_host = metadata_host(os.environ, cloud)
        self._address = ""

    async def get(self, path: str, version: str) -> Json:
        """Return a resource or a list by its path. Raises `UnreadableError`."""
        return await self._ask("GET", path, version)

    async def post(self, path: str, version: str) -> Json:
        """Return the answer of an action that changes nothing. Raises `UnreadableError`."""
        return await self._ask("POST", path, version)

    async def _ask(self, method: str, path: str, version: str) -> Json:
        self._address = self._address or await self._find()
        # Asked for each time: a wait may be longer than a token's life, and the provider keeps valid ones.
        token = (await authorization.get_client_token_output().future()).token  # pyright: ignore[reportOptionalMemberAccess]
        text = await _read(f"{self._address}{path}?api-version={version}", token, method)
        return _parsed(text)

    async def _find(self) -> str:
        url = f"https://{self._metadata_host}/metadata/endpoints?api-version={_METADATA_VERSION}"
        return str(_parsed(await _read(url))["resourceManager"]).rstrip("/")


async def read_text(url: str, token: str) -> str:
    """Return what an address outside Resource Manager answers to a bearer of a token. Raises `UnreadableError`."""
    return await _read(url, token)


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        raise UnreadableError(0, "the answer is no JSON") from None


async def _read(url: str, token: str = "", method: str = "GET") -> str:
    for left in reversed(range(_TRIES)):
        try:
            return await asyncio.to_thread(_send, url, token, method)
        except UnreadableError as error:
            if not left or error.status not in (0, *_TEMPORARY):
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _send(url: str, token: str, method: str) -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers, method=method, data=b"" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        code = error.headers.get("x-ms-failure-cause") or error.reason
        raise UnreadableError(error.code, f"{error.code} {code}") from None
    except OSError as error:
        raise UnreadableError(0, type(error).__name__) from None
