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
from components.redis_plan import RedisPlan
from components.section import Fault, Section

_SECRET_SETTINGS = frozenset({"secretEnv"})
"""Settings whose values are never shown; a warning asks for their encryption where it is missing."""

_LOCATION = "azure-native:location"
_REGION = re.compile(r"[a-z][a-z0-9]*")


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
        """What runs of the image."""
        return Processes(self.web, self.workers, self.beat)

    @property
    def resource_tags(self) -> dict[str, str]:
        """Tags of every resource."""
        return {"app": self.app, "environment": self.environment, **self.tags}

    def faults(self, at: str = "") -> Iterator[Fault]:
        """Yield what breaks a rule that no single field can tell."""
        yield from self.network.faults("network")
        yield from self.redis.faults("redis")
        yield from self.web.faults("web")
        yield from workers_faults("workers", self.workers)
        yield from image_faults("image", self.image)
        yield from variables_faults(self.env, self.secret_env)


class SettingsError(pulumi.RunError):
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
    for name in sorted(_SECRET_SETTINGS & raw.keys() - encrypted):
        pulumi.log.warn(
            f"{name} stands in the clear in the stack file; "
            f"encrypt its values: `pulumi config set --secret --path {name}.NAME`"
        )
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
    values = {name: _decode(text) for name, text in raw.items()}
    values.setdefault("environment", stack)
    settings, faults = _validate(values)
    wrong = {fault.setting for fault in faults}
    faults += [fault for fault in settings.faults() if not wrong.intersection((fault.setting, *fault.also))]
    faults = _without_secrets(faults, encrypted)
    region = naming.normalize_region(location or "")
    if not location:
        remedy = "run `pulumi config set azure-native:location westeurope`"
        faults.append(Fault(_LOCATION, None, "the region is not set", remedy))
    elif _REGION.fullmatch(region) is None:
        remedy = "write one such as westeurope; `az account list-locations` prints them"
        faults.append(Fault(_LOCATION, location, "this is not a region's name", remedy))
    if faults:
        raise SettingsError(sorted(faults, key=lambda fault: fault.setting.lower()))
    return settings, region


def _without_secrets(faults: list[Fault], encrypted: Set[str]) -> list[Fault]:
    """Leave out of the faults what nobody may read.

    Of a setting that is encrypted and should not be, that is the only fault told, for the words of a rule may repeat
    the value.
    """
    misplaced = (encrypted & _names(Settings).keys()) - _SECRET_SETTINGS
    shown = [
        Fault(
            name,
            None,
            "only secretEnv keeps its values secret, elsewhere they show in state and logs",
            "write it in the clear, or move it to secretEnv",
        )
        for name in misplaced
    ]
    for fault in faults:
        top = re.split(r"[.\[]", fault.setting)[0]
        if top not in misplaced:
            shown.append(dataclasses.replace(fault, value=None) if top in _SECRET_SETTINGS else fault)
    return shown


def _all_configuration() -> dict[str, str]:
    """Every configuration value of the run, by its full key.

    ``pulumi.Config`` answers for one key at a time, so a key that nobody asks for, such as a misspelt one, would go
    unseen. A language host hands the values over in the environment or in the process.
    """
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _decode(text: str) -> Any:
    """Turn the JSON of an object or a list into its value; leave any other text as it is."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError:
            pass  # a text that begins like JSON; where there has to be a map or a list, validation says so
    return text


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


_STAND_INS = {"environment": "stand-in", "image": "stand-in:0"}
"""Values that break no rule, for the settings that must not be left out."""


def _location(details: ErrorDetails) -> list[str | int]:
    """Where an error is: names, and indexes of lists."""
    location = list(details["loc"])
    # Pydantic marks an error about a map's key, and not about the value behind it, so.
    if location[-1] == "[key]" and len(location) > 2 and details["type"] != "extra_forbidden":
        location.pop()
    return location


def _leave_out(values: dict[str, Any], details: ErrorDetails) -> None:
    """Remove the value that an error is about; a list goes with its wrong item, a section with what it lacks."""
    location = _location(details)
    match location:
        case [str(name)] if name in _STAND_INS:
            values[name] = _STAND_INS[name]
            return
        case ["workers", int(index)]:
            # The other workers' rules are still to be tried.
            values["workers"][index] = {"name": f"stand-in-{index}"}
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
        pass  # it went with a section or a list already


_WORDING = {
    "bool": ("it is neither true nor false", "write one of the two"),
    "dict": ("it is not a map", "write names and values"),
    "float": ("it is not a number", "write one such as 0.5"),
    "greater": (None, "raise it"),
    "int": ("it is not a whole number", "write one such as 2"),
    "less": (None, "lower it"),
    "model": ("it is not a map of settings", "write names and values"),
    "string_too_long": (None, "shorten it"),
    "string_type": ("it is not a text", "put it in quotes"),
    "tuple": ("it is not a list", "write one, even of a single item"),
}
"""Rule, where pydantic's own words would not do, and remedy, by the beginning of the name of pydantic's error."""


def _shape_fault(details: ErrorDetails) -> Fault:
    """Word one of pydantic's errors: the setting's path as written, value, rule, remedy."""
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
        return Fault(setting, value, "it is not one of the choices", f"choose {details.get('ctx', {}).get('expected')}")
    words = (words for kind, words in _WORDING.items() if details["type"].startswith(kind))
    rule, remedy = next(words, (None, "correct it"))
    return Fault(setting, value, rule or re.sub("^(Input|String) should", "it should", details["msg"]), remedy)


def _nearest(location: list[str | int]) -> str:
    """Name the settings a misspelt one may have meant."""
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
    """The section that a field holds, be it optional or a list of them."""
    field = _names(model).get(alias)
    kinds = (field.annotation, *get_args(field.annotation)) if field is not None else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A section's fields by the names they have in the stack file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
