"""What will be deployed: the inputs of every resource, from `pulumi preview --json`.

The preview runs the program, so that names, regions and sizes are those of the deployment. Secrets stay hidden, and
what only the deployment itself can know, such as a random suffix, is unknown.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from doctor.errors import CannotLookError
from doctor.preflight.types import GROUP_TYPE, KnownType, canonical, known
from doctor.values import JsonObject, get, objects, text, texts

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that only the deployment will know (sdk/go/common/resource/plugin/rpc.go)."""
SECRET = "[secret]"
_PREFIX = "azure-native:"
_TIMEOUT_SECONDS = 300
_CREATES = frozenset({"create", "create-replacement"})
_PUTS = _CREATES | {"update"}
_PASSED_OVER = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "replace"})
"""Steps that make nothing; what is replaced has a step ``create-replacement`` beside the one ``replace``."""


@dataclass(frozen=True)
class Planned:
    """A resource of the plan.

    Attributes:
        name: Pulumi's name of it.
        token: the SDK's name of its type.
        kind: what it is on Azure.
        operation: the engine's word for what it will do: ``create``, ``update``, ``same`` and others.
        inputs: what it will be given; unknown values and secrets are left out.
        id: its resource id on Azure, when it is there already; else empty.
    """

    name: str
    token: str
    kind: KnownType
    operation: str
    inputs: JsonObject
    id: str = ""

    @property
    def type(self) -> str:
        """Azure's name of its type."""
        return self.kind.arm

    @property
    def is_created(self) -> bool:
        """Whether the deployment makes it."""
        return self.operation in _CREATES

    @property
    def takes_a_name(self) -> bool:
        """Whether it gets a name that it does not have already, as what replaces it under its own name has."""
        return self.is_created and self.id.rsplit("/", 1)[-1].lower() != (self.azure_name.lower() or "?")

    @property
    def is_written(self) -> bool:
        """Whether the deployment writes it."""
        return self.operation in _PUTS

    @property
    def azure_name(self) -> str:
        """Its name on Azure; empty while that is unknown."""
        return text(self.inputs, self.kind.name)

    @property
    def group(self) -> str:
        """The name of its resource group; empty while that is unknown."""
        return text(self.inputs, "resourceGroupName")

    @property
    def location(self) -> str:
        """Its region in Azure's spelling, ``westeurope``; empty where it has none."""
        return text(self.inputs, "location").replace(" ", "").lower()

    @property
    def subject(self) -> str:
        """How a message names it: by its name on Azure, or by Pulumi's."""
        kind = "resource group" if self.type == GROUP_TYPE else self.type.rsplit("/", 1)[-1]
        return f"{kind} {self.azure_name or self.name}"


@dataclass(frozen=True)
class Plan:
    """What a deployment would do.

    Attributes:
        stack: the stack's name.
        resources: the resources of Azure, of known types.
        unknown_types: the SDK's tokens of those that are not known here.
        settings: plain settings of the stack, by their full names; no secret.
    """

    stack: str
    resources: Sequence[Planned]
    unknown_types: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def written(self) -> list[Planned]:
        """The resources that will be written."""
        return [one for one in self.resources if one.is_written]

    @property
    def group_names(self) -> set[str]:
        """The names of the groups of what will be written; unknown ones are left out."""
        return {one.group for one in self.written if one.group}

    def of_type(self, arm_type: str) -> list[Planned]:
        """Return the resources of a type that will be written."""
        return [one for one in self.written if one.type == arm_type]


def read(stack: str, directory: Path, configuration: Sequence[str] = ()) -> Plan:
    """Preview a stack of the program in a directory; `configuration` has settings as ``KEY=VALUE``.

    Raises:
        CannotLookError: when there is no Pulumi, or the preview fails; the message has what it says.
    """
    if shutil.which("pulumi") is None:
        raise CannotLookError("pulumi is not on PATH: install it, or run `make preflight` for the local Azure")
    command = ["pulumi", "preview", "--json", "--non-interactive", "--suppress-progress", "--stack", stack]
    for one in configuration:
        command += ["--config", one]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotLookError(f"`pulumi preview --stack {stack}` took longer than {_TIMEOUT_SECONDS} s") from None
    digest = _digest(done.stdout)
    if done.returncode != 0 or digest is None:
        raise CannotLookError(f"`pulumi preview --stack {stack}` failed: {_why(digest, done.stderr)}")
    return parse(stack, digest)


def parse(stack: str, digest: JsonObject) -> Plan:
    """Read the plan in what `pulumi preview --json` prints."""
    resources: list[Planned] = []
    unknown: set[str] = set()
    for step in objects(digest, "steps"):
        state: JsonObject = get(step, "newState") or get(step, "oldState", {})
        token = text(state, "type")
        is_made = text(step, "op") not in _PASSED_OVER and get(state, "custom") is True
        if not is_made or not token.startswith(_PREFIX):
            continue
        kind = known(token)
        if kind is None:
            unknown.add(token)
            continue
        given = cast("JsonObject", _cleaned(get(state, "inputs", {})))
        resources.append(
            Planned(
                name=text(state, "urn").rsplit("::", 1)[-1],
                token=canonical(token),
                kind=kind,
                operation=text(step, "op"),
                inputs={name: value for name, value in given.items() if not name.startswith("__")},
                id=text(step, "oldState.id"),
            )
        )
    configuration = cast("Mapping[str, object]", get(digest, "config", {}))
    plain = {name: str(value) for name, value in configuration.items() if value != SECRET}
    return Plan(stack, resources, sorted(unknown), plain)


def body_of(planned: Planned) -> JsonObject:
    """Return a resource as Azure Resource Manager takes it, as far as it is known."""
    skipped = {"resourceGroupName", "scope", "resourceUri", planned.kind.name, *planned.kind.parents}
    body: JsonObject = {"type": planned.type}
    if planned.azure_name:
        body["name"] = planned.azure_name
    inner: JsonObject = {}
    for name, value in planned.inputs.items():
        if name in _ENVELOPE:
            body[name] = value
        elif name == "properties":
            inner |= value
        elif name not in skipped:
            inner[name] = value
    if inner and planned.type != GROUP_TYPE:
        body["properties"] = inner
    return body


_ENVELOPE = frozenset({"location", "tags", "sku", "kind", "identity", "zones"})


def _cleaned(value: Any) -> Any:
    """Leave out what is unknown or secret."""
    if isinstance(value, dict):
        pairs = {name: _cleaned(one) for name, one in cast("dict[str, Any]", value).items()}
        return {name: one for name, one in pairs.items() if one is not None}
    if isinstance(value, list):
        return [one for one in map(_cleaned, cast("list[Any]", value)) if one is not None]
    if isinstance(value, str) and (UNKNOWN in value or value == SECRET):
        return None
    return value


def _digest(printed: str) -> JsonObject | None:
    """Return the JSON object that stands, perhaps after other lines, in what was printed."""
    start = printed.find("{")
    try:
        found: Any = json.loads(printed[start:]) if start >= 0 else None
    except ValueError:
        return None
    return cast("JsonObject", found) if isinstance(found, dict) else None


def _why(digest: JsonObject | None, complaints: str) -> str:
    """Return the engine's own words, in one line."""
    said = [
        text(one, "message") for one in objects(digest or {}, "diagnostics") if text(one, "severity") in ("error", "")
    ]
    words = [*said, *(text(digest or {}, path) for path in ("error",))] if any(said) else [complaints]
    lines = [re.sub(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>", "", line).strip() for one in words for line in one.splitlines()]
    return " ".join(line for line in lines if line) or "it says nothing"


def images_of(planned: Planned) -> list[str]:
    """Return the images of an app's or a job's containers."""
    containers = objects(planned.inputs, "template.containers") + objects(planned.inputs, "template.initContainers")
    return [image for image in (text(one, "image") for one in containers) if image]


def prefixes_of(planned: Planned) -> list[str]:
    """Return the address ranges of a virtual network."""
    return texts(planned.inputs, "addressSpace.addressPrefixes")
