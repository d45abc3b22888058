"""A deployment at Azure's pace, over its critical path; and an image update and a key switch of the deployed stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench import critical_path
from bench.measure import Samples, interleaved
from bench.results import Effort, Section, Table, Target, spread
from bench.workbench import IMAGE, Project, Step, Workbench
from local_azure.core import latency

TARGET = 1.05


def measure(workbench: Workbench, effort: Effort) -> Section:
    """Deploy the dev stack at Azure's pace and compare with what the declared times allow."""
    project = workbench.project("deployment")
    taken: list[float] = []
    graph: critical_path.Graph = {}
    for _ in range(effort.deployments):
        workbench.start("--latency", "azure", "--speedup", str(effort.speed_up))
        taken.append(project.seconds("up", "--yes", "--skip-preview") * effort.speed_up)
        graph = critical_path.graph(project.resources())
        workbench.start("--latency", "none")
        project.pulumi("destroy", "--yes", "--skip-preview")
    makespan = Samples(tuple(taken))
    path = critical_path.longest(graph, critical_path.true_waits(graph))
    own = critical_path.longest(graph, critical_path.all_waits)
    serial, modules = critical_path.one_by_one(graph), critical_path.by_modules(graph)
    needless = critical_path.needless(graph)
    ratio = Samples(tuple(value / path.seconds for value in makespan.values))
    rows = (
        ("critical path, by the declared times and the true waits", f"{path.seconds:.0f}", "computed", "1.00"),
        (
            "the longest chain of what the stack does wait for",
            f"{own.seconds:.0f}",
            "computed",
            f"{own.seconds / path.seconds:.2f}",
        ),
        ("**the deployment**", *spread(makespan, 0), f"**{ratio.median:.3f}**"),
        ("module after module", f"{modules:.0f}", "computed", f"{modules / path.seconds:.2f}"),
        ("one resource after the other", f"{serial:.0f}", "computed", f"{serial / path.seconds:.2f}"),
    )
    waits = (
        "The stack has no wait that neither a value nor a rule of Azure's asks for."
        if not needless
        else "Waits that neither a value nor a rule of Azure's asks for: "
        + ", ".join(f"{late.name} for {early.name}" for late, early in needless)
        + "."
    )
    return Section(
        "Deployment at Azure's pace",
        (
            f"The dev stack, {len(graph)} resources, on `--latency azure --speedup {effort.speed_up:g}`, in Azure's "
            f"seconds: what was measured, times {effort.speed_up:g}. That counts the engine's own seconds "
            f"{effort.speed_up:g} times, which Azure's pace would count once. `local_azure.core.latency` declares the "
            "times and where they come from; the wait until a role is in force is left out of all rows, for it only "
            "sleeps. Modules are cut as in the templates that this project grew from: one waits for others as a whole.",
            Table(("", "Azure's seconds", "range", "ratio"), rows),
            Target("the deployment over the critical path", ratio.median, TARGET),
            f"Critical path: {path}. {waits}",
        ),
    )


def measure_updates(workbench: Workbench, effort: Effort) -> Section:
    """Deploy a new image, and switch the access key, of the deployed dev stack at Azure's pace."""
    project = workbench.project("updates")
    workbench.start("--latency", "none")
    project.pulumi("up", "--yes", "--skip-preview")
    count = len(critical_path.graph(project.resources()))
    workbench.start("--latency", "azure", "--speedup", str(effort.update_speed_up))
    settings: dict[str, Any] = {"app": "magictoolbox", "image": IMAGE, "redis": {"activeKey": "primary"}}
    touched: dict[str, Sequence[Step]] = {}

    def once(what: str, change: Mapping[str, Any]) -> float:
        settings.update(change)
        seconds, touched[what] = _changed(project, settings)
        return seconds * effort.update_speed_up

    def next_image() -> float:
        return once("a new image", {"image": f"{IMAGE}-{_other(settings['image'])}"})

    def other_key() -> float:
        current = settings["redis"]["activeKey"]
        return once("the other key", {"redis": {"activeKey": "secondary" if current == "primary" else "primary"}})

    found = interleaved({"a new image": next_image, "the other key": other_key}, rounds=effort.deployments, warm_up=0)
    workbench.start("--latency", "none")
    rows = [
        (
            what,
            *spread(found[what], 1),
            f"{_least(touched[what]):g}",
            f"{len(touched[what])} of {count}",
            _kinds(touched[what]),
        )
        for what in found
    ]
    return Section(
        "A new image, and the other access key",
        (
            f"`pulumi up` of the deployed dev stack on `--latency azure --speedup {effort.update_speed_up:g}`, in "
            "Azure's seconds, with the resources that the engine's event log shows touched. The least is the longest "
            "chain of the declared times of these updates: the apps after the secrets that they refer to.",
            Table(("", "median", "range", "least", "touched", "what"), tuple(rows)),
        ),
    )


def _other(image: str) -> int:
    """Return the number of the next image."""
    _, _, number = image.rpartition("-")
    return int(number) + 1 if number.isdigit() else 1


def _changed(project: Project, settings: Mapping[str, Any]) -> tuple[float, list[Step]]:
    project.configure({"rolePropagationSeconds": 0, **settings})
    return project.timed_steps("up", "--yes", "--skip-preview")


_ARM_TYPES = {"ContainerApp": "Microsoft.App/containerApps", "Secret": "Microsoft.KeyVault/vaults/secrets"}


def _least(steps: Sequence[Step]) -> float:
    """Return the updates at their least: secrets beside each other, then the apps beside each other."""
    kinds = {step.type.rsplit(":", 1)[-1] for step in steps}
    return sum(latency.typical(_ARM_TYPES[kind]).update for kind in kinds if kind in _ARM_TYPES)


def _kinds(steps: Sequence[Step]) -> str:
    counts = Counter((step.operation, step.type.rsplit(":", 1)[-1]) for step in steps)
    return ", ".join(f"{operation} {number} {kind}" for (operation, kind), number in sorted(counts.items()))
