"""What changes behind the program's back: `pulumi refresh` sees it, `pulumi up` mends it; `import` and `get` by id."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable

import yaml

from faults.world import OPTIONAL, STACK, ProjectFixture, Wanted
from tests.stack.deployment import ROOT, Deployment, LocalAzure, Step, operations

Deploy = Callable[..., Deployment]


def engine(world: ProjectFixture) -> Deployment:
    """Return the small program's stack, by the helpers of the stack tests."""
    return Deployment(LocalAzure(world.home), world.project, STACK)


DRIFT = {
    "dns-link-removed": (("delete", "link"), ("create", "link")),
    "public-access-on": (("update", "cluster"), ("update", "cluster")),
    "endpoint-rejected": (("update", "endpoint"), ("update", "endpoint")),
}
"""By what changes behind the program's back: what a refresh finds, and what the next deployment does about it."""


def test_refresh_sees_what_was_changed_and_up_mends_it(world: ProjectFixture) -> None:
    world.up()
    stack = engine(world)
    for kind in DRIFT:
        world.local("faults", "add", kind)
    assert stack.up() == [], "an up without refresh knows of no drift"
    assert {found for found, _ in DRIFT.values()} <= operations(stack.refresh())
    assert {mended for _, mended in DRIFT.values()} <= operations(stack.up())
    assert stack.refresh() == []
    assert stack.up() == []


def test_every_resource_is_imported_by_its_id_and_then_the_programs_own(world: ProjectFixture) -> None:
    world.want(Wanted(frozenset(OPTIONAL) - {"word"}))
    world.up()
    stack = engine(world)
    before = stack.resources()
    parents = {one["urn"] for one in before if not one.get("custom") and one["type"] != "pulumi:pulumi:Stack"}
    azure = world.azure()
    world.pulumi("stack", "rm", "--force", "--yes")
    # The components come first: what is imported stands under them.
    world.want(Wanted(frozenset()))
    ids = {one["urn"].rsplit("::", 1)[-1]: one["id"] for one in before if one["type"].startswith("azure-native:")}
    world.pulumi("import", *_unattended(), "azure-native:resources:ResourceGroup", "group", ids["group"])
    world.up()
    resources = [
        {
            "type": one["type"],
            "name": one["urn"].rsplit("::", 1)[-1],
            "id": one["id"],
            **({"parent": "part"} if one["parent"] in parents else {}),
        }
        for one in before
        if one["type"].startswith("azure-native:") and one["type"] != "azure-native:resources:ResourceGroup"
    ]
    listed = world.directory / "imports.json"
    listed.write_text(json.dumps({"nameTable": {"part": next(iter(parents))}, "resources": resources}))
    world.pulumi("import", *_unattended(), "--file", str(listed))
    world.want(Wanted(frozenset(OPTIONAL) - {"word"}))
    assert {step.operation for step in stack.up()} <= {"update"}
    assert world.azure().keys() == azure.keys()
    assert stack.up() == []


def _unattended() -> list[str]:
    return ["--yes", "--skip-preview", "--protect=false", "--generate-code=false"]


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
