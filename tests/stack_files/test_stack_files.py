"""The stack files that this repository ships. Not handed over by `pulumi new`: a project has its own."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import Settings, parse

ROOT = Path(__file__).parents[2]


def _as_engine(value: Any) -> str:
    """Encode a value as the engine does: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _stack_file(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"))["config"]


def _shipped(stack: str) -> Settings:
    """Parse a shipped stack's settings as the engine passes them, with the defaults of Pulumi.yaml."""
    declared = {name: entry["default"] for name, entry in _declared().items()}
    raw = {name: _as_engine(value) for name, value in {**declared, **_stack_file(stack)}.items()}
    return parse(raw, stack=stack, location=raw.pop("azure-native:location"))[0]


def _declared() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_shipped_stack_is_valid_and_its_keys_survive_a_renamed_project(stack: str) -> None:
    settings = _shipped(stack)
    assert settings.environment == stack
    namespaced = {key for key in _stack_file(stack) if ":" in key}
    assert namespaced == {"azure-native:location"}, "a key with the project's name would not survive another name"


def test_the_dev_stack_is_the_defaults() -> None:
    assert (
        _shipped("dev")
        == parse({name: _stack_file("dev")[name] for name in ("app", "image")}, stack="dev", location="westeurope")[0]
    )


def test_the_prod_stack_sets_what_production_needs_explicitly() -> None:
    settings = _shipped("prod")
    assert settings.zone_redundant
    assert settings.protect
    assert settings.redis.high_availability
    assert settings.redis.dedicated_broker
    assert settings.key_vault.purge_protection
    assert settings.web.min_replicas >= 2
    assert settings.workers
    assert all(worker.min_replicas >= 2 for worker in settings.workers)
    assert settings.alerts.emails
