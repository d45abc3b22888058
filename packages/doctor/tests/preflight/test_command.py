"""The preflight's command: how it ends, what it prints, and what it reads in a preview."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctor.errors import CannotLookError
from doctor.preflight import plan
from doctor.preflight.__main__ import exit_code
from doctor.preflight.findings import CheckResult, Fault
from doctor.preflight.plan import SECRET, UNKNOWN, body_of, parse
from doctor.preflight.progress import said_when_slow
from doctor.preflight.registry import Reference
from preflight.plans import CACHE, IMAGE, REGION, VAULT, first_deployment
from preflight.world import World

PACKAGE = Path(__file__).parents[2]
STUB = """\
#!/bin/sh
printf '%s\\n' "$@" > "$ARGUMENTS"
cat "$PREVIEW"
exit "$CODE"
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that prints a file and ends with a code; returns where it notes its arguments."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(STUB)
    program.chmod(0o755)
    for name, value in {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
        "PREVIEW": str(tmp_path / "preview.json"),
        "CODE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "preview.json").write_text(f"a warning of the program's\n{json.dumps(first_deployment().digest())}")
    return tmp_path / "arguments"


def test_the_preview_is_read_with_the_settings_of_the_command(engine: Path, tmp_path: Path) -> None:
    found = plan.read("dev", tmp_path, ["image=contoso.azurecr.io/shop:2"])
    arguments = engine.read_text().split("\n")
    assert arguments[:2] == ["preview", "--json"]
    assert "--show-secrets" not in arguments
    assert "\n".join(("--config", "image=contoso.azurecr.io/shop:2")) in engine.read_text()
    assert len(found.written) == len(first_deployment().inputs)


def test_a_failed_preview_is_told_in_the_engines_words(
    engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"diagnostics": [{"severity": "error", "message": "instance: 1:\n  write \u001b[31m01\u001b[0m in quotes"}]}
    (tmp_path / "preview.json").write_text(json.dumps(said))
    monkeypatch.setenv("CODE", "255")
    with pytest.raises(CannotLookError, match=r"instance: 1: write 01 in quotes"):
        plan.read("dev", tmp_path)


def test_what_is_unknown_or_secret_is_left_out() -> None:
    preview = first_deployment()
    preview.inputs["apps-web"]["configuration"]["secrets"] = [{"name": "key", "value": SECRET}]
    app = next(one for one in preview.plan().resources if one.name == "apps-web")
    assert UNKNOWN not in json.dumps(app.inputs)
    assert SECRET not in json.dumps(app.inputs)
    body = body_of(app)
    assert body["name"] == "app-we-shop-01"
    assert body["properties"]["template"]["containers"][0]["image"] == IMAGE
    assert "resourceGroupName" not in json.dumps(body)


@pytest.mark.parametrize("classic", [False, True])
def test_what_an_unregistered_provider_does_not_answer_is_no_fault(world: World, classic: bool) -> None:
    world.preview = first_deployment(classic=classic)
    for namespace in ("Microsoft.App", "Microsoft.Cache", "Microsoft.KeyVault", "Microsoft.PolicyInsights"):
        world.unregister(namespace)
    world.fault("quota", name="ManagedEnvironmentCount", limit=0)
    seen = world.look()
    assert seen.causes == {"provider-not-registered"}, seen.lines
    assert len(seen.faults) == 3
    for words in (f"name {VAULT}", "quota ManagedEnvironmentCount", "policies: MissingSubscriptionRegistration"):
        assert words in seen.unchecked
    assert seen.code == 1


def test_what_is_replaced_under_its_name_takes_no_other(world: World) -> None:
    kind = "Microsoft.Cache/redisEnterprise"
    world.preview.ids["redis-cluster"] = world.resource(kind, CACHE, location=REGION, sku={"name": "Balanced_B0"})
    world.preview.operations = {"resource-group": "same", "redis-cluster": "create-replacement"}
    seen = world.look()
    assert not seen.faults, seen.lines


def test_what_is_deleted_is_no_part_of_the_plan() -> None:
    preview = first_deployment()
    preview.operations = {"redis-cluster": "delete", "vault-vault": "replace", "apps-web": "same"}
    found = preview.plan()
    assert not {"redis-cluster", "vault-vault"} & {one.name for one in found.resources}
    assert "apps-web" not in {one.name for one in found.written}


def test_a_type_that_is_not_known_is_named(world: World) -> None:
    world.preview.add("farm", "azure-native:web:AppServicePlan")
    world.preview.add("old", "azure-native:app/v20240301:ContainerApp", containerAppName="old")
    found = world.preview.plan()
    assert list(found.unknown_types) == ["azure-native:web:AppServicePlan"]
    assert "azure-native:web:AppServicePlan are not known here" in world.look().lines
    assert next(one for one in found.resources if one.name == "old").type == "Microsoft.App/containerApps"


def test_the_command_prints_a_line_for_each_fault(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.command() == 0
    assert "no fault" in capsys.readouterr().out
    world.unregister("Microsoft.Cache")
    assert world.command() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [one for one in lines if one.startswith("FAULT")] == [
        "FAULT providers: Microsoft.Cache is NotRegistered: redisEnterprise red-westeurope-shop-01-abc12 needs it "
        "registered; run `az provider register --namespace Microsoft.Cache --wait`"
    ]


def test_the_command_prints_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.unregister("Microsoft.Cache")
    assert world.command("--json") == 1
    told = json.loads(capsys.readouterr().out)
    (fault,) = told["faults"]
    assert (fault["check"], fault["cause"]) == ("providers", "provider-not-registered")
    assert {one["check"] for one in told["checks"] if not one["couldLook"]} == set()


def test_without_the_right_to_look_nothing_is_promised(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_CLIENT_SECRET", "wrong")
        assert world.command() == 3
    assert "az login" in capsys.readouterr().err


def test_a_check_that_cannot_look_says_why(world: World) -> None:
    world.deployer(without="Microsoft.Resources/subscriptions/locations/read,Microsoft.Authorization/locks/read")
    seen = world.look()
    assert not seen.faults, seen.lines
    blind = {one.check for one in seen.results if one.blind}
    assert blind == {"locks"}
    assert "AuthorizationFailed" in seen.unchecked
    assert seen.code == 0


def test_the_exit_code_is_that_of_the_worst() -> None:
    fault = Fault("tag-twice", "tags.App", "", "rule", "remedy")
    sound, blind = CheckResult("tags", (), False, False), CheckResult("locks", (), True, False)
    essential, faulty = CheckResult("rights", (), True, True), CheckResult("tags", (fault,), False, False)
    assert exit_code([sound, blind]) == 0
    assert exit_code([sound, essential]) == 3
    assert exit_code([essential, faulty]) == 1


def test_slow_work_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctor.preflight.progress._FIRST_SECONDS", 0.0)
    said: list[str] = []
    monkeypatch.setattr("builtins.print", lambda words, **_: said.append(words))
    with said_when_slow("previewing dev"):
        while not said:
            pass
    assert said[0].startswith("previewing dev ... ")


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("shop", Reference("registry-1.docker.io", "library/shop", "latest")),
        ("contoso/shop:2", Reference("registry-1.docker.io", "contoso/shop", "2")),
        ("docker.io/contoso/shop", Reference("registry-1.docker.io", "contoso/shop", "latest")),
        ("ghcr.io/contoso/team/shop:1.4", Reference("ghcr.io", "contoso/team/shop", "1.4")),
        ("localhost:5000/shop", Reference("localhost:5000", "shop", "latest")),
        (
            "Contoso.azurecr.io/shop:1@sha256:abc",
            Reference("contoso.azurecr.io", "shop", "sha256:abc"),
        ),
    ],
)
def test_an_images_reference_is_read_as_engines_read_it(image: str, reference: Reference) -> None:
    assert Reference.parse(image) == reference


def test_an_image_by_digest_is_asked_for_its_platform(world: World) -> None:
    container = world.preview.inputs["apps-web"]["template"]["containers"][0]
    container["image"] = "ghcr.io/contoso/shop@sha256:" + "a" * 64
    world.fault("wrong-platform", name="ghcr.io/*", platform="linux/arm64")
    assert world.look().causes == {"image-platform"}


def test_no_program_is_imported() -> None:
    """The doctor and the program meet over processes."""
    code = "import doctor.preflight.__main__, sys; print([one for one in sys.modules if one in %r])"
    done = subprocess.run(
        [sys.executable, "-c", code % (["settings", "components", "local_azure", "pulumi"],)],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_preview_without_resources_needs_nothing(world: World) -> None:
    assert parse("dev", {"steps": []}).written == []
