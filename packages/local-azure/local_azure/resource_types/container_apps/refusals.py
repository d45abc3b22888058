"""How Container Apps words its refusals, where a rule has no code of its own, and how values are read on the way."""

from __future__ import annotations

from typing import Any

from local_azure.core.azure_error import AzureError


def invalid_request(words: str, at: str) -> AzureError:
    """Return the resource provider's refusal of a value in an environment or in an app's configuration.

    https://github.com/microsoft/azure-container-apps/issues/990
    """
    return AzureError("InvalidRequestParameterWithDetails", words, target=at)


def invalid_template(field: str, details: str, at: str) -> AzureError:
    """Return the refusal of a value by what runs the containers.

    https://github.com/microsoft/azure-container-apps/issues/1159
    """
    return AzureError("InvalidParameterValueInContainerTemplate", _fields(field, details), target=at)


def revision_failed(app: str, field: str, details: str, at: str) -> AzureError:
    """Return the refusal of a revision once the change has been accepted, as the operation ends.

    https://github.com/Azure/terraform-azurerm-avm-res-app-containerapp/issues/115
    """
    return AzureError(
        "ContainerAppOperationError",
        f"Failed to provision revision for container app '{app}'. Error details: {_fields(field, details)}",
        target=at,
    )


def _fields(field: str, details: str) -> str:
    return (
        f"The following field(s) are either invalid or missing. Field '{field}' is invalid with details: "
        f"'Invalid value: {details};'."
    )


def number(value: Any, at: str) -> float:
    """Return a number in a body; raise `ContainerAppInvalidSchema` for anything else.

    The resource provider reads `"0.5"` as the number it spells, as templates have no fractions.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        return float(str(value))
    except ValueError:
        raise _invalid_schema(at, "a number") from None


def whole(value: Any, at: str) -> int:
    """Return an integer in a body; raise `ContainerAppInvalidSchema` for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _invalid_schema(at, "an integer")


def text(value: Any, at: str) -> str:
    """Return a string in a body; raise `ContainerAppInvalidSchema` for anything else.

    https://github.com/MicrosoftDocs/azure-docs/blob/main/articles/container-apps/scale-app.md: metadata are strings.
    """
    if isinstance(value, str):
        return value
    raise _invalid_schema(at, "a string")


def _invalid_schema(at: str, expected: str) -> AzureError:
    return AzureError(
        "ContainerAppInvalidSchema", f"Invalid request body for container app: '{at}' must be {expected}.", target=at
    )
