"""References that no type declares: any id in a body names something, whatever the property is called.

Azure Resource Manager checks linked ids before a service sees a request
(https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found). Here only ids of types that
the model knows are held against it: of another type it does not know Azure's spelling.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from local_azure.core.azure_error import AzureError
from local_azure.core.ids import ArmId
from local_azure.core.values import JsonObject, as_list, is_object

_ENDINGS = ("Id", "ID", "Ids", "id")
_NO_INPUT = frozenset(
    {"ipConfigurations", "networkInterfaces", "privateEndpointConnections", "privateEndpoints", "systemData", "tags"}
)
"""What a body that was read and is sent back holds beside its inputs, and tags, which may say anything."""


def implied_references(body: JsonObject, at: str = "") -> Iterator[tuple[str, ArmId]]:
    """Yield every id in a body, with its path: the values of properties whose names end in `id`."""
    for name, value in body.items():
        here = f"{at}.{name}" if at else name
        if name in _NO_INPUT or (not at and name == "id"):
            continue
        if is_object(value):
            yield from implied_references(value, here)
        elif isinstance(value, str):
            yield from _parsed(name, value, here)
        else:
            for index, element in enumerate(as_list(value)):
                if is_object(element):
                    yield from implied_references(element, f"{here}[{index}]")
                elif isinstance(element, str):
                    yield from _parsed(name, element, f"{here}[{index}]")


def _parsed(name: str, value: str, at: str) -> Iterator[tuple[str, ArmId]]:
    if name.endswith(_ENDINGS) and value.lower().startswith("/subscriptions/"):
        try:
            yield at, ArmId.parse(value, at)
        except AzureError:
            return  # Not every property that is called so holds an id of ours.


def target_not_found(target: ArmId, source: ArmId, at: str) -> AzureError:
    """Return the refusal of an id that names nothing: the network's own words, or those of Azure Resource Manager."""
    if target.type_key.startswith("microsoft.network/"):
        return AzureError(
            "InvalidResourceReference",
            f"Resource {target} referenced by resource {source} was not found. Please make sure that the referenced "
            "resource exists, and that both resources are in the same region.",
            target=at,
        )
    return AzureError(
        "ResourceNotFound",
        f"The Resource '{target.type}/{'/'.join(target.names)}' under resource group '{target.resource_group}' was not "
        "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        target=at,
        status=HTTPStatus.NOT_FOUND,
    )
