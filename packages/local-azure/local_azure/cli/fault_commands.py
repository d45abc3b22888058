"""`local-azure faults`: adds, lists and removes injected faults, whether the emulator is running or not."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from local_azure.core import faults, registrations
from local_azure.core.azure_error import AzureError
from local_azure.core.faults import Fault
from local_azure.core.registrations import NOT_REGISTERED
from local_azure.core.state import Store
from local_azure.system.errors import LocalAzureError
from local_azure.system.paths import Home, command_name

if TYPE_CHECKING:
    from local_azure.control_plane.model import Model

_DRIFTS = {
    "dns-link-removed": "the link of a private DNS zone to a virtual network is removed",
    "endpoint-rejected": "the connection of a private endpoint is rejected",
    "key-regenerated": "the primary key of a cache is regenerated",
    "public-access-on": "public network access is enabled where it was disabled",
}
_UNREGISTERED = "provider-unregistered"
_CACHES = "Microsoft.Cache/*"
_SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
_CLUSTERS = "Microsoft.Cache/redisEnterprise"
_CACHE_FAULTS = {
    "redis-down": "a cache refuses every connection",
    "redis-full": "a cache has no memory left, unless its eviction policy may evict any key",
}
_EPILOG = """\
A fault applies from the next operation on, also to a running emulator, until it is used up or cleared:

  local-azure faults add fail --type Microsoft.Cache/redisEnterprise --operation create --code SkuNotAvailable --once
  local-azure faults add fail --type Microsoft.App/containerApps --code ContainerAppOperationError --accepted
  local-azure faults add throttle --type 'Microsoft.Network/*' --retry-after 2 --times 2
  local-azure faults add slow --type Microsoft.App/managedEnvironments --seconds 30
  local-azure faults add late-running --type 'Microsoft.Cache/redisEnterprise*' --seconds 60
  local-azure faults add no-capacity --once
  local-azure faults add role-never-effective
  local-azure faults add subnet-held
  local-azure faults add redis-down --name 'red-*'
  local-azure faults add redis-full --megabytes 500
  local-azure faults list
  local-azure faults clear

  local-azure faults add not-offered --type Microsoft.Cache/redisEnterprise --region westeurope
  local-azure faults add quota --name ManagedEnvironmentCount --limit 0
  local-azure faults add subscription-disabled
  local-azure faults add wrong-platform --name 'contoso.azurecr.io/shop:*'

This fault lasts until the provider is registered, for example by `az provider register --namespace Microsoft.App`:

  local-azure faults add provider-unregistered --name Microsoft.ContainerService

These change a resource once, as drift: pulumi refresh detects it, pulumi up repairs it.

  local-azure faults add dns-link-removed
  local-azure faults add endpoint-rejected --name 'pe-redis*'
  local-azure faults add key-regenerated
  local-azure faults add public-access-on --type Microsoft.KeyVault/vaults
"""


class _Commands(Protocol):
    """The type that `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        """Add a command."""
        ...


class FaultError(LocalAzureError):
    """A fault cannot be added. The message is for the user."""


def add_parser(commands: _Commands) -> None:
    """Add the command `faults` and its arguments."""
    parser = commands.add_parser(
        "faults",
        help="inject faults: make operations fail, slow or throttled; cause drift",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|clear")
    kinds = actions.add_parser("add", help="add a fault").add_subparsers(dest="kind", required=True, metavar="KIND")
    fail = _kind(kinds, "fail", "operations fail with an Azure error code")
    fail.add_argument("--code", required=True, help="Azure's error code")
    fail.add_argument("--message", default="", help="the message that comes with it")
    fail.add_argument("--status", type=int, default=0, help="the HTTP status (default: the usual one of the code)")
    fail.add_argument(
        "--accepted",
        action="store_true",
        help="fail after Azure has accepted the operation, which leaves the resource in the state Failed",
    )
    throttle = _kind(kinds, "throttle", "operations are refused with 429 and Retry-After")
    throttle.add_argument("--retry-after", type=_positive, default=1, metavar="SECONDS", help="(default: 1)")
    slow = _kind(kinds, "slow", "operations take longer")
    slow.add_argument("--seconds", type=float, required=True, help="how much longer")
    late = _kind(kinds, "late-running", "operations complete before their resource is Running; until then it is busy")
    late.add_argument("--seconds", type=float, required=True, help="for how long")
    description = "managed caches are accepted and then fail for lack of capacity; they are Failed until deleted"
    shortage = _how_often(_patterns(kinds.add_parser("no-capacity", help=description)))
    shortage.add_argument("--code", default="InsufficientCapacity", help="Azure's error code (default: %(default)s)")
    _patterns(kinds.add_parser("role-never-effective", help="role assignments never take effect"))
    caches = {name: _patterns(kinds.add_parser(name, help=text)) for name, text in _CACHE_FAULTS.items()}
    offered = kinds.add_parser("not-offered", help="a resource type is not available in a region")
    offered.add_argument("--type", required=True, help="pattern of resource types")
    offered.add_argument("--region", default="*", help="pattern of region names (default: all)")
    quota = kinds.add_parser("quota", help="a quota of a region is lower")
    quota.add_argument("--name", default="*", help="pattern of quota names (default: all)")
    quota.add_argument("--region", default="*", help="pattern of region names (default: all)")
    quota.add_argument("--limit", type=int, required=True, help="the lower limit")
    platform = kinds.add_parser("wrong-platform", help="images are built for another platform than linux/amd64")
    platform.add_argument("--name", default="*", help="pattern of image references (default: all)")
    platform.add_argument(
        "--platform", default="linux/arm64", help="the platform of these images (default: %(default)s)"
    )
    kinds.add_parser("subscription-disabled", help="the subscription is disabled, and therefore read-only")
    unregistered = kinds.add_parser(_UNREGISTERED, help="the subscription is not registered with a resource provider")
    unregistered.add_argument("--name", default="*", help="pattern of namespaces (default: all)")
    caches["redis-full"].add_argument(
        "--megabytes", type=_positive, metavar="N", help="the amount of data in the cache (default: its capacity)"
    )
    _patterns(kinds.add_parser("subnet-held", help="a subnet stays in use by an environment that was deleted"))
    for name, text in _DRIFTS.items():
        _patterns(kinds.add_parser(name, help=text))
    listed = actions.add_parser("list", help="list the active faults")
    listed.add_argument("--json", action="store_true", help="print JSON")
    cleared = actions.add_parser("clear", help="remove one fault, or all")
    cleared.add_argument("number", nargs="?", type=int, help="the number of the fault (default: all)")


def run(home: Home, options: argparse.Namespace) -> int:
    """Run the command and return its exit code. Raises `LocalAzureError`."""
    home.create()
    store = Store(home.state)
    try:
        match options.action:
            case "add":
                return _add(store, options)
            case "list":
                return _list(store, as_json=options.json)
            case _:
                return _clear(store, options.number)
    finally:
        store.close()


def _kind(kinds: _Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser = _how_often(_patterns(kinds.add_parser(name, help=text)))
    parser.add_argument(
        "--operation",
        default="write",
        help="create, update, delete, read, write (the first three), any, or the name of an action such as listKeys; "
        "several are separated by commas (default: write)",
    )
    return parser


def _how_often(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    how_often = parser.add_mutually_exclusive_group()
    how_often.add_argument("--once", dest="times", action="store_const", const=1, help="for one operation")
    how_often.add_argument("--times", type=_positive, metavar="N", help="for N operations (default: for all)")
    return parser


def _patterns(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--type", default="*", help="pattern of resource types (default: all)")
    parser.add_argument(
        *("--name", "--resource"),
        default="*",
        help="pattern of names, or of ids that start with a slash (default: all)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _add(store: Store, options: argparse.Namespace) -> int:
    if options.kind in _DRIFTS:
        return _cause_drift(store, options)
    if options.kind == _UNREGISTERED:
        return _unregister(store, options.name)
    with store.transaction() as transaction:
        print(faults.add(transaction, _fault(options), getattr(options, "times", None)).describe())
    return 0


def _unregister(store: Store, pattern: str) -> int:
    # Imported late: only this needs every type.
    from local_azure.resource_types import TypeRegistry

    namespaces = {kind.arm_type.split("/")[0] for kind in TypeRegistry() if "/" in kind.arm_type}
    known = sorted({*namespaces, *registrations.OTHER_NAMESPACES})
    chosen = [
        namespace
        for namespace in known
        if fnmatchcase(namespace.lower(), pattern.lower()) and namespace.lower() not in registrations.ALWAYS_REGISTERED
    ]
    if not chosen:
        raise FaultError(f"{_UNREGISTERED}: no namespace matches --name '{pattern}'; known are {', '.join(known)}")
    with store.transaction() as transaction:
        for namespace in chosen:
            registrations.change(transaction, namespace, NOT_REGISTERED)
            print(f"not registered: {namespace}")
    return 0


def _fault(options: argparse.Namespace) -> Fault:
    if options.kind == "no-capacity":
        return Fault(
            "fail",
            _CLUSTERS if options.type == "*" else options.type,
            options.name,
            operation="create",
            code=options.code,
            message="Request failed due to insufficient capacity. Retry using a different Azure Managed Redis size or "
            "region.",
            stage="accepted",
        )
    fault = Fault(options.kind, getattr(options, "type", "*"), getattr(options, "name", "*"))
    match options.kind:
        case "fail":
            return replace(
                fault,
                operation=options.operation,
                code=options.code,
                message=options.message,
                status=_status(options.status),
                stage="accepted" if options.accepted else "request",
            )
        case "throttle":
            return replace(
                fault,
                operation=options.operation,
                code="TooManyRequests",
                message="The request is being throttled.",
                status=429,
                retry_after=options.retry_after,
            )
        case "slow" | "late-running":
            return replace(fault, operation=options.operation, seconds=options.seconds)
        case "wrong-platform":
            return replace(fault, platform=options.platform)
        case "not-offered" | "quota" | "subscription-disabled":
            return replace(fault, region=getattr(options, "region", "*"), limit=getattr(options, "limit", 0))
        case "redis-down" | "redis-full":
            filled = replace(fault, megabytes=getattr(options, "megabytes", None))
            return filled if options.type != "*" else replace(filled, type=_CACHES)
        case "subnet-held":
            return replace(fault, type=_SUBNETS)
        case _:
            return replace(fault, type=faults.ROLE_ASSIGNMENT_TYPE)


def _status(status: int) -> int:
    if status and not 400 <= status <= 599:
        raise FaultError(f"--status {status}: an error's status is 400 to 599")
    return status


def _cause_drift(store: Store, options: argparse.Namespace) -> int:
    # Imported late: only these need the rules of every type.
    from local_azure.control_plane import drift

    try:
        done = drift.cause_drift(_model(store), options.kind, options.type, options.name)
    except AzureError as error:
        raise FaultError(f"{options.kind}: refused with {error}") from None
    if not done:
        raise FaultError(
            f"{options.kind}: no resource matches --type '{options.type}' --name '{options.name}'; "
            f"`{command_name()} status` lists the resources"
        )
    for resource_id, text in done:
        print(f"{text}: {resource_id}")
    return 0


def _model(store: Store) -> Model:
    from local_azure.control_plane.model import Model

    return Model(store)


def _list(store: Store, *, as_json: bool) -> int:
    with store.transaction() as transaction:
        active = faults.active(transaction)
    if as_json:
        print(json.dumps([asdict(fault) for fault in active], indent=2))
    else:
        for fault in active:
            print(fault.describe())
        if not active:
            print("no faults")
    return 0


def _clear(store: Store, number: int | None) -> int:
    with store.transaction() as transaction:
        cleared = faults.clear(transaction, number)
    if number is not None and not cleared:
        raise FaultError(f"there is no fault {number}; `{command_name()} faults list` shows the active faults")
    print(f"{cleared} cleared")
    return 0
