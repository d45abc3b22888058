"""The pack under the real engine: a program that breaks every policy, one that keeps them all, and this project's."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from azure_policies import RULES
from azure_policies.rule import Level
from tests.conftest import Judgement
from tests.stack.deployment import ROOT, Deployment, LocalAzure, write_project

Judge = Callable[..., Judgement]
Program = Callable[[str], Path]

BROKEN_BY_THE_SAME = {
    # The SDK's default for vaults and secrets alike; it is told of the first.
    "retiring-api-versions": frozenset({"broker-url"}),
    "zone-redundancy": frozenset({"zone-redundancy-and-alerts"}),
    "alerts": frozenset({"zone-redundancy-and-alerts"}),
    "more-than-one-replica": frozenset({"more-than-one-replica", "zone-redundancy-and-alerts"}),
}


def test_each_policy_is_broken_by_what_is_meant_to_break_it_and_by_nothing_else(judge: Judge, program: Program) -> None:
    judgement = judge(program("violating"), "test")
    named = {
        resource
        for resources in judgement.violations.values()
        for resource in resources
        if resource.startswith(tuple(rule.name for rule in RULES))
    }
    assert judgement.exit_code != 0, "a mandatory policy is broken"
    assert set(judgement.violations) == {rule.name for rule in RULES}
    for policy, resources in judgement.violations.items():
        expected = {name for name in named if name.partition(".")[0] == policy or name.startswith(f"{policy}.")}
        assert resources == BROKEN_BY_THE_SAME.get(policy, expected), policy
    assert judgement.levels == {rule.name: rule.level for rule in RULES}
    assert "correct" not in judgement.output, "the secrets that the variables hold are not told"


def test_nothing_is_made_of_a_program_that_breaks_a_mandatory_policy(local_azure: LocalAzure, program: Program) -> None:
    stack = Deployment(local_azure, program("violating"), "test")
    refused = stack.pulumi("up", "--yes", "--stack", "test", "--policy-pack", str(ROOT / "policy"), check=False)
    assert refused.returncode != 0
    assert "[mandatory]  no-public-network-access" in refused.stdout
    assert stack.resources() == []


def test_no_policy_is_broken_by_what_keeps_it(judge: Judge, program: Program) -> None:
    judgement = judge(program("passing"), "test")
    assert judgement.violations == {}, judgement.output
    assert judgement.exit_code == 0, judgement.output


def test_a_vault_that_keeps_every_rule_is_warned_of_its_api_version_alone(judge: Judge, program: Program) -> None:
    judgement = judge(program("passing"), "test", "--config", "vaults=true")
    assert judgement.violations == {"retiring-api-versions": frozenset({"vault"})}, judgement.output
    assert judgement.exit_code == 0


def test_a_team_chooses_regions_tags_and_levels(judge: Judge, program: Program, tmp_path: Path) -> None:
    choices = tmp_path / "choices.json"
    configuration = {
        "allowed-regions": {"regions": ["North Europe"]},
        "required-tags": {"tags": ["cost-centre"], "enforcementLevel": "advisory"},
        "more-than-one-replica": {"singletons": []},
    }
    choices.write_text(json.dumps(configuration))
    judgement = judge(program("passing"), "test", "--policy-pack-config", str(choices))
    assert set(judgement.violations) == set(configuration)
    assert judgement.levels == {
        "allowed-regions": "mandatory",
        "required-tags": "advisory",
        "more-than-one-replica": "advisory",
    }
    assert judgement.violations["more-than-one-replica"] == {"scheduler"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"useKeyVaultReferences": False, "redis": {"service": "classic"}, "beat": {"enabled": True}},
    ],
    ids=["default", "direct-classic-beat"],
)
def test_this_project_keeps_every_mandatory_policy(judge: Judge, tmp_path: Path, settings: dict[str, object]) -> None:
    write_project(tmp_path / "project", "dev", settings)
    judgement = judge(tmp_path / "project", "dev")
    assert judgement.exit_code == 0, judgement.output
    assert set(judgement.violations) == {"retiring-api-versions"}


def test_production_as_this_project_has_it_keeps_every_policy_but_the_api_version(judge: Judge, tmp_path: Path) -> None:
    tracked = (Path(__file__).parents[2] / "Pulumi.prod.yaml").read_text()
    write_project(tmp_path / "project", "dev", {})
    (tmp_path / "project" / "Pulumi.prod.yaml").write_text(tracked)
    judgement = judge(tmp_path / "project", "prod")
    assert judgement.exit_code == 0, judgement.output
    assert set(judgement.violations) == {"retiring-api-versions"}, judgement.output


def test_what_is_mandatory_and_what_is_advisory() -> None:
    advisory = {rule.name for rule in RULES if rule.level is Level.ADVISORY}
    assert advisory == {"retiring-api-versions", "more-than-one-replica", "zone-redundancy", "alerts"}
