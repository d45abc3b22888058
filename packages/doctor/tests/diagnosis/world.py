"""Copy a deployed stack, to inject faults into it and run the doctor on it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from doctor import stack
from doctor.__main__ import main
from doctor.facts import Address, Stack
from local_azure.arm import serve
from local_azure.arm.endpoint import Locate, outside
from local_azure.control_plane.model import Model
from local_azure.core.ids import ArmId
from local_azure.core.state import Store
from local_azure.core.tenant import Tenant
from local_azure.resource_types.key_vault.access import Place

SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""The built-in role Key Vault Secrets User."""


@dataclass
class Deployed:
    """What the engine deployed: a local Azure's directory, and the stack's outputs."""

    home: Path
    outputs: Mapping[str, Any]

    @property
    def stack(self) -> Stack:
        """The outputs as the doctor reads them."""
        return Stack(
            name="dev",
            group_id=self.outputs["resourceGroupId"],
            redis=Address(self.outputs["redisHostName"], self.outputs["redisPort"]),
            broker=Address(self.outputs["brokerHostName"], self.outputs["brokerPort"]),
            vault_uri=self.outputs["keyVaultUri"],
            readiness_url=self.outputs["readinessUrl"],
        )


@dataclass
class World:
    """A copy of a deployed stack on an endpoint of its own.

    Attributes:
        deployed: what it is a copy of.
        work: opens the resources for a change that no call makes.
        session: calls Azure Resource Manager as the owner.
        url: where that is.
    """

    deployed: Deployed
    work: Callable[[], AbstractContextManager[Model]]
    session: requests.Session
    url: str

    # -- Azure Resource Manager

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for something, and fail with Azure's words."""
        answer = self.session.request(method, f"{self.url}{path}?api-version=2025-07-01", json=body)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def all(self, kind: str) -> list[Any]:
        """Return the stack's resources of a type."""
        return self.call("GET", f"{self.deployed.stack.group_id}/providers/{kind}")["value"]

    def one(self, kind: str, part: str = "") -> Any:
        """Return the one of a type whose name contains a text."""
        found = [body for body in self.all(kind) if part in body["name"]]
        assert len(found) == 1, [body["name"] for body in found]
        return found[0]

    def put(self, body: Any, **properties: Any) -> None:
        """Write a resource with other properties."""
        body["properties"].update(properties)
        self.call("PUT", body["id"], body)

    def let_the_caller_read(self) -> None:
        """Give the doctor's caller a role on the vault: an owner of a subscription may not read its secrets."""
        vault = self.one("Microsoft.KeyVault/vaults")["id"]
        role = f"/subscriptions/{Tenant().subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
        self.call(
            "PUT",
            f"{vault}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}",
            {
                "properties": {
                    "roleDefinitionId": f"{role}/{SECRETS_USER}",
                    "principalId": Tenant().object_id,
                    "principalType": "ServicePrincipal",
                }
            },
        )

    # -- the stack's own

    @property
    def apps(self) -> list[Any]:
        """The container apps."""
        return self.all("Microsoft.App/containerApps")

    @property
    def web(self) -> Any:
        """The app that answers requests."""
        return next(one for one in self.apps if not one["name"].endswith("worker"))

    @property
    def cache(self) -> Any:
        """The cache, or the managed cluster."""
        kinds = ("Microsoft.Cache/redis", "Microsoft.Cache/redisEnterprise")
        return next(one for kind in kinds for one in self.all(kind))

    @property
    def keyed(self) -> Any:
        """What has the keys: the cache, or the managed cluster's database."""
        found = self.cache
        if found["type"].endswith("redisEnterprise"):
            return self.call("GET", f"{found['id']}/databases")["value"][0]
        return found

    def key(self, name: str = "primary") -> str:
        """Return a key of the cache."""
        return self.call("POST", f"{self.keyed['id']}/listKeys")[f"{name}Key"]

    def redis_url(self, **changes: Any) -> str:
        """Return the right URL, or one with another ``key``, ``database`` or ``query``."""
        stack = self.deployed.stack
        key = changes.get("key", quote(self.key(), safe=""))
        query = changes.get("query", "?ssl_cert_reqs=required")
        return f"rediss://:{key}@{stack.redis}/{changes.get('database', 0)}{query}"

    def set_secret(self, name: str, value: str, *, roll: bool = True) -> None:
        """Give every app that has a secret another value of it, and (``roll``) a new revision with it."""
        vault = self.one("Microsoft.KeyVault/vaults")
        for app in self.apps:
            for secret in app["properties"]["configuration"]["secrets"]:
                if secret["name"] != name:
                    continue
                if "keyVaultUrl" in secret:
                    path = f"{vault['id']}/secrets/{name}"
                    written = self.call("PUT", path, {"properties": {"value": value}})
                    secret["keyVaultUrl"] = written["properties"]["secretUriWithVersion"]
                else:
                    secret["value"] = value
            self._keep_values(app)
            if roll:
                for one in app["properties"]["template"]["containers"]:
                    one["env"] = [v for v in one["env"] if v["name"] != "SECRETS_DIGEST"] + [
                        {"name": "SECRETS_DIGEST", "value": f"changed-{len(value)}"}
                    ]
            self.call("PUT", app["id"], app)

    def put_app(self, app: Any) -> None:
        """Write an app, whose secrets are listed without their values."""
        self._keep_values(app)
        self.call("PUT", app["id"], app)

    def _keep_values(self, app: Any) -> None:
        listed = self.call("POST", f"{app['id']}/listSecrets")["value"]
        held = {one["name"]: one.get("value") for one in listed}
        for secret in app["properties"]["configuration"]["secrets"]:
            if "keyVaultUrl" not in secret:
                secret.setdefault("value", held.get(secret["name"]))

    def edit(self, resource_id: str, change: Callable[[Any], object]) -> None:
        """Change what no call changes: what Azure itself writes, or what is fixed at creation."""
        with self.work() as model, model.work() as work:
            resource = work.existing(ArmId.parse(resource_id))
            change(resource.body["properties"])
            work.transaction.save(resource)


def _signed_in(home: Path, url: str) -> requests.Session:
    tenant = Tenant()
    session = requests.Session()
    session.verify, session.trust_env = str(home / "tls" / "ca.pem"), False
    answer = session.post(
        f"{url}/{tenant.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": tenant.client_id,
            "client_secret": (home / "service-principal-secret").read_text().strip(),
            "scope": f"{url}/.default",
        },
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session


@contextmanager
def attached(deployed: Deployed) -> Iterator[World]:
    """Yield the deployed stack itself, on the local Azure that runs it."""
    url = f"https://localhost:{json.loads((deployed.home / 'endpoints.json').read_text())['arm']}"

    @contextmanager
    def work() -> Iterator[Model]:
        store = Store(deployed.home / "state.sqlite")
        try:
            yield Model(store)
        finally:
            store.close()

    with _signed_in(deployed.home, url) as session:
        yield World(deployed, work, session, url)


@contextmanager
def copied(deployed: Deployed, home: Path, *, inside: bool = False) -> Iterator[World]:
    """Yield a copy of what was deployed, seen from within the apps' network or (``inside`` false) from the internet."""
    home.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(deployed.home / "state.sqlite") as source, sqlite3.connect(home / "state.sqlite") as target:
        source.backup(target)
    shutil.copytree(deployed.home / "tls", home / "tls", dirs_exist_ok=True)
    store = Store(home / "state.sqlite")
    model = Model(store)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    locate = _inside(model, deployed.stack.group_id) if inside else outside
    served = asyncio.run_coroutine_threadsafe(serve(model, home, locate=locate), loop).result(120)
    url = f"https://localhost:{served.ports['arm']}"
    tenant, session = Tenant(), _signed_in(home, url)
    variables = {
        "ARM_METADATA_HOSTNAME": url.removeprefix("https://"),
        "AZURE_AUTHORITY_HOST": url,
        "AZURE_CLIENT_ID": tenant.client_id,
        "AZURE_CLIENT_SECRET": (home / "service-principal-secret").read_text().strip(),
        "AZURE_TENANT_ID": tenant.tenant_id,
        "HTTPS_PROXY": f"http://127.0.0.1:{served.ports['vault-proxy']}",
        "NO_PROXY": "localhost,127.0.0.1",
        "REQUESTS_CA_BUNDLE": str(home / "tls" / "ca.pem"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [one for one in os.environ if one.lower() in ("https_proxy", "no_proxy")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        made = World(deployed, lambda: nullcontext(model), session, url)
        if inside:
            made.let_the_caller_read()
        try:
            yield made
        finally:
            asyncio.run_coroutine_threadsafe(served.close(), loop).result(120)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(120)
            loop.close()
            store.close()
            session.close()


def _inside(model: Model, group_id: str) -> Locate:
    """Place every caller in the subnet of the private endpoints."""
    with model.work() as work:
        subnets = work.transaction.of_type("Microsoft.Network/virtualNetworks/subnets", group_id)
        subnet = next(one.id for one in subnets if one.id.name == "snet-endpoints")
    return lambda address: Place(subnet, (address,))


@dataclass(frozen=True)
class Look:
    """What the doctor said."""

    code: int
    report: Any
    printed: str

    @property
    def cause(self) -> str | None:
        """The name of the cause."""
        return self.report["cause"]["name"] if self.report["cause"] else None

    @property
    def others(self) -> list[str]:
        """The names of other faults."""
        return [one["name"] for one in self.report["others"]]

    @property
    def words(self) -> str:
        """Return what failed and was skipped, for the message of a failing test."""
        return "\n".join(str(one) for one in self.report["checks"] if one["status"] != "pass")

    def of(self, check: str) -> list[Any]:
        """Return the findings of a check."""
        return [one for one in self.report["checks"] if one["check"] == check]


def look(world: World, capsys: pytest.CaptureFixture[str]) -> Look:
    """Run the doctor's command on a world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "read", lambda name, directory: world.deployed.stack)
        code = main(["--stack", "dev", "--json"])
    printed = capsys.readouterr()
    return Look(code, json.loads(printed.out), printed.out + printed.err)
