"""Preview and `up` without changes, over the same commands on a program that registers nothing; where the time goes.

Each is measured twice: with programs in forks of a process that has loaded the SDK, as they run, and in new processes,
as they run the first time.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from bench.measure import Samples, interleaved
from bench.results import Effort, Section, Table, Target, spread
from bench.workbench import Project, Workbench
from local_azure.pulumi_engine.fork_servers import SWITCH

TARGET = 1.5
"""For forks."""
_NEW_PROCESS = {SWITCH: "no"}
_PHASES = (
    "until the program's process starts",
    "until the program begins: the interpreter and the SDK's core in a new process, nearly nothing in a fork",
    "imports: the settings' model, the program, and in a new process the SDK's modules",
    "the program itself: settings, and the calls that make resources",
    "registration: outputs, calls to the engine, its checks and diffs",
    "after the program's end",
)


def measure(workbench: Workbench, effort: Effort) -> Section:
    """Deploy the dev stack and an empty program, and compare the commands that then change nothing."""
    dev, empty = workbench.project("dev"), workbench.empty_project("empty")
    for project in (dev, empty):
        project.pulumi("up", "--yes", "--skip-preview")
        # The second run of a program starts the process that later ones are forks of.
        project.pulumi("preview")
    rows: list[tuple[str, ...]] = []
    targets: list[Target] = []
    for command in (("preview",), ("up", "--yes")):
        ways = {"fork": None, "new process": _NEW_PROCESS}
        found = interleaved(
            {
                f"{name}, {way}": lambda project=project, variables=variables, command=command: project.seconds(
                    *command, variables=variables
                )
                for way, variables in ways.items()
                for name, project in (("dev", dev), ("empty", empty))
            },
            rounds=effort.rounds,
            warm_up=effort.warm_up,
        )
        for way in ways:
            name = f"`pulumi {command[0]}`, {way}"
            ratio = found[f"dev, {way}"].over(found[f"empty, {way}"])
            rows.append((f"{name}: the dev stack, no change", *spread(found[f"dev, {way}"])))
            rows.append((f"{name}: an empty program", *spread(found[f"empty, {way}"])))
            rows.append((f"**ratio, {command[0]}, {way}**", *spread(ratio)))
            if command[0] == "preview" and way == "fork":
                targets.append(Target("the preview over the empty program's", ratio.median, TARGET))
    phases = _phases(dev, empty, effort)
    return Section(
        "Preview, and up without changes",
        (
            "The dev stack over a Python program without a resource: same engine, interpreter and local Azure, both "
            "deployed. `up` holds a preview of its own, so it runs the program twice. A program runs in a fork of a "
            "process that has loaded the SDK; the first time, and where that is switched off, in a new process.",
            Table(("", "median", "range"), tuple(rows)),
            *targets,
            "Where the time of a preview in a fork goes (medians; measured from within, which costs a little itself):",
            phases,
        ),
    )


def _phases(dev: Project, empty: Project, effort: Effort) -> Table:
    for project in (dev, empty):
        stamp(project)
    taken: dict[str, list[tuple[float, ...]]] = {"dev": [], "empty": []}

    def once(name: str, project: Project) -> float:
        phases = _phases_of(project)
        taken[name].append(phases)
        return sum(phases)

    interleaved(
        {"dev": lambda: once("dev", dev), "empty": lambda: once("empty", empty)},
        rounds=effort.rounds,
        warm_up=effort.warm_up,
    )
    columns = {name: [Samples(values) for values in zip(*rounds, strict=True)] for name, rounds in taken.items()}
    rows = [
        (phase, f"{mine.median:.2f}", f"{floor.median:.2f}", f"{mine.median - floor.median:.2f}")
        for phase, mine, floor in zip(_PHASES, columns["dev"], columns["empty"], strict=True)
    ]
    return Table(("phase", "dev", "empty", "more"), tuple(rows))


def stamp(project: Project) -> None:
    """Make a project's program write down where its time goes."""
    main = project.directory / "__main__.py"
    main.rename(project.directory / "program.py")
    shutil.copy(Path(__file__).with_name("stamped_program.py"), main)


def stamped_preview(project: Project) -> tuple[float, dict[str, float], float]:
    """Preview a stamped project; return when it began, what the program wrote down, and when it ended."""
    stamps = project.directory / "stamps.json"
    stamps.unlink(missing_ok=True)
    began = time.time()
    project.pulumi("preview", variables={"STAMPS": str(stamps)})
    ended = time.time()
    return began, json.loads(stamps.read_text().splitlines()[-1]), ended


def _phases_of(project: Project) -> tuple[float, ...]:
    began, stamps, ended = stamped_preview(project)
    # Where the system does not tell when a process began, its own start is counted with what goes before.
    process = stamps["process"] or stamps["first_line"]
    return (
        process - began,
        stamps["first_line"] - process,
        stamps["imports"],
        stamps["body"],
        stamps["end"] - stamps["composed"],
        ended - stamps["end"],
    )
