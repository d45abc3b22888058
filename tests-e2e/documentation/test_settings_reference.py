"""The settings' model, its reference and the schema in Pulumi.yaml say the same."""

from typing import Any

import pytest
import yaml

from documentation.blocks import ROOT
from settings import Settings
from tools.docs import settings_reference

PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
GROUPS = list(settings_reference.groups())
BY_PATH = {setting.path: setting for group in GROUPS for setting in group.settings}


def test_the_reference_is_current() -> None:
    written = settings_reference.TARGET.read_text(encoding="utf-8")
    assert written == settings_reference.document(), "run `python -m tools.docs.settings_reference --write`"


def test_every_setting_has_a_description() -> None:
    assert not [path for path, setting in BY_PATH.items() if not setting.description]
    assert not [group.path for group in GROUPS if not group.summary]


def test_no_description_is_of_a_setting_that_is_gone() -> None:
    described = settings_reference.attributes(Settings)
    assert described.keys() == Settings.model_fields.keys()


def test_settings_of_all_depths_are_there() -> None:
    assert {"app", "redis.sku", "workers[].queues", "web.cpu", "registry.id"} <= BY_PATH.keys()
    assert BY_PATH["redis.service"].kind == "one of `managed`, `classic`"
    assert BY_PATH["web.targetPort"].kind == "whole number, at least 1, at most 65535"
    assert BY_PATH["image"].default is None
    assert BY_PATH["web.initCommand"].default == "`[python, manage.py, migrate, --noinput]`"


@pytest.mark.parametrize("name", [name for name in PROJECT["config"] if ":" not in name])
def test_the_schema_in_pulumi_yaml_agrees_with_the_model(name: str) -> None:
    declared: dict[str, Any] = PROJECT["config"][name]
    assert name in BY_PATH, f"Pulumi.yaml declares {name}, which the model does not have"
    field = next(field for field in Settings.model_fields.values() if field.alias == name)
    if "default" in declared:
        assert declared["default"] == field.get_default(), "two defaults for one setting"
    if "type" in declared:
        kinds = {"string": str, "boolean": bool, "integer": int}
        default = field.get_default()
        assert type(default) is kinds[declared["type"]], f"{name} holds {BY_PATH[name].kind}"
    assert declared.get("description")


def test_stack_files_hold_known_settings_only() -> None:
    for file in ROOT.glob("Pulumi.*.yaml"):
        config = yaml.safe_load(file.read_text()).get("config", {})
        assert {name for name in config if ":" not in name} <= BY_PATH.keys(), file.name
