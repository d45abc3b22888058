"""The damage of a kill and its repair: unanswered creations, and the engine's pending operations."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_azure.cli.main import main
from local_azure.core import creations
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault
from local_azure.core.ids import ArmId
from local_azure.provider.azure_native import AzureNativeProvider
from local_azure.pulumi_engine import recovery
from local_azure.pulumi_engine.project_copy import backend_of
from local_azure.system.paths import Home
from modules.landscape import REGION, Engine
from modules.timed import Timed

URN = "urn:pulumi:dev::shop::part$azure-native:redis:Redis::cache"
CACHE = {"sku": {"name": "Standard", "family": "C", "capacity": 1}}
WORKSPACE = "azure-native:operationalinsights:Workspace"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("LOCAL_AZURE_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def azure(home: Home) -> Timed:
    timed = Timed(home.state, latency="none")
    timed.put(timed.group)
    return timed


# -- creations without an answer


def test_a_creation_is_refused_where_something_is(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    with pytest.raises(AzureError) as refused:
        azure.request_put(azure.classic, CACHE, urn=URN)
    assert refused.value.code == "ResourceAlreadyExists"


def test_a_creation_over_which_the_local_azure_was_killed_is_taken_up(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    keys = azure.action(azure.classic, "listKeys")
    azure.restart()
    azure.request_put(azure.classic, CACHE, urn=URN)
    assert azure.action(azure.classic, "listKeys") == keys


def test_a_creation_that_was_answered_is_not(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    azure.model.answered(URN)
    azure.restart()
    with pytest.raises(AzureError):
        azure.request_put(azure.classic, CACHE, urn=URN)


def test_a_creation_of_something_else_is_not(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    azure.restart()
    with pytest.raises(AzureError):
        azure.request_put(azure.classic, CACHE, urn=f"{URN}2")


def test_an_engine_that_was_killed_is_helped_no_more_than_on_azure(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    with pytest.raises(AzureError):
        azure.request_put(azure.classic, CACHE, urn=URN)


def test_what_is_taken_up_and_cannot_be_changed_is_made_anew(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    azure.restart()
    target = ArmId.parse(azure.classic)
    moved = azure.model.put(target, {"location": "northeurope", "properties": CACHE}, create=True, urn=URN)
    assert moved.location == "northeurope"


def test_a_name_that_was_made_up_for_it_is_used_again(azure: Timed) -> None:
    def engine() -> Engine:
        engine = Engine(AzureNativeProvider(azure.model))
        engine.configure(location=REGION)
        return engine

    given = {"resourceGroupName": "rg", "location": REGION}
    inputs, _ = engine().check(WORKSPACE, given, name="logs", seed=b"one")
    first, _ = engine().create(WORKSPACE, inputs)
    with azure.model.store.transaction() as transaction:
        creations.record(transaction, ArmId.parse(str(first)), "urn:pulumi:dev::project::" + WORKSPACE + "::logs", "x")
    again, _ = engine().check(WORKSPACE, given, name="logs", seed=b"other")
    assert again["workspaceName"] == inputs["workspaceName"]
    other, _ = engine().check(WORKSPACE, given, name="others", seed=b"other")
    assert other["workspaceName"] != inputs["workspaceName"]
    # Once the engine knows the resource, what replaces it has another name again.
    engine().read(WORKSPACE, str(first))
    replacement, _ = engine().check(WORKSPACE, given, name="logs", seed=b"other")
    assert replacement["workspaceName"] != inputs["workspaceName"]


def test_a_resource_that_goes_is_forgotten(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    azure.restart()
    azure.request_delete(azure.classic)
    azure.request_put(azure.classic, CACHE, urn=f"{URN}2")


# -- the engine's state


def operation(kind: str = "creating", urn: str = URN, **inputs: Any) -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": urn, "custom": True, "type": urn.split("::")[2], "inputs": inputs}}


def completed(azure: Timed, *operations: dict[str, Any], resources: list[dict[str, Any]] | None = None) -> Any:
    deployment = {"resources": resources or [], "pending_operations": list(operations)}
    with azure.model.store.transaction() as transaction:
        recovery.complete(deployment, transaction)
    assert "pending_operations" not in deployment
    return deployment["resources"]


def test_a_creation_that_was_done_becomes_a_resource(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    (made,) = completed(azure, operation(name="classic"))
    assert (made["urn"], made["id"], made["inputs"]) == (URN, azure.classic, {"name": "classic"})


@pytest.mark.parametrize("kind", ["creating", "updating", "deleting", "reading"])
def test_what_was_not_done_or_changes_what_is_known_is_forgotten(azure: Timed, kind: str) -> None:
    known = {"urn": URN, "id": azure.classic}
    if kind != "creating":
        azure.request_put(azure.classic, CACHE, urn=URN)
    assert completed(azure, operation(kind), resources=[known]) == [known]


def test_a_resource_made_by_somebody_else_is_not_taken(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE)
    assert completed(azure, operation(name="classic")) == []


def test_a_replacement_stands_before_what_it_replaces(azure: Timed) -> None:
    before, after = {"urn": "urn:a", "id": "a"}, {"urn": "urn:b", "id": "b"}
    earlier = {"urn": URN, "id": "earlier"}
    azure.request_put(azure.classic, CACHE, urn=URN)
    resources = completed(azure, operation(), resources=[before, earlier, after])
    assert [(one["id"], one.get("delete", False)) for one in resources] == [
        ("a", False),
        (azure.classic, False),
        ("earlier", True),
        ("b", False),
    ]


def test_a_replacement_of_what_is_gone_takes_its_place(azure: Timed) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    earlier = {"urn": URN, "id": azure.classic, "pendingReplacement": True}
    (made,) = completed(azure, operation(), resources=[earlier])
    assert (made["id"], "pendingReplacement" in made) == (azure.classic, False)


def test_programs_of_one_name_are_told_apart_by_the_names_that_they_give(azure: Timed) -> None:
    other = azure.classic.replace("classic", "other")
    azure.request_put(azure.classic, CACHE, urn=URN)
    azure.request_put(other, CACHE, urn=URN)
    for name, expected in (("classic", azure.classic), ("other", other)):
        (made,) = completed(azure, operation(name=name, resourceGroupName="rg"))
        assert made["id"] == expected


# -- the command


@pytest.fixture
def program(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "program"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "shop", "runtime": "python"}))
    monkeypatch.chdir(directory)
    return backend_of(home, directory) / ".pulumi"


def write(program: Path, *operations: dict[str, Any], lock: dict[str, Any] | None = None) -> None:
    stacks, locks = program / "stacks" / "shop", program / "locks" / "organization" / "shop" / "dev"
    for folder in (stacks, locks):
        folder.mkdir(parents=True, exist_ok=True)
    latest = {"resources": [], "pending_operations": list(operations)}
    (stacks / "dev.json").write_text(json.dumps({"version": 3, "checkpoint": {"stack": "x", "latest": latest}}))
    if lock:
        (locks / "one.json").write_text(json.dumps({"hostname": socket.gethostname(), **lock}))


def recover(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["recover", "--json", *arguments]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    return found


def test_a_sound_stack_needs_nothing(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program)
    assert recover(capsys)["commands"] == []
    assert main(["recover"]) == 0
    assert capsys.readouterr().out == "# stack dev: nothing to recover\n"


def test_an_interrupted_stack_gets_its_commands(
    azure: Timed, home: Home, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    write(program, operation(), lock={"pid": 2**22 + 1})
    found = recover(capsys, "--stack", "dev")
    door, state = "local-azure", str(home.directory / "recovery" / "shop.dev.json")
    assert found["pending"] == [{"operation": "creating", "urn": URN, "id": azure.classic}]
    assert found["commands"] == [
        [door, "run", "pulumi", "cancel", "--yes", "--stack", "dev"],
        [door, "run", "pulumi", "stack", "export", "--stack", "dev", "--file", state],
        [door, "recover", "--stack", "dev", "--complete", state],
        [door, "run", "pulumi", "stack", "import", "--stack", "dev", "--file", state],
        [door, "run", "pulumi", "refresh", "--yes", "--skip-preview", "--stack", "dev"],
        [door, "run", "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev"],
    ]


def test_what_is_printed_is_a_script(azure: Timed, program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program, operation("updating"), lock={"pid": 2**22 + 1})
    assert main(["recover"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "# stack dev: an update was interrupted and has left its lock",
        "#   updating cache: to be read again",
    ]
    assert all(line.startswith(("#", "local-azure")) for line in lines)


def test_a_running_update_is_left_alone(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program, operation(), lock={"pid": os.getpid()})
    found = recover(capsys)
    assert (found["running"], found["commands"]) == (os.getpid(), [])


def test_a_creation_without_answer_is_told(azure: Timed, program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    write(program)
    found = recover(capsys)
    assert found["unanswered"] == [azure.classic.lower()]
    assert [command[3] for command in found["commands"]] == ["up"]


def test_it_waits_until_azure_is_done(
    azure: Timed, program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(recovery.time, "sleep", waited.append)
    azure.now = datetime.now(UTC)
    azure.add_fault(Fault("slow", seconds=600))
    azure.request_put(azure.classic, CACHE, urn=URN)
    write(program, operation(), lock={"pid": 2**22 + 1})
    assert recover(capsys)["pending"][0]["id"] == azure.classic
    (seconds,) = waited
    assert 500 < seconds <= 600


def test_files_that_were_cut_off_are_deleted(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program)
    stacks = program / "stacks" / "shop"
    (stacks / "dev.json.attrs").write_text("")
    (stacks / "dev.json.18ab.tmp").write_text("{")
    (stacks / "dev.json.bak.attrs").write_text("{}")
    (command, *_) = recover(capsys)["commands"]
    assert command == ["rm", "-f", str(stacks / "dev.json.18ab.tmp"), str(stacks / "dev.json.attrs")]


def test_an_exported_state_is_put_right_in_place(
    azure: Timed, tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    azure.request_put(azure.classic, CACHE, urn=URN)
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"pending_operations": [operation()]}}))
    assert main(["recover", "--complete", str(file)]) == 0
    deployment = json.loads(file.read_text())["deployment"]
    assert [one["id"] for one in deployment["resources"]] == [azure.classic]
    assert capsys.readouterr().out == f"creating cache: done, as {azure.classic}; to be completed\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": 1}'])
def test_what_is_no_exported_state_is_refused(
    azure: Timed, tmp_path: Path, program: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    assert main(["recover", "--complete", str(file)]) == 1
    assert "pulumi stack export" in capsys.readouterr().err
    assert file.read_text() == text


def test_a_state_that_cannot_be_read_names_its_copy(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program)
    (program / "stacks" / "shop" / "dev.json").write_text("{")
    assert main(["recover"]) == 1
    assert "dev.json.bak beside it" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_refused(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(program)
    assert main(["recover", "--stack", "prod"]) == 1
    assert "there is: dev" in capsys.readouterr().err


def test_no_program_no_recovery(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["recover"]) == 1
    assert "no Pulumi project" in capsys.readouterr().err
