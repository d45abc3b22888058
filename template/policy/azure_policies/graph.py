"""Which resource of a stack another one means: by dependency, or by a name or id that is written out."""

from collections.abc import Iterator, Sequence

from azure_policies.resource import Kind, Resource, items, value_at


def of_kind(resources: Sequence[Resource], kind: Kind) -> Iterator[Resource]:
    """The resources of a kind."""
    return (resource for resource in resources if resource.is_a(kind))


def depends_on(resource: Resource, property_name: str, target: Resource) -> bool:
    """Whether a property was made from an output of the target."""
    return target.urn in resource.references.get(property_name, ())


def names(resource: Resource, property_name: str, target: Resource, name_property: str) -> bool:
    """Whether a property is the target's name: made from its output, or the same text."""
    if depends_on(resource, property_name, target):
        return True
    name, wanted = resource.get(property_name), target.get(name_property)
    return isinstance(name, str) and isinstance(wanted, str) and name.lower() == wanted.lower()


def is_id_of(value: object, target: Resource, name_property: str) -> bool:
    """Whether a value is a resource id that ends in the target's name."""
    name = target.get(name_property)
    return isinstance(value, str) and isinstance(name, str) and value.lower().endswith(f"/{name.lower()}")


def values(resource: Resource, property_name: str, *path: str) -> list[object]:
    """The values at a path in the items of a list property."""
    return [value_at(item, *path) for item in items(resource.get(property_name))]
