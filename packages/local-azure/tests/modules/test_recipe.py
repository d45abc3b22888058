"""The recipe "Add a resource type" is followed: its module and its tests, as they are on the page."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from local_azure import resource_types

PAGE = Path(__file__).parents[2] / "docs" / "add-a-resource-type.md"


def _blocks() -> tuple[str, str]:
    module, tests = (
        token.content
        for token in MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
        if token.type == "fence" and token.info == "python"
    )
    return module, tests


@pytest.fixture
def service_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the module of the page to the resource types."""
    file = tmp_path / "service_bus.py"
    file.write_text(_blocks()[0], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("service_bus", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(resource_types, "_MODULES", (*resource_types._MODULES, module))


@pytest.mark.usefixtures("service_bus")
def test_the_tests_of_the_recipe_pass_with_its_module(tmp_path: Path) -> None:
    tests = tmp_path / "test_service_bus.py"
    tests.write_text(_blocks()[1], encoding="utf-8")
    assert pytest.main(["-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tests)]) == 0


def test_they_fail_without_it(tmp_path: Path) -> None:
    tests = tmp_path / "test_service_bus.py"
    tests.write_text(_blocks()[1], encoding="utf-8")
    assert pytest.main(["-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(tests)]) == 1
