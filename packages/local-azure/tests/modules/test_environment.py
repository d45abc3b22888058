"""The environment of a command under `run`."""

from pathlib import Path

import pytest

from local_azure.pulumi_engine import environment
from local_azure.pulumi_engine.engine import Engine
from local_azure.system import environment_variables
from local_azure.system.paths import Home

CREDENTIALS = [
    "ARM_CLIENT_SECRET",
    "ARM_OIDC_TOKEN",
    "ARM_SUBSCRIPTION_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CONFIG_DIR",
    "AZURE_STORAGE_KEY",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "IDENTITY_HEADER",
    "MSI_SECRET",
    "SYSTEM_ACCESSTOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_DEBUG_LANGUAGES",
    "PULUMI_DIY_BACKEND_GZIP",
    "PULUMI_OPTION_CONFIG_FILE",
]


@pytest.mark.parametrize("name", CREDENTIALS)
def test_credentials_of_azure_and_pulumi_are_dropped(name: str) -> None:
    assert environment_variables.without_credentials({name: "of the team"}) == {}


def test_everything_else_is_kept() -> None:
    others = {"HOME": "/h", "PATH": "/bin", "PULUMI_STACK": "dev", "PULUMI_DEBUG_COMMANDS": "true", "ARMOUR": "x"}
    assert environment_variables.without_credentials(others) == others


def test_a_command_gets_the_engine_the_backend_and_the_providers(tmp_path: Path) -> None:
    home = Home(tmp_path / "with space")
    variables = environment.for_command(
        {"PATH": "/bin", **dict.fromkeys(CREDENTIALS, "of the team")},
        home=home,
        engine=Engine(Path("/cache/bin/pulumi"), "3.259.0"),
        ports={"random": 2, "azure-native": 1},
        python="/venv/bin/python",
        backend=home.projects / "a" / "backend",
    )
    assert "of the team" not in variables.values()
    assert variables["PATH"] == f"{home.commands}:/cache/bin:/bin"
    assert variables["PULUMI_DEBUG_PROVIDERS"] == "azure-native:1,random:2"
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/with%20space/projects/a/backend?metadata=skip"
    assert variables["PULUMI_HOME"].startswith(str(home.directory)), "~/.pulumi keeps the team's login"
