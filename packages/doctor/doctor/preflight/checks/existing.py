"""What the deployment will create is not there yet, and the group is where it is asked for.

Reads: the groups and what is in them (`*/read` of the group).
"""

from __future__ import annotations

from collections.abc import Iterator

from doctor.preflight.findings import Fault, Finding
from doctor.preflight.look import Look
from doctor.preflight.plan import Planned
from doctor.preflight.types import GROUP_TYPE
from doctor.values import text


def check(look: Look) -> Iterator[Finding]:
    """Yield a fault for each resource that is there already, and for a group that will not do."""
    planned_groups = {one.azure_name.lower(): one for one in look.plan.of_type(GROUP_TYPE) if one.azure_name}
    for name in sorted(look.plan.group_names | {one.azure_name for one in planned_groups.values()}):
        group = look.group(name)
        planned = planned_groups.get(name.lower())
        if group is None:
            if planned is None and not _is_kept(look, name):
                yield Fault(
                    "group-missing",
                    f"resource group {name}",
                    "missing",
                    "resources are planned in it",
                    f"run `az group create --name {name} --location REGION`",
                )
            continue
        region = text(group, "location").replace(" ", "").lower()
        if text(group, "properties.provisioningState") == "Deleting":
            yield Fault(
                "group-being-deleted",
                f"resource group {name}",
                "being deleted",
                "nothing can be created in it",
                f"wait for `az group wait --deleted --name {name}`",
            )
        elif planned and planned.is_created and region != planned.location:
            yield Fault(
                "group-elsewhere",
                f"resource group {name}",
                f"in {region}",
                f"a group does not move, and {planned.location} is asked for",
                "set another instance or uniqueSuffix, or delete the group",
            )
        elif planned and planned.is_created:
            yield _already(planned, text(group, "id"))
        yield from _in_group(look, name)


def _is_kept(look: Look, name: str) -> bool:
    """Return whether the group is a resource of the stack that the deployment leaves as it is."""
    return any(one.type == GROUP_TYPE and one.azure_name.lower() == name.lower() for one in look.plan.resources)


def _in_group(look: Look, group: str) -> Iterator[Finding]:
    there = {
        (text(one, "type").lower(), text(one, "name").lower()): text(one, "id")
        for one in look.list(f"{look.scope}/resourceGroups/{group}/resources")
    }
    for one in look.plan.written:
        is_new = one.operation == "create" and one.group.lower() == group.lower()
        if is_new and (found := there.get((one.type.lower(), one.azure_name.lower()))):
            yield _already(one, found)


def _already(planned: Planned, resource_id: str) -> Fault:
    return Fault(
        "already-there",
        planned.subject,
        "there already",
        "the stack does not have it, and creates nothing that is there",
        f"take it into the stack: `pulumi import {planned.token} {planned.name} {resource_id}`, delete it, or set "
        "another instance",
    )
