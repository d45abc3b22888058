"""The containers and variables of a container app or job, and how they are told in a message."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from azure_policies.kinds import CONTAINER_APP, CONTAINER_JOB
from azure_policies.resource import Resource, items, value_at


@dataclass(frozen=True)
class Container:
    """A container of an app or job.

    Attributes:
        path: where it stands, such as ``template.containers[0]``.
        name: its name, a text, `UNKNOWN` or ``None``.
        image: what it runs, likewise.
        variables: its variables, each a map with ``name`` and ``value`` or ``secretRef``.
    """

    path: str
    name: Any
    image: Any
    variables: tuple[Any, ...]


def containers_of(resource: Resource) -> Iterator[Container]:
    """Yield the containers of an app or a job, those that run before the others included; of other types none."""
    if not (resource.is_a(CONTAINER_APP) or resource.is_a(CONTAINER_JOB)):
        return
    for kind in ("initContainers", "containers"):
        for index, one in enumerate(items(resource.get("template", kind))):
            variables = tuple(items(value_at(one, "env")))
            yield Container(f"template.{kind}[{index}]", value_at(one, "name"), value_at(one, "image"), variables)
