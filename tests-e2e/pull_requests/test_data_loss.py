"""A deployment that would lose data stops, names what would be lost, and goes on only by that name."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.deployment import ROOT, Deployment
from tools.ci import data_loss

TOOL = ROOT / "tools" / "ci" / "data_loss.py"


def step(operation: str, kind: str, name: str, **old: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::shop::shop:data:Data${kind}::{name}"
    return {"op": operation, "urn": urn, "oldState": {"urn": urn, "type": kind, **old}}


def preview(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"op": "same", "urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"}, *steps]}


def judge(tmp_path: Path, content: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "preview.json"
    file.write_text(json.dumps(content))
    command = [sys.executable, str(TOOL), *arguments, "--", "cat", str(file)]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})


STATEFUL = [
    "azure-native:redis:Redis",
    "azure-native:redis/v20241101:Redis",
    "azure-native_redis_v20241101:redis:Redis",
    "azure-native:redisenterprise:RedisEnterprise",
    "azure-native:redisenterprise:Database",
    "azure-native:keyvault:Vault",
    "azure-native:keyvault:Key",
    "azure-native:dbforpostgresql:Server",
    "azure-native:dbforpostgresql/v20240801:Database",
    "azure-native:sql:Database",
    "azure-native:cosmosdb:DatabaseAccount",
    "azure-native:cosmosdb:SqlResourceSqlContainer",
    "azure-native:documentdb:MongoDBResourceMongoDBCollection",
    "azure-native:storage:StorageAccount",
    "azure-native:storage:FileShare",
    "azure-native:servicebus:Queue",
    "azure-native:operationalinsights:Workspace",
    "azure-native:containerregistry:Registry",
    "azure-native:resources:ResourceGroup",
    "random:index/randomPassword:RandomPassword",
    "random:index/randomBytes:RandomBytes",
    "tls:index/privateKey:PrivateKey",
]

STATELESS = [
    "azure-native:app:ContainerApp",
    "azure-native:network:PrivateEndpoint",
    "azure-native:keyvault:Secret",
    "azure-native:authorization:RoleAssignment",
    "azure-native:cache:AccessPolicyAssignment",
    "azure-native:redis:FirewallRule",
    "random:index/randomUuid:RandomUuid",
    "random:index/randomString:RandomString",
    "pulumi:providers:azure-native",
]


@pytest.mark.parametrize("operation", ["delete", "replace", "create-replacement", "delete-replaced"])
@pytest.mark.parametrize("kind", STATEFUL)
def test_what_keeps_data_is_not_replaced_or_deleted(kind: str, operation: str) -> None:
    [loss] = data_loss.losses(preview(step(operation, kind, "kept")))
    assert (loss.name, loss.type) == ("kept", kind)
    assert loss.replaced is (operation != "delete")


@pytest.mark.parametrize("kind", STATELESS)
def test_what_keeps_no_data_may_go(kind: str) -> None:
    assert data_loss.losses(preview(step("replace", kind, "one"), step("delete", kind, "other"))) == []


@pytest.mark.parametrize("operation", ["same", "update", "create", "read", "refresh", "import"])
def test_what_stays_loses_nothing(operation: str) -> None:
    assert data_loss.losses(preview(step(operation, "azure-native:redis:Redis", "cache"))) == []


def test_what_azure_keeps_and_what_is_derived_is_not_lost() -> None:
    kept = step("delete", "azure-native:keyvault:Key", "key", retainOnDelete=True)
    derived = step("replace", "random:index/randomPassword:RandomPassword", "secrets-digest-key")
    assert data_loss.losses(preview(kept, derived)) == []


def test_a_replacement_in_several_steps_is_one_loss_with_its_reasons() -> None:
    steps = [
        {**step("create-replacement", "azure-native:redis:Redis", "cache"), "replaceReasons": ["location"]},
        step("replace", "azure-native:redis:Redis", "cache"),
        step("delete-replaced", "azure-native:redis:Redis", "cache"),
    ]
    [loss] = data_loss.losses(preview(*steps))
    assert loss.because == ("location",)
    assert loss.replaced


def test_the_loss_is_named_and_goes_on_by_that_name_alone(tmp_path: Path) -> None:
    lost = preview(
        step("delete", "azure-native:redis:Redis", "broker", inputs={"sku": "private-detail"}),
        step("replace", "azure-native:keyvault:Vault", "vault"),
    )
    for accepted in ((), ("--accept", "yes"), ("--accept", "broker"), ("--accept", "")):
        refused = judge(tmp_path, lost, *accepted)
        assert refused.returncode == 1, refused.stderr
        assert "vault (azure-native:keyvault:Vault) would be replaced" in refused.stderr
        assert "private-detail" not in refused.stderr + refused.stdout, "names and types, no values"
    done = judge(tmp_path, lost, "--accept", "broker, vault")
    assert done.returncode == 0, done.stderr
    assert "accepted: broker" in done.stderr


@pytest.mark.parametrize("printed", ["", "Previewing update (dev)", "[]", "{}", '{"steps": []}'])
def test_what_is_no_preview_stops_too(tmp_path: Path, printed: str) -> None:
    file = tmp_path / "printed"
    file.write_text(printed)
    done = subprocess.run([sys.executable, str(TOOL), "--", "cat", str(file)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_preview_that_fails_stops_and_says_why(tmp_path: Path) -> None:
    diagnostics = [{"severity": "warning", "message": "by the way"}, {"severity": "error", "message": "no such region"}]
    script = tmp_path / "preview"
    script.write_text(f"#!/bin/sh\necho '{json.dumps({'diagnostics': diagnostics})}'\nexit 255\n")
    script.chmod(0o755)
    done = subprocess.run([sys.executable, str(TOOL), "--", str(script)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such region" in done.stderr
    assert "by the way" not in done.stderr


def test_another_instance_of_a_running_stack_is_refused_and_an_ordinary_change_is_not(
    deploy: Callable[..., Deployment],
) -> None:
    stack = deploy()
    stack.up()

    def check(*accepted: str) -> subprocess.CompletedProcess[str]:
        command = ("run", sys.executable, str(TOOL), *accepted, "--", "pulumi", "preview", "--json", "--stack", "dev")
        return stack.azure.run(*command, directory=stack.directory, check=False)

    stack.configure("image", "contoso.azurecr.io/shop:1.4.3")
    ordinary = check()
    assert ordinary.returncode == 0, ordinary.stderr
    stack.configure("instance", "02")
    refused = check()
    assert refused.returncode == 1, refused.stderr
    for name in ("redis-cluster", "redis-database", "vault-vault"):
        assert f"{name} (" in refused.stderr
    printed = refused.stdout + refused.stderr
    assert not any(secret in printed for secret in stack.secrets())
    assert check("--accept", "redis-cluster redis-database vault-vault logs-workspace").returncode == 0
