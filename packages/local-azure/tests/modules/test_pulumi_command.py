"""How the `pulumi` shim parses a command line."""

import subprocess
from pathlib import Path

import pytest

from local_azure.pulumi_engine import pulumi_command
from local_azure.pulumi_engine.engine import STAND_IN_MARK
from local_azure.pulumi_engine.pulumi_command import CommandLine
from local_azure.system.paths import Home

HERE = Path("/here")


@pytest.mark.parametrize(
    ("arguments", "stack"),
    [
        ("up", None),
        ("up --stack dev", "dev"),
        ("up --stack=dev", "dev"),
        ("up -s dev", "dev"),
        ("up -sdev", "dev"),
        ("up -s=dev", "dev"),
        ("-s dev up", "dev"),
        ("stack -s organization/prog/dev output", "dev"),
        ("stack select dev", "dev"),
        ("stack select --stack dev", "dev"),
        ("up -- --stack dev", None),
        ("config set stack dev", None),
    ],
)
def test_the_stack_that_is_named(arguments: str, stack: str | None) -> None:
    assert CommandLine.parse(arguments.split(), HERE).stack == stack


@pytest.mark.parametrize(
    ("arguments", "directory"),
    [
        ("up", "/here"),
        ("-C sub up", "/here/sub"),
        ("up --cwd=/there", "/there"),
        ("-C../there up", "/here/../there"),
        ("--cwd sub stack ls", "/here/sub"),
    ],
)
def test_where_the_project_is_looked_for(arguments: str, directory: str) -> None:
    assert CommandLine.parse(arguments.split(), HERE).directory == Path(directory)


@pytest.mark.parametrize(
    ("arguments", "in_workspace", "needs_stack"),
    [
        ("up", False, True),
        ("preview --save-plan plan.json --policy-pack ../policy", False, True),
        ("import azure-native:resources:ResourceGroup rg /subscriptions/0", False, True),
        ("stack", False, True),
        ("stack graph graph.dot", False, True),
        ("stack export --file state.json", False, True),
        ("--color never -v 9 stack output", False, True),
        ("state delete urn", False, True),
        ("config", True, True),
        ("config set key value", True, True),
        ("-C sub config get key", True, True),
        ("stack history", True, True),
        ("stack select dev", True, True),
        ("stack init dev", True, False),
        ("stack ls", True, False),
        ("stack rm dev", True, False),
        ("version", False, False),
        ("plugin ls", False, False),
        ("", False, False),
    ],
)
def test_where_a_command_works_and_whether_it_needs_a_stack(
    arguments: str, in_workspace: bool, needs_stack: bool
) -> None:
    line = CommandLine.parse(arguments.split(), HERE)
    assert (line.works_in_workspace, line.needs_stack) == (in_workspace, needs_stack)


def test_options_are_taken_out_in_each_form() -> None:
    arguments = ["-C", "a", "-Cb", "--cwd", "c", "--cwd=d", "config", "--cwdx", "--", "-C", "kept"]
    remaining = ["config", "--cwdx", "--", "-C", "kept"]
    assert pulumi_command.without_options(arguments, "-C", "--cwd") == remaining


def test_the_stand_in_is_a_script_that_runs_from_any_directory(tmp_path: Path) -> None:
    home = Home(tmp_path / "it's a home")
    pulumi_command.install(home)
    script = home.commands / "pulumi"
    assert STAND_IN_MARK in script.read_text()[:300]
    real = tmp_path / "real"
    real.write_text('#!/bin/sh\necho "$@"\nexit 7\n')
    real.chmod(0o755)
    environment = {"LOCAL_AZURE_HOME": str(home.directory), "LOCAL_AZURE_ENGINE": str(real), "PATH": "/usr/bin:/bin"}
    answer = subprocess.run([script, "up", "a b"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (answer.stdout, answer.returncode) == ("up a b\n", 7)
