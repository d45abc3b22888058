"""Read and validate the stack's configuration; no other module reads ``pulumi.Config``.

Validation runs before any resource is registered and reports all faults at once.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pulumi
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components import naming
from components.address_plan import AddressPlan
from components.app_plan import (
    AlertsPlan,
    BeatPlan,
    Processes,
    RegistryPlan,
    WebPlan,
    WorkerPlan,
    image_faults,
    variables_faults,
    workers_faults,
)
from components.key_vault_plan import KeyVaultPlan
from components.redis_change import change_faults, read_deployed
from components.redis_plan import RedisPlan
from components.section import Fault, Section
from components.serving import RollOutPlan
from components.stack_file import Unquoted, unquoted_values

_SECRET_SETTINGS = frozenset({"secretEnv"})
"""Settings whose values are never shown; a warning is logged where the stack file does not encrypt them."""

_LOCATION = "azure-native:location"
_REGION = re.compile(r"[a-z][a-z0-9]*")


def _matching(pattern: str, rule: str, remedy: str) -> AfterValidator:
    """Return a validator that requires a full match, and reports the given rule and remedy otherwise."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(f"{rule}; {remedy}")
        return value

    return AfterValidator(check)


AppName = Annotated[
    str,
    _matching(
        r"(?=.{1,60}$)[a-z](?:-?[a-z0-9])*",
        "resource names begin with it: at most 60 lower-case letters, digits and single hyphens, a letter first",
        "for example shop",
    ),
]
EnvironmentName = Annotated[
    str,
    _matching(
        r"(?=.{1,100}$)[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?",
        "a resource group's name ends with it: at most 100 letters, digits, '_', '.' and '-', a letter or digit first",
        "for example dev",
    ),
]
Instance = Annotated[
    str,
    _matching(
        r"[a-z0-9]{1,8}", "resource names end with it: one to eight lower-case letters and digits", "for example 01"
    ),
]
Suffix = Annotated[
    str,
    _matching(
        r"[a-z0-9]{0,8}",
        "global names end with it: up to eight lower-case letters and digits",
        'for example x7k2q; "" for none, or leave it unset for a random one',
    ),
]
TagName = Annotated[
    str,
    _matching(
        r"(?a:[^\W\d][\w.:-]{0,511})",
        "private DNS zones take names of 1 to 512 letters, digits, '_', '.', ':' and '-', no digit first",
        "for example cost-centre",
    ),
]
TagValue = Annotated[str, Field(max_length=256)]


_TAGS_MOST = 15
"""Tags of a private DNS zone and of its links, while other types take 50.

Source: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources (limitations).
"""

_STACK_TAGS = ("app", "environment")


def tags_faults(at: str, tags: Mapping[str, str]) -> Iterator[Fault]:
    """Yield too many tags, and names that differ only in case, which Azure does not tell apart."""
    by_name = {name: name for name in _STACK_TAGS}
    for name in tags:
        other = by_name.setdefault(name.lower(), name)
        if other != name:
            yield Fault(
                f"{at}.{name}", None, f"the tag {other} has the same name but for case", "remove one of the two"
            )
    count = len({*_STACK_TAGS, *tags})
    if count > _TAGS_MOST:
        rule = f"with {' and '.join(_STACK_TAGS)} these are {count} tags, and a private DNS zone takes {_TAGS_MOST}"
        yield Fault(at, None, rule, f"remove {count - _TAGS_MOST}")


class Settings(Section):
    """All settings of a stack, in camelCase in the stack file.

    Attributes:
        app: name of the application: prefix of resource names, and the Python module that Celery's default commands
            run.
        environment: used in resource names and tags only, nothing branches on it; unset: the stack's name.
        instance: number of this deployment within its region, to tell several apart.
        unique_suffix: suffix of globally unique names; unset: random; empty: none.
        image: container image of web, workers and beat, with a tag or digest.
        use_key_vault_references: container app secrets are Key Vault references; otherwise they hold the values.
        role_propagation_seconds: wait after the role assignments, before the apps that need them, in seconds.
        roll_out: the wait at the end of a deployment, until the newest revision of every app serves.
        zone_redundant: spread environment and caches over availability zones, where the service supports it.
        network: address ranges of the virtual network.
        redis: the cache or caches.
        key_vault: the vault.
        web: the app that serves HTTP requests.
        workers: the Celery workers, one app each.
        beat: Celery's scheduler.
        registry: a private registry that holds the image.
        env: environment variables of every container, in plain text.
        secret_env: environment variables of every container, as secrets.
        alerts: who receives alerts about the caches.
        protect: deletion of caches, vault and signing key is refused until this is turned off.
        tags: further tags of every resource; ``app`` and ``environment`` are always set.
    """

    app: AppName
    environment: EnvironmentName
    instance: Instance = "01"
    unique_suffix: Suffix | None = None
    image: str
    use_key_vault_references: bool = True
    role_propagation_seconds: Annotated[int, Field(ge=0, le=3600)] = 120
    roll_out: RollOutPlan = RollOutPlan()
    zone_redundant: bool = False
    network: AddressPlan = AddressPlan()
    redis: RedisPlan = RedisPlan()
    key_vault: KeyVaultPlan = KeyVaultPlan()
    web: WebPlan = WebPlan()
    workers: tuple[WorkerPlan, ...] = (WorkerPlan(),)
    beat: BeatPlan = BeatPlan()
    registry: RegistryPlan | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    secret_env: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    alerts: AlertsPlan = AlertsPlan()
    protect: bool = False
    tags: dict[TagName, TagValue] = Field(default_factory=dict[TagName, TagValue])

    @property
    def processes(self) -> Processes:
        """Return how web, workers and beat run."""
        return Processes(self.web, self.workers, self.beat)

    @property
    def resource_tags(self) -> dict[str, str]:
        """Return the tags of every resource."""
        return {"app": self.app, "environment": self.environment, **self.tags}

    def faults(self, at: str = "") -> Iterator[Fault]:
        """Yield violations of rules that involve several fields."""
        yield from self.network.faults("network")
        yield from self.redis.faults("redis")
        yield from self.web.faults("web")
        yield from workers_faults("workers", self.workers)
        yield from image_faults("image", self.image)
        yield from variables_faults(self.env, self.secret_env)
        yield from tags_faults("tags", self.tags)


class SettingsError(pulumi.RunError):
    """The configuration has faults; the message has a line for each."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        count = "1 setting is wrong" if len(faults) == 1 else f"{len(faults)} settings are wrong"
        super().__init__("\n".join([f"{count}; nothing was changed:", *(f"  {fault}" for fault in faults)]))


def load() -> tuple[Settings, str]:
    """Read the stack's configuration, and compare it with what is deployed.

    Returns:
        The settings, and Azure's name of the region from ``azure-native:location``.

    Raises:
        SettingsError: with every fault, where there are any.
    """
    config = pulumi.Config()
    prefix = f"{config.name}:"
    found = _all_configuration()
    raw = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    encrypted = {key for key in raw if pulumi.runtime.is_config_secret(prefix + key)}
    for name in sorted(_SECRET_SETTINGS & raw.keys() - encrypted):
        pulumi.log.warn(
            f"{name} is in plain text in the stack file; "
            f"encrypt its values: `pulumi config set --secret --path {name}.NAME`"
        )
    stack = pulumi.get_stack()
    # The engine passes 1 for an unquoted 01, so that only the file shows what was written.
    file = Path(__file__).with_name(f"Pulumi.{stack}.yaml")
    unquoted = unquoted_values(file.read_text(encoding="utf-8"), config.name) if file.is_file() else {}
    settings, location = parse(raw, stack=stack, location=found.get(_LOCATION), encrypted=encrypted, unquoted=unquoted)
    if faults := list(change_faults("redis", settings.redis, read_deployed())):
        raise SettingsError(faults)
    return settings, location


def parse(
    raw: Mapping[str, str],
    *,
    stack: str,
    location: str | None,
    encrypted: Set[str] = frozenset(),
    unquoted: Mapping[str, Unquoted] = MappingProxyType({}),
) -> tuple[Settings, str]:
    """Validate configuration in the engine's form: scalars as text, objects and lists as JSON.

    Args:
        raw: values by their setting's name, without namespace.
        stack: the stack's name, default of ``environment``.
        location: value of ``azure-native:location``.
        encrypted: names of the settings that the stack file keeps encrypted.
        unquoted: values that YAML does not read as text, by the path of their setting.

    Returns and raises: as ``load``.
    """
    values = {name: _decode(text) for name, text in raw.items()}
    values.setdefault("environment", stack)
    settings, faults = _validate(values)
    wrong = {fault.setting for fault in faults}
    faults += [fault for fault in settings.faults() if not wrong.intersection((fault.setting, *fault.also))]
    misread = list(_misread(unquoted, raw.keys()))
    faults = [fault for fault in faults if fault.setting not in {other.setting for other in misread}] + misread
    faults = _without_secrets(faults, encrypted)
    region = naming.normalize_region(location or "")
    if not location:
        remedy = "run `pulumi config set azure-native:location westeurope`"
        faults.append(Fault(_LOCATION, None, "the region is not set", remedy))
    elif _REGION.fullmatch(region) is None:
        remedy = "for example westeurope; `az account list-locations` lists them"
        faults.append(Fault(_LOCATION, location, "this is not the name of an Azure region", remedy))
    if faults:
        raise SettingsError(sorted(faults, key=lambda fault: fault.setting.lower()))
    return settings, region


def _misread(unquoted: Mapping[str, Unquoted], configured: Set[str]) -> Iterator[Fault]:
    """Yield text settings that YAML reads as something else: 01 as 1, which would rename and so replace everything."""
    remedy = "put it in quotes, or leave it out"
    for path, value in unquoted.items():
        # Below the top level, the engine passes numbers as such, and they are refused; dates it passes as another text.
        field = _names(Settings).get(path)
        is_text = field is not None and _is_text(field.annotation)
        if path.split(".")[0].split("[")[0] in configured and (is_text or (value.kind == "a date" and field is None)):
            yield Fault(path, value, f"without quotes, YAML reads it as {value.kind}, not as text", remedy)


def _is_text(annotation: Any) -> bool:
    optional = get_origin(annotation) in (Annotated, Union, UnionType)
    return annotation is str or (optional and any(_is_text(part) for part in get_args(annotation)))


def _without_secrets(faults: list[Fault], encrypted: Set[str]) -> list[Fault]:
    """Remove secret values from faults.

    A setting that is encrypted and should not be gets this fault only, because the text of a rule may repeat the value.
    """
    misplaced = (encrypted & _names(Settings).keys()) - _SECRET_SETTINGS
    shown = [
        Fault(
            name,
            None,
            "only values in secretEnv stay secret, others appear in state and logs",
            "write it in plain text, or move it to secretEnv",
        )
        for name in misplaced
    ]
    for fault in faults:
        top = re.split(r"[.\[]", fault.setting)[0]
        if top not in misplaced:
            shown.append(dataclasses.replace(fault, value=None) if top in _SECRET_SETTINGS else fault)
    return shown


def _all_configuration() -> dict[str, str]:
    """Return every configuration value of the run, by its full key.

    ``pulumi.Config`` reads one key at a time, so a misspelt key would go unnoticed. A language host passes the values
    in the environment or in the process.
    """
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _decode(text: str) -> Any:
    """Decode the JSON of an object or a list; return any other text as it is."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError:
            pass  # a text that begins like JSON; validation reports it where a map or a list is required
    return text


def _validate(values: dict[str, Any]) -> tuple[Settings, list[Fault]]:
    """Validate types, dropping wrong values until the rest is valid, so that the other rules can be checked too.

    Returns:
        Settings without the wrong values, and a fault for each of them.
    """
    faults: dict[str, Fault] = {}
    while True:
        try:
            return Settings.model_validate(values, by_alias=True, by_name=False), list(faults.values())
        except ValidationError as error:
            # Backwards, so that leaving one out does not move those before it.
            for details in reversed(error.errors(include_url=False)):
                fault = _shape_fault(details)
                faults.setdefault(fault.setting, fault)
                _leave_out(values, details)


_PLACEHOLDERS = {"app": "placeholder", "environment": "placeholder", "image": "placeholder:0"}
"""Valid values in place of wrong ones, for required settings."""


def _location(details: ErrorDetails) -> list[str | int]:
    """Return the path of an error: names, and indexes of lists."""
    location = list(details["loc"])
    # Pydantic marks an error about a map's key, and not about the value behind it, so.
    if location[-1] == "[key]" and len(location) > 2 and details["type"] != "extra_forbidden":
        location.pop()
    return location


def _leave_out(values: dict[str, Any], details: ErrorDetails) -> None:
    """Remove the value that an error is about: with a wrong item the whole list, with a missing field the section."""
    location = _location(details)
    match location:
        case [str(name)] if name in _PLACEHOLDERS:
            values[name] = _PLACEHOLDERS[name]
            return
        case ["workers", int(index)]:
            # The rules for the other workers are still to be checked.
            values["workers"][index] = {"name": f"placeholder-{index}"}
            return
        case _:
            pass
    if details["type"] == "missing":
        location.pop()
    while isinstance(location[-1], int):
        location.pop()
    holder: Any = values
    try:
        for part in location[:-1]:
            holder = holder[part]
        del holder[location[-1]]
    except KeyError:
        pass  # removed already, with its section or list


_WORDING = {
    "bool": ("it is neither true nor false", "write true or false"),
    "dict": ("it is not a map", "write names and values"),
    "float": ("it is not a number", "for example 0.5"),
    "greater": (None, "raise it"),
    "int": ("it is not a whole number", "for example 2"),
    "less": (None, "lower it"),
    "model": ("it is not a map of settings", "write names and values"),
    "string_too_long": (None, "shorten it"),
    "string_type": ("it is not a text", "put it in quotes"),
    "tuple": ("it is not a list", "write a list, even of a single item"),
}
"""Rule (``None``: pydantic's own text) and remedy by the prefix of pydantic's error type."""


def _shape_fault(details: ErrorDetails) -> Fault:
    """Convert an error of pydantic to a fault: the setting's path as written, value, rule, remedy."""
    location = _location(details)
    setting = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
    value = details["input"]
    if details["type"] == "missing":
        return Fault(setting, None, "it must be set", f"run `pulumi config set --path {setting} VALUE`")
    if details["type"] == "extra_forbidden":
        return Fault(setting, None, "there is no such setting", _nearest(location))
    if details["type"] == "value_error":
        rule, _, remedy = details["msg"].removeprefix("Value error, ").partition("; ")
        return Fault(setting, value, rule, remedy)
    if details["type"] in ("enum", "literal_error"):
        return Fault(setting, value, "it is not an allowed value", f"choose {details.get('ctx', {}).get('expected')}")
    words = (words for kind, words in _WORDING.items() if details["type"].startswith(kind))
    rule, remedy = next(words, (None, "correct it"))
    return Fault(setting, value, rule or re.sub("^(Input|String) should", "it should", details["msg"]), remedy)


def _nearest(location: list[str | int]) -> str:
    """Return a remedy for a misspelt setting: the closest name, or all names."""
    model: type[BaseModel] | None = Settings
    for part in location[:-1]:
        if isinstance(part, str) and model is not None:
            model = _section_of(model, part)
    known = list(_names(model)) if model is not None else []
    wanted = str(location[-1])
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wanted.replace("_", "").replace("-", "").lower(), folded, n=1)
    return f"did you mean {folded[near[0]]}?" if near else f"choose among {', '.join(sorted(known))}, or leave it out"


def _section_of(model: type[BaseModel], alias: str) -> type[BaseModel] | None:
    """Return the section model of a field that holds a section or a list of them."""
    field = _names(model).get(alias)
    kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a section's fields by their names in the stack file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
