"""`local-azure recover`: find the damage of an interrupted `pulumi up`, and print the commands that repair it.

An engine that is killed leaves its lock and the pending operations in the stack's state. Each pending operation is
compared with the emulator's resources.

- An update or a deletion is forgotten; `pulumi refresh` reads what has become of the resource.
- A creation that Azure has not done is forgotten; `pulumi up` does it.
- A creation that Azure has done is completed: the resource moves from the stack's operations to its resources, with its
  id, and `pulumi refresh` reads the rest. The engine's own `refresh --import-pending-creates` would lose it: as of
  3.259.0 it marks the operation as an import, which nothing then carries out, and forgets it
  (pkg/cmd/pulumi/operations/refresh.go; no other file reads that mark). `pulumi import`, which does for a new
  resource on Azure too, cannot add a replacement beside the resource that it replaces.

The engine replaces each of its files in one step, but not the file of attributes that it keeps beside it (`.attrs`):
one that was cut off makes the engine fail with "EOF" on the file that it belongs to. It holds nothing that is needed
and is deleted, as are the temporary files of what was not written to its end.

A local Azure that is killed itself loses nothing: an operation is in its state or was never done. A creation that is,
and that the engine takes for failed as no answer came, is taken up again by the next `pulumi up` (see `creations`).
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import socket
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_azure.core import creations, provisioning
from local_azure.core.ids import ArmId
from local_azure.core.state import Store, Transaction
from local_azure.pulumi_engine.project_copy import Project, backend_of
from local_azure.system.errors import LocalAzureError
from local_azure.system.files import write_atomically
from local_azure.system.paths import Home, command_name
from local_azure.system.progress import reported


class RecoveryError(LocalAzureError):
    """The stack cannot be analysed. The message is for the user."""


@dataclass(frozen=True)
class Pending:
    """A pending operation of the engine."""

    kind: str
    """`creating`, `updating`, `deleting`, `reading` or `importing`."""
    urn: str
    made: str
    """The id of the created resource that the engine does not know; empty for other operations."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]

    def describe(self) -> str:
        """Return one line with the result of the operation."""
        if self.kind != "creating":
            return f"{self.kind} {self.name}: to be read again"
        if self.made:
            return f"creating {self.name}: done, as {self.made}; to be completed"
        return f"creating {self.name}: not done; to be forgotten"


@dataclass(frozen=True)
class Damage:
    """The damage to a stack by an interrupted update."""

    stack: str
    running: int | None
    """The process id of an update that is still running."""
    locked: bool
    pending: list[Pending]
    file: Path
    """The file in which the exported state is repaired."""
    debris: list[Path]
    """Truncated files of the engine."""
    unanswered: list[str]
    """The ids of resources whose creation was not answered; the next `pulumi up` adopts them."""
    busy_until: datetime | None
    """The time when Azure's operations in progress complete; None without any."""

    @property
    def is_none(self) -> bool:
        """Return whether nothing has to be repaired."""
        return not (self.locked or self.pending or self.unanswered or self.debris)

    def commands(self) -> list[list[str]]:
        """Return the commands to run, in this order, in the program's directory."""
        if self.running or self.is_none:
            return []
        stack = ["--stack", self.stack]
        pulumi = ["run", "pulumi"]
        commands = [[*pulumi, "cancel", "--yes", *stack]] if self.locked else []
        if self.pending:
            commands += [
                [*pulumi, "stack", "export", *stack, "--file", str(self.file)],
                ["recover", *stack, "--complete", str(self.file)],
                [*pulumi, "stack", "import", *stack, "--file", str(self.file)],
                [*pulumi, "refresh", "--yes", "--skip-preview", *stack],
            ]
        commands.append([*pulumi, "up", "--yes", "--skip-preview", *stack])
        clearing = [["rm", "-f", *map(str, self.debris)]] if self.debris else []
        return clearing + [[command_name(), *words] for words in commands]

    def lines(self) -> Iterator[str]:
        """Yield the report; its commands can be copied."""
        if self.running:
            yield f"# stack {self.stack}: process {self.running} is updating it; nothing is to be recovered meanwhile"
            return
        if self.is_none:
            yield f"# stack {self.stack}: nothing to recover"
            return
        yield f"# stack {self.stack}: an update was interrupted" + (" and has left its lock" if self.locked else "")
        for one in self.pending:
            yield f"#   {one.describe()}"
        for one in self.unanswered:
            yield f"#   creating {one}: done, but never answered; `pulumi up` takes it up"
        for command in self.commands():
            yield shlex.join(command)


def run(home: Home, options: argparse.Namespace) -> int:
    """Run the command; return its exit code. Raises `LocalAzureError`."""
    project = Project.find(Path.cwd())
    if project is None:
        raise RecoveryError("no Pulumi project here or above; run this in the program's directory")
    if options.complete:
        _complete_file(home, options.complete)
        return 0
    found = [_calm(damage(home, project, stack)) for stack in _stacks(home, project, options.stack)]
    if options.json:
        print(json.dumps([_json(one) for one in found], indent=2))
        return 0
    for one in found:
        for line in one.lines():
            print(line)
    if not found:
        print("# no stacks, nothing to recover")
    return 0


def _calm(found: Damage) -> Damage:
    """Wait until Azure is done with what was begun: it refuses other writes until then."""
    seconds = (found.busy_until - datetime.now(UTC)).total_seconds() if found.busy_until and not found.running else 0.0
    if seconds > 0:
        with reported(f"Azure is still at work on resources of stack {found.stack}; waiting {seconds:.0f} s ..."):
            time.sleep(seconds)
    return found


def _json(one: Damage) -> dict[str, Any]:
    return {
        "stack": one.stack,
        "running": one.running,
        "locked": one.locked,
        "pending": [{"operation": each.kind, "urn": each.urn, "id": each.made or None} for each in one.pending],
        "unanswered": one.unanswered,
        "commands": one.commands(),
    }


def _folder(home: Home, project: Project) -> Path:
    return backend_of(home, project.directory) / ".pulumi"


def _stacks(home: Home, project: Project, wanted: str | None) -> list[str]:
    folder = _folder(home, project) / "stacks" / project.name
    stacks = sorted(file.name.removesuffix(".json") for file in folder.glob("*.json"))
    if wanted is None:
        return stacks
    if wanted not in stacks:
        raise RecoveryError(f"there is no stack '{wanted}' of {project.name}; there is: {', '.join(stacks) or 'none'}")
    return [wanted]


def damage(home: Home, project: Project, stack: str) -> Damage:
    """Return the damage to a stack. Raises `RecoveryError`."""
    file = _folder(home, project) / "stacks" / project.name / f"{stack}.json"
    try:
        deployment: dict[str, list[dict[str, Any]] | None] | None
        deployment = json.loads(file.read_text(encoding="utf-8"))["checkpoint"].get("latest")
    except (OSError, ValueError, KeyError) as error:
        raise RecoveryError(
            f"{file} cannot be read ({type(error).__name__}); the engine's copy of it is {file.name}.bak beside it"
        ) from None
    latest = deployment or {}  # of a stack that was never deployed
    resources = latest.get("resources") or []
    ids = {str(one.get("id", "")).lower() for one in resources}
    locks = list((_folder(home, project) / "locks" / "organization" / project.name / stack).glob("*.json"))
    with _transaction(home) as state:
        pending = [_pending(one, resources, state) for one in latest.get("pending_operations") or []]
        taken = {one.made.lower() for one in pending}
        unanswered = [
            one.key
            for one in (creations.unanswered(state) if state else [])
            if one.urn.startswith(f"urn:pulumi:{stack}::{project.name}::") and one.key not in ids | taken
        ]
        ongoing = provisioning.recorded(state) if state else {}
    running = next((process for process in map(_holder, locks) if process), None)
    file = home.directory / "recovery" / f"{project.name}.{stack}.json"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    debris = _debris(_folder(home, project))
    ends = max((ongoing[key].ends for key in ids | taken | {*unanswered} if key in ongoing), default=None)
    return Damage(stack, running, bool(locks), pending, file, debris, unanswered, ends)


def _debris(folder: Path) -> list[Path]:
    return sorted([*folder.rglob("*.tmp"), *(one for one in folder.rglob("*.attrs") if not _is_json(one))])


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True


@contextmanager
def _transaction(home: Home) -> Generator[Transaction | None, None, None]:
    """Open a transaction of the state; None when there is no state."""
    if not home.state.exists():
        yield None
        return
    store = Store(home.state)
    try:
        with store.transaction() as transaction:
            yield transaction
    finally:
        store.close()


def _complete_file(home: Home, path: str) -> None:
    """Take what was begun out of an exported state, and put in what has come of it."""
    file = Path(path)
    try:
        exported: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        with _transaction(home) as state:
            lines = complete(exported["deployment"], state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecoveryError(
            f"{path} is no state that `pulumi stack export` has written ({type(error).__name__})"
        ) from None
    write_atomically(file, json.dumps(exported, indent=4))
    for line in lines:
        print(line)


def complete(deployment: dict[str, Any], state: Transaction | None) -> list[str]:
    """Put an exported deployment right, in place: its operations become resources or go. Returns what was done."""
    resources: list[dict[str, Any]] = deployment.setdefault("resources", [])
    operations: list[dict[str, Any]] = deployment.pop("pending_operations", None) or []
    lines: list[str] = []
    for operation in operations:
        pending = _pending(operation, resources, state)
        lines.append(pending.describe())
        if pending.made:
            _add(resources, {**operation["resource"], "id": pending.made, "outputs": {}})
    return lines


def _add(resources: list[dict[str, Any]], made: dict[str, Any]) -> None:
    """Add a resource as the engine does: after what it needs, and in the place of the one that it replaces."""
    earlier = next((one for one in resources if one["urn"] == made["urn"] and not one.get("delete")), None)
    if earlier is None:
        resources.append(made)
    elif earlier.get("pendingReplacement"):
        # Deleted already, to make way for this one.
        resources[resources.index(earlier)] = made
    else:
        earlier["delete"] = True
        resources.insert(resources.index(earlier), made)


def _pending(operation: dict[str, Any], resources: list[dict[str, Any]], state: Transaction | None) -> Pending:
    resource = operation["resource"]
    kind = str(operation["type"])
    made = _made(resource, resources, state) if kind == "creating" and state else ""
    return Pending(kind, str(resource["urn"]), made)


def _made(resource: dict[str, Any], resources: list[dict[str, Any]], state: Transaction) -> str:
    """Return the id of what was made for one of the engine's resources, and which the engine does not know.

    Two programs of one name in two directories have the same URNs: the names in the inputs tell theirs apart.
    """
    urn = str(resource["urn"])
    inputs: dict[str, Any] = resource.get("inputs") or {}
    known = {str(one.get("id", "")).lower() for one in resources if not one.get("pendingReplacement")}
    found = [
        made.id for one in creations.of(state, urn) if one.key not in known and (made := state.get(one.key)) is not None
    ]
    values = {one.lower() for one in inputs.values() if isinstance(one, str)}

    def fitting(resource_id: ArmId) -> int:
        return sum(part.lower() in values for part in (*resource_id.names, resource_id.resource_group or ""))

    return max(found, key=fitting).text if found else ""


def _holder(lock: Path) -> int | None:
    """Return the id of the process that holds a lock of the engine, if it is still running."""
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
        process = int(content["pid"])
        if content["hostname"] != socket.gethostname():
            return process  # on another machine: who knows
        os.kill(process, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process
