"""A subscription on an endpoint of its own, in which something would make a deployment fail."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from arm.landscape import Azure, running
from doctor import cloud
from doctor.client import Client
from doctor.preflight import checks, plan, report
from doctor.preflight.__main__ import exit_code, main
from doctor.preflight.findings import CheckResult, Fault
from doctor.preflight.look import Look
from local_azure.core import faults, options, registrations
from local_azure.core.ids import ArmId
from preflight.plans import GROUP, REGION, Preview, first_deployment


@dataclass
class Seen:
    """What the preflight found."""

    results: list[CheckResult]
    lines: str
    told: dict[str, Any]
    code: int

    @property
    def faults(self) -> list[Fault]:
        return [fault for one in self.results for fault in one.faults]

    @property
    def causes(self) -> set[str]:
        return {one.cause for one in self.faults}

    @property
    def unchecked(self) -> str:
        return "\n".join(str(each) for one in self.results for each in one.unchecked)


@dataclass
class World:
    """A subscription, and what will be deployed to it.

    Attributes:
        azure: the endpoint and its model.
        preview: what `pulumi preview` says; tests change it.
        chosen: another subscription that is deployed to.
    """

    azure: Azure
    preview: Preview = field(default_factory=first_deployment)
    chosen: str = ""

    @property
    def scope(self) -> str:
        return f"/subscriptions/{self.azure.subscription}"

    @property
    def group(self) -> str:
        return f"{self.scope}/resourceGroups/{GROUP}"

    # -- what can be wrong

    def put(self, resource_id: str, **body: Any) -> str:
        """Make a resource."""
        return self.azure.model.put(ArmId.parse(resource_id), body).id.text

    def make_group(self, name: str = GROUP, location: str = REGION) -> str:
        return self.put(f"{self.scope}/resourceGroups/{name}", location=location)

    def resource(self, arm_type: str, name: str, group: str = GROUP, /, **body: Any) -> str:
        """Make a resource in a group, which is made when it is not there."""
        if not self._has_group(group):
            self.make_group(group)
        return self.put(f"{self.scope}/resourceGroups/{group}/providers/{arm_type}/{name}", **body)

    def _has_group(self, name: str) -> bool:
        with self.azure.model.store.reading() as transaction:
            return transaction.has(f"{self.scope}/resourceGroups/{name}")

    def fault(self, kind: faults.Kind, **fields: Any) -> None:
        with self.azure.model.store.transaction() as transaction:
            faults.add(transaction, faults.Fault(kind, **fields), None)

    def unregister(self, namespace: str, state: str = registrations.NOT_REGISTERED) -> None:
        with self.azure.model.store.transaction() as transaction:
            registrations.change(transaction, namespace, state)

    def deployer(self, role: str = "Owner", without: str = "") -> None:
        with self.azure.model.store.transaction() as transaction:
            options.change(transaction, deployer_role=role, deployer_without=without)

    def assign_policy(self, definition: str, **parameters: Any) -> str:
        """Assign a built-in policy to the subscription."""
        return self.put(
            f"{self.scope}/providers/Microsoft.Authorization/policyAssignments/{uuid.uuid4()}",
            properties={
                "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{definition}",
                "parameters": {name: {"value": value} for name, value in parameters.items()},
            },
        )

    def delete(self, resource_id: str) -> None:
        self.azure.model.delete(ArmId.parse(resource_id))

    # -- the look

    def look(self) -> Seen:
        """Run every check."""
        where = cloud.find(os.environ)
        client = Client(where, cloud.credential(where, os.environ))
        planned = self.preview.plan()
        results = list(checks.run(Look(client, planned, self.chosen or self.azure.subscription)))
        told = json.loads(report.as_json(results, planned))
        return Seen(results, report.as_lines(results, planned), told, exit_code(results))

    def command(self, *arguments: str) -> int:
        """Run the command with this preview in the place of the engine's."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plan, "read", lambda stack, directory, configuration: self.preview.plan())
            return main(["--stack", "dev", *arguments])


@contextmanager
def opened(home: Path) -> Iterator[World]:
    """Open an empty subscription, with the variables by which Azure's clients find it."""
    with running(home) as azure, pytest.MonkeyPatch.context() as patch:
        for name in [one for one in os.environ if one.lower() in ("https_proxy", "no_proxy", "arm_subscription_id")]:
            patch.delenv(name)
        for name, value in {
            "ARM_METADATA_HOSTNAME": azure.url.removeprefix("https://"),
            "AZURE_AUTHORITY_HOST": azure.url,
            "AZURE_CLIENT_ID": azure.model.tenant.client_id,
            "AZURE_CLIENT_SECRET": azure.client_secret,
            "AZURE_SUBSCRIPTION_ID": azure.subscription,
            "AZURE_TENANT_ID": azure.tenant,
            "HTTPS_PROXY": f"http://127.0.0.1:{azure.served.ports['vault-proxy']}",
            "NO_PROXY": "localhost,127.0.0.1",
            "REQUESTS_CA_BUNDLE": azure.authority_file,
        }.items():
            patch.setenv(name, value)
        yield World(azure)
