"""Programs in forks and in new processes, by the real engine; the process that forks them ends with the local Azure."""

import os
import select
import sys
from pathlib import Path

import pytest
import yaml

from local_azure.pulumi_engine.fork_servers import SWITCH, is_held
from local_azure.system.paths import Home
from tests.stack.deployment import ROOT, LocalAzure

PROGRAM = """\
import os

import pulumi
import pulumi_random

pulumi.export("parent", os.getppid())
pulumi.export("result", pulumi_random.RandomString("text", length=8).result)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="programs are forked on Linux alone")
def test_forks_and_new_processes_deploy_alike_and_nothing_outlives_the_local_azure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    azure = LocalAzure(tmp_path / "home")
    project = tmp_path / "project"
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM)
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}}
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "forked", "runtime": runtime}))
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")

    def deploy() -> tuple[int, str]:
        azure.run("run", "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", directory=project)
        outputs = azure.run(
            "run", "pulumi", "stack", "output", "--json", "--show-secrets", "--stack", "dev", directory=project
        )
        found = yaml.safe_load(outputs.stdout)
        return int(found["parent"]), found["result"]

    def servers() -> list[int]:
        return [int(lock.read_text()) for lock in Home(azure.home).fork_servers.glob("*.lock") if is_held(lock)]

    try:
        first, result = deploy()
        assert servers() == [], "nothing is known of the program before its first run"
        forked = [deploy(), deploy()]
        (server,) = servers()
        assert forked == [(server, result), (server, result)]
        monkeypatch.setenv(SWITCH, "no")
        plain, same = deploy()
        assert plain not in (first, server)
        assert same == result
        process = os.pidfd_open(server)
    finally:
        azure.run("stop", check=False)
    try:
        assert select.select([process], [], [], 0)[0], "the process that forks has ended when `./local stop` has"
    finally:
        os.close(process)
    assert servers() == []
