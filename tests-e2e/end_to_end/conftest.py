"""Stacks with running apps: one emulator with its data plane for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from end_to_end.sites import IMAGE, Site, all_ports, all_processes, what_is_left
from tests.stack.deployment import ROOT, Deployment, LocalAzure, write_project

SAMPLE_TESTS = ROOT / "sample" / "tests"


@dataclass(frozen=True)
class Kind:
    """The differences of a stack from the default."""

    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    start: tuple[str, ...] = ()
    """Options of `./local start`."""


# Every pair of service, secret mode and broker is here: two values of each, four stacks.
KINDS = {
    "managed-references-shared": Kind(),
    "managed-direct-dedicated": Kind(
        {
            "useKeyVaultReferences": False,
            "redis": {"dedicatedBroker": True},
            "workers": [{"name": "worker", "queues": ["celery"], "minReplicas": 0, "maxReplicas": 2}],
            # Tasks of a killed worker come back after 6 s instead of 300.
            "env": {"DJANGO_SETTINGS_MODULE": "short_timeouts", "PYTHONPATH": str(SAMPLE_TESTS)},
        },
        ("--speedup", "30"),
    ),
    "classic-references-dedicated": Kind({"redis": {"service": "classic", "dedicatedBroker": True}}),
    "classic-direct-shared": Kind({"redis": {"service": "classic"}, "useKeyVaultReferences": False}),
}


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployed stack of the kind that the test is given, ready to be used."""
    kind = KINDS[request.param]
    directory: Path = tmp_path_factory.mktemp(request.param)
    azure = LocalAzure(directory / "home", data_plane=True)
    write_project(directory / "program", "dev", {"image": IMAGE, **kind.settings})
    (directory / "program" / ".venv").symlink_to(ROOT / ".venv")
    try:
        azure.run("start", *kind.start)
        made = Site(Deployment(azure, directory / "program", "dev"))
        made.deployment.up()
        made.ready()
        yield made
        processes, ports = all_processes(azure.home), all_ports(azure.home)
    finally:
        azure.run("stop", check=False)
    assert what_is_left(processes, ports) == []
