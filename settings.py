"""The stack's configuration as one validated model: the only reader of ``pulumi.Config``.

Every fault is found before a resource is registered, and all are reported at once.
"""

import dataclasses
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, get_args

import pulumi
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from components import naming
from components.address_plan import AddressPlan
from components.app_plan import (
    AlertsPlan,
    BeatPlan,
    RegistryPlan,
    WebPlan,
    WorkerPlan,
    image_faults,
    variables_faults,
    workers_faults,
)
from components.redis_plan import RedisPlan
from components.section import Fault, Section

_SECRET_SETTINGS = frozenset({"secretEnv"})
"""Settings whose values are never shown and always kept encrypted."""

_LOCATION = "azure-native:location"


def _matching(pattern: str, rule: str, remedy: str) -> AfterValidator:
    """A validator that refuses what the pattern does not match whole, with the fault's rule and remedy."""
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
        "it begins the names of resources: at most 60 lower-case letters, digits and single hyphens, a letter first",
        "write one such as magictoolbox",
    ),
]
EnvironmentName = Annotated[
    str,
    _matching(
        r"(?=.{1,100}$)[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?",
        "it ends the resource group's name: at most 100 letters, digits, '_', '.' and '-', a letter or digit first",
        "write one such as dev",
    ),
]
Instance = Annotated[
    str,
    _matching(r"[a-z0-9]{1,8}", "it ends names: one to eight lower-case letters and digits", "write one such as 01"),
]
Suffix = Annotated[
    str,
    _matching(
        r"[a-z0-9]{0,8}",
        "it ends global names: up to eight lower-case letters and digits",
        'write one such as x7k2q, "" for none, or leave it unset for a random one',
    ),
]
TagName = Annotated[
    str,
    _matching(
        r"[^<>%&\\?/]{1,512}",
        "a tag's name has 1 to 512 characters, none of < > % & \\ ? /",
        "choose one such as cost-centre",
    ),
]
TagValue = Annotated[str, Field(max_length=256)]


class KeyVaultSettings(Section):
    """The vault.

    Attributes:
        purge_protection: nobody can purge the vault before its retention ends; it cannot be turned off again.
        recover: take the soft-deleted vault of this name back; turn it off once it is back.
    """

    purge_protection: bool = False
    recover: bool = False


class Settings(Section):
    """All settings of a stack; the names in the stack file are the camelCase ones.

    Attributes:
        app: the application; names begin with it, and Celery's default commands run the module of this name.
        environment: feeds names and tags, never a decision; unset: the stack's name.
        instance: number of this deployment within region and environment.
        unique_suffix: end of the names that are unique in all Azure; unset: random; empty: none.
        image: what web, workers and beat run, by tag or digest.
        use_key_vault_references: apps read their secrets from the vault; otherwise they hold the values.
        role_propagation_seconds: wait between granting the roles and creating the apps that need them, in seconds.
        zone_redundant: spread environment and caches over availability zones, where the service can.
        network: address ranges.
        redis: the cache or caches.
        key_vault: the vault.
        web: the app that answers requests.
        workers: the apps that work off queues.
        beat: Celery's scheduler.
        registry: a private registry that holds the image.
        env: variables of every container, in the clear.
        secret_env: variables of every container, as secrets.
        alerts: who is told when the cache is in trouble.
        protect: caches, vault and signing key refuse deletion until it is turned off.
        tags: tags of every resource, beside ``app`` and ``environment``.
    """

    app: AppName = "magictoolbox"
    environment: EnvironmentName
    instance: Instance = "01"
    unique_suffix: Suffix | None = None
    image: str
    use_key_vault_references: bool = True
    role_propagation_seconds: Annotated[int, Field(ge=0, le=3600)] = 120
    zone_redundant: bool = False
    network: AddressPlan = AddressPlan()
    redis: RedisPlan = RedisPlan()
    key_vault: KeyVaultSettings = KeyVaultSettings()
    web: WebPlan = WebPlan()
    workers: tuple[WorkerPlan, ...] = (WorkerPlan(),)
    beat: BeatPlan = BeatPlan()
    registry: RegistryPlan | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    secret_env: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    alerts: AlertsPlan = AlertsPlan()
    protect: bool = False
    tags: dict[TagName, TagValue] = Field(default_factory=dict[TagName, TagValue])

    def faults(self, at: str = "") -> Iterator[Fault]:
        """Yield what breaks a rule that no single field can tell."""
        yield from self.network.faults("network")
        yield from self.redis.faults("redis")
        yield from self.web.faults("web")
        yield from workers_faults("workers", self.workers)
        yield from image_faults("image", self.image)
        yield from variables_faults(self.env, self.secret_env)


class SettingsError(Exception):
    """The configuration has faults; the message has a line for each."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        count = "1 setting is wrong" if len(faults) == 1 else f"{len(faults)} settings are wrong"
        super().__init__("\n".join([f"{count}; nothing was changed:", *(f"  {fault}" for fault in faults)]))


def load() -> tuple[Settings, str]:
    """Read the stack's configuration.

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
    return parse(raw, stack=pulumi.get_stack(), location=found.get(_LOCATION), encrypted=encrypted)


def parse(
    raw: Mapping[str, str], *, stack: str, location: str | None, encrypted: Set[str] = frozenset()
) -> tuple[Settings, str]:
    """Validate configuration as the engine hands it over: scalars as text, objects and lists as JSON.

    Args:
        raw: values by their setting's name, without namespace.
        stack: the stack's name, default of ``environment``.
        location: value of ``azure-native:location``.
        encrypted: names of the settings that the stack file keeps encrypted.

    Returns and raises: as ``load``.
    """
    values, faults = _decode(raw)
    faults += [
        Fault(
            name,
            None,
            "only secretEnv keeps its values secret; here they would show in state and logs",
            "write it in the clear, or move it to secretEnv",
        )
        for name in sorted(encrypted - _SECRET_SETTINGS)
    ]
    if not location:
        remedy = "run `pulumi config set azure-native:location westeurope`"
        faults.append(Fault(_LOCATION, None, "the region is not set", remedy))
    values.setdefault("environment", stack)
    settings, shape_faults = _validate(values)
    faults += shape_faults
    wrong = {fault.setting for fault in faults}
    faults += [fault for fault in settings.faults() if not wrong.intersection((fault.setting, *fault.also))]
    if faults or location is None:
        hidden = _SECRET_SETTINGS | encrypted
        shown = [
            dataclasses.replace(fault, value=None) if re.split(r"[.\[]", fault.setting)[0] in hidden else fault
            for fault in faults
        ]
        raise SettingsError(sorted(shown, key=lambda fault: fault.setting.lower()))
    return settings, naming.normalize_region(location)


def _all_configuration() -> dict[str, str]:
    """Every configuration value of the run, by its full key.

    ``pulumi.Config`` answers for one key at a time, so a key that nobody asks for, such as a misspelt one, would go
    unseen. A language host hands the values over in the environment or in the process.
    """
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _decode(raw: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Turn the JSON of objects and lists into values; leave scalars as the text they are."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, text in raw.items():
        if not text.lstrip().startswith(("{", "[")):
            values[name] = text
            continue
        try:
            values[name] = json.loads(text)
        except ValueError:
            faults.append(Fault(name, text, "this is not JSON", "use `pulumi config set --path`"))
    return values, faults


def _validate(values: dict[str, Any]) -> tuple[Settings, list[Fault]]:
    """Validate; leave out what is wrong and validate the rest, so that the rules can be tried on that.

    Returns:
        Settings without the wrong values, and a fault for each of these.
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


_STAND_IN_IMAGE = "stand-in:0"


def _leave_out(values: dict[str, Any], details: ErrorDetails) -> None:
    """Remove the value that an error is about; a list goes with its wrong item, a section with what it lacks."""
    location = [part for part in details["loc"] if part != "[key]"]
    if location == ["image"]:
        values["image"] = _STAND_IN_IMAGE
        return
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
        pass  # it went with a section or a list already


_REMEDIES = {
    "bool": "write true or false",
    "dict": "write a map",
    "float": "write a number",
    "greater": "raise it",
    "int": "write a whole number",
    "less": "lower it",
    "model": "write a map of settings",
    "string_type": "put it in quotes",
    "too_short": "add one",
    "tuple": "write a list",
}
"""What to write instead, by the beginning of the name of pydantic's error."""


def _shape_fault(details: ErrorDetails) -> Fault:
    """Word one of pydantic's errors: the setting's path as written, value, rule, remedy."""
    location = [part for part in details["loc"] if part != "[key]"]
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
        return Fault(setting, value, "it is not one of the choices", f"choose {details.get('ctx', {}).get('expected')}")
    remedy = next((remedy for kind, remedy in _REMEDIES.items() if details["type"].startswith(kind)), "correct it")
    return Fault(setting, value, details["msg"].replace("Input should", "it should"), remedy)


def _nearest(location: list[str | int]) -> str:
    """Name the settings a misspelt one may have meant."""
    model: type[BaseModel] | None = Settings
    for part in location[:-1]:
        if isinstance(part, str) and model is not None:
            model = _section_of(model, part)
    known = [field.alias or name for name, field in model.model_fields.items()] if model is not None else []
    wanted = str(location[-1])
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wanted.replace("_", "").replace("-", "").lower(), folded, n=1)
    return f"did you mean {folded[near[0]]}?" if near else f"choose among {', '.join(sorted(known))}, or leave it out"


def _section_of(model: type[BaseModel], alias: str) -> type[BaseModel] | None:
    """The section that a field holds, be it optional or a list of them."""
    for name, field in model.model_fields.items():
        if (field.alias or name) == alias:
            kinds = (field.annotation, *get_args(field.annotation))
            return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return None
