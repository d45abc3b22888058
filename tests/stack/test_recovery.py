"""The recovery procedures of docs/recovery.md."""

import json
from collections.abc import Callable

from tests.stack.deployment import Deployment

Deploy = Callable[..., Deployment]


def _import_secrets(stack: Deployment) -> None:
    """What the document does with jq: of all that would be created, the secrets, by their ids."""
    stack.pulumi("preview", "--stack", stack.stack, "--import-file", "all.json")
    wanted = json.loads((stack.directory / "all.json").read_text())
    vault = stack.resource("keyvault:Vault")["id"]
    wanted["resources"] = [
        {**one, "id": f"{vault}/secrets/{one['name'].removeprefix('vault-')}"}
        for one in wanted["resources"]
        if one["type"] == "azure-native:keyvault:Secret"
    ]
    (stack.directory / "secrets.json").write_text(json.dumps(wanted))
    options = ("--protect=false", "--generate-code=false", "--yes", "--skip-preview")
    stack.pulumi("import", "--file", "secrets.json", *options, "--stack", stack.stack)


def test_a_deleted_vault_is_taken_back_with_its_secrets(deploy: Deploy) -> None:
    stack = deploy(uniqueSuffix="back1")
    stack.up()
    stack.destroy()
    up = ("up", "--yes", "--skip-preview", "--stack", "dev")
    refused = stack.pulumi(*up, check=False)
    assert "ConflictError" in refused.stdout, "a deleted vault keeps its name"
    stack.configure("keyVault.recover", True)
    refused = stack.pulumi(*up, check=False)
    assert "cannot create already existing resource" in refused.stdout
    _import_secrets(stack)
    stack.up()
    url = stack.outputs()["redisUrl"]
    assert "%2F" in url
    stack.configure("keyVault.recover", False)
    assert [step.name for step in stack.up()] == ["vault-vault"]
    assert stack.up() == []


def test_a_secret_that_comes_back_is_imported(deploy: Deploy) -> None:
    stack = deploy(secretEnv={"API_KEY": "first"})
    stack.up()
    stack.configure("secretEnv", {})
    assert ("delete", "vault-api-key") in {(step.operation, step.name) for step in stack.up()}
    stack.configure("secretEnv", {"API_KEY": "second"})
    refused = stack.pulumi("up", "--yes", "--skip-preview", "--stack", "dev", check=False)
    assert "cannot create already existing resource" in refused.stdout
    _import_secrets(stack)
    stack.up()
    assert stack.up() == []
