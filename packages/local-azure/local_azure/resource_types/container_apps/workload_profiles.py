"""Workload profiles: what a replica may have in cores and memory.

https://learn.microsoft.com/azure/container-apps/workload-profiles-overview
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_azure.core.azure_error import AzureError
from local_azure.core.state import Resource
from local_azure.core.values import as_list, find, get
from local_azure.resource_types.base import Change
from local_azure.resource_types.container_apps.names import CONSUMPTION
from local_azure.resource_types.container_apps.refusals import invalid_template, number

PROFILE_CORES: dict[str, tuple[float, float]] = {
    CONSUMPTION: (4, 8),
    "Flex": (4, 16),
    "D4": (4, 16),
    "D8": (8, 32),
    "D16": (16, 64),
    "D32": (32, 128),
    "E4": (4, 32),
    "E8": (8, 64),
    "E16": (16, 128),
    "E32": (32, 256),
    "Consumption-GPU-NC24-A100": (24, 220),
    "Consumption-GPU-NC8as-T4": (8, 56),
    "NC24-A100": (24, 220),
    "NC48-A100": (48, 440),
    "NC96-A100": (96, 880),
}
"""Cores and memory in GiB of each type: of one replica on consumption profiles, of a whole node on dedicated ones."""

_STEP = 0.25
_GIBIBYTES_PER_CORE = 2
_DEFAULT = (0.5, "1Gi")


@dataclass(frozen=True)
class Amount:
    """Cores and memory in GiB."""

    cores: float
    gibibytes: float


def profile_type(environment: Resource, name: str) -> str | None:
    """Return the type of an environment's profile, or None when it has none of that name."""
    for profile in as_list(environment.properties.get("workloadProfiles")):
        if get(profile, "name") == name:
            return str(get(profile, "workloadProfileType"))
    return CONSUMPTION if name == CONSUMPTION else None


def profile_is_there(change: Change, environment: Resource) -> str:
    """Return the type of the profile that an app runs on; raise `WorkloadProfileNotFound` for an unknown one."""
    name = str(change.desires("properties.workloadProfileName") or CONSUMPTION)
    kind = profile_type(environment, name)
    if kind is None:
        raise AzureError(
            "WorkloadProfileNotFound",
            f"The workload profile '{name}' was not found in the environment '{environment.id.name}'.",
            target="properties.workloadProfileName",
        )
    return kind


def resources_fit(change: Change, environment: Resource) -> None:
    """Enforce Azure's rule: an app's containers add up to one of the pairs of its profile;
    https://github.com/Azure/bicep-types-az/issues/1924 has the wording.

    Source: https://learn.microsoft.com/azure/container-apps/containers#allocations.
    """
    kind = profile_is_there(change, environment)
    amounts = [_amount(container, at) for at, container in find(change.desired, "properties.template.containers[*]")]
    total = Amount(sum(amount.cores for amount in amounts), sum(amount.gibibytes for amount in amounts))
    most_cores, most_memory = PROFILE_CORES.get(kind, PROFILE_CORES[CONSUMPTION])
    if kind == CONSUMPTION:
        fits = total in _pairs()
        words = "; ".join(f"[cpu: {pair.cores:g}, memory: {pair.gibibytes:.1f}Gi]" for pair in _pairs())
        rule = f"add up to one of the following CPU - Memory combinations: {words}"
    else:
        fits = 0 < total.cores <= most_cores and 0 < total.gibibytes <= most_memory
        rule = f"fit a node of the workload profile type {kind}: [cpu: {most_cores:g}, memory: {most_memory:.1f}Gi]"
    if not fits:
        raise AzureError(
            "ContainerAppInvalidResourceTotal",
            f"The total requested CPU and memory resources for this application (CPU: {total.cores:g}, memory: "
            f"{total.gibibytes:g}) is invalid. Total CPU and memory for all containers defined in a Container App must "
            f"{rule}",
            target="properties.template.containers",
        )
    _init_containers_fit(change, total)


def _pairs() -> list[Amount]:
    most = PROFILE_CORES[CONSUMPTION][0]
    return [Amount(n * _STEP, n * _STEP * _GIBIBYTES_PER_CORE) for n in range(1, int(most / _STEP) + 1)]


def _init_containers_fit(change: Change, total: Amount) -> None:
    """Check that each init container, which runs alone, fits within what the app's containers have together.

    Source: https://github.com/microsoft/azure-container-apps/issues/1189.
    """
    for at, container in find(change.desired, "properties.template.initContainers[*]"):
        own = _amount(container, at, default=(total.cores, f"{total.gibibytes}Gi"))
        for name, asked, available, where in (
            ("CPU", own.cores, total.cores, "cpu"),
            ("Memory", own.gibibytes, total.gibibytes, "memory"),
        ):
            if asked > available:
                raise AzureError(
                    f"ContainerAppInitContainersInvalid{name.capitalize()}",
                    f"Invalid {name} value {asked:g} for init container {get(container, 'name')}, an init container "
                    f"can not be allocated more {name} than the total {name} {available:g} allocated for all app "
                    "containers.",
                    target=f"{at}.resources.{where}",
                )


def _amount(container: object, at: str, default: tuple[float, str] = _DEFAULT) -> Amount:
    """Return what a container asks for; half a core and 1 GiB when it does not say."""
    cores = number(get(container, "resources.cpu", default[0]), f"{at}.resources.cpu")
    memory = str(get(container, "resources.memory", default[1]))
    read = re.fullmatch(r"(\d+(?:\.\d+)?)Gi", memory)
    if read is None:
        raise invalid_template(
            f"template.containers.{get(container, 'name')}.resources.memory",
            f'"{memory}": must be a number of gibibytes such as 1Gi',
            f"{at}.resources.memory",
        )
    if cores <= 0 or round(cores, 2) != cores:
        raise invalid_template(
            f"template.containers.{get(container, 'name')}.resources.cpu",
            f'"{cores:g}": must be greater than 0, with at most two decimal places',
            f"{at}.resources.cpu",
        )
    return Amount(round(cores, 2), float(read[1]))
