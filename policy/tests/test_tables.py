"""What the pack writes down of the SDK is what the installed SDK has."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pulumi_azure_native
import pytest

from azure_policies import RULES, encryption_in_transit, kinds, public_access
from azure_policies.configuration import ConfigurationError, read_choices
from azure_policies.options import Options
from azure_policies.resource import Kind
from azure_policies.retirements import DEFAULT_VERSIONS
from azure_policies.tags import WITHOUT_TAGS

SDK = Path(pulumi_azure_native.__file__).parent
POLICY = Path(__file__).parents[2] / "policy"


def arguments_of_types() -> Iterator[tuple[str, str, set[str]]]:
    """Module, name and arguments of every resource type, read from the SDK's text: to import it all takes a minute."""
    for file in sorted(SDK.glob("*/*.py")):
        if file.name.startswith("_") or file.name == "outputs.py":
            continue
        text = file.read_text()
        if "pulumi.CustomResource)" not in text:
            continue
        for node in ast.parse(text[: text.index("pulumi.CustomResource)")].rpartition("\n@pulumi.type_token")[0]).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Args"):
                made = next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
                names = {argument.arg for argument in (*made.args.args, *made.args.kwonlyargs)}
                yield file.parent.name, node.name.removesuffix("Args"), names


def test_the_types_that_take_no_tags_are_those_of_the_sdk() -> None:
    found: dict[str, list[str]] = {}
    types = 0
    for module, name, arguments in arguments_of_types():
        types += 1
        if "location" in arguments and "tags" not in arguments:
            found.setdefault(module, []).append(name)
    assert types > 2000, "the SDK is read whole"
    assert {module: sorted(names) for module, names in WITHOUT_TAGS.items()} == {
        module: sorted(names) for module, names in found.items()
    }


@pytest.mark.parametrize(
    ("module", "file"),
    [("keyvault", "vault.py"), ("redisenterprise", "redis_enterprise.py"), ("app", "container_app.py")],
)
def test_the_default_api_versions_are_those_of_the_sdk(module: str, file: str) -> None:
    text = (SDK / module / file).read_text()
    told = re.search(
        r"Uses Azure REST API version (\S+?)\.(?: In version 2\.x of the Azure Native provider, it used API version "
        r"(\S+)\.)?\s",
        text,
    )
    assert told
    major = version("pulumi-azure-native").partition(".")[0]
    assert DEFAULT_VERSIONS[module, major] == told[1]
    if (module, "2") in DEFAULT_VERSIONS:
        assert DEFAULT_VERSIONS[module, "2"] == told[2]


def kinds_of_the_pack() -> dict[str, Kind]:
    """The kinds that several policies speak of, and those of one module."""
    modules = (kinds, public_access, encryption_in_transit)
    return {name: one for module in modules for name, one in vars(module).items() if isinstance(one, Kind)}


def test_every_name_that_the_sdk_has_had_for_a_type_is_known() -> None:
    """A stack made by an older SDK, or one that names a version, has the type by another module."""
    alias = re.compile(r'type_="azure-native:([a-z0-9]+)(?:/v\w+)?:(\w+)"')
    unknown: set[str] = set()
    looked_at = 0
    for name, kind in kinds_of_the_pack().items():
        for module, type_name in kind.types:
            file = SDK / module / (re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type_name).lower() + ".py")
            if not file.exists():
                continue
            looked_at += 1
            for other in alias.findall(file.read_text()):
                if other not in kind.types and other[1] == type_name:
                    unknown.add(f"{name}: {':'.join(other)}")
    assert looked_at > 30
    assert unknown == set()


def test_the_packs_own_choices_are_read() -> None:
    choices = read_choices(POLICY / "config.json", RULES)
    assert "westeurope" in Options.read(choices["allowed-regions"]).regions
    assert Options.read(choices["required-tags"]).tags == ("app", "environment")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "not readable as JSON"),
        ('{"allowed-region": {}}', "there is no policy 'allowed-region'"),
        ('{"allowed-regions": {"region": []}}', "has no option 'region'"),
        ('{"alerts": {"enforcementLevel": "strict"}}', "choose mandatory, advisory, disabled"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_line(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(wrong)) as refused:
        read_choices(file, RULES)
    assert "\n" not in str(refused.value)
