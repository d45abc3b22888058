"""Drift: `pulumi refresh` detects it, `pulumi up` repairs it; `import` and `get` by id."""

from __future__ import annotations

import json

from faults.world import OPTIONAL, STACK, ProjectFixture, Wanted
from local_azure.testing import LocalAzure, Stack, operations


def engine(world: ProjectFixture) -> Stack:
    """Return the small program's stack."""
    return Stack(LocalAzure(world.home), world.project, STACK)


DRIFT = {
    "dns-link-removed": (("delete", "link"), ("create", "link")),
    "public-access-on": (("update", "cluster"), ("update", "cluster")),
    "endpoint-rejected": (("update", "endpoint"), ("update", "endpoint")),
}
"""The result of a refresh and of the next deployment, by kind of drift."""


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
