"""The pack under the real engine: a program that breaks every policy, one that keeps them all, and this project's."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from azure_policies import RULES
from azure_policies.rule import Level
from judgement import Judgement
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


CRASHING = """\
import pulumi
from pulumi_azure_native import redis, resources

TAGS = {"app": "shop", "environment": "prod"}
group = resources.ResourceGroup("group", resource_group_name="rg-shop", tags=TAGS)
redis.Redis(
    "cache",
    resource_group_name=group.name,
    tags=TAGS,
    sku={"name": "Standard", "family": "C", "capacity": 1},
    minimum_tls_version="1.0",
    public_network_access="Disabled",
)
"""

BROKEN_RULE = """
def _broken(resource, options):
    raise ValueError("correct-horse")
    yield


RULES = (*RULES, ResourceRule("zz-broken", "It fails.", Level.ADVISORY, _broken))
"""


def test_a_policy_that_fails_is_no_pass_and_keeps_no_other_from_judging(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An advisory one, and the only one that is broken: the deployment is refused all the same."""
    pack = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", pack, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    rules = pack / "azure_policies" / "__init__.py"
    rules.write_text(
        rules.read_text().replace("import ResourceRule, StackRule", "import Level, ResourceRule, StackRule")
        + BROKEN_RULE
    )
    program = tmp_path / "program"
    program.mkdir()
    (program / "Pulumi.yaml").write_text("name: crashing\nruntime: python\n")
    (program / "Pulumi.test.yaml").write_text("config:\n  azure-native:location: westeurope\n")
    (program / "__main__.py").write_text(CRASHING.replace('"1.0"', '"1.2"'))
    judgement = judge(program, "test", pack=pack)
    assert judgement.exit_code != 0
    assert judgement.levels["policies-judge-resources"] == "mandatory"
    assert {"cache", "group"} <= judgement.violations["policies-judge-resources"]
    assert "policy zz-broken could not judge it (ValueError in __init__.py" in judgement.output
    assert "correct-horse" not in judgement.output, "an exception's words may hold a value"
    (program / "__main__.py").write_text(CRASHING)
    assert judge(program, "test", pack=pack).violations["tls-1.2-or-better"] == {"cache"}


def test_numbers_as_texts_and_texts_as_numbers_are_judged(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: numbers\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text("config:\n  azure-native:location: westeurope\n")
    text = CRASHING.replace('"1.0"', '"1.2"').replace("minimum_tls", "zones=3, minimum_tls")
    (tmp_path / "__main__.py").write_text(text)
    judgement = judge(tmp_path, "test")
    assert judgement.violations["zone-redundancy"] == {"cache"}
    assert "policies-judge-resources" not in judgement.violations


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
