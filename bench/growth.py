"""Growth of previews with the stack: seconds, and the memory of the program's process."""

from __future__ import annotations

from bench.measure import Samples, interleaved
from bench.preview import stamp, stamped_preview
from bench.results import Effort, Section, Table, spread
from bench.workbench import Project, Workbench


def measure(workbench: Workbench, effort: Effort) -> Section:
    """Preview stacks that differ in the number of their workers only, none of them deployed."""
    projects = {count: _project(workbench, count) for count in effort.workers}
    peaks: dict[int, list[float]] = {count: [] for count in projects}
    resources: dict[int, int] = {}

    def once(count: int) -> float:
        began, stamps, ended = stamped_preview(projects[count])
        peaks[count].append(stamps["peak_bytes"] / 1024**2)
        return ended - began

    for count, project in projects.items():
        resources[count] = len(project.steps("preview", variables={"STAMPS": "/dev/null"}))
    found = interleaved(
        {str(count): lambda count=count: once(count) for count in projects},
        rounds=max(1, effort.rounds // 2),
        warm_up=min(1, effort.warm_up),
    )
    fewest = found[str(effort.workers[0])]
    rows = [
        (
            str(count),
            str(resources[count]),
            *spread(found[str(count)]),
            f"{found[str(count)].over(fewest).median:.2f}",
            f"{Samples(tuple(peaks[count])).median:.0f}",
        )
        for count in projects
    ]
    return Section(
        "Growth with the number of workers",
        (
            "Previews of stacks that are not deployed yet, so that every resource is one to create; components count, "
            "too. Memory is the peak of the program's own process.",
            Table(("workers", "resources", "median", "range", "ratio", "memory, MiB"), tuple(rows)),
        ),
    )


def _project(workbench: Workbench, count: int) -> Project:
    workers = [{"name": f"worker-{number}", "queues": [f"queue-{number}"]} for number in range(count)]
    project = workbench.project(f"workers-{count}", {"workers": workers})
    stamp(project)
    return project
