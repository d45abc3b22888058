"""The Azure CLI's sign-in and environment, with a fake CLI that records its calls."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from local_azure.azure_cli import installation
from local_azure.system import progress, python_environments

STAND_IN = """
import json, os, sys
from pathlib import Path
home = Path(os.environ["AZURE_CONFIG_DIR"])
with (home.parent / "calls.jsonl").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
(home / "msal_token_cache.json").write_text("{}")
if os.environ.get("FAIL") in sys.argv:
    sys.exit("first line\\nERROR: it did not work")
"""


@pytest.fixture
def cloud(tmp_path: Path) -> installation.Cloud:
    secret, authority = tmp_path / "secret", tmp_path / "ca.pem"
    secret.write_text("s3cr3t-of-the-principal")
    authority.write_text("certificate")
    return installation.Cloud(4443, 4444, "tenant", "client", secret, authority)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "az.py"
    script.write_text(STAND_IN)
    return [sys.executable, str(script)]


def sign_in(command: list[str], directory: Path, cloud: installation.Cloud, **environment: str) -> list[list[str]]:
    """Sign in and return the calls that it took."""
    calls = directory / "calls.jsonl"
    calls.unlink(missing_ok=True)
    configuration = directory / "azure-cli"
    installation.sign_in(command, installation.variables(environment, configuration, cloud), configuration, cloud)
    return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


def test_the_cloud_is_registered_and_signed_in_to_once(
    command: list[str], tmp_path: Path, cloud: installation.Cloud
) -> None:
    calls = sign_in(command, tmp_path, cloud)
    assert [call[:2] for call in calls] == [["cloud", "register"], ["cloud", "set"], ["login", "--service-principal"]]
    assert "https://localhost:4443/" in calls[0]
    assert f"@{cloud.secret_file}" in calls[2]
    assert "s3cr3t" not in json.dumps(calls), "arguments can be seen by everybody"
    assert not sign_in(command, tmp_path, cloud)
    assert (tmp_path / "azure-cli").stat().st_mode & 0o077 == 0
    assert "s3cr3t" not in (tmp_path / "azure-cli" / "signed-in").read_text()


@pytest.mark.parametrize("changed", ["port", "secret", "authority"])
def test_it_signs_in_anew_when_the_cloud_is_another(
    command: list[str], tmp_path: Path, cloud: installation.Cloud, changed: str
) -> None:
    sign_in(command, tmp_path, cloud)
    configuration = tmp_path / "azure-cli"
    (configuration / "config").write_text("[defaults]")
    (configuration / "cliextensions").mkdir()
    (configuration / "commands").mkdir()
    (configuration / "clouds.config").write_text("[LocalAzure]")
    if changed == "port":
        cloud = installation.Cloud(5555, *(getattr(cloud, name) for name in list(cloud.__dataclass_fields__)[1:]))
    elif changed == "secret":
        cloud.secret_file.write_text("another")
    else:
        cloud.authority_file.write_text("another")
    assert len(sign_in(command, tmp_path, cloud)) == 3
    kept = {path.name for path in configuration.iterdir()}
    assert {"config", "cliextensions", "signed-in"} <= kept
    assert not {"clouds.config", "commands"} & kept


def test_a_failed_sign_in_is_told_in_a_line_and_tried_again(
    command: list[str], tmp_path: Path, cloud: installation.Cloud
) -> None:
    with pytest.raises(
        installation.AzError, match="failed at `az login` on https://localhost:4443/: ERROR: it did not work"
    ):
        sign_in(command, tmp_path, cloud, FAIL="login")
    assert len(sign_in(command, tmp_path, cloud)) == 3


def test_the_users_own_proxies_are_left_out(tmp_path: Path, cloud: installation.Cloud) -> None:
    given = {"https_proxy": "http://corp:1", "HTTP_PROXY": "http://corp:1", "No_Proxy": "x", "PATH": "/bin"}
    variables = installation.variables(given, tmp_path, cloud)
    assert {name: value for name, value in variables.items() if name.lower().endswith("_proxy")} == {
        "HTTPS_PROXY": "http://127.0.0.1:4444",
        "NO_PROXY": "localhost,127.0.0.1",
    }
    assert variables["PATH"] == "/bin"
    assert variables["REQUESTS_CA_BUNDLE"] == str(cloud.authority_file)


def test_an_installation_that_fails_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, lists: object) -> Path:
        raise progress.CommandFailedError("no network")

    monkeypatch.setattr(python_environments, "cached", fail)
    with pytest.raises(installation.AzError, match="the Azure CLI could not be installed: no network"):
        installation.command()
