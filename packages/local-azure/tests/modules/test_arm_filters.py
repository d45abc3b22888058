from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_azure.arm import filters
from local_azure.arm.filters import parse
from local_azure.core.azure_error import AzureError

RESOURCE = {
    "id": "/subscriptions/s/resourceGroups/Group/providers/Microsoft.KeyVault/vaults/kv-dev",
    "name": "kv-dev",
    "type": "Microsoft.KeyVault/vaults",
    "location": "westeurope",
    "tags": {"environment": "dev", "owner": "O'Neil"},
    "sku": {"name": "standard"},
}


@pytest.mark.parametrize(
    "text",
    [
        "resourceType eq 'microsoft.keyvault/VAULTS'",
        "resourceGroup eq 'group'",
        "name eq 'kv-dev' and location eq 'westeurope'",
        "name eq 'other' or name eq 'kv-dev'",
        "(name eq 'other' or name eq 'kv-dev') and sku/name eq 'standard'",
        "name ne 'other'",
        "substringof('dev', name)",
        "startswith(name, 'kv')",
        "tagName eq 'environment' and tagValue eq 'dev'",
        "tagValue eq 'O''Neil'",
    ],
)
def test_what_fits_is_accepted(text: str) -> None:
    assert parse(text)(RESOURCE)


@pytest.mark.parametrize(
    "text",
    [
        "resourceType eq 'Microsoft.KeyVault'",
        "name eq 'kv-dev' and location eq 'northeurope'",
        "absent eq 'x'",
        "substringof('prod', name)",
        "startswith(name, 'dev')",
        "tagName eq 'absent'",
    ],
)
def test_what_does_not_fit_is_left_out(text: str) -> None:
    assert not parse(text)(RESOURCE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name eq",
        "name lt 'a'",
        "name eq 'a",
        "name eq 'a' and",
        "(name eq 'a'",
        "name eq 'a')",
        "'a' eq 'a'",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(AzureError, match="InvalidFilterInQueryString"):
        parse(text)


@given(st.text(alphabet="abeqornd ()',", max_size=200))
def test_no_text_brings_anything_but_a_refusal(text: str) -> None:
    assert _refusal(text) in (None, "InvalidFilterInQueryString")


def _refusal(text: str) -> str | None:
    try:
        parse(text)(RESOURCE)
    except AzureError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("text", "demanded"),
    [
        ("resourceType eq 'Microsoft.App/jobs'", "microsoft.app/jobs"),
        ("name eq 'a' and ResourceType eq 'X/y'", "x/y"),
        ("resourceType eq 'X/y' or name eq 'a'", ""),
        ("name eq 'a' or resourceType eq 'X/y'", ""),
        ("(resourceType eq 'X/y' or name eq 'a') and location eq 'b'", ""),
        ("resourceType ne 'X/y'", ""),
        ("name eq 'resourceType'", ""),
    ],
)
def test_a_value_is_demanded_only_where_nothing_else_is_accepted(text: str, demanded: str) -> None:
    assert filters.demanded(text, "resourceType") == demanded
