"""Settings: defaults, validation, the wording of faults, and that these contain no secret."""

import json
import re
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import hypothesis
import pulumi
import pulumi_random as random
import pytest
import yaml
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from components.stack_file import Unquoted, unquoted_values
from settings import Settings, SettingsError, parse
from tests.unit.pulumi_mocks import IMAGE, PROGRAM, REQUIRED, Recorder, Stack, run_with_mocks

REGISTRY_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared/providers"
    "/Microsoft.ContainerRegistry/registries/contoso"
)


def as_engine(value: Any) -> str:
    """Encode a value as the engine does: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def read(
    configuration: Mapping[str, Any],
    *,
    location: str | None = "westeurope",
    encrypted: frozenset[str] = frozenset(),
    unquoted: Mapping[str, Unquoted] = MappingProxyType({}),
) -> Settings:
    """Parse a configuration, with the required settings; ``None`` means a missing key."""
    raw = {**REQUIRED, **configuration}
    encoded = {name: as_engine(value) for name, value in raw.items() if value is not None}
    return parse(encoded, stack="dev", location=location, encrypted=encrypted, unquoted=unquoted)[0]


def refusal(configuration: Mapping[str, Any], **options: Any) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        read(configuration, **options)
    return refused.value


def lines(error: SettingsError) -> list[str]:
    """Return the faults' lines of the message."""
    _, *faults = str(error).split("\n")
    return [fault.removeprefix("  ") for fault in faults]


DEFAULTS = {
    "app": "magictoolbox",
    "environment": "dev",
    "instance": "01",
    "unique_suffix": None,
    "image": IMAGE,
    "use_key_vault_references": True,
    "role_propagation_seconds": 120,
    "roll_out": {"limit_seconds": 600, "steady_seconds": 15},
    "zone_redundant": False,
    "network": {"address_space": "10.0.0.0/16", "apps_subnet": "10.0.0.0/23", "endpoints_subnet": "10.0.2.0/24"},
    "redis": {
        "service": "managed",
        "sku": None,
        "high_availability": None,
        "eviction_policy": None,
        "active_key": "primary",
        "dedicated_broker": False,
        "queue_drained_for": None,
    },
    "key_vault": {"purge_protection": False, "recover": False},
    "web": {
        "command": None,
        "init_command": ("python", "manage.py", "migrate", "--noinput"),
        "cpu": 0.5,
        "memory": "1Gi",
        "min_replicas": 1,
        "max_replicas": 3,
        "target_port": 8000,
        "external": True,
        "hosts": (),
        "readiness_path": "/api/health/readiness/",
        "liveness_path": "/api/health/liveness/",
    },
    "workers": (
        {
            "name": "worker",
            "queues": ("celery",),
            "command": None,
            "cpu": 0.5,
            "memory": "1Gi",
            "min_replicas": 0,
            "max_replicas": 5,
            "queue_length": 10,
            "concurrency": 2,
            "priorities": (),
            "priority_separator": "\x06\x16",
            "unacked_key": "unacked",
        },
    ),
    "beat": {"enabled": False, "command": None},
    "registry": None,
    "env": {},
    "secret_env": {},
    "alerts": {"emails": ()},
    "protect": False,
    "tags": {},
}

EVERYTHING: dict[str, Any] = {
    "app": "shop",
    "environment": "staging",
    "instance": "02",
    "uniqueSuffix": "",
    "image": f"contoso.azurecr.io/shop@sha256:{'0' * 64}",
    "useKeyVaultReferences": False,
    "rolePropagationSeconds": 0,
    "rollOut": {"limitSeconds": 900, "steadySeconds": 0},
    "zoneRedundant": True,
    "network": {"addressSpace": "192.168.0.0/22", "appsSubnet": "192.168.0.0/27", "endpointsSubnet": "192.168.1.0/29"},
    "redis": {
        "service": "classic",
        "sku": "Standard_C1",
        "highAvailability": True,
        "evictionPolicy": "AllKeysLFU",
        "activeKey": "secondary",
        "dedicatedBroker": True,
        "queueDrainedFor": "classic Standard_C1 dedicated",
    },
    "keyVault": {"purgeProtection": True, "recover": True},
    "web": {
        "command": ["gunicorn", "shop.wsgi"],
        "initCommand": ["true"],
        "cpu": 1,
        "memory": "2Gi",
        "minReplicas": 2,
        "maxReplicas": 4,
        "targetPort": 80,
        "external": False,
        "hosts": ["www.example.org"],
        "readinessPath": "/ready",
        "livenessPath": "/live",
    },
    "workers": [
        {
            "name": "mail",
            "queues": ["mail", "sms"],
            "command": ["celery", "worker"],
            "cpu": 0.25,
            "memory": "0.5Gi",
            "minReplicas": 1,
            "maxReplicas": 2,
            "queueLength": 5,
            "concurrency": 4,
            "priorities": [3, 6],
            "prioritySeparator": ":",
            "unackedKey": "unacked-mail",
        }
    ],
    "beat": {"enabled": True, "command": ["celery", "beat"]},
    "registry": {"server": "contoso.azurecr.io", "id": REGISTRY_ID},
    "env": {"DEBUG": "0"},
    "secretEnv": {"API_KEY": "hush"},
    "alerts": {"emails": ["team@example.org"]},
    "protect": True,
    "tags": {"cost-centre": "42"},
}
"""Every setting, none at its default."""


def _plain(settings: Settings) -> dict[str, Any]:
    return settings.model_dump()


def _camel(values: Any) -> Any:
    """Dump settings by their names in the stack file, as JSON values."""
    return json.loads(values.model_dump_json(by_alias=True))


def test_defaults_are_the_documented_ones() -> None:
    assert _plain(read({})) == DEFAULTS


def test_a_private_dns_zone_takes_all_tags() -> None:
    most = {f"t{n}": "x" for n in range(13)}
    assert len(read({"tags": most}).resource_tags) == 15
    assert read({"tags": {**most, "environment": "x"}}).resource_tags["environment"] == "x", "a tag can be overridden"


def test_every_setting_can_be_set() -> None:
    settings = read(EVERYTHING)
    expected = {**EVERYTHING, "secretEnv": {"API_KEY": "**********"}}
    assert _camel(settings) == expected
    assert settings.secret_env["API_KEY"].get_secret_value() == "hush"
    defaults = _camel(read({}))
    for section, values in expected.items():
        left = {name for name in values if values[name] == defaults[section][name]} if section in SECTIONS else ()
        assert not left, f"{section}.{left} is not tested, it is the default"


SECTIONS = ("network", "redis", "keyVault", "web", "beat", "alerts")


def test_the_environment_is_the_stacks_name_unless_set() -> None:
    assert read({}).environment == "dev"
    assert read({"environment": "staging"}).environment == "staging"


@pytest.mark.parametrize("location", ["westeurope", "West Europe"])
def test_the_location_is_given_by_azures_name(location: str) -> None:
    assert parse(REQUIRED, stack="dev", location=location)[1] == "westeurope"


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("protect", "true", "protect", True),
        ("protect", "false", "protect", False),
        ("useKeyVaultReferences", "false", "use_key_vault_references", False),
        ("rolePropagationSeconds", "0", "role_propagation_seconds", 0),
        ("rolePropagationSeconds", "300", "role_propagation_seconds", 300),
        ("instance", "02", "instance", "02"),
        ("uniqueSuffix", "", "unique_suffix", ""),
        ("uniqueSuffix", "12345", "unique_suffix", "12345"),
    ],
)
def test_scalars_come_as_text(name: str, text: str, field: str, value: object) -> None:
    assert getattr(parse({**REQUIRED, name: text}, stack="dev", location="westeurope")[0], field) == value


def test_scalars_inside_a_section_may_be_text_too() -> None:
    # `pulumi config set --path` keeps some of them as text.
    redis = {"highAvailability": "true", "dedicatedBroker": "false"}
    web = {"cpu": "0.75", "memory": "1.5Gi", "minReplicas": "2", "targetPort": "8080"}
    settings = read({"redis": redis, "web": web})
    assert settings.redis.high_availability is True
    assert settings.redis.dedicated_broker is False
    assert (settings.web.cpu, settings.web.min_replicas, settings.web.target_port) == (0.75, 2, 8080)


# Setting, what the message shows of its value, and parts of rule and remedy, of each configuration with one fault.
WRONG: list[tuple[dict[str, Any], str, str | None, str, str]] = [
    # Unknown keys and near misses. Their values are not shown: a misspelt secretEnv may be among them.
    ({"Image": "x"}, "Image", None, "no such setting", "did you mean image?"),
    ({"enviroment": "x"}, "enviroment", None, "no such setting", "did you mean environment?"),
    ({"use_key_vault_references": True}, "use_key_vault_references", None, "no such", "did you mean useKeyVault"),
    ({"role_propagation_seconds": 1}, "role_propagation_seconds", None, "no such", "did you mean rolePropagation"),
    ({"secret_env": {"A": "hush"}}, "secret_env", None, "no such setting", "did you mean secretEnv?"),
    ({"key-vault": {"recover": True}}, "key-vault", None, "no such setting", "did you mean keyVault?"),
    ({"worker": []}, "worker", None, "no such setting", "did you mean workers?"),
    ({"zzz": "x"}, "zzz", None, "no such setting", "choose among alerts, app, beat"),
    ({"[key]": "x"}, "[key]", None, "no such setting", "choose among"),
    ({"redis": {"evictionPolcy": "x"}}, "redis.evictionPolcy", None, "no such setting", "did you mean evictionPolicy?"),
    ({"redis": {"high_availability": True}}, "redis.high_availability", None, "no such", "did you mean highAvail"),
    ({"redis": {"zzz": 1}}, "redis.zzz", None, "no such setting", "choose among activeKey, dedicatedBroker"),
    ({"network": {"address_space": "x"}}, "network.address_space", None, "no such setting", "mean addressSpace?"),
    ({"keyVault": {"purge": True}}, "keyVault.purge", None, "no such setting", "purgeProtection"),
    ({"web": {"min_replicas": 1}}, "web.min_replicas", None, "no such setting", "did you mean minReplicas?"),
    ({"workers": [{"queue": ["a"]}]}, "workers[0].queue", None, "no such setting", "did you mean queues?"),
    ({"workers": [{"[key]": 1}]}, "workers[0].[key]", None, "no such setting", "choose among"),
    ({"beat": {"enable": True}}, "beat.enable", None, "no such setting", "did you mean enabled?"),
    ({"alerts": {"email": "x"}}, "alerts.email", None, "no such setting", "did you mean emails?"),
    # Types.
    ({"protect": "maybe"}, "protect", "'maybe'", "neither true nor false", "write true or false"),
    ({"rolePropagationSeconds": "soon"}, "rolePropagationSeconds", "'soon'", "not a whole number", "for example 2"),
    ({"rolePropagationSeconds": "-1"}, "rolePropagationSeconds", "'-1'", "greater than or equal to 0", "raise it"),
    ({"rolePropagationSeconds": "3601"}, "rolePropagationSeconds", "'3601'", "less than or equal to 3600", "lower it"),
    ({"redis": "managed"}, "redis", "'managed'", "not a map of settings", "write names and values"),
    ({"redis": "{bad"}, "redis", "'{bad'", "not a map of settings", "write names and values"),
    ({"network": [1]}, "network", "[1]", "not a map of settings", "write names and values"),
    ({"workers": "celery"}, "workers", "'celery'", "not a list", "write a list"),
    ({"workers": {"name": "a"}}, "workers", "{'name': 'a'}", "not a list", "write a list"),
    ({"workers": [7]}, "workers[0]", "7", "not a map of settings", "write names and values"),
    ({"web": {"cpu": "much"}}, "web.cpu", "'much'", "not a number", "for example 0.5"),
    ({"web": {"cpu": None}}, "web.cpu", None, "not a number", "for example 0.5"),
    ({"web": {"memory": 1}}, "web.memory", "1", "not a text", "put it in quotes"),
    ({"web": {"minReplicas": 0.5}}, "web.minReplicas", "0.5", "not a whole number", "for example 2"),
    ({"web": {"command": "gunicorn"}}, "web.command", "'gunicorn'", "not a list", "write a list"),
    ({"web": {"command": []}}, "web.command", "[]", "the list is empty", "leave it out"),
    ({"web": {"command": [1]}}, "web.command[0]", "1", "not a text", "put it in quotes"),
    ({"env": {"PORT": 8000}}, "env.PORT", "8000", "not a text", "put it in quotes"),
    ({"env": ["A"]}, "env", "['A']", "not a map", "write names and values"),
    ({"tags": {"[key]": 5}}, "tags.[key]", "5", "not a text", "put it in quotes"),
    ({"image": ["a:1"]}, "image", "['a:1']", "not a text", "put it in quotes"),
    # Names.
    ({"app": "Shop"}, "app", "'Shop'", "lower-case letters, digits and single hyphens", "shop"),
    ({"app": "shop--x"}, "app", "'shop--x'", "single hyphens", "shop"),
    ({"app": "shop-"}, "app", "'shop-'", "single hyphens", "shop"),
    ({"app": "1shop"}, "app", "'1shop'", "a letter first", "for example shop"),
    ({"app": ""}, "app", "''", "a letter first", "for example shop"),
    ({"app": "a" * 61}, "app", f"'{'a' * 61}'", "at most 60", "for example shop"),
    ({"app": "[shop"}, "app", "'[shop'", "a letter first", "for example shop"),
    ({"environment": "dev-"}, "environment", "'dev-'", "at most 100 letters", "for example dev"),
    ({"environment": "a b"}, "environment", "'a b'", "at most 100 letters", "for example dev"),
    ({"environment": "d" * 101}, "environment", f"'{'d' * 101}'", "at most 100", "for example dev"),
    ({"instance": "0-1"}, "instance", "'0-1'", "one to eight", "for example 01"),
    ({"instance": ""}, "instance", "''", "one to eight", "for example 01"),
    ({"instance": "123456789"}, "instance", "'123456789'", "one to eight", "for example 01"),
    ({"uniqueSuffix": "X7K2Q"}, "uniqueSuffix", "'X7K2Q'", "up to eight", "leave it unset"),
    ({"uniqueSuffix": "123456789"}, "uniqueSuffix", "'123456789'", "up to eight", "leave it unset"),
    ({"tags": {"a<": "x"}}, "tags.a<", "'a<'", "private DNS zones take names of", "cost-centre"),
    ({"tags": {"cost centre": "x"}}, "tags.cost centre", "'cost centre'", "no digit first", "cost-centre"),
    ({"tags": {"team(a)": "x"}}, "tags.team(a)", "'team(a)'", "letters, digits", "cost-centre"),
    ({"tags": {"1st": "x"}}, "tags.1st", "'1st'", "no digit first", "cost-centre"),
    ({"tags": {"a" * 513: "x"}}, f"tags.{'a' * 513}", f"'{'a' * 513}'", "1 to 512", "cost-centre"),
    ({"tags": {"Team": "x", "team": "y"}}, "tags.team", None, "tag Team has the same name but for case", "remove one"),
    ({"tags": {"Environment": "x"}}, "tags.Environment", None, "the tag environment has the same name", "remove one"),
    ({"tags": {f"t{n}": "x" for n in range(14)}}, "tags", None, "these are 16 tags", "remove 1"),
    ({"tags": {"a": "x" * 257}}, "tags.a", f"'{'x' * 257}'", "at most 256 characters", "shorten it"),
    # Addresses.
    ({"network": {"appsSubnet": "banana"}}, "network.appsSubnet", "'banana'", "not an IPv4 range", "10.0.0.0/16"),
    (
        {"network": {"endpointsSubnet": "10.0.1.0/24"}},
        "network.endpointsSubnet",
        "'10.0.1.0/24'",
        "overlaps network.appsSubnet 10.0.0.0/23",
        "a range of its own",
    ),
    ({"network": {"appsSubnet": "10.0.0.0/28"}}, "network.appsSubnet", "'10.0.0.0/28'", "needs /27", "to /27"),
    (
        {
            "network": {
                "addressSpace": "172.16.0.0/12",
                "appsSubnet": "172.30.0.0/23",
                "endpointsSubnet": "172.16.0.0/24",
            }
        },
        "network.appsSubnet",
        "'172.30.0.0/23'",
        "reserves 172.30.0.0/16 for itself",
        "does not overlap it",
    ),
    # Redis.
    ({"redis": {"service": "valkey"}}, "redis.service", "'valkey'", "not an allowed value", "'managed' or 'classic'"),
    (
        {"redis": {"activeKey": "first"}},
        "redis.activeKey",
        "'first'",
        "not an allowed value",
        "'primary' or 'secondary'",
    ),
    ({"redis": {"sku": "Balanced_B50"}}, "redis.sku", "'Balanced_B50'", "holds at most 25 GB", "Balanced_B20"),
    ({"redis": {"sku": "Basic_C0"}}, "redis.sku", "'Basic_C0'", "belongs to classic", "redis.service to classic"),
    (
        {"redis": {"service": "classic", "sku": "Balanced_B0"}},
        "redis.sku",
        "'Balanced_B0'",
        "belongs to managed",
        "redis.service to managed",
    ),
    (
        {"redis": {"evictionPolicy": "AllKeysLRU"}},
        "redis.evictionPolicy",
        "'AllKeysLRU'",
        "could drop queued tasks",
        "set redis.dedicatedBroker",
    ),
    (
        {"redis": {"evictionPolicy": "allkeys-lru"}},
        "redis.evictionPolicy",
        "'allkeys-lru'",
        "not an allowed value",
        "AllKeysLRU",
    ),
    # What runs.
    ({"image": None}, "image", None, "must be set", "pulumi config set --path image"),
    ({"image": ""}, "image", "''", "not an image reference", "contoso.azurecr.io/shop:1.4.2"),
    ({"image": "contoso/shop"}, "image", "'contoso/shop'", "neither tag nor digest", "contoso/shop:1.4.2"),
    ({"web": {"cpu": 0.3}}, "web.cpu", "0.3", "0.25 to 4 cores in steps of 0.25", "for example 0.5"),
    ({"web": {"cpu": 1}}, "web.memory", "'1Gi'", "pairs 1 cores with 2Gi", "write 2Gi, or change web.cpu"),
    ({"workers": [{"memory": "3Gi"}]}, "workers[0].memory", "'3Gi'", "pairs 0.5 cores with 1Gi", "write 1Gi"),
    ({"web": {"minReplicas": 4}}, "web.minReplicas", "4", "over web.maxReplicas, which is 3", "lower it"),
    (
        {"workers": [{}, {"name": "b", "minReplicas": 6}]},
        "workers[1].minReplicas",
        "6",
        "over workers[1].maxReplicas",
        "lower it, or raise the other",
    ),
    ({"web": {"maxReplicas": 1001}}, "web.maxReplicas", "1001", "less than or equal to 1000", "lower it"),
    ({"web": {"targetPort": 0}}, "web.targetPort", "0", "greater than or equal to 1", "raise it"),
    ({"web": {"targetPort": 65536}}, "web.targetPort", "65536", "less than or equal to 65535", "lower it"),
    ({"web": {"hosts": ["https://x.org"]}}, "web.hosts[0]", "'https://x.org'", "not a host name", "the name alone"),
    ({"web": {"hosts": ["X.org"]}}, "web.hosts[0]", "'X.org'", "in lower case", "www.example.org"),
    (
        {"web": {"readinessPath": "ready"}},
        "web.readinessPath",
        "'ready'",
        "not an absolute path",
        "begin it with a slash",
    ),
    ({"workers": [{"name": "A"}]}, "workers[0].name", "'A'", "lower-case letters", "for example emails"),
    ({"workers": [{"queues": []}]}, "workers[0].queues", "[]", "the list is empty", "add an item"),
    ({"workers": [{"queues": ["a,b"]}]}, "workers[0].queues[0]", "'a,b'", "no comma", "for example emails"),
    ({"workers": [{"queueLength": 0}]}, "workers[0].queueLength", "0", "greater than or equal to 1", "raise it"),
    ({"workers": [{}, {}]}, "workers[1].name", "'worker'", "workers[0] already has this name", "choose another"),
    ({"registry": {"server": "contoso.azurecr.io"}}, "registry.id", None, "must be set", "--path registry.id"),
    (
        {"registry": {"server": "https://contoso.azurecr.io", "id": REGISTRY_ID}},
        "registry.server",
        "'https://contoso.azurecr.io'",
        "not a host name",
        "without a scheme",
    ),
    (
        {"registry": {"server": "contoso.azurecr.io", "id": "contoso"}},
        "registry.id",
        "'contoso'",
        "not the resource id",
        "az acr show",
    ),
    ({"alerts": {"emails": ["me"]}}, "alerts.emails[0]", "'me'", "not an e-mail address", "team@example.org"),
    # Variables.
    (
        {"env": {"A": "1"}, "secretEnv": {"A": "hush"}},
        "secretEnv.A",
        None,
        "env has a variable of this name",
        "remove one of the two",
    ),
    ({"env": {"REDIS_URL": "x"}}, "env.REDIS_URL", None, "the stack sets this variable itself", "leave it out"),
    ({"secretEnv": {"A": ""}}, "secretEnv.A", None, "the value is empty, which Azure refuses", "set a value"),
    ({"secretEnv": {"A": 5}}, "secretEnv.A", None, "not a text", "put it in quotes"),
    ({"secretEnv": "{bad hush"}, "secretEnv", None, "not a map", "write names and values"),
]


@pytest.mark.parametrize(
    ("configuration", "setting", "value", "rule", "remedy"), WRONG, ids=[f"{row[1]}={row[2]}"[:60] for row in WRONG]
)
def test_a_wrong_setting_is_one_line_with_setting_value_rule_and_remedy(
    configuration: dict[str, Any], setting: str, value: str | None, rule: str, remedy: str
) -> None:
    error = refusal(configuration)
    (line,) = lines(error)
    shown = f"{setting}: " if value is None else f"{setting} = {value}: "
    assert line.startswith(shown)
    shown_rule, _, shown_remedy = line.removeprefix(shown).partition("; ")
    assert rule in shown_rule
    assert remedy in shown_remedy
    assert "correct it" not in line, "no remedy was written for this kind of fault"
    assert "hush" not in line


UNQUOTED = [
    ("01", "1", "a number"),
    ("010", "8", "a number"),
    ("08", "8", "a number"),
    ("0x1F", "31", "a number"),
    ("0o17", "15", "a number"),
    ("0b11", "3", "a number"),
    ("1e3", "1000", "a number"),
    ("1_000", "1000", "a number"),
    ("+5", "5", "a number"),
    ("1.0", "1", "a number"),
    (".5", "0.5", "a number"),
    ("2026-11-28", "2026-11-28 00:00:00 +0000 UTC", "a date"),
    ("True", "true", "true or false"),
    ("~", "", "null"),
    ("", "", "null"),
]
"""Values as written without quotes, as the engine passes them, and what YAML reads."""


@pytest.mark.parametrize("key", ["instance", "django-aca:instance"])
@pytest.mark.parametrize(("written", "passed", "kind"), UNQUOTED)
def test_an_unquoted_value_that_yaml_does_not_read_as_text_is_refused_for_a_text_setting(
    key: str, written: str, passed: str, kind: str
) -> None:
    unquoted = unquoted_values(f"config:\n  {key}: {written}\n", "django-aca")
    (line,) = lines(refusal({"instance": passed}, unquoted=unquoted))
    assert line == (
        f"instance = {written}: without quotes, YAML reads it as {kind}, not as text; put it in quotes, or leave it out"
    )


@pytest.mark.parametrize("written", ['"01"', "'01'", "x7k2q", "a1", "yes", "12:30", "1.2.3", "0x", "-", "1e", "01a"])
def test_a_value_that_yaml_reads_as_text_needs_no_quotes(written: str) -> None:
    assert unquoted_values(f"config:\n  instance: {written}\n", "django-aca") == {}


def test_every_text_setting_is_checked_and_no_other() -> None:
    texts = ("app", "environment", "instance", "uniqueSuffix", "image")
    unquoted = unquoted_values("config:\n" + "".join(f"  {name}: 01\n" for name in EVERYTHING), "django-aca")
    configuration = {name: "1" for name in texts} | {"rolePropagationSeconds": 1}
    assert {fault.setting for fault in refusal(configuration, unquoted=unquoted).faults} == set(texts)


def test_an_unquoted_date_is_refused_at_every_depth() -> None:
    text = """
config:
  env: {RELEASE: 2026-11-28, COUNT: "1"}
  secretEnv: {SINCE: 2026-11-28}
  workers: [{name: a, queues: [2026-11-28]}]
"""
    passed = "2026-11-28T00:00:00Z"
    configuration = {"env": {"RELEASE": passed}, "secretEnv": {"SINCE": passed}, "workers": [{"queues": [passed]}]}
    shown = lines(refusal(configuration, unquoted=unquoted_values(text, "django-aca")))
    assert [line.split(": ")[0] for line in shown] == [
        "env.RELEASE = 2026-11-28",
        "secretEnv.SINCE",
        "workers[0].queues[0] = 2026-11-28",
    ]


def test_values_of_settings_that_are_not_configured_and_broken_files_are_ignored() -> None:
    assert read({}, unquoted=unquoted_values("config: {instance: 01}", "django-aca")).instance == "01"
    assert unquoted_values("config: [", "django-aca") == {}
    assert unquoted_values("", "django-aca") == {}


@pytest.mark.parametrize("location", [None, ""])
def test_a_missing_location_is_reported_with_the_command_that_sets_it(location: str | None) -> None:
    (line,) = lines(refusal({}, location=location))
    assert (
        line == "azure-native:location: the region is not set; run `pulumi config set azure-native:location westeurope`"
    )


@pytest.mark.parametrize("location", ["west_europe", "1west", "west-europe", "westeurope.", "%"])
def test_a_location_that_would_make_invalid_names_is_refused(location: str) -> None:
    (line,) = lines(refusal({}, location=location))
    assert line.startswith(f"azure-native:location = '{location}': this is not the name of an Azure region; ")


def test_the_stacks_name_is_refused_where_it_cannot_end_a_name() -> None:
    with pytest.raises(SettingsError, match="environment = '-': ") as refused:
        parse(REQUIRED, stack="-", location="westeurope")
    assert len(refused.value.faults) == 1


MANY_WRONG: dict[str, Any] = {
    "Image": "x",
    "app": "Bad_App",
    "environment": "-",
    "protect": "maybe",
    "network": {"appsSubnet": "10.0.0.0/28", "endpointsSubnet": "banana"},
    "redis": {"service": "classic", "sku": "Balanced_B0", "evictionPolcy": "x"},
    "web": {"cpu": 0.3, "minReplicas": 5, "hosts": ["ok.example.org", "https://x", "y"]},
    "workers": [{"name": "a", "minReplicas": 9, "maxReplicas": 3}, 7, {"name": "a", "memory": "3Gi"}, {"zzz": 1}],
    "registry": {"server": "x"},
    "env": {"REDIS_URL": "x", "A": 1},
    "secretEnv": {"1x": "hush", "REDIS_KEY": "hush"},
    "alerts": {"emails": ["me"]},
}

MANY_FAULTS = [
    "alerts.emails[0]",
    "app",
    "env.A",
    "env.REDIS_URL",
    "environment",
    "Image",
    "network.appsSubnet",
    "network.endpointsSubnet",
    "protect",
    "redis.evictionPolcy",
    "redis.sku",
    "registry.id",
    "registry.server",
    "secretEnv.1x",
    "secretEnv.REDIS_KEY",
    "web.cpu",
    "web.hosts[1]",
    "web.hosts[2]",
    "web.minReplicas",
    "workers[0].minReplicas",
    "workers[1]",
    "workers[2].memory",
    "workers[2].name",
    "workers[3].zzz",
]


def test_every_wrong_setting_is_reported_at_once_in_order_and_once() -> None:
    error = refusal(MANY_WRONG)
    assert [fault.setting for fault in error.faults] == MANY_FAULTS
    first, *rest = str(error).split("\n")
    assert first == f"{len(MANY_FAULTS)} settings are wrong; nothing was changed:"
    assert len(rest) == len(MANY_FAULTS), "each has one line"


@pytest.mark.parametrize(
    "configuration",
    [
        {"redis": {"service": "valkey", "sku": "Basic_C0"}},
        {"redis": {"dedicatedBroker": "maybe", "evictionPolicy": "AllKeysLRU"}},
        {"network": {"addressSpace": "banana", "appsSubnet": "192.168.0.0/24", "endpointsSubnet": "192.168.1.0/24"}},
        {"network": {"appsSubnet": "banana", "endpointsSubnet": "10.0.0.0/24"}},
        {"web": {"cpu": "much", "memory": "8Gi"}},
        {"web": {"maxReplicas": "many", "minReplicas": 10}},
        {"workers": [{"name": "Bad"}, {"name": "worker"}]},
        {"env": {"A": 1}, "secretEnv": {"A": "x"}},
    ],
)
def test_a_fault_that_may_be_a_consequence_of_another_is_not_reported(configuration: dict[str, Any]) -> None:
    assert len(refusal(configuration).faults) == 1


def test_a_line_break_in_a_settings_name_does_not_break_the_message() -> None:
    assert lines(refusal({"env": {"A\nB\r": "x"}})) == [
        "env.A B : this is not a valid name of an environment variable; "
        "use letters, digits and underscores, not starting with a digit"
    ]


MARKER = "h0sh-h0sh"

NAMES = st.sampled_from(
    sorted({*EVERYTHING, *(name for section in SECTIONS for name in EVERYTHING[section]), "name", "A", "zzz", "[key]"})
)
LEAVES = st.sampled_from(
    [
        MARKER,
        f"contoso/{MARKER}",
        f"10.0.0.0/{MARKER}",
        f"{{{MARKER}",
        f"{MARKER}@",
        f"{MARKER}\n",
        5,
        None,
        True,
        [],
        {},
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


def _assert_not_shown(error: SettingsError) -> None:
    assert MARKER not in str(error)
    assert MARKER not in "".join(traceback.format_exception(error)), "a chained error contains it"
    assert all(MARKER not in repr(fault) for fault in error.faults)


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(
    value=VALUES | st.dictionaries(st.text(min_size=1, max_size=5) | NAMES, VALUES, min_size=1, max_size=4),
    others=st.dictionaries(NAMES, st.sampled_from(["x", [], {}, {"A": "x"}]), max_size=3),
)
def test_no_value_under_secret_env_is_ever_in_a_fault(value: Any, others: dict[str, Any]) -> None:
    # Image is wrong, so that there is a message in any case.
    _assert_not_shown(refusal({**others, "image": "no tag", "secretEnv": value}))


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    name=NAMES,
    value=VALUES
    | st.dictionaries(NAMES | st.just(MARKER), VALUES, max_size=4)
    | st.lists(st.dictionaries(NAMES | st.just(MARKER), VALUES, max_size=4), max_size=3),
)
def test_no_value_of_an_encrypted_setting_is_ever_in_a_fault(name: str, value: Any) -> None:
    hypothesis.assume(name != "secretEnv" and value is not None)
    _assert_not_shown(refusal({name: value}, encrypted=frozenset({name})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", MARKER),
        ("env", {"A": MARKER, "B": [MARKER]}),
        ("network", {"appsSubnet": "10.9.0.0/16"}),
        ("redis", {"sku": MARKER, MARKER: 1}),
        ("protect", "true"),
    ],
)
def test_encryption_of_another_setting_is_refused_and_secret_env_suggested(name: str, value: Any) -> None:
    assert lines(refusal({name: value}, encrypted=frozenset({name}))) == [
        f"{name}: only values in secretEnv stay secret, others appear in state and logs; "
        "write it in plain text, or move it to secretEnv"
    ]


def test_secret_env_may_be_encrypted_and_is_not_shown() -> None:
    settings = read({"secretEnv": {"A": MARKER}}, encrypted=frozenset({"secretEnv"}))
    assert settings.secret_env["A"].get_secret_value() == MARKER
    assert MARKER not in repr(settings)
    assert MARKER not in str(settings)
    assert MARKER not in settings.model_dump_json()


RunStack = Callable[..., Stack]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the names of registered resources, even if the program fails."""
    names: list[str] = []
    original = Recorder.new_resource

    def new_resource(self: Recorder, args: Any) -> tuple[str, dict[str, Any]]:
        names.append(args.name)
        return original(self, args)

    monkeypatch.setattr(Recorder, "new_resource", new_resource)
    return names


def test_the_program_registers_nothing_when_a_setting_is_wrong_and_shows_every_fault(
    run_stack: RunStack, registered: list[str]
) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        run_stack(**MANY_WRONG)
    assert registered == []
    assert str(refused.value) == str(refusal(MANY_WRONG))
    assert refused.value.__cause__ is None
    assert "hush" not in "".join(traceback.format_exception(refused.value))


def test_the_fixture_sees_a_registered_resource(registered: list[str]) -> None:
    run_with_mocks(lambda: random.RandomString("any", length=1))
    assert registered == ["any"]


def test_the_program_refuses_a_missing_location_and_a_misplaced_secret(
    run_stack: RunStack, registered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_config_secret", "django-aca:image".__eq__)
    with pytest.raises(pulumi.RunError) as refused:
        run_stack(**{"azure-native:location": None})
    assert [line.split(": ")[0].strip() for line in str(refused.value).split("\n")[1:]] == [
        "azure-native:location",
        "image",
    ]
    assert registered == []


def _scalars_with_defaults() -> dict[str, FieldInfo]:
    """Return the fields that Pulumi.yaml's schema can declare with a default."""
    return {
        field.alias or name: field
        for name, field in Settings.model_fields.items()
        if isinstance(field.default, str | bool | int)
    }


def test_what_pulumi_yaml_declares_is_what_the_model_has_with_type_and_default() -> None:
    content = yaml.safe_load((PROGRAM.parent / "Pulumi.yaml").read_text(encoding="utf-8"))
    # Pulumi keeps settings of its own there, such as the pulumi:tags of `pulumi new`.
    declared = {name: entry for name, entry in content["config"].items() if ":" not in name}
    scalars = _scalars_with_defaults()
    assert declared.keys() == scalars.keys()
    types = {str: "string", bool: "boolean", int: "integer"}
    for name, entry in declared.items():
        default = scalars[name].default
        assert entry["type"] == types[type(default)], name
        assert entry["default"] == default, name
        assert type(entry["default"]) is type(default), name
        assert re.fullmatch(r"[A-Z].*\.", entry["description"]), f"{name} is not described in a sentence"
