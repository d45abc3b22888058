"""The generated template: what is in it, and that it is what the generator makes of this repository."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stack.deployment import ROOT
from tools.ci import actionlint
from tools.template import __main__ as generator

TEMPLATE = ROOT / "template"
WORKFLOWS = sorted((TEMPLATE / ".github").rglob("*.yml"))
SAMPLE = re.compile(r"magictoolbox|ghcr\.io|operations@contoso|westeurope")


def test_the_template_is_what_is_generated() -> None:
    assert generator.main(["--check"]) == 0, "make template"


@pytest.mark.parametrize("change", ["edited", "added", "removed", "no longer executable"])
def test_a_template_that_was_edited_by_hand_is_found(
    change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "template"
    generator.generate(directory)
    assert generator.main([str(directory), "--check"]) == 0
    match change:
        case "edited":
            name = "components/naming.py"
            (directory / name).write_text("")
        case "added":
            name = "docs/page.md"
            (directory / "docs").mkdir()
            (directory / name).write_text("")
        case "removed":
            name = "Pulumi.prod.yaml"
            (directory / name).unlink()
        case _:
            name = "local"
            (directory / name).chmod(0o644)
    assert generator.main([str(directory), "--check"]) == 1
    assert f"template/{name} is not what is generated" in capsys.readouterr().err


def test_what_is_handed_over_is_what_its_owner_edits() -> None:
    files = {path.relative_to(TEMPLATE) for path in TEMPLATE.rglob("*") if path.is_file()}
    tops = {path.parts[0] for path in files}
    assert not tops & {"packages", "sample", "bench", "docs", "tests-e2e"}
    assert {path.parts[1] for path in files if path.parts[0] == "tests"} == {"unit"}
    assert {"Pulumi.yaml", "Pulumi.prod.yaml", "__main__.py", "settings.py", "README.md", "local-azure.toml"} <= tops
    assert not any(path.is_symlink() for path in TEMPLATE.rglob("*")), "pulumi new follows no links"


def test_no_setting_and_no_workflow_has_a_value_of_the_sample() -> None:
    settings = [*TEMPLATE.glob("*.yaml"), *TEMPLATE.glob("*.toml"), *WORKFLOWS, TEMPLATE / ".github/CODEOWNERS"]
    assert len(settings) > 8
    assert {str(file): found for file in settings if (found := SAMPLE.findall(file.read_text()))} == {}
    assert all(SAMPLE.search((ROOT / f"Pulumi.{stack}.yaml").read_text()) for stack in ("dev", "prod")), "it is found"


def test_the_template_asks_for_what_has_no_default() -> None:
    project = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())
    assert project["name"] == "${PROJECT}"
    assert project["template"]["config"].keys() == {"app", "azure-native:location", "image"}
    assert not any("default" in entry for entry in project["template"]["config"].values())


def _steps(file: Path) -> list[dict[str, Any]]:
    content = yaml.safe_load(file.read_text())
    jobs = [*content.get("jobs", {}).values(), content.get("runs", {})]
    return [step for job in jobs for step in [job, *job.get("steps", [])]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_refers_to_files_that_are_there(file: Path) -> None:
    for step in _steps(file):
        if str(step.get("uses", "")).startswith("./"):
            target = TEMPLATE / step["uses"]
            assert target.is_file() or (target / "action.yml").is_file(), step["uses"]
        if pack := step.get("with", {}).get("policyPacks"):
            assert (TEMPLATE / pack / "PulumiPolicy.yaml").is_file()
        command = step.get("run", "")
        modules = re.findall(r"python3? -m (tools[\w.]+)", command)
        paths = re.findall(r"(?<![\w./-])(?:\./)?((?:tools|policy|\.github)/[\w./-]+|local)\b", command)
        for name in [*(module.replace(".", "/") + ".py" for module in modules), *paths]:
            assert (TEMPLATE / name).is_file(), f"{file.name}: {name}"
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert re.search(rf"^{target}:", (TEMPLATE / "Makefile").read_text(), re.MULTILINE), target


def test_the_workflows_pass_the_linters() -> None:
    flows = [str(file) for file in WORKFLOWS if file.parent.name == "workflows"]
    done = subprocess.run([str(actionlint.program()), *flows], cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run([zizmor, "--offline", "--quiet", ".github"], cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("named", "file", "image"),
    [
        ("contoso.azurecr.io/shop:2", "config:\n  shop:image: contoso.azurecr.io/shop:1\n", "contoso.azurecr.io/shop:2"),
        ("", "config:\n  shop:image: contoso.azurecr.io/shop:1\n", "contoso.azurecr.io/shop:1"),
        ("", 'config:\n  image: "contoso.azurecr.io/shop:1"\n', "contoso.azurecr.io/shop:1"),
        ("", "config:\n  shop:app: shop\n", None),
    ],
)
def test_the_deployed_image_is_the_named_one_or_the_stack_files(
    named: str, file: str, image: str | None, tmp_path: Path
) -> None:
    job = yaml.safe_load((TEMPLATE / ".github/workflows/deploy.yml").read_text())["jobs"]["image"]
    (tmp_path / "Pulumi.dev.yaml").write_text(file)
    output = tmp_path / "output"
    done = subprocess.run(
        ["bash", "-e", "-c", job["steps"][-1]["run"]],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "IMAGE": named, "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
    )
    if image is None:
        assert done.returncode == 1
        assert "Pulumi.dev.yaml names no image" in done.stdout
    else:
        assert done.returncode == 0, done.stderr
        assert output.read_text() == f"image={image}\n"


def test_a_workflow_that_the_generator_no_longer_understands_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repository"
    for name in ("Pulumi.yaml", ".github/workflows/deploy.yml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setattr(generator, "ROOT", root)
    workflow = root / ".github/workflows/deploy.yml"
    workflow.write_text(workflow.read_text().replace("  image:\n", "  build:\n"))
    with pytest.raises(ValueError, match="not one"):
        generator.generate(tmp_path / "template")


def _pins(*lists: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (line for file in lists for line in file.read_text().splitlines()):
        if pin := re.match(r"([\w.-]+)(?:\[.*\])?==([^ ;]+)", line):
            found.setdefault(pin[1], set()).add(pin[2])
    return found


def test_the_templates_tools_have_the_versions_that_this_repository_is_tested_with() -> None:
    ours = _pins(ROOT / "sample/requirements.txt", ROOT / "requirements-dev.txt", ROOT / "requirements-local.txt")
    theirs = _pins(TEMPLATE / "requirements-dev.txt")
    assert len(theirs) > 20
    assert {name: pin for name, pin in theirs.items() if name in ours and pin != ours[name]} == {}


def test_the_templates_workflows_use_this_repositorys_versions_of_the_actions() -> None:
    def used(folder: Path) -> set[str]:
        return {use for file in folder.rglob("*.yml") for use in re.findall(r"uses: ([\w./-]+@.*)", file.read_text())}

    assert used(TEMPLATE / ".github")
    assert used(TEMPLATE / ".github") <= used(ROOT / ".github")


def test_the_packages_are_pinned_to_this_repositorys_versions() -> None:
    pins = _pins(TEMPLATE / "requirements-packages.txt")
    built = [tomllib.loads(file.read_text())["project"] for file in ROOT.glob("packages/*/pyproject.toml")]
    assert pins == {project["name"]: {project["version"]} for project in built}
