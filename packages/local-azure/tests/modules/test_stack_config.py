"""Copies of stack configuration: values that are copied or replaced, and the precedence of changes."""

import pytest

from local_azure.pulumi_engine import stack_config
from local_azure.pulumi_engine.stack_config import StackConfigError, StackFile

TEAM = """\
secretsprovider: azurekeyvault://team
encryptedkey: AAAA
encryptionsalt: v1:team
environment:
  - team/dev
config:
  azure-native:location: westeurope
  app:image: x:1 # a comment
  replicas: 2
  answer: yes
  code: 0123
  token:
    secure: v1:one:two
  nested:
    plain: text
    list:
      - secure: v1:three:four
      - {deep: {secure: v1:five:six}}
"""


def parsed(text: str) -> StackFile:
    return StackFile.parse(text, "app")


def derived(tracked: str, overlay: str | None = None) -> str:
    entries = stack_config.derive(parsed(tracked), parsed(overlay) if overlay else None, lambda path: ".".join(path))
    return StackFile(entries, {}).text()


def merged(base: str, mine: str, theirs: str) -> str:
    entries = stack_config.merge(*(parsed(f"config:\n{text}").entries for text in (base, mine, theirs)))
    return StackFile(entries, {}).text()


def test_a_copy_has_nothing_of_the_teams_encryption() -> None:
    copy = derived(TEAM)
    for word in ("encryption", "encryptedkey", "secretsprovider", "environment", "v1:"):
        assert word not in copy


def test_every_secret_is_replaced_wherever_it_stands() -> None:
    entries = parsed(derived(TEAM)).entries
    paths = [("app:token",), ("app:nested", "list", "0"), ("app:nested", "list", "1", "deep")]
    for path in paths:
        assert stack_config.ciphertext_of(stack_config.at(entries, path)) == ".".join(path)
    assert stack_config.at(entries, ("app:nested", "list", "7")) is None
    assert stack_config.at(entries, ("app:none", "deep")) is None


@pytest.mark.parametrize(
    "line", ["app:answer: yes", "app:code: 0123", "app:replicas: 2", "azure-native:location: westeurope"]
)
def test_a_scalar_reaches_the_engine_as_it_was_written(line: str) -> None:
    assert f"\n  {line}\n" in derived(TEAM)


def test_the_overlay_wins_and_leaves_its_siblings() -> None:
    copy = derived("config: {wait: 120, redis: {sku: a, size: 1}}", "config: {app:wait: 2, redis: {sku: b}, new: 3}")
    assert copy.splitlines() == [
        "config:",
        "  app:wait: 2",
        "  app:redis:",
        "    sku: b",
        "    size: 1",
        "  app:new: 3",
    ]


@pytest.mark.parametrize(
    ("key", "full"),
    [("image", "app:image"), ("app:image", "app:image"), ("azure-native:location", "azure-native:location")],
)
def test_a_key_without_namespace_is_the_projects(key: str, full: str) -> None:
    assert stack_config.qualified(key, "app") == full


def test_the_old_form_of_a_key_is_understood() -> None:
    assert stack_config.qualified("aws:config:region", "app") == "aws:region"


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "result"),
    [
        pytest.param("  a: 1", "  a: 1", "  a: 2", "2", id="a tracked change comes through"),
        pytest.param("  a: 1", "  a: 5", "  a: 1", "5", id="a local change stays"),
        pytest.param("  a: 1", "  a: 5", "  a: 2", "5", id="a local change wins"),
        pytest.param("  a: 1", '  a: "1"', "  a: 2", "2", id="rewritten by the engine is no change"),
        pytest.param("  b: 1", "  {a: 5, b: 1}", "  b: 1", "5", id="a local addition stays"),
        pytest.param("  a: 1", "  b: 1", "  a: 2", None, id="a local removal stays"),
        pytest.param("  a: 1", "  a: 1", "  b: 2", None, id="a tracked removal comes through"),
        pytest.param("  {}", "  {}", "  a: 2", "2", id="a tracked addition comes through"),
    ],
)
def test_merge(base: str, mine: str, theirs: str, result: str | None) -> None:
    node = parsed(merged(base, mine, theirs)).entries.get("app:a")
    assert (node.value if node else None) == result


def test_maps_are_merged_by_their_keys() -> None:
    text = merged("  m: {a: 1, b: 1}", "  m: {b: 1, a: 5}", "  m: {a: 1, b: 2, c: 3}")
    assert parsed(text).entries.keys() == {"app:m"}
    assert "a: 5" in text
    assert "b: 2" in text
    assert "c: 3" in text


def test_a_local_secret_is_kept_whole() -> None:
    text = merged("  s: {secure: v1:a}", "  s: {secure: v1:mine}", "  s: {secure: v1:theirs}")
    assert stack_config.ciphertext_of(parsed(text).entries["app:s"]) == "v1:mine"


@pytest.mark.parametrize("text", ["config: [1]", "- a", "a: b: c", "config: {a: 's3cret"])
def test_what_is_no_stack_file_is_refused_without_showing_its_values(text: str) -> None:
    with pytest.raises(StackConfigError) as error:
        StackFile.parse(text, "app", "Pulumi.dev.yaml")
    assert "Pulumi.dev.yaml" in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "config:\n"])
def test_an_empty_stack_file_is_one(text: str) -> None:
    assert parsed(text) == StackFile({}, {})
