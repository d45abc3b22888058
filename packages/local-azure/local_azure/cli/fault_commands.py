"""`local-azure faults`: puts faults into a local Azure, lists them and takes them out, whether it is running or not."""

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
    "dns-link-removed": "the link of a private DNS zone to a virtual network goes",
    "endpoint-rejected": "the connection of a private endpoint is rejected",
    "key-regenerated": "the primary key of a Redis is regenerated",
    "public-access-on": "public network access is switched on where it was off",
}
_UNREGISTERED = "provider-unregistered"
_CACHES = "Microsoft.Cache/*"
_SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
_CLUSTERS = "Microsoft.Cache/redisEnterprise"
_CACHE_FAULTS = {
    "redis-down": "a Redis refuses every connection",
    "redis-full": "a Redis has no memory for another value, unless its eviction policy may take any key",
}
_EPILOG = """\
A fault holds from the next operation on, also for a local Azure that is running, and until it is used up or cleared:

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

This lasts until the provider is registered, for example by `az provider register --namespace Microsoft.App`:

  local-azure faults add provider-unregistered --name Microsoft.ContainerService

These happen at once and are no faults afterwards: pulumi refresh sees them, pulumi up mends them.

  local-azure faults add dns-link-removed
  local-azure faults add endpoint-rejected --name 'pe-redis*'
  local-azure faults add key-regenerated
  local-azure faults add public-access-on --type Microsoft.KeyVault/vaults
"""


class _Commands(Protocol):
    """What `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(self, name: str, **keywords: Any) -> argparse.ArgumentParser:
        """Declare a command."""
        ...


class FaultError(LocalAzureError):
    """A fault that cannot be put in. The message is for the user."""


def add_parser(commands: _Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "faults",
        help="make operations fail, slow or throttled; change things behind the program's back",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|list|clear")
    kinds = actions.add_parser("add", help="put one in").add_subparsers(dest="kind", required=True, metavar="KIND")
    fail = _kind(kinds, "fail", "operations fail with a code of Azure's")
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
    late = _kind(kinds, "late-running", "operations end before their resource is Running; until then it is busy")
    late.add_argument("--seconds", type=float, required=True, help="for how long")
    words = "managed caches are accepted and then fail for lack of room; they stay Failed until they are deleted"
    shortage = _how_often(_patterns(kinds.add_parser("no-capacity", help=words)))
    shortage.add_argument("--code", default="InsufficientCapacity", help="Azure's error code (default: %(default)s)")
    _patterns(kinds.add_parser("role-never-effective", help="role assignments never take effect"))
    caches = {name: _patterns(kinds.add_parser(name, help=words)) for name, words in _CACHE_FAULTS.items()}
    offered = kinds.add_parser("not-offered", help="a region has no resources of a type")
    offered.add_argument("--type", required=True, help="pattern of resource types")
    offered.add_argument("--region", default="*", help="pattern of region names (default: all)")
    quota = kinds.add_parser("quota", help="a quota of a region is lower")
    quota.add_argument("--name", default="*", help="pattern of the names of quotas (default: all)")
    quota.add_argument("--region", default="*", help="pattern of region names (default: all)")
    quota.add_argument("--limit", type=int, required=True, help="what it is lowered to")
    platform = kinds.add_parser("wrong-platform", help="images are for another platform than linux/amd64")
    platform.add_argument("--name", default="*", help="pattern of references (default: all)")
    platform.add_argument("--platform", default="linux/arm64", help="what they are for (default: %(default)s)")
    kinds.add_parser("subscription-disabled", help="the subscription is read only")
    unregistered = kinds.add_parser(_UNREGISTERED, help="the subscription is not registered with a resource provider")
    unregistered.add_argument("--name", default="*", help="pattern of namespaces (default: all)")
    caches["redis-full"].add_argument(
        "--megabytes", type=_positive, metavar="N", help="filled with so much (default: as much as it has room for)"
    )
    _patterns(kinds.add_parser("subnet-held", help="a subnet stays held by an environment that was deleted"))
    for name, words in _DRIFTS.items():
        _patterns(kinds.add_parser(name, help=words))
    listed = actions.add_parser("list", help="list those in force")
    listed.add_argument("--json", action="store_true", help="as JSON")
    cleared = actions.add_parser("clear", help="take out one, or all")
    cleared.add_argument("number", nargs="?", type=int, help="the number of one (default: all)")


def run(home: Home, options: argparse.Namespace) -> int:
    """Run the command; returns its exit code. Raises `LocalAzureError`."""
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


def _kind(kinds: _Commands, name: str, words: str) -> argparse.ArgumentParser:
    parser = _how_often(_patterns(kinds.add_parser(name, help=words)))
    parser.add_argument(
        "--operation",
        default="write",
        help="create, update, delete, read or the name of an action such as listKeys; several with commas; any "
        "(default: write, which is the first three)",
    )
    return parser


def _how_often(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    how_often = parser.add_mutually_exclusive_group()
    how_often.add_argument("--once", dest="times", action="store_const", const=1, help="for one operation")
    how_often.add_argument("--times", type=_positive, help="for so many operations (default: for all)")
    return parser


def _patterns(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--type", default="*", help="pattern of resource types (default: all)")
    parser.add_argument(
        *("--name", "--resource"),
        default="*",
        help="pattern of names, or of ids with a slash in front (default: all)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _add(store: Store, options: argparse.Namespace) -> int:
    if options.kind in _DRIFTS:
        return _happen(store, options)
    if options.kind == _UNREGISTERED:
        return _unregister(store, options.name)
    with store.transaction() as transaction:
        print(faults.add(transaction, _fault(options), getattr(options, "times", None)).words())
    return 0


def _unregister(store: Store, pattern: str) -> int:
    # Imported late: only this needs every type.
    from local_azure.resource_types import TypeRegistry

    namespaces = {kind.arm_type.split("/")[0] for kind in TypeRegistry() if "/" in kind.arm_type}
    known = sorted({*namespaces, *registrations.OTHER_NAMESPACES})
    chosen = [
        one
        for one in known
        if fnmatchcase(one.lower(), pattern.lower()) and one.lower() not in registrations.ALWAYS_REGISTERED
    ]
    if not chosen:
        raise FaultError(f"{_UNREGISTERED}: no namespace fits --name '{pattern}'; there are {', '.join(known)}")
    with store.transaction() as transaction:
        for one in chosen:
            registrations.change(transaction, one, NOT_REGISTERED)
            print(f"not registered: {one}")
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


def _happen(store: Store, options: argparse.Namespace) -> int:
    # Imported late: only these need the rules of every type.
    from local_azure.control_plane import drift

    try:
        done = drift.happen(_model(store), options.kind, options.type, options.name)
    except AzureError as error:
        raise FaultError(f"{options.kind}: refused with {error}") from None
    if not done:
        raise FaultError(
            f"{options.kind}: nothing fits --type '{options.type}' --name '{options.name}'; "
            f"`{command_name()} status` shows "
            "what there is"
        )
    for resource_id, words in done:
        print(f"{words}: {resource_id}")
    return 0


def _model(store: Store) -> Model:
    from local_azure.control_plane.model import Model

    return Model(store)


def _list(store: Store, *, as_json: bool) -> int:
    with store.transaction() as transaction:
        active = faults.active(transaction)
    if as_json:
        print(json.dumps([asdict(one) for one in active], indent=2))
    else:
        for one in active:
            print(one.words())
        if not active:
            print("no faults")
    return 0


def _clear(store: Store, number: int | None) -> int:
    with store.transaction() as transaction:
        cleared = faults.clear(transaction, number)
    if number is not None and not cleared:
        raise FaultError(f"there is no fault {number}; `{command_name()} faults list` shows those in force")
    print(f"{cleared} cleared")
    return 0
