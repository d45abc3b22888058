"""A project that the real `pulumi new` makes of the template: deployed, tested and linted with another name and
image."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from uv import find_uv_bin

from tests.stack.deployment import ROOT

pytestmark = pytest.mark.slow("template")

IMAGE = "contoso.azurecr.io/team/warehouse:2.0.1"
ANSWERS = {
    "Project description": "",
    "Name of the application": "warehouse",
    "Azure region": "northeurope",
    "Image of the application": IMAGE,
}
SECONDS = 540
"""Until a command has failed: a first set-up downloads packages."""

SERVER = """
import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_ready = os.environ["REDIS_URL"].startswith("rediss://") and os.environ["SECRET_KEY"]
        self.send_response(200 if is_ready else 503)
        self.end_headers()
        self.wfile.write(b"warehouse")


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""
WORKER = """
import signal

signal.sigwait({signal.SIGTERM})
"""


class Project:
    """A project made of the template, with a local Azure of its own."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory = directory
        # What this process was called with by make or by CI is not the project's.
        foreign = re.compile(r"MAKE.*|MFLAGS|CI|GITHUB_.*|LOCAL_AZURE_.*|PYTEST_.*")
        self.environment = {name: value for name, value in os.environ.items() if not foreign.fullmatch(name)}
        self.environment["LOCAL_AZURE_HOME"] = str(home)

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command in the project; return what it printed."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert (done.returncode != 0) is fails, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def edit(self, name: str, pattern: str, text: str) -> None:
        """Replace the one place in a file that a pattern matches."""
        file = self.directory / name
        edited, count = re.subn(pattern, lambda _: text, file.read_text(), flags=re.MULTILINE)
        assert count == 1, f"{name} has {count} places like {pattern}"
        file.write_text(edited)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Add settings to the stack file of dev."""
        file = self.directory / "Pulumi.dev.yaml"
        content = yaml.safe_load(file.read_text())
        content["config"] |= settings
        file.write_text(yaml.safe_dump(content))


def answer(command: list[str], environment: Mapping[str, str], answers: Mapping[str, str]) -> tuple[int, str]:
    """Run a command at a terminal and answer its questions, each by its first words; return its exit code and text."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        command, env={**environment, "TERM": "xterm"}, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    shown, left = "", dict(answers)
    deadline = time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                text = os.read(ours, 65536).decode(errors="replace")
            except OSError:  # Linux: the other side has gone
                text = ""
            if not text:
                break
            shown += text
            for question in [question for question in left if question in shown]:
                os.write(ours, f"{left.pop(question)}\r".encode())
        return process.wait(10), shown
    finally:
        process.kill()
        os.close(ours)


def uv(*arguments: str | Path) -> None:
    """Run uv; fail with what it printed."""
    done = subprocess.run([find_uv_bin(), *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of this repository's packages."""
    directory = tmp_path_factory.mktemp("wheels")
    for package in sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml")):
        isolation = ("--no-build-isolation", "--python", sys.executable)
        uv("build", "--quiet", "--wheel", *isolation, "--out-dir", directory, package)
    return directory


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Project]:
    """A project that was made at a terminal, and knows where the wheels are."""
    directory = tmp_path_factory.mktemp("projects") / "inventory"
    made = Project(directory, tmp_path_factory.mktemp("home"))
    # What `pulumi new` would install by pip, in minutes, is there already.
    uv("venv", "--quiet", "--seed", "--python", sys.executable, directory / ".venv")
    python = directory / ".venv" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--requirement", ROOT / "requirements.txt")
    command = [str(ROOT / "local"), "run", "pulumi", "new", str(ROOT / "template"), "--dir", str(directory), "--force"]
    environment = {**made.environment, "LOCAL_AZURE_HOME": str(tmp_path_factory.mktemp("home-of-new"))}
    try:
        code, shown = answer([*command, "--name", "warehouse-platform", "--stack", "dev"], environment, ANSWERS)
        assert code == 0, shown
        assert all(question in shown for question in ANSWERS)
    finally:
        subprocess.run([str(ROOT / "local"), "stop"], env=environment, capture_output=True)
    made.edit("requirements-packages.txt", "^--find-links .*$", f"--find-links {wheels}")
    yield made
    made.run("./local", "stop")


def test_a_new_project_has_what_was_answered_and_nothing_of_the_sample(project: Project) -> None:
    made = yaml.safe_load((project.directory / "Pulumi.yaml").read_text())
    assert made["name"] == "warehouse-platform"
    assert "template" not in made
    assert yaml.safe_load((project.directory / "Pulumi.dev.yaml").read_text())["config"] == {
        "azure-native:location": "northeurope",
        "warehouse-platform:app": "warehouse",
        "warehouse-platform:image": IMAGE,
    }
    assert os.access(project.directory / "local", os.X_OK)


def test_it_deploys_and_is_previewed_once_its_image_has_a_row(project: Project) -> None:
    refused = project.run("make", "up", fails=True)
    assert f"the image {IMAGE} is not known on this machine" in refused
    assert f"add to {project.directory}/local-azure.toml" in refused

    application = project.directory.parent / "warehouse"
    application.mkdir()
    for name, text in (("server.py", SERVER), ("worker.py", WORKER), ("manage.py", ""), ("requirements.txt", "")):
        (application / name).write_text(text)
    row = refused[refused.index("[[image]]\nnames") : refused.index("port = 8000")] + "port = 8000\n"
    row = re.sub(r"(?m)^command = .*$", 'command = ["python", "server.py"]', row)
    with open(project.directory / "local-azure.toml", "a") as table:
        table.write(f"\n{row}")
    worker = {"name": "worker", "queues": ["celery"], "command": ["python", "worker.py"]}
    project.configure({"web": {"command": ["python", "server.py"]}, "workers": [worker]})

    shown = project.run("make", "up")
    assert re.search(r"/api/health/readiness/ answers 200 warehouse$", shown, re.MULTILINE), shown
    assert "app-ne-warehouse-01" in shown

    shown = project.run("make", "preview")
    assert re.search(r"^\s+\d+ unchanged$", shown, re.MULTILINE), shown
    assert "django-aca@v1.0.0" in shown, "the policies were run"
    project.run("make", "doctor")

    refused = project.run("make", "preview", "STACK=prod", fails=True)
    for setting in ("app", "azure-native:location", "image"):
        assert re.search(rf"{setting}: (it must be|the region is not) set", refused), refused


def test_a_change_of_it_is_previewed_without_azure(project: Project) -> None:
    # What preview.yml runs for a pull request of a fork.
    head = project.directory.parent / "head"
    ignored = shutil.ignore_patterns(".venv", ".venv.lock", "__pycache__")
    shutil.copytree(project.directory, head, ignore=ignored)
    components = head / "components"
    logs = components / "log_analytics.py"
    edited = re.sub(r"retention_days: int = \d+", "retention_days: int = 90", logs.read_text())
    assert edited != logs.read_text()
    logs.write_text(edited)
    command = (sys.executable, "-m", "tools.ci.preview_locally", "--base", ".", "--head", str(head), "--stack", "dev")
    shown = project.run(*command)
    assert "it can be deployed" in shown
    assert re.search(r"retentionInDays *: *\d+ *=> *90", shown), shown


def test_its_own_tests_pass(project: Project) -> None:
    shown = project.run("make", "test")
    assert re.search(r"^=* \d{3,4} passed in ", shown, re.MULTILINE), shown[-2000:]


def test_its_own_lint_is_green(project: Project) -> None:
    project.run("make", "lint")
