"""The containers of the types that run some, and how they are named in a message."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from azure_policies.kinds import CONTAINER_APP, CONTAINER_GROUP, CONTAINER_JOB, SESSION_POOL
from azure_policies.resource import Resource, items, mapping, value_at


@dataclass(frozen=True)
class Container:
    """A container.

    Attributes:
        path: where it is, such as ``template.containers[0]``.
        properties: all it has.
    """

    path: str
    properties: Any

    @property
    def name(self) -> Any:
        """Its name, a text, `UNKNOWN` or ``None``."""
        return value_at(self.properties, "name")

    @property
    def image(self) -> Any:
        """What it runs, likewise."""
        return value_at(self.properties, "image")

    @property
    def variables(self) -> tuple[Any, ...]:
        """Its variables, each a map with ``name`` and ``value`` or ``secretRef``."""
        return tuple(items(value_at(self.properties, "env")))


def containers_of(resource: Resource) -> Iterator[Container]:
    """Yield the containers of an app, a job, a session pool or a container group; of other types none.

    Those that run before the others are included.
    """
    if resource.is_a(CONTAINER_APP) or resource.is_a(CONTAINER_JOB):
        holder: tuple[str, ...] = ("template",)
    elif resource.is_a(SESSION_POOL):
        holder = ("customContainerTemplate",)
    elif resource.is_a(CONTAINER_GROUP):
        holder = ()
    else:
        return
    for kind in ("initContainers", "containers"):
        path = (*holder, kind)
        for index, one in enumerate(items(resource.get(*path))):
            # Resource Manager's templates have a group's containers with properties of their own.
            yield Container(f"{'.'.join(path)}[{index}]", {**mapping(one), **mapping(value_at(one, "properties"))})
