"""Fixtures of the policy tests: one local Azure on which the real engine previews programs under the pack."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from judgement import Judgement
from tests.stack.deployment import ROOT, LocalAzure

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def judge(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Judgement]:
    """Preview a project under the pack, with further arguments of ``pulumi preview``."""
    log = tmp_path_factory.mktemp("events") / "events.json"

    def preview(directory: Path, stack: str, *arguments: str, pack: Path = ROOT / "policy") -> Judgement:
        log.unlink(missing_ok=True)
        # The engine offers its option --event-log only with this variable.
        command = ("run", "env", "PULUMI_DEBUG_COMMANDS=true", "pulumi", "preview", "--stack", stack)
        options = ("--policy-pack", str(pack), "--event-log", str(log), *arguments)
        done = local_azure.run(*command, *options, directory=directory, check=False)
        violations: dict[str, set[str]] = defaultdict(set)
        levels: dict[str, str] = {}
        for line in log.read_text().splitlines():
            event = json.loads(line).get("policyEvent")
            if event:
                violations[event["policyName"]].add(event.get("resourceUrn", "").rpartition("::")[2])
                levels[event["policyName"]] = event["enforcementLevel"]
        return Judgement(
            done.returncode,
            {name: frozenset(resources) for name, resources in violations.items()},
            levels,
            done.stdout + done.stderr,
        )

    return preview


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Copy one of the programs to a directory of its own."""

    def copy(name: str) -> Path:
        return shutil.copytree(PROGRAMS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))

    return copy
