"""Run the doctor's command line: ``python -m doctor --stack STACK``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from doctor import checks, cloud, draining, report, stack, waiting
from doctor.client import Client
from doctor.collecting import collect
from doctor.diagnosis import Diagnosis, diagnose
from doctor.errors import CannotLookError
from doctor.facts import Facts, Stack
from doctor.findings import Finding

HEALTHY, FAULT, COULD_NOT_LOOK = 0, 1, 2
"""Exit codes."""
_WIDEST = 160
_WAIT_SECONDS = 900.0

_EPILOG = """\
It reads Azure as whoever DefaultAzureCredential finds (`az login`, a service principal, a managed identity), who needs
Reader on the resource group, listKeys on the caches and listSecrets on the apps; with a way into the network and Key
Vault Secrets User on the vault it sees more. It changes nothing and prints no secret.

exit codes: 0 no fault was found, 1 a fault was found (or the time to wait was over), 2 it could not check the stack
"""


class Look(NamedTuple):
    """The results of one diagnosis."""

    findings: Sequence[Finding]
    diagnosis: Diagnosis
    facts: Facts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks, print the result, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        found, client = _open(options.stack)
        if options.wait_drained is not None:
            return _wait_drained(client, found, options.wait_drained)
        look = _look(client, found, options.wait_healthy or 0)
    except CannotLookError as error:
        print(f"error: {error}", file=sys.stderr)
        return COULD_NOT_LOOK
    except KeyboardInterrupt:
        return 130
    findings, diagnosis, facts = look
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    print(
        report.as_json(findings, diagnosis, facts)
        if options.json
        else report.as_table(findings, diagnosis, facts, width)
    )
    return FAULT if diagnosis.root else HEALTHY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m doctor",
        description="Diagnoses a deployed stack: names the root cause of what is wrong, and the command that fixes it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", "-s", required=True, help="the stack, as in `pulumi up --stack`")
    parser.add_argument("--json", action="store_true", help="as JSON")
    waits = parser.add_mutually_exclusive_group()
    for name, words in {
        "--wait-drained": "run no check; wait until no replica of an old revision is left",
        "--wait-healthy": "repeat the checks until no fault is found",
    }.items():
        waits.add_argument(
            name,
            nargs="?",
            type=float,
            const=_WAIT_SECONDS,
            metavar="SECONDS",
            help=f"{words} (time limit; default: {_WAIT_SECONDS:g})",
        )
    return parser


def _open(name: str) -> tuple[Stack, Client]:
    """Read the stack's outputs and sign in, both at once."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(stack.read, name, Path.cwd())
        where = cloud.find(os.environ)
        client = Client(where, cloud.credential(where, os.environ))
        client.sign_in()
        return found.result(), client


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _wait_drained(client: Client, found: Stack, limit_seconds: float) -> int:
    if draining.wait(client, found, limit_seconds, _say):
        print("no replica of an old revision is left")
        return HEALTHY
    _say(f"error: after {limit_seconds:g} s there are still replicas of old revisions")
    return FAULT


def _look(client: Client, found: Stack, limit_seconds: float) -> Look:
    """Run the checks, again while they find a fault and time is left, and return the last results."""
    looks: list[Look] = []

    def left() -> str:
        facts = collect(client, found)
        findings = checks.run(facts)
        looks[:] = [Look(findings, diagnose(findings), facts)]
        root = looks[0].diagnosis.root
        return f"{root.subject}: {report.words_of(root.cause)}" if root else ""

    waiting.until(left, limit_seconds, _say if limit_seconds else lambda _: None)
    return looks[0]


if __name__ == "__main__":
    sys.exit(main())
