"""The guide's tables are what the pack has."""

import json
import re
from pathlib import Path

from azure_policies import RULES
from azure_policies.configuration import read_choices
from azure_policies.options import NAMES, Options

GUIDE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def test_every_policy_is_in_the_guide_as_it_is() -> None:
    rows = {row for line in GUIDE.splitlines() if len(row := cells(line)) == 4 and row[0].startswith("`")}
    wanted = {
        (f"`{rule.name}`", rule.level, rule.description, ", ".join(f"`{NAMES[option]}`" for option in rule.options))
        for rule in RULES
    }
    assert rows == wanted


def test_every_option_is_in_the_guide_with_its_default() -> None:
    rows = {row[0].strip("`"): row[2] for line in GUIDE.splitlines() if len(row := cells(line)) == 3}
    for option, name in NAMES.items():
        for default in getattr(Options(), option):
            assert f"`{default}`" in rows[name]


def test_the_guides_example_is_one(tmp_path: Path) -> None:
    example = re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert example
    file = tmp_path / "config.json"
    file.write_text(example[1])
    assert read_choices(file, RULES) == json.loads(example[1])
