"""Stop a deployment that would lose data: ``python tools/ci/data_loss.py -- pulumi preview --json --stack dev``.

The command given is run, and what it prints is read as the JSON of ``pulumi preview``. Where a cache, a vault, a
database, a storage account or a generated key would be replaced or deleted, it is named and the exit code is 1. Those
named by ``--accept``, or by the variable ``ACCEPT_LOSS``, may go. Run by any Python: standard library only.

No value is printed: only names, types and the properties that differ.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STATEFUL = re.compile(
    r"""
    azure-native(?:_\w+)? : (?:
        (?:redis|cache) (?:/\w+)? : Redis
      | (?:redisenterprise|cache) (?:/\w+)? : (?:RedisEnterprise|Database|RedisEnterpriseDatabase)
      | keyvault (?:/\w+)? : (?:Vault|ManagedHsm|Key)
      | (?:dbforpostgresql|dbformysql|dbformariadb|sql|mongocluster) (?:/\w+)? :
            (?:Server|SingleServer|FlexibleServer|ServerGroupCluster|ManagedInstance|ManagedDatabase|Database|MongoCluster)
      | (?:cosmosdb|documentdb) (?:/\w+)? : \w*(?:Account|Database|Container|Collection|Table|Graph|Keyspace|Cluster)
      | storage (?:/\w+)? : (?:StorageAccount|BlobContainer|Blob|FileShare|Queue|Table)
      | servicebus (?:/\w+)? : (?:Namespace|Queue|Topic|Subscription)
      | eventhub (?:/\w+)? : (?:Namespace|EventHub)
      | netapp (?:/\w+)? : (?:Account|CapacityPool|Pool|Volume|CapacityPoolVolume)
      | compute (?:/\w+)? : (?:Disk|Snapshot|VirtualMachine)
      | containerregistry (?:/\w+)? : Registry
      | operationalinsights (?:/\w+)? : Workspace
      | recoveryservices (?:/\w+)? : Vault
      | resources (?:/\w+)? : ResourceGroup
    )
  | random : index/ (?:randomPassword:RandomPassword | randomBytes:RandomBytes)
  | tls : index/ privateKey:PrivateKey
    """,
    re.VERBOSE,
)
"""Types whose data the program cannot recreate; a resource group contains all of them."""

_DERIVED = re.compile(r"(?:^|-)digest-key$")
"""Generated keys that protect no stored data: the digest of the secrets is recomputed with them."""

_DELETED = frozenset({"delete"})
_REPLACED = frozenset({"replace", "create-replacement", "delete-replaced"})
"""Operations as the engine's previews name them.

Source: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/history.go (OpType).
"""


class PreviewError(Exception):
    """The preview cannot be read. The message is for the user."""


@dataclass(frozen=True)
class Loss:
    """A resource with data that would be deleted.

    Attributes:
        name: Pulumi's name of it.
        type: its type token.
        because: the properties whose change replaces it; empty where it is deleted.
        replaced: whether another takes its place.
    """

    name: str
    type: str
    because: tuple[str, ...]
    replaced: bool

    def __str__(self) -> str:
        what = "replaced by an empty one" if self.replaced else "deleted"
        reason = f", for {', '.join(self.because)} cannot be changed in place" if self.because else ""
        return f"{self.name} ({self.type}) would be {what}{reason}"


def losses(preview: Mapping[str, Any]) -> list[Loss]:
    """Return the stateful resources that a preview replaces or deletes, each once, in the preview's order.

    What the engine leaves in Azure when it forgets it (``retain_on_delete``) is not lost.
    """
    found: dict[str, Loss] = {}
    for step in preview["steps"]:
        operation, urn = step.get("op"), str(step.get("urn", ""))
        if operation not in _DELETED | _REPLACED:
            continue
        kind, _, name = urn.partition("::")[2].partition("::")[2].rpartition("::")
        kind = kind.rpartition("$")[2]
        old: Mapping[str, Any] = step.get("oldState") or {}
        if not _STATEFUL.fullmatch(kind) or old.get("retainOnDelete") is True or _DERIVED.search(name):
            continue
        because = tuple(str(one) for one in step.get("replaceReasons") or ())
        before = found.get(urn)
        found[urn] = Loss(
            name, kind, because or (before.because if before else ()), operation in _REPLACED or urn in found
        )
    return list(found.values())


def read(text: str) -> Mapping[str, Any]:
    """Return a preview's JSON.

    Raises:
        PreviewError: if the text is none.
    """
    try:
        content = json.loads(text)
    except ValueError:
        raise PreviewError("what the command printed is not the JSON of `pulumi preview --json`") from None
    # The stack itself is a step of every preview.
    if not isinstance(content, dict) or not content.get("steps"):  # pyright: ignore[reportUnknownMemberType]: any JSON
        raise PreviewError("what the command printed is JSON, but not that of `pulumi preview --json`")
    return content  # pyright: ignore[reportUnknownVariableType]: as above


def _errors(text: str) -> Iterator[str]:
    """Yield what a preview that failed says of it."""
    try:
        content: Any = json.loads(text)
        diagnostics: Any = content.get("diagnostics") or ()
        yield from (str(one["message"]).strip() for one in diagnostics if one.get("severity") == "error")
    except (ValueError, AttributeError, KeyError, TypeError):
        yield text.strip()


def _run(command: Sequence[str]) -> Mapping[str, Any]:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        said = "\n".join(one for one in _errors(done.stdout) if one)
        raise PreviewError(f"the preview failed with exit code {done.returncode}\n{said}".rstrip())
    return read(done.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if nothing is lost but what was accepted, 1 if something is, 2 if there is no preview."""
    parser = argparse.ArgumentParser(prog="data_loss.py", description="Stops a deployment that would lose data.")
    parser.add_argument(
        "--accept",
        default=os.environ.get("ACCEPT_LOSS", ""),
        help="names of resources that may go, separated by spaces or commas (default: $ACCEPT_LOSS)",
    )
    parser.add_argument("command", nargs="+", help="a `pulumi preview --json`, behind --")
    options = parser.parse_args(arguments)
    accepted = set(re.split(r"[\s,]+", options.accept.strip()))
    try:
        found = losses(_run(options.command))
    except (PreviewError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    refused = [loss for loss in found if loss.name not in accepted]
    for loss in found:
        if loss not in refused:
            print(f"accepted: {loss}", file=sys.stderr)
    if not refused:
        return 0
    print("error: this deployment would lose data, so it was not begun:", file=sys.stderr)
    for loss in refused:
        print(f"  - {loss}", file=sys.stderr)
    names = " ".join(loss.name for loss in found)
    print(
        f'Take the change back, or go the way of docs/pull-requests.md ("A change that would lose data"). '
        f'If the data may go: ACCEPT_LOSS="{names}"',
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
