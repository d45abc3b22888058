from __future__ import annotations

import pytest

from local_azure.arm.addresses import parse, require_api_version, segments
from local_azure.core.azure_error import AzureError
from local_azure.resource_types.authorization import scopes_above

GROUP = "/subscriptions/s/resourceGroups/g"


@pytest.mark.parametrize(
    ("path", "scope", "kind", "names"),
    [
        (f"{GROUP}/providers/Microsoft.Cache/redis/r", GROUP, "Microsoft.Cache/redis", ("r",)),
        (f"{GROUP}/providers/Microsoft.Cache/redis", GROUP, "Microsoft.Cache/redis", ()),
        (f"{GROUP}/providers/Microsoft.Cache/redis/r/listKeys", GROUP, "Microsoft.Cache/redis/listKeys", ("r",)),
        ("/providers/Microsoft.Authorization/roleDefinitions/x", "", "Microsoft.Authorization/roleDefinitions", ("x",)),
        (
            f"{GROUP}/providers/A.B/c/d/providers/Microsoft.Insights/diagnosticSettings/e",
            f"{GROUP}/providers/A.B/c/d",
            "Microsoft.Insights/diagnosticSettings",
            ("e",),
        ),
    ],
)
def test_a_path_is_taken_apart(path: str, scope: str, kind: str, names: tuple[str, ...]) -> None:
    address = parse(segments(path))
    assert address is not None
    assert (address.scope, address.type, address.names) == (scope, kind, names)
    assert address.is_resource == (len(names) == kind.count("/"))


def test_a_path_without_a_provider_is_no_address() -> None:
    assert parse(segments("/subscriptions/s/resourceGroups/g")) is None
    assert parse(segments("/subscriptions/s/providers/Microsoft.Cache")) is None


def test_segments_are_decoded_and_doubled_slashes_left_out() -> None:
    assert segments("//subscriptions//a%20b/") == ["subscriptions", "a b"]


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%00", "/a%0A", "/%FF", "/%C3%28"])
def test_a_segment_that_can_be_no_name_is_refused(path: str) -> None:
    with pytest.raises(AzureError, match="InvalidRequestUri"):
        segments(path)


@pytest.mark.parametrize("version", ["2024-11-01", "2025-02-02-preview", "2031-12-31"])
def test_a_date_is_an_api_version(version: str) -> None:
    assert require_api_version(version) == version


@pytest.mark.parametrize("version", ["2024-13-01", "2024-11-32", "2024-11-1", "v1", "2024-11-01\n"])
def test_anything_else_is_not(version: str) -> None:
    with pytest.raises(AzureError, match="InvalidApiVersionParameter"):
        require_api_version(version)


def test_a_scope_inherits_from_each_level_above_it() -> None:
    assert list(scopes_above(f"{GROUP}/providers/Microsoft.KeyVault/vaults/v/secrets/x")) == [
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/v/secrets/x",
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/v",
        GROUP,
        "/subscriptions/s",
        "",
    ]
