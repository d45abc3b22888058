"""The data plane of container registries, limited to queries whether an image exists.

The images are those that the emulator can run; they have no layers. It answers for Azure's registries and for the
sample image's registry. A registry in the model requires a login unless it allows anonymous pull; any other registry is
public. The forms are those of https://distribution.github.io/distribution/spec/api/ and of
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from local_azure.arm import resource_manager
from local_azure.arm.addresses import segments
from local_azure.arm.endpoint import Endpoint
from local_azure.arm.tokens import InvalidTokenError, Principal
from local_azure.arm.web import AnsweredError, answer, read_bytes
from local_azure.control_plane.model import Work
from local_azure.core import faults
from local_azure.core.state import Resource
from local_azure.core.values import JsonObject
from local_azure.resource_types import deployer
from local_azure.resource_types.effective_roles import is_allowed

AZURE_DOMAIN = "azurecr.io"
OTHER_HOSTS = ("ghcr.io",)
"""Registries outside Azure whose images the emulator has."""
_PULL = "Microsoft.ContainerRegistry/registries/pull/read"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


def is_registry_host(host: str) -> bool:
    """Return whether a request's host is that of a registry."""
    name = host.partition(":")[0].lower()
    return name.endswith(f".{AZURE_DOMAIN}") or name in OTHER_HOSTS


class RegistryDataPlane:
    """Answers requests to `https://NAME.azurecr.io`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        parts = segments(request.rel_url.raw_path)
        await read_bytes(request)
        match request.method, parts:
            case "POST", ["oauth2", "exchange"]:
                return self._exchange(request, dict((await request.post()).items()))
            case "POST" | "GET", ["oauth2", "token"]:
                form = dict((await request.post()).items()) if request.method == "POST" else dict(request.query)
                return self._access(request, form)
            case "GET" | "HEAD", ["v2", *name, "manifests", version]:
                return await asyncio.to_thread(self._manifest, request, "/".join(name), version)
            case "GET", ["v2", *_, "blobs", digest]:
                return self._blob(digest)
            case _:
                return _refused("UNSUPPORTED", "The operation is unsupported.", HTTPStatus.METHOD_NOT_ALLOWED)

    # -- who calls

    def _exchange(self, request: web.Request, form: Mapping[str, object]) -> web.Response:
        try:
            principal = self._endpoint.issuer.verify(str(form.get("access_token", "")), self._audiences())
        except InvalidTokenError as error:
            return _refused("UNAUTHORIZED", str(error), HTTPStatus.UNAUTHORIZED)
        return answer({"refresh_token": self._endpoint.issuer.issue(principal, request.host)})

    def _access(self, request: web.Request, form: Mapping[str, object]) -> web.Response:
        try:
            principal = self._endpoint.issuer.verify(str(form.get("refresh_token", "")), [request.host])
        except InvalidTokenError:
            return _refused("UNAUTHORIZED", "authentication required", HTTPStatus.UNAUTHORIZED)
        return answer({"access_token": self._endpoint.issuer.issue(principal, f"https://{request.host}")})

    def _audiences(self) -> list[str]:
        return [self._endpoint.base_url, *resource_manager.AUDIENCES]

    def _require_way_in(self, work: Work, request: web.Request, registry: Resource | None, scope: str) -> None:
        if registry is None or registry.properties.get("anonymousPullEnabled"):
            return
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            principal = self._endpoint.issuer.verify(token, [f"https://{request.host}"])
        except InvalidTokenError:
            realm = f'realm="https://{request.host}/oauth2/token",service="{request.host}",scope="{scope}"'
            raise AnsweredError(
                _refused(
                    "UNAUTHORIZED",
                    "authentication required, visit https://aka.ms/acr/authorization for more information.",
                    HTTPStatus.UNAUTHORIZED,
                    {"WWW-Authenticate": f"Bearer {realm}"},
                )
            ) from None
        if not self._may_pull(work, principal, registry):
            raise AnsweredError(_refused("DENIED", "requested access to the resource is denied", HTTPStatus.FORBIDDEN))

    def _may_pull(self, work: Work, principal: Principal, registry: Resource) -> bool:
        tenant = self._endpoint.model.tenant
        if principal.object_id == tenant.object_id:
            return deployer.allows(work.transaction, tenant, _PULL, registry.id.text)
        return is_allowed(work.transaction, principal.object_id, _PULL, registry.id.text)

    # -- images

    def _manifest(self, request: web.Request, name: str, version: str) -> web.Response:
        host = request.host.partition(":")[0].lower()
        is_digest = version.startswith("sha256:")
        reference = f"{host}/{name}@{version}" if is_digest else f"{host}/{name}:{version}"
        with self._endpoint.model.work() as work:
            holder = work.transaction.holder(f"host/{host}")
            registry = work.transaction.get(holder) if holder else None
            self._require_way_in(work, request, registry, f"repository:{name}:pull")
            platform = faults.platform_of(work.transaction, reference)
            is_there = work.has_image(reference)
        if not is_there:
            return _refused("MANIFEST_UNKNOWN", f'manifest tagged by "{version}" is not found', HTTPStatus.NOT_FOUND)
        configuration = json.dumps(_configuration(platform)).encode()
        manifest: JsonObject = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": _digest(configuration), "size": len(configuration)},
            "layers": [],
        }
        if is_digest:
            return answer(manifest, headers={"Docker-Content-Digest": version})
        listed = json.dumps(manifest).encode()
        entry = {
            "mediaType": _MANIFEST,
            "digest": _digest(listed),
            "size": len(listed),
            "platform": _configuration(platform),
        }
        return answer({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry]})

    def _blob(self, digest: str) -> web.Response:
        """Return an image's configuration: there are as many as platforms."""
        for platform in ("linux/amd64", "linux/arm64"):
            if _digest(json.dumps(_configuration(platform)).encode()) == digest:
                return answer(_configuration(platform))
        return _refused("BLOB_UNKNOWN", "blob unknown to registry", HTTPStatus.NOT_FOUND)


def _configuration(platform: str) -> JsonObject:
    system, _, architecture = platform.partition("/")
    return {"os": system, "architecture": architecture}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _refused(code: str, message: str, status: HTTPStatus, headers: dict[str, str] | None = None) -> web.Response:
    return answer({"errors": [{"code": code, "message": message}]}, status, headers)
