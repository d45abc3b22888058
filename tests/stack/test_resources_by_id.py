"""Every resource of the program, imported by another program by its id."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable

import yaml

from tests.stack.deployment import ROOT, Deployment, Step

Deploy = Callable[..., Deployment]

READER = """
import json
from pathlib import Path

import pulumi

for name, (kind, resource_id) in json.loads(Path("known.json").read_text()).items():
    found = pulumi.CustomResource(kind, name, {"name": None}, pulumi.ResourceOptions(id=resource_id))
    pulumi.export(name, found.id)
"""


def test_every_resource_of_the_program_can_be_got_by_its_id(deploy: Deploy) -> None:
    stack = deploy(useKeyVaultReferences=True, alerts={"emails": ["team@example.org"]})
    stack.up()
    known = {
        one["urn"].rsplit("::", 1)[-1]: (one["type"], one["id"])
        for one in stack.resources()
        if one["type"].startswith("azure-native:")
    }
    assert len({kind for kind, _ in known.values()}) > 12
    directory = stack.directory.parent / "reader"
    directory.mkdir()
    options = {"virtualenv": str(ROOT / ".venv")}
    (directory / "Pulumi.yaml").write_text(
        yaml.safe_dump({"name": "reader", "runtime": {"name": "python", "options": options}})
    )
    (directory / "Pulumi.dev.yaml").write_text("config:\n  azure-native:location: westeurope\n")
    (directory / "__main__.py").write_text(textwrap.dedent(READER))
    (directory / "known.json").write_text(json.dumps(known))
    reader = Deployment(stack.azure, directory, "dev")
    reader.up()
    assert reader.outputs() == {name: resource_id for name, (_, resource_id) in known.items()}
    assert {step for step in reader.destroy() if step.type.startswith("azure-native:")} == set[Step]()
    assert stack.up() == []
